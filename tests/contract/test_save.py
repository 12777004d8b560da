"""A save appends one event; a stale one is rebased; the session is brought up to the merged head in place."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from ledger import Message, Session, ToolCall, VersionConflict
from ledger.domain.events import MessageAppended, QuestionAsked, TitleChanged
from tests.contract.faces import Book, OpenBook, versions


async def test_the_first_save_is_version_one(book: Book) -> None:
    """A save appends one event, and says which in its receipt and in the session."""
    session = Session.new("s1", model="gpt-5")
    session.add_message(Message.user("Deploy it"))
    asked = session.ask("call_1", "Which environment?", options=["staging", "prod"])

    receipt = await book.save(session)

    assert ("s1", 1, 0) == (receipt.session_id, receipt.version, receipt.base_version)
    assert ((), ()) == (receipt.overruled, receipt.omissions)
    assert re.fullmatch("[0-9a-f]{32}", receipt.event_id)
    assert re.fullmatch("[0-9a-f]{64}", receipt.digest)
    assert 1 == session.version

    session.answer("call_1", "staging")
    await book.save(session)

    assert 2 == session.version
    assert asked == (await book.load("s1", at=1)).pending_question
    assert (await book.load("s1")).pending_question is None


async def test_what_was_saved_is_what_loads(book: Book) -> None:
    """Everything that a session holds comes back as it was, of the same JSON types."""
    session = Session.new(
        "s1", model="gpt-5", title="Deployment", pinned=True, summary={"so far": "nothing"},
        parent_session_id="p", root_session_id="r",
    )  # fmt: skip
    session.add_message(Message.system("Be brief"))
    session.add_message(
        Message.assistant(
            "",
            reasoning="I need the environment",
            tool_calls=[ToolCall(id="call_1", name="ask", arguments={"n": 1.0, "deep": [{"a": None}]})],
            parts=[{"type": "text", "text": "ü \u0000 \U0001f600"}],
            metadata={"tokens": 3},
            native={"format": "openai", "data": {"x": [True, 1, 1.0]}},
        )
    )
    session.add_message(Message.tool("ok", "call_1", success=True))
    session.ask(
        "call_1", "Which?", options=[{"label": "a", "description": "the first"}, "b"], header="Env", multiple=True,
        allow_custom=False, kind="choice", source="tool",
    )  # fmt: skip
    session.metadata.update({"seen": 1, "ratio": 1.0, "yes": True})
    session.state.update({"graph": {"nodes": [1, [2.5, None]], "~/": ""}})

    await book.save(session)
    loaded = await book.load("s1")

    assert session == loaded
    assert session.model_dump_json() == loaded.model_dump_json()
    assert (int, float, bool) == tuple(type(loaded.metadata[name]) for name in ("seen", "ratio", "yes"))


async def test_a_save_without_changes_is_kept_as_evidence(book: Book) -> None:
    """That someone saved, and from which base, is recorded even where nothing changed."""
    session = await book.saved()
    receipt = await book.save(session, writer="scheduler")

    events = await book.history("s1")
    assert (2, 1) == (receipt.version, receipt.base_version)
    assert (2, 1, "scheduler", ()) == (events[1].version, events[1].base_version, events[1].writer, events[1].changes)


async def test_a_save_stores_what_changed_not_what_the_session_holds(book: Book) -> None:
    """One message more costs one message, however long the session is."""
    session = await book.saved(metadata={"big": ["x" * 100] * 100})
    session.messages.extend(Message.user("m" * 100) for _ in range(200))
    await book.save(session)
    session.add_message(Message.user("one more"))
    session.metadata["big"].append("y")

    await book.save(session)

    sizes = [size for (size,) in book.query("SELECT length(body) FROM payloads ORDER BY version")]
    assert sizes[1] > 20_000
    assert sizes[2] < 700
    assert ["message_appended", "metadata_extended"] == [c.type for c in (await book.history("s1"))[2].changes]


async def test_events_say_who_saved_as_what_and_when(open_book: OpenBook) -> None:
    """Writer and authority are the ledger's, unless a save says otherwise; the time is the ledger's own."""
    book = await open_book(writer="agent", authority="runtime")
    before = datetime.now(UTC)
    session = await book.saved()
    happened = datetime(2024, 5, 1, 12, 30, 0, 123456, UTC)
    await book.save(session, writer="ui", authority="user", occurred_at=happened)
    after = datetime.now(UTC)

    first, second = await book.history("s1")

    assert ("agent", "runtime", None, None) == (first.writer, first.authority, first.occurred_at, first.key)
    assert ("ui", "user", happened) == (second.writer, second.authority, second.occurred_at)
    assert ("saved", 1) == (second.kind, second.schema_version)
    assert before <= first.recorded_at <= second.recorded_at <= after
    assert first.event_id != second.event_id


async def test_two_writers_who_loaded_the_same_version_both_stand(book: Book) -> None:
    """Both work on version 5; the head holds the message, the title and the question, and each event its base."""
    session = await book.saved()
    for text in ("one", "two", "three", "four"):
        session.add_message(Message.user(text))
        await book.save(session)
    agent, ui = await book.load("s1"), await book.load("s1")
    agent.add_message(Message.assistant("from the agent"))
    ui.title = "Deployment"
    asked = ui.ask("call_1", "Which environment?")

    await book.save(agent, writer="agent")
    receipt = await book.save(ui, writer="ui", authority="user")

    head = await book.load("s1")
    assert (7, 5) == (receipt.version, receipt.base_version)
    assert [(6, 5, "agent"), (7, 5, "ui")] == [
        (event.version, event.base_version, event.writer) for event in await book.history("s1", after=5)
    ]
    assert ["one", "two", "three", "four", "from the agent"] == [message.content for message in head.messages]
    assert ("Deployment", [asked], 7) == (head.title, head.pending_questions, head.version)
    assert head == ui


async def test_expected_version_refuses_instead_of_rebasing(book: Book) -> None:
    """The second of two writers is told, and nothing changes: not the log, not the session, not its edits."""
    session = await book.saved()
    agent, ui = await book.load("s1"), await book.load("s1")
    agent.add_message(Message.assistant("from the agent"))
    ui.title = "Deployment"
    await book.save(agent, writer="agent", expected_version=1)
    before = ui.model_copy()

    with pytest.raises(VersionConflict, match=r"s1 is at version 2, not 1 \(last saved by agent\)") as caught:
        await book.save(ui, expected_version=1)

    error = caught.value
    assert ("s1", 1, 2, "agent") == (error.session_id, error.expected, error.actual, error.writer)
    assert [1, 2] == await versions(book)
    assert before == ui
    assert 1 == ui.version
    assert 3 == (await book.save(ui)).version
    assert "Deployment" == (await book.load("s1")).title
    assert session.version == 1


@pytest.mark.parametrize("expected", [0, 1, 3, 7])
async def test_expected_version_needs_base_and_head_to_be_it(book: Book, expected: int) -> None:
    """Any other version is refused, also where the base is the head, and also where only the head fits."""
    session = await book.saved()
    await book.save(session)
    stale = await book.load("s1", at=1)

    with pytest.raises(VersionConflict):
        await book.save(session, expected_version=expected)
    with pytest.raises(VersionConflict):
        await book.save(stale, expected_version=2)
    assert [1, 2] == await versions(book)
    assert 3 == (await book.save(session, expected_version=2)).version


async def test_expected_version_zero_is_a_session_that_is_not_there(book: Book) -> None:
    """A first save can demand to be the first, and no save can demand a past that is not there."""
    first, second = Session.new("s1", "gpt-5"), Session.new("s1", "gpt-5")

    assert 1 == (await book.save(first, expected_version=0)).version
    with pytest.raises(VersionConflict):
        await book.save(second, expected_version=0)
    with pytest.raises(VersionConflict) as caught:
        await book.save(Session.new("s2", "gpt-5"), expected_version=3)
    assert (3, 0) == (caught.value.expected, caught.value.actual)


async def test_a_stale_copy_saved_a_hundred_times_removes_nothing(book: Book) -> None:
    """A loop that never loads again costs nobody a message, a question or a person's title."""
    session = await book.saved(title="untitled")
    session.messages += [Message.user("1"), Message.user("2")]
    await book.save(session)
    stale = await book.load("s1")
    session.add_message(Message.user("3"))
    session.title = "Named by a person"
    session.pinned = True
    session.ask("call_1", "Which?")
    await book.save(session, writer="ui", authority="user")

    for _ in range(100):
        copy = stale.model_copy()
        copy.title = "untitled by the loop"
        await book.save(copy, writer="loop")

    head = await book.load("s1")
    assert 103 == head.version
    assert ["1", "2", "3"] == [message.content for message in head.messages]
    assert ("Named by a person", True) == (head.title, head.pinned)
    assert ["call_1#0"] == [question.id for question in head.pending_questions]


