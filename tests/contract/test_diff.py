"""What differs between two states: of a session, of two, in either order; and what is asked wrongly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger import (
    InvalidRevision,
    Message,
    MessageDiff,
    Place,
    QuestionsDiff,
    Session,
    SessionDeleted,
    SessionDiff,
    SessionNotFound,
    ValueDiff,
    VersionNotFound,
)
from tests.contract.faces import Book, OpenBook

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


async def recorded(book: Book) -> Session:
    """Save four versions: a talk, a question, its answer with other edits, and nothing."""
    session = Session.new("s1", "gpt-5")
    session.messages += [Message.user(text, id=text) for text in ("one", "two", "three", "four")]
    session.state["step"] = {"now": 1}
    await book.save(session, occurred_at=NOON, key="k1")
    session.ask("call_1", "Which?")
    session.title = "Deployment"
    await book.save(session, occurred_at=NOON)
    session.answer("call_1", "staging")
    session.messages.insert(1, Message.assistant("between", id="between"))
    session.messages[0] = session.messages[0].model_copy(update={"content": "One"})
    session.messages.append(session.messages.pop(2))
    session.state["step"]["now"] = 2
    session.metadata["tags"] = ["urgent"]
    await book.save(session, occurred_at=NOON)
    await book.save(session, occurred_at=NOON)
    return session


def told(diff: SessionDiff) -> dict[str, int]:
    """Give the counts that are not 0."""
    return {name: count for name, count in diff.stat.items() if count}


async def test_a_diff_tells_what_was_saved_between(book: Book) -> None:
    """Everything that the saves between two versions did, as typed values."""
    session = await recorded(book)

    diff = await book.diff("s1", 1, 3)

    assert (Place("s1", 1), Place("s1", 3)) == (diff.a, diff.b)
    assert ValueDiff(None, "Deployment") == diff.title
    (added,), (revised,), (moved,) = diff.messages.added, diff.messages.revised, diff.messages.moved
    assert MessageDiff("between", after=session.messages[1], position_after=1) == added
    assert ("one", "One") == (revised.before.content, revised.after.content)
    assert ("two", 1, 4) == (moved.id, moved.position_before, moved.position_after)
    assert ["staging"] == [each.after.answer for each in diff.questions.asked]
    assert ["/step/now"] == [each.path for each in diff.state]
    assert [("/tags", "added")] == [(each.path, each.kind) for each in diff.metadata]
    assert 2 == diff.messages.unchanged


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1, 2, {"fields": 1, "questions_asked": 1}),
        ("q:call_1#0", None, {"messages_added": 1, "messages_revised": 1, "messages_moved": 1,
                              "questions_resolved": 1, "metadata": 1, "state": 1}),
        (3, 2, {"messages_removed": 1, "messages_revised": 1, "messages_moved": 1, "questions_reopened": 1,
                "metadata": 1, "state": 1}),
        ("2", "key:k1", {"fields": 1, "questions_removed": 1}),
        (-1, None, {}), (None, None, {}), (NOON, 4, {}), (2, 2, {}),
    ],
)  # fmt: skip
async def test_any_revision_names_a_side(book: Book, a: Any, b: Any, expected: dict[str, int]) -> None:
    """In either order: from the later to the earlier, the diff leads back."""
    await recorded(book)

    diff = await book.diff("s1", a, b)

    assert expected == told(diff)
    assert diff.is_empty is (not expected)


async def test_near_and_far_states_differ_alike(book: Book) -> None:
    """Whether the one is folded on from the other or loaded by itself, the diff is that of what `load` gives."""
    session = await recorded(book)
    for number in range(5, 121):
        session.add_message(Message.user(f"later {number}"))
        session.state["step"]["now"] = number
        await book.save(session)

    for a, b in [(1, 120), (120, 1), (3, 4), (119, 120), (120, 60), (30, 120), (1, 2)]:
        diff = await book.diff("s1", a, b)
        before, after = await book.load("s1", a), await book.load("s1", b)

        assert (Place("s1", a), Place("s1", b)) == (diff.a, diff.b)
        assert ids(after) - ids(before) == {each.id for each in diff.messages.added}
        assert ids(before) - ids(after) == {each.id for each in diff.messages.removed}
        assert [(before.state["step"]["now"], after.state["step"]["now"])] == [
            (each.before, each.after) for each in diff.state
        ] or before.state == after.state
        assert (before.questions == after.questions) is (diff.questions == QuestionsDiff())


def ids(session: Session) -> set[str]:
    """Give the ids of a session's messages."""
    return {message.id for message in session.messages}


