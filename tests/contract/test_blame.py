"""Each fact of a session is laid to the save that last wrote it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger import Blame, InvalidRevision, Message, Session, SessionDeleted, SessionNotFound, VersionNotFound
from tests.contract.faces import Book

START = datetime(2026, 1, 1, tzinfo=UTC)


def laid(facts: list[Blame]) -> dict[str, tuple[int, str]]:
    """Give the version and the writer of each fact."""
    return {fact.path: (fact.version, fact.writer) for fact in facts}


async def begin(book: Book) -> Session:
    """Save a session that has a fact of each kind, and give it."""
    session = Session.new("s1", "gpt-5", title="t")
    session.messages += [Message.user(name, id=name) for name in ("m1", "m2")]
    session.ask("call_1", "Which environment?")
    session.metadata["k"], session.state["plan"] = 1, {"step": 1, "owner": "agent"}
    await book.save(session, writer="agent")
    return session


async def test_the_save_that_began_a_session_wrote_all_of_it(book: Book) -> None:
    """Every fact is there, in the session's own order, with what it holds in short."""
    await begin(book)
    (event,) = await book.history("s1")

    facts = await book.blame("s1")

    assert [
        ("/title", "title", "t"),
        ("/model", "model", "gpt-5"),
        ("/messages/m1", "message", {"role": "user", "content": "m1"}),
        ("/messages/m2", "message", {"role": "user", "content": "m2"}),
        ("/questions/call_1#0", "question", {"text": "Which environment?", "status": "pending"}),
        ("/metadata/k", "metadata", 1),
        ("/state/plan", "state", {"step": 1, "owner": "agent"}),
    ] == [(fact.path, fact.kind, fact.value) for fact in facts]
    for fact in facts:
        assert ("s1", 1, "agent", "runtime", event.recorded_at, 0) == (
            fact.session_id, fact.version, fact.writer, fact.authority, fact.at, fact.base_version,
        )  # fmt: skip


async def test_who_changed_a_fact_last_wrote_it(book: Book) -> None:
    """A field, a message or its metadata, an answer, a path inside a key: the fact is whose who touched it last."""
    session = await begin(book)
    session.title = "u"
    await book.save(session, writer="ui", authority="user")
    session.messages[0] = session.messages[0].model_copy(update={"metadata": {"seen": True}})
    session.state["plan"]["step"] = 2
    await book.save(session, writer="job")
    session.messages[1] = session.messages[1].model_copy(update={"content": "revised"})
    session.pinned, session.summary = True, "short"
    session.parent_session_id = session.root_session_id = "p"
    await book.save(session, writer="editor")
    await book.answer("s1", "call_1", "staging", writer="ui")

    facts = await book.blame("s1")

    assert {
        "/title": (2, "ui"), "/pinned": (4, "editor"), "/model": (1, "agent"), "/summary": (4, "editor"),
        "/parent_session_id": (4, "editor"), "/messages/m1": (3, "job"), "/messages/m2": (4, "editor"),
        "/questions/call_1#0": (5, "ui"), "/metadata/k": (1, "agent"), "/state/plan": (3, "job"),
    } == laid(facts)  # fmt: skip
    assert ("title", "user", 1) == (facts[0].kind, facts[0].authority, facts[0].base_version)
    assert {"text": "Which environment?", "status": "answered", "answer": "staging"} == facts[7].value


async def test_only_what_is_held_is_told_of(book: Book) -> None:
    """What was removed has nobody to blame; whoever puts it back wrote it."""
    session = await begin(book)
    first = session.messages.pop(0)
    del session.metadata["k"]
    session.title = None
    await book.save(session, writer="job")

    gone = {"/messages/m1", "/metadata/k", "/title"}
    assert not gone & laid(await book.blame("s1")).keys()

    session.messages.insert(0, first)
    session.metadata["k"] = 1
    await book.save(session, writer="ui")

    facts = laid(await book.blame("s1"))
    assert [(3, "ui")] * 2 == [facts["/messages/m1"], facts["/metadata/k"]]
    assert "/title" not in facts


async def test_the_state_at_a_revision_has_its_own_writers(book: Book) -> None:
    """What came later is not told of."""
    session = await begin(book)
    session.title = "u"
    await book.save(session, writer="ui", occurred_at=START + timedelta(days=400))

    assert (2, "ui") == laid(await book.blame("s1"))["/title"]
    for at in (1, -1, "q:call_1#0"):
        assert (1, "agent") == laid(await book.blame("s1", at))["/title"]