async def test_the_session_is_brought_up_to_the_head_in_place(book: Book) -> None:
    """The containers stay the same objects, and so does everything in them that the head did not change."""
    session = await book.saved(state={"mine": {"deep": [{"n": 1}]}, "shared": {"a": {}, "b": {}}})
    session.add_message(Message.user("1"))
    session.metadata["tags"] = {"old": []}
    session.ask("call_1", "Which?")
    await book.save(session)
    other = await book.load("s1")
    other.state["shared"]["b"]["x"] = 1
    other.metadata["new"] = True
    other.add_message(Message.user("2"))
    other.ask("call_2", "And?")
    await book.save(other, writer="other")
    containers = (session.messages, session.questions, session.metadata, session.state)
    inside = (
        session.state["mine"], session.state["mine"]["deep"], session.state["mine"]["deep"][0],
        session.state["shared"], session.state["shared"]["a"], session.state["shared"]["b"],
        session.metadata["tags"], session.metadata["tags"]["old"], session.messages[0], session.questions["call_1#0"],
    )  # fmt: skip
    session.add_message(mine := Message.user("3"))
    session.state["mine"]["deep"][0]["n"] = 2

    await book.save(session)

    assert await book.load("s1") == session
    assert {"mine": {"deep": [{"n": 2}]}, "shared": {"a": {}, "b": {"x": 1}}} == session.state
    assert ["1", "2", "3"] == [message.content for message in session.messages]
    for before, after in zip(
        containers, (session.messages, session.questions, session.metadata, session.state), strict=True
    ):
        assert before is after
    now = (
        session.state["mine"], session.state["mine"]["deep"], session.state["mine"]["deep"][0],
        session.state["shared"], session.state["shared"]["a"], session.state["shared"]["b"],
        session.metadata["tags"], session.metadata["tags"]["old"], session.messages[0], session.questions["call_1#0"],
    )  # fmt: skip
    for position, (was, is_) in enumerate(zip(inside, now, strict=True)):
        assert was is is_, position
    assert mine is session.messages[2]