async def test_two_sessions_are_compared(book: Book) -> None:
    """Messages that one took over from the other are aligned; ids and times of the sessions do not count."""
    session = await recorded(book)
    other = Session.new("s2", "gpt-4", metadata={"tags": ["calm"]})
    await book.save(other)
    other.messages += session.messages[:2]
    other.add_message(Message.user("elsewhere"))
    other.ask("call_1", "Who?")
    await book.save(other)

    diff = await book.diff("s1", None, None, other="s2")

    assert (Place("s1", 4), Place("s2", 2)) == (diff.a, diff.b)
    assert ValueDiff("gpt-5", "gpt-4") == diff.model
    assert (["elsewhere"], ["three", "four", "two"], 2) == (
        [each.after.content for each in diff.messages.added],
        [each.id for each in diff.messages.removed],
        diff.messages.unchanged,
    )
    assert [("Which?", "Who?")] == [(each.before.text, each.after.text) for each in diff.questions.changed]


async def test_a_fork_is_compared_with_the_session_that_it_came_from(book: Book) -> None:
    """What it took along is the same; what either did since is the difference."""
    session = await recorded(book)
    child = await book.fork("s1", "child", at=2)
    child.answer("call_1", "prod")
    child.add_message(Message.user("in the child", id="child"))
    await book.save(child)

    diff = await book.diff("s1", None, None, other="child")

    assert (Place("s1", 4), Place("child", 2)) == (diff.a, diff.b)
    assert (["child"], ["between"]) == ([m.id for m in diff.messages.added], [m.id for m in diff.messages.removed])
    assert [("staging", "prod")] == [(each.before.answer, each.after.answer) for each in diff.questions.changed]
    assert (await book.diff("s1", 2, 1, other="child")).is_empty
    assert {"messages_added": 1, "questions_resolved": 1} == told(await book.diff("s1", 2, None, other="child"))
    assert session == await book.load("s1")


async def test_a_revision_from_before_a_fork_is_the_parents(book: Book) -> None:
    """Time travel goes across the join, and the diff says whose state it is."""
    await recorded(book)
    child = await book.fork("s1", "child", at=3)
    child.title = "Another"
    await book.save(child)

    diff = await book.diff("child", "q:call_1#0")

    assert (Place("s1", 2), Place("child", 2)) == (diff.a, diff.b)
    assert ValueDiff("Deployment", "Another") == diff.title
    assert ["call_1#0"] == [each.id for each in diff.questions.resolved]
    assert {"fields": 1} == told(await book.diff("child", 1, 2))


async def test_states_in_two_lives_are_compared(book: Book) -> None:
    """A session that was deleted and lives again is another one under the same id."""
    await recorded(book)
    await book.delete("s1")
    await book.create(Session.new("s1", "gpt-4"))

    diff = await book.diff("s1", 4, 6)

    assert (5, 1) == (len(diff.messages.removed), len(diff.questions.removed))
    assert ValueDiff("Deployment", None) == diff.title


@pytest.mark.parametrize(("a", "b"), [(5, 1), (1, 5), (5, None), (None, 4)])
async def test_a_state_without_a_session_is_refused(book: Book, a: Any, b: Any) -> None:
    """At a tombstone there is nothing to compare, on whichever side."""
    await recorded(book)
    await book.delete("s1")

    with pytest.raises(SessionDeleted) as caught:
        await book.diff("s1", a, b)
    assert ("s1", 5) == (caught.value.session_id, caught.value.version)


@pytest.mark.parametrize(
    ("a", "b", "other", "error"),
    [
        (9, 1, None, VersionNotFound), (1, 9, None, VersionNotFound), (0, 1, None, VersionNotFound),
        (1, -4, None, VersionNotFound), (1, "q:nobody", None, VersionNotFound), (1, "key:x", None, VersionNotFound),
        ("yesterday", 1, None, InvalidRevision), (1, "2026-02-10", None, InvalidRevision),
        (1, 2, "nobody", SessionNotFound), (1, None, "nobody", SessionNotFound), (1, 2, "", SessionNotFound),
        (1, True, None, InvalidRevision),
    ],
)  # fmt: skip
async def test_bad_input_raises_what_load_raises(
    book: Book, a: Any, b: Any, other: str | None, error: type[Exception]
) -> None:
    """A revision that is not there, one that is none, a session that nobody saved."""
    await recorded(book)

    with pytest.raises(error):
        await book.diff("s1", a, b, other=other)


async def test_an_unknown_session_is_not_found(book: Book) -> None:
    """Whatever revisions of it are asked for."""
    for a, b in ((None, None), (1, 2), (-1, None)):
        with pytest.raises(SessionNotFound, match="nobody"):
            await book.diff("nobody", a, b)


async def test_a_diff_writes_nothing_and_changes_nobody(open_book: OpenBook) -> None:
    """The log is as it was, and the session that is loaded afterwards too."""
    book = await open_book()
    await recorded(book)
    before = await book.load("s1")
    events = book.query("SELECT count(*) FROM events")

    first, second = await book.diff("s1", 1, 4), await book.diff("s1", 1, 4)

    assert first == second
    assert events == book.query("SELECT count(*) FROM events")
    assert before == await book.load("s1")
