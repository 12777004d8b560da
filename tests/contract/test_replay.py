"""Stepping through the saves of a session: a fold, forwards, over all of them or between two revisions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger import (
    DamagedRecord,
    InvalidRange,
    InvalidRevision,
    Message,
    Session,
    SessionDeleted,
    SessionNotFound,
    Step,
    VersionNotFound,
)
from ledger import stepping as stepping_module
from tests.contract.faces import Book
from tests.contract.tampering import drop_triggers

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


async def recorded(book: Book) -> None:
    """Record a session of six saves, at noon and each minute after it, with a deletion in the fourth."""
    session = Session.new("s1", "gpt-5")
    await book.save(session, occurred_at=NOON)
    session.ask("call_1", "Which?")
    await book.save(session, occurred_at=NOON + timedelta(minutes=1), key="asking")
    session.title = "Deployment"
    session.add_message(Message.user("Go on"))
    await book.save(session, occurred_at=NOON + timedelta(minutes=2))
    await book.delete("s1")
    again = Session.new("s1", "gpt-5")
    await book.create(again)
    again.add_message(Message.user("Anew"))
    await book.save(again)


def versions(steps: list[Step]) -> list[int]:
    """Give the versions of the steps."""
    return [step.event.version for step in steps]


async def loaded(book: Book, version: int) -> Session | None:
    """Give a version, or nothing where the session does not live."""
    try:
        session: Session = await book.load("s1", at=version)
    except (SessionDeleted, VersionNotFound):
        return None
    return session


@pytest.mark.parametrize("page", [1, 2, 200])
async def test_each_step_is_what_the_versions_load(book: Book, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
    """Before and after, through a deletion and a second life, wherever a page of events ends."""
    monkeypatch.setattr(stepping_module, "PAGE", page)
    await recorded(book)
    steps = await book.replay("s1")

    assert await book.history("s1") == [step.event for step in steps]
    assert [await loaded(book, version) for version in range(6)] == [step.before for step in steps]
    assert [await loaded(book, version) for version in range(1, 7)] == [step.after for step in steps]
    assert [None, None] == [steps[0].before, steps[3].after]
    assert steps[4].before is None


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (None, None, [1, 2, 3, 4, 5, 6]),
        (3, None, [3, 4, 5, 6]),
        (None, 2, [1, 2]),
        (2, 4, [2, 3, 4]),
        (4, 4, [4]),
        ("-1", "-1", [5]),
        (-2, -1, [4, 5]),
        ("q:call_1#0", "3", [2, 3]),
        ("key:asking", NOON + timedelta(minutes=2), [2, 3]),
        ("2026-02-10T12:01:30Z", 3, [2, 3]),
    ],
)
async def test_both_ends_are_included_and_named_as_in_load(
    book: Book, start: Any, stop: Any, expected: list[int]
) -> None:
    """A version, a distance, a time, a question, a key: whatever names a revision."""
    await recorded(book)
    steps = await book.replay("s1", start, stop)

    assert expected == versions(steps)
    assert await loaded(book, expected[0] - 1) == steps[0].before
    assert await loaded(book, expected[-1]) == steps[-1].after


async def test_a_range_that_ends_before_it_begins_is_refused(book: Book) -> None:
    """A reversed range is no empty replay: the error names both ends as they were given, and as versions."""
    await recorded(book)

    with pytest.raises(InvalidRange, match=r"from revision 5 \(version 5\) to revision q:call_1#0 \(version 2\)") as at:
        await book.replay("s1", 5, "q:call_1#0")
    assert ("s1", 5, "q:call_1#0", 5, 2) == (
        at.value.session_id, at.value.start, at.value.stop, at.value.first, at.value.last,
    )  # fmt: skip
    assert isinstance(at.value, ValueError)


@pytest.mark.parametrize(
    ("start", "stop", "error"),
    [
        (0, None, VersionNotFound),
        (None, 7, VersionNotFound),
        ("q:nobody", None, VersionNotFound),
        ("soon", None, InvalidRevision),
        (None, NOON.replace(tzinfo=None), InvalidRevision),
    ],
)
async def test_an_end_that_does_not_exist_is_an_error(
    book: Book, start: Any, stop: Any, error: type[Exception]
) -> None:
    """Never a shorter replay than what was asked for."""
    await recorded(book)

    with pytest.raises(error):
        await book.replay("s1", start, stop)


async def test_an_unknown_session_is_not_found(book: Book) -> None:
    """Also where nothing else is named."""
    with pytest.raises(SessionNotFound):
        await book.replay("nobody")


async def test_a_replay_goes_on_while_others_save(book: Book) -> None:
    """No transaction is held between the steps, and what is saved meanwhile is not part of what was asked for."""
    await recorded(book)
    seen = []
    async for step in book.each("replay", "s1"):
        seen.append(step.event.version)
        if len(seen) == 1:
            await book.append("s1", Message.user("More"))

    assert [1, 2, 3, 4, 5, 6] == seen


async def test_a_replay_writes_nothing(book: Book) -> None:
    """Whoever looks leaves no trace in the record."""
    await recorded(book)
    before = book.query("SELECT count(*) FROM events")
    steps = await book.replay("s1", 2)
    for step in steps:
        assert step.after is None or step.after.version == step.event.version

    assert before == book.query("SELECT count(*) FROM events")


@pytest.mark.parametrize("version", [1, 3, 6])
async def test_a_missing_save_is_told_not_skipped(book: Book, version: int) -> None:
    """A step that would be wrong is no step, and where the log was cut off is not where it ends."""
    await recorded(book)
    drop_triggers(book)
    book.execute(f"DELETE FROM events WHERE version = {version}")

    with pytest.raises(DamagedRecord) as missing:
        await book.replay("s1")
    assert ("s1", version) == (missing.value.session_id, missing.value.version)


async def test_a_fork_begins_with_what_it_was_forked_from(book: Book) -> None:
    """By itself from its own first save on, before which it was nothing."""
    await recorded(book)
    await book.fork("s1", "f1", at=3)
    await book.append("f1", Message.user("Elsewhere"))
    first, second = await book.replay("f1")

    assert first.before is None
    assert await book.load("f1", at=1) == first.after == second.before
    assert await book.load("f1") == second.after
    assert [1, 2] == versions([first, second])


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        ("q:call_1#0", None, [("s1", 2), ("s1", 3), ("f1", 1), ("f1", 2), ("f2", 1)]),
        ("q:call_1#0", "key:elsewhere", [("s1", 2), ("s1", 3), ("f1", 1), ("f1", 2)]),
        (None, "key:asking", [("s1", 1), ("s1", 2)]),
        ("key:elsewhere", 1, [("f1", 2), ("f2", 1)]),
        (1, None, [("f2", 1)]),
    ],
)
async def test_a_replay_goes_across_joins(book: Book, start: Any, stop: Any, expected: list[tuple[str, int]]) -> None:
    """Where it starts in a session that the fork came from, that one is replayed up to the join."""
    await recorded(book)
    await book.fork("s1", "f1", at=3)
    await book.append("f1", Message.user("Elsewhere"), key="elsewhere")
    await book.fork("f1", "f2")
    steps = await book.replay("f2", start, stop)

    assert expected == [(step.event.session_id, step.event.version) for step in steps]
    assert expected == await book.places("f2", start, stop)
    for step in steps:
        assert await book.load(step.event.session_id, at=step.event.version) == step.after


async def test_a_range_against_the_line_of_descent_is_refused(book: Book) -> None:
    """A parent's save lies before each of its fork, whatever its number."""
    await recorded(book)
    await book.fork("s1", "f1", at=3)

    with pytest.raises(InvalidRange):
        await book.replay("f1", 1, "q:call_1#0")
    with pytest.raises(InvalidRange):
        await book.places("f1", 1, "q:call_1#0")
