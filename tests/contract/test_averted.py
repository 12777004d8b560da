"""What a store that overwrites would have lost is told from the record, and nothing else is."""

from __future__ import annotations

import pytest

from ledger import Averted, DamagedRecord, Message, Session, SessionNotFound, VersionNotFound
from tests.contract.backends import in_memory, on_one_face
from tests.contract.faces import Book
from tests.contract.rebase_rows import Edit, message, put
from tests.contract.stale_saves import answer, begin, both, meet, remove, reverse, revise, say
from tests.contract.tampering import drop_triggers


def paths(saves: list[Averted]) -> list[str]:
    """Give what would have been lost."""
    return [loss.path for save in saves for loss in save.losses]


async def test_a_stale_save_would_have_lost_the_question_and_the_message(book: Book) -> None:
    """An agent asks at version 11; a scheduler that loaded version 10 saves at version 12."""
    session = await book.saved("s1")
    for _ in range(9):
        await book.append("s1", Message.user("go on"))
    session = await book.load("s1")
    stale = await book.load("s1")
    session.add_message(message("ask", "I have to ask something"))
    session.ask("call_1", "Which environment?")
    await book.save(session, writer="agent")
    stale.add_message(Message.system("reminder"))
    await book.save(stale, writer="scheduler")

    (save,) = await book.averted("s1")

    assert ("s1", 12, "scheduler", "runtime", 10) == (
        save.session_id, save.version, save.writer, save.authority, save.base_version,
    )  # fmt: skip
    assert (await book.history("s1", after=11))[0].recorded_at == save.at
    said, asked = save.losses
    assert ("/messages/ask", "message") == (said.path, said.kind)
    assert {"role": "user", "content": "I have to ask something"} == said.value
    assert ("/questions/call_1#0", "question") == (asked.path, asked.kind)
    assert {"text": "Which environment?", "status": "pending"} == asked.value
    for loss in save.losses:
        assert ("s1", 11, "agent", "stale", "state", False) == (
            loss.session_id, loss.version, loss.writer, loss.cause, loss.kept, loss.removed,
        )  # fmt: skip
    assert {12: 2} == await book.averted_between("s1", 1, 12)
    blamed = {fact.path: fact for fact in await book.blame("s1")}
    assert (11, "agent", 10) == tuple(
        getattr(blamed["/questions/call_1#0"], name) for name in ("version", "writer", "base_version")
    )


#: What others did, what the stale writer did, and what overwriting would then have lost, and where it is kept.
ROWS: list[tuple[str, Edit, Edit, dict[str, str]]] = [
    ("nothing of theirs", put("title", "t"), put("title", "mine"), {}),
    ("a title", put("title", "theirs"), put("model", "m"), {"/title": "state"}),
    ("a title that is overruled", put("title", "theirs"), put("title", "mine"), {"/title": "record"}),
    ("a removed title", put("title", None), say(message("n")), {"/title": "state"}),
    ("fields", both(put("pinned", value=True), put("summary", {"s": 1}), put("model", "m")), say(message("n")),
     {"/pinned": "state", "/model": "state", "/summary": "state"}),
    ("a parent", put("parent_session_id", "p"), say(message("n")), {"/parent_session_id": "state"}),
    ("a message", say(message("n1")), say(message("n2")), {"/messages/n1": "state"}),
    ("a revision", revise("m1", content="theirs"), say(message("n")), {"/messages/m1": "state"}),
    ("a revision that is overruled", revise("m1", content="theirs"), revise("m1", content="mine"),
     {"/messages/m1": "record"}),
    ("a message's metadata", revise("m1", metadata={"a": 1}), revise("m1", metadata={"b": 1}),
     {"/messages/m1": "state"}),
    ("a revision of what was removed", revise("m1", content="theirs"), remove("m1"), {"/messages/m1": "state"}),
    ("a removal", remove("m1"), say(message("n")), {"/messages/m1": "state"}),
    ("a removal that is overruled", remove("m1"), revise("m1", content="mine"), {"/messages/m1": "record"}),
    ("the order", reverse, say(message("n")), {"/messages": "state"}),
    ("the order, overruled", reverse, lambda s: s.messages.insert(0, s.messages.pop()), {"/messages": "record"}),
    ("an answer", answer, say(message("n")), {"/questions/call_1#0": "state"}),
    ("an answer that a later one meets", answer, lambda s: s.answer("call_1", "prod"),
     {"/questions/call_1#0": "state"}),
    ("a key", lambda s: s.metadata.update(k=2), say(message("n")), {"/metadata/k": "state"}),
    ("a key whose name needs escaping", lambda s: s.state.update({"a/b": 2}), say(message("n")),
     {"/state/a~1b": "state"}),
    ("a path beside the writer's", lambda s: s.state["a"].update(x=2), lambda s: s.state["a"].update(y=2),
     {"/state/a": "state"}),
    ("the writer's path", lambda s: s.state["a"].update(x=2), lambda s: s.state["a"].update(x=3),
     {"/state/a": "record"}),
    ("a removed path", lambda s: s.state["a"].pop("x"), lambda s: s.state["a"].update(y=2), {"/state/a": "state"}),
    ("an extended list", lambda s: s.state["list"].append(2), lambda s: s.state["list"].append(3),
     {"/state/list": "state"}),
    ("another type", lambda s: s.metadata.update(k=1.0), say(message("n")), {"/metadata/k": "state"}),
]  # fmt: skip