async def test_a_save_that_agreed_wrote_nothing(book: Book) -> None:
    """Who brings the same as stands there already does not take it over, and neither does who is overruled."""
    await begin(book)
    copies = [await book.load("s1") for _ in range(3)]
    for writer, copy in zip(("first", "second", "third"), copies, strict=True):
        copy.title = "new" if writer != "third" else "overruled"
        copy.state["plan"]["step"] = 2
        copy.messages[0] = copy.messages[0].model_copy(update={"content": "new"})
        await book.save(copy, writer=writer, authority="runtime" if writer == "third" else "user")

    facts = laid(await book.blame("s1"))

    assert [(2, "first")] * 3 == [facts[path] for path in ("/title", "/state/plan", "/messages/m1")]


async def test_the_time_is_the_effective_time_of_the_save(book: Book) -> None:
    """What an import kept counts, and it never runs backwards."""
    session = Session.new("s1", "gpt-5", created_at=START)
    await book.save(session, occurred_at=START + timedelta(hours=1))
    session.title = "late"
    await book.save(session, occurred_at=START)

    assert [START + timedelta(hours=1)] * 2 == [fact.at for fact in await book.blame("s1")]


async def test_a_new_life_has_new_writers(book: Book) -> None:
    """Nothing of an earlier life is told of, and a past state of it still is."""
    await begin(book)
    await book.delete("s1")
    with pytest.raises(SessionDeleted):
        await book.blame("s1")

    await book.create(Session.new("s1", "gpt-5", title="again"), writer="ui")

    assert {"/title": (3, "ui"), "/model": (3, "ui")} == laid(await book.blame("s1"))
    assert (1, "agent") == laid(await book.blame("s1", 1))["/title"]


async def test_what_a_fork_took_over_is_its_parents(book: Book) -> None:
    """Across the join, and across two of them, each fact names the session that it was written in."""
    session = await begin(book)
    session.title = "u"
    await book.save(session, writer="ui")
    await book.fork("s1", "s2", at=1, writer="forker")
    child = await book.load("s2")
    child.state["plan"]["step"] = 2
    await book.save(child, writer="job")
    await book.fork("s2", "s3")
    await book.append("s3", Message.user("m3", id="m3"), writer="grandchild")

    assert {
        "/title": ("s1", 1, "agent"), "/model": ("s1", 1, "agent"), "/messages/m1": ("s1", 1, "agent"),
        "/messages/m2": ("s1", 1, "agent"), "/messages/m3": ("s3", 2, "grandchild"),
        "/questions/call_1#0": ("s1", 1, "agent"), "/metadata/k": ("s1", 1, "agent"), "/state/plan": ("s2", 2, "job"),
    } == {fact.path: (fact.session_id, fact.version, fact.writer) for fact in await book.blame("s3")}  # fmt: skip


async def test_long_values_are_told_in_short(book: Book) -> None:
    """Of a long text its beginning, and of much JSON the beginning of its text."""
    session = Session.new("s1", "gpt-5")
    session.add_message(Message.user("x" * 300, id="m1"))
    session.state["list"] = list(range(1000))
    await book.save(session)

    facts = {fact.path: fact.value for fact in await book.blame("s1")}

    assert "x" * 199 + "…" == facts["/messages/m1"]["content"]
    assert facts["/state/list"].startswith("[0, 1, 2, ")
    assert 200 == len(facts["/state/list"])


async def test_progress_counts_the_events(book: Book) -> None:
    """As many as there are up to the revision."""
    await begin(book)
    await book.append("s1", Message.user("x"))
    told: list[tuple[int, int]] = []

    await book.blame("s1", progress=lambda done, total: told.append((done, total)))

    assert [(1, 2), (2, 2)] == told


async def test_bad_input_is_refused(book: Book) -> None:
    """Unknown sessions and revisions are errors, never an empty list."""
    await begin(book)
    for session_id, at, error in (
        ("nobody", None, SessionNotFound), ("s1", 9, VersionNotFound), ("s1", "q:other#0", VersionNotFound),
        ("s1", "yesterday", InvalidRevision),
    ):  # fmt: skip
        with pytest.raises(error):
            await book.blame(session_id, at)