async def test_a_saved_session_shares_nothing_with_the_ledger(book: Book) -> None:
    """What is changed after a save is an edit of the caller's own, and nobody else sees it before the next save."""
    session = await book.saved(state={"list": [1]})
    one, two = await book.load("s1"), await book.load("s1")

    session.state["list"].append(2)
    one.state["list"].append(3)
    one.messages.append(Message.user("mine"))

    assert {"list": [1]} == two.state == (await book.load("s1")).state
    assert [] == (await book.load("s1")).messages
    await book.save(session)
    await book.save(one)
    assert [1, 2, 3] == (await book.load("s1")).state["list"]


async def test_a_copy_is_saved_from_the_same_base(book: Book) -> None:
    """A copy is a writer of its own: independent, and as stale as what it was copied from."""
    session = await book.saved()
    copy = session.model_copy(update={"title": "copied"})
    session.add_message(Message.user("1"))
    await book.save(session)

    receipt = await book.save(copy)

    assert 1 == receipt.base_version
    head = await book.load("s1")
    assert ("copied", ["1"]) == (head.title, [message.content for message in head.messages])
    assert session.title is None


async def test_a_fresh_session_over_one_that_exists_is_a_very_stale_writer(book: Book) -> None:
    """What `new` was given is no change, so it cannot undo anything; what was added to the session is one."""
    first = await book.saved(title="Kept", model="gpt-5", parent_session_id="p")
    first.add_message(Message.user("1"))
    first.state["a"] = 1
    await book.save(first)

    late = datetime.now(UTC) + timedelta(days=1)
    fresh = Session.new("s1", "gpt-4", title="Other", parent_session_id="q", created_at=late)
    fresh.add_message(Message.user("2"))
    fresh.ask("call_1", "Which?")
    receipt = await book.save(fresh)

    head = await book.load("s1")
    assert (3, 0) == (receipt.version, receipt.base_version)
    assert ("Kept", "gpt-5", "p") == (head.title, head.model, head.parent_session_id)
    assert first.created_at == head.created_at
    assert ["1", "2"] == [message.content for message in head.messages]
    assert ({"a": 1}, ["call_1#0"]) == (head.state, list(head.questions))
    assert {MessageAppended, QuestionAsked} == {type(change) for change in (await book.history("s1"))[2].changes}
    assert head == fresh


async def test_a_field_set_after_new_is_a_change(book: Book) -> None:
    """Only what the constructor was given counts as none."""
    await book.saved(title="Kept")
    fresh = Session.new("s1", "gpt-5", title="From the constructor")
    fresh.title = "Set afterwards"

    await book.save(fresh)

    assert "Set afterwards" == (await book.load("s1")).title
    assert [TitleChanged] == [type(change) for change in (await book.history("s1"))[1].changes]


async def test_metadata_version_counts_the_authoritative_changes(open_book: OpenBook) -> None:
    """Title, pin, and the metadata keys that the ledger was opened with carry the mark; every process folds alike."""
    book = await open_book(authoritative=["owner"])
    session = await book.saved(title="no change: the constructor's", metadata={"owner": "ada", "other": 1})
    counts = [session.metadata_version]
    for edit in (
        lambda s: setattr(s, "title", "A"),
        lambda s: setattr(s, "pinned", True),
        lambda s: s.metadata.update(owner="bob"),
        lambda s: s.metadata.update(other=2),
        lambda s: s.add_message(Message.user("x")),
        lambda s: s.metadata.pop("owner"),
    ):
        edit(session)
        await book.save(session)
        counts.append(session.metadata_version)

    assert [1, 2, 3, 4, 4, 4, 5] == counts
    assert counts == [(await book.load("s1", at=n)).metadata_version for n in range(1, 8)]