@on_one_face
@in_memory
@pytest.mark.parametrize(("theirs", "ours", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_what_others_wrote_would_have_been_lost(
    book: Book, theirs: Edit, ours: Edit, expected: dict[str, str]
) -> None:
    """A fact is lost where it was written since the copy was loaded, and the copy does not hold it."""
    await begin(book)

    assert [] == await meet(book, theirs, ours)

    found = await book.averted()
    assert expected == {loss.path: loss.kept for save in found for loss in save.losses}
    assert {(3, 2, "agent")} >= {(save.version, loss.version, loss.writer) for save in found for loss in save.losses}
    head, before = await book.load("s1"), await book.load("s1", at=2)
    for loss in (
        loss for save in found for loss in save.losses if loss.kind in {"title", "pinned", "model", "question"}
    ):
        name = loss.path[1:].split("/")[0]
        assert (getattr(head, name) == getattr(before, name)) == (loss.kept == "state")


async def test_what_came_back_to_what_it_was_is_no_loss(book: Book) -> None:
    """Between what the writer had loaded and what was held when it saved, nothing had changed."""
    await begin(book)
    stale, session = await book.load("s1"), await book.load("s1")
    for title in ("u", "t"):
        session.title = title
        session.messages.reverse()
        await book.save(session)
    for message_id in ("m1", "m3"):
        remove(message_id)(session)
    await book.save(session)
    session.messages[:] = stale.messages
    await book.save(session)

    await book.save(stale)

    assert [] == await book.averted()


async def test_a_message_that_was_put_back_elsewhere_has_another_place(book: Book) -> None:
    """A removal and a return move a message as an exchange of places does."""
    await begin(book)
    stale, session = await book.load("s1"), await book.load("s1")
    first = session.messages.pop(0)
    await book.save(session, writer="agent")
    session.messages.append(first)
    await book.save(session, writer="ui")

    await book.save(stale)

    (save,) = await book.averted()
    (loss,) = save.losses
    assert ("/messages", ["m2", "m3", "m1"], 3, "ui") == (loss.path, loss.value, loss.version, loss.writer)


async def test_an_omission_is_a_loss_though_the_save_is_not_stale(book: Book) -> None:
    """Overwriting would have dropped the question; here it stays, or is recorded as lost where that was asked for."""
    await begin(book)
    for on_omission in ("keep", "lose"):
        session = await book.load("s1")
        session.questions.clear()
        await book.save(session, writer="scheduler", on_omission=on_omission)

    first, second = await book.averted("s1")

    assert (2, 1, 3, 2) == (first.version, first.base_version, second.version, second.base_version)
    for save, kept in ((first, "state"), (second, "record")):
        (loss,) = save.losses
        assert ("/questions/call_1#0", 1, "support-bot", "omitted", kept) == (
            loss.path, loss.version, loss.writer, loss.cause, loss.kept,
        )  # fmt: skip
    assert {2: 1, 3: 1} == await book.averted_between("s1", 1, 3)


async def test_a_fresh_session_would_have_replaced_all(book: Book) -> None:
    """Its writer had loaded nothing; what a constructor was given is in its copy all the same."""
    await begin(book)
    fresh = Session.new("s1", "gpt-5", title="t")
    fresh.add_message(message("n"))
    await book.append("s1", message("m4"))

    await book.save(fresh, writer="scheduler")

    (save,) = await book.averted()
    assert 0 == save.base_version
    assert [
        "/messages/m1", "/messages/m2", "/messages/m3", "/messages/m4", "/questions/call_1#0", "/metadata/k",
        "/state/a", "/state/list",
    ] == paths([save])  # fmt: skip
    assert {1, 2} == {loss.version for loss in save.losses}
    agreed = [agreement.path for agreement in (await book.history("s1", after=2))[0].agreed]
    assert ["/title", "/model"] == agreed


async def test_a_copy_made_anew_costs_what_it_has_not_seen(book: Book) -> None:
    """A framework that builds the whole session again at every save agrees on nearly all of it, in few words."""
    session = Session.new("s1", "gpt-5")
    session.messages += [message(f"m{number}") for number in range(40)]
    await book.save(session)
    await book.append("s1", message("theirs"), writer="ui")
    anew = Session.new("s1", "gpt-5")
    anew.messages += session.messages
    anew.messages[3] = message("m3", "revised")
    anew.add_message(message("mine"))

    await book.save(anew)

    (event,) = await book.history("s1", after=2)
    assert [("/model", None), ("/messages", ["m3", "theirs"])] == [
        (agreement.path, agreement.but) for agreement in event.agreed
    ]
    assert ["/messages/m3", "/messages/theirs"] == paths(await book.averted())
    assert {3: 2} == await book.averted_between("s1", 3, 3)


async def test_an_earlier_life_is_no_loss_of_a_later_one(book: Book) -> None:
    """A fresh session sees the current life only; what an earlier one lost is told still."""
    await begin(book)
    await meet(book, say(message("n1")), say(message("n2")))
    await book.delete("s1")
    again = Session.new("s1", "gpt-5")
    await book.create(again)
    again.add_message(message("l1"))
    await book.save(again)
    second = await book.load("s1", at=5)
    await book.save(second)

    assert [(3, ["/messages/n1"]), (7, ["/messages/l1"])] == [
        (save.version, paths([save])) for save in await book.averted("s1")
    ]
    await book.delete("s1")
    assert [3, 7] == [save.version for save in await book.averted("s1")]


async def test_in_a_fork_the_loss_may_be_its_parents(book: Book) -> None:
    """A fresh session over a fork would have replaced what the fork took over; a stale one less."""
    await begin(book)
    await book.fork("s1", "s2")
    stale = await book.load("s2")
    await book.append("s2", message("n"), writer="agent")
    await book.save(stale)
    await book.save(Session.new("s2", "gpt-5", title="t"))

    first, second = await book.averted()

    assert [(3, 1, "/messages/n", "s2", 2)] == [
        (first.version, first.base_version, loss.path, loss.session_id, loss.version) for loss in first.losses
    ]
    assert {"/messages/n": "s2"} == {loss.path: loss.session_id for loss in second.losses if loss.session_id != "s1"}
    assert 8 == len(second.losses)
    assert {3: 1, 4: 8} == await book.averted_between("s2", 1, 4)


async def test_all_sessions_are_told_in_the_order_of_their_ids(book: Book) -> None:
    """Sessions without a stale save or an omission are passed over."""
    for session_id in ("b", "quiet", "a"):
        session = await book.saved(session_id)
        stale = await book.load(session_id)
        if session_id != "quiet":
            session.title = "new"
            await book.save(session)
        await book.save(stale)

    assert [("a", 3), ("b", 3)] == [(save.session_id, save.version) for save in await book.averted()]
    assert [] == await book.averted("quiet")


async def test_progress_counts_the_events_of_the_sessions_that_are_read(book: Book) -> None:
    """The last call says that all were read."""
    await begin(book)
    await meet(book, say(message("n1")), say(message("n2")))
    await book.saved("other")
    told: list[tuple[int, int]] = []

    await book.averted(progress=lambda done, total: told.append((done, total)))

    assert [(1, 3), (2, 3), (3, 3)] == told


async def test_a_window_reads_nothing_before_the_smallest_base(book: Book) -> None:
    """With a snapshot at that base, nobody notices that what lies before it cannot be read."""
    await begin(book)
    for number in range(5):
        await book.append("s1", message(f"n{number}"))
    await book.snapshot("s1")
    stale = await book.load("s1")
    await book.append("s1", message("theirs"))
    await book.save(stale)
    drop_triggers(book)
    book.execute("UPDATE payloads SET body = 'spoiled' WHERE version < 6")

    assert {8: 1} == await book.averted_between("s1", 7, 8)
    assert {} == await book.averted_between("s1", 6, 7)
    with pytest.raises(DamagedRecord):
        await book.averted("s1")


@pytest.mark.parametrize(("first", "last"), [(0, 1), (2, 1), (1, 2), (-1, 1)])
async def test_there_is_no_such_window(book: Book, first: int, last: int) -> None:
    """A window that is empty, or that the session does not have, is an error that names the head."""
    await book.saved("s1")

    with pytest.raises(VersionNotFound):
        await book.averted_between("s1", first, last)


async def test_an_unknown_session_is_not_found(book: Book) -> None:
    """Nothing lost is another answer than no such session."""
    with pytest.raises(SessionNotFound):
        await book.averted("nobody")
    with pytest.raises(SessionNotFound):
        await book.averted_between("nobody", 1, 1)
    assert [] == await book.averted()
