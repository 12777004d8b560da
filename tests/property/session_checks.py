"""What every reading call must give, computed from the model and from nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ledger import Event, LedgerError, Session, SessionDeleted, SessionSummary
from tests.contract.faces import Book
from tests.property.session_model import Thread, content_of, differences

__all__ = [
    "check_asking",
    "check_catalog",
    "check_difference",
    "check_feed",
    "check_history",
    "check_past",
    "check_questions",
    "check_slice",
    "check_steps",
    "check_times",
    "check_usage",
    "told_again",
]

Threads = Mapping[str, Thread]


async def check_past(book: Book, thread: Thread, at: Any, version: int) -> None:
    """A version loads as its save left it, however it is named."""
    left = thread.at(version).session
    if left is None:
        with pytest.raises(SessionDeleted):
            await book.load(thread.id, at=at)
        return
    loaded = await book.load(thread.id, at=at)
    assert left == loaded
    assert left.model_dump() == loaded.model_dump()


async def check_asking(book: Book, session_id: str, question_id: str, thread: Thread, version: int) -> None:
    """A question names the save that asked it last, in a fork also the one of the session that it came from."""
    assert thread.at(version).session == await book.load(session_id, at=f"q:{question_id}")


async def check_history(book: Book, thread: Thread) -> list[Event]:
    """Versions run without a gap, and each event says who saved it, on what."""
    events: list[Event] = await book.history(thread.id)
    assert list(range(1, thread.version + 1)) == [event.version for event in events]
    for saved, event in zip(thread.saves, events, strict=True):
        assert (saved.writer, saved.authority, saved.key) == (event.writer, event.authority, event.key)
        assert saved.base == event.base_version
        assert saved.digest in ("", event.digest)
        assert ("deleted" if saved.left is None else "saved") == event.kind
    assert thread.version == len({event.event_id for event in events})
    return events


async def check_slice(book: Book, thread: Thread, after: int, limit: int, *, reverse: bool) -> None:
    """A part of the history is that part of all of it."""
    whole = list(range(1, thread.version + 1))
    upto = thread.version - after % 2
    part = [version for version in whole if after < version <= upto]
    found = await book.history(thread.id, after=after, upto=upto, limit=limit, reverse=reverse)
    assert (part[::-1] if reverse else part)[:limit] == [event.version for event in found]


async def check_times(book: Book, thread: Thread, place: int) -> None:
    """A time names the last save up to then; what an import says of a time never goes back behind an earlier one."""
    events = await book.history(thread.id)
    times = [event.occurred_at or event.recorded_at for event in events]
    latest = [max(times[: number + 1]) for number in range(len(times))]
    wanted = latest[place % len(latest)]
    version = max(number for number, time in enumerate(latest, 1) if time <= wanted)
    await check_past(book, thread, wanted, version)


async def check_steps(book: Book, thread: Thread, start: int, stop: int) -> None:
    """A replay steps from each version to the next, and each state is what its save left."""
    steps = await book.replay(thread.id, start, stop)
    assert list(range(start, stop + 1)) == [step.event.version for step in steps]
    for step in steps:
        number = step.event.version
        assert thread.at(number).session == step.after
        if number > 1:
            assert thread.at(number - 1).session == step.before


async def check_difference(book: Book, thread: Thread, a: int, b: int) -> None:
    """A diff names the messages and the questions that only one of both has, and is empty where nothing differs."""
    first, second = thread.at(a), thread.at(b)
    if first.left is None or second.left is None:
        with pytest.raises(SessionDeleted):
            await book.diff(thread.id, a, b)
        return
    diff = await book.diff(thread.id, a, b)
    assert first.session is not None
    assert second.session is not None
    was, is_ = first.left.messages, second.left.messages
    assert {message.id for message in diff.messages.added} == is_.keys() - was.keys()
    assert {message.id for message in diff.messages.removed} == was.keys() - is_.keys()
    assert {message.id for message in diff.messages.revised} == {m for m in was if m in is_ and was[m] != is_[m]}
    before, after = first.left.questions, second.left.questions
    assert {changed.question.text for changed in diff.questions.asked} == after.keys() - before.keys()
    assert (diff.title is None) == (first.left.title == second.left.title)
    same_order = [m for m in was if m in is_] == [m for m in is_ if m in was]
    assert same_order == (not diff.messages.moved)
    assert diff.is_empty == (not differences(first.left, second.left) and same_order)


async def check_feed(book: Book, threads: Threads, seen: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Positions are dense, every version of every session is there once, a session's in order; what was fed stays."""
    items = await book.feed()
    assert list(range(1, len(items) + 1)) == [item.position for item in items]
    fed = [(item.session_id, item.event.version) for item in items]
    for thread in threads.values():
        assert list(range(1, thread.version + 1)) == [version for name, version in fed if name == thread.id]
    assert sum(thread.version for thread in threads.values()) == len(fed)
    assert list(seen) == fed[: len(seen)]
    middle = len(fed) // 2
    part = await book.feed(after=middle, limit=2)
    assert fed[middle : middle + 2] == [(item.session_id, item.event.version) for item in part]
    return fed


async def check_catalog(book: Book, threads: Threads) -> None:
    """Who lives, with the counts of the head, newest first; filters and pages are parts of that."""
    lines: list[SessionSummary] = await book.sessions()
    assert {
        thread.id: (thread.head.title, len(thread.head.messages), len(thread.head.pending()), thread.version)
        for thread in threads.values()
        if thread.alive
    } == {line.id: (line.title, line.messages, line.pending_questions, line.version) for line in lines}
    assert sorted([line.updated_at for line in lines], reverse=True) == [line.updated_at for line in lines]
    for pending in (True, False):
        assert [line for line in lines if bool(line.pending_questions) == pending] == await book.sessions(
            pending=pending
        )
    assert [line for line in lines if line.id.startswith("f")] == await book.sessions(prefix="f")
    paged: list[SessionSummary] = []
    while page := await book.sessions(limit=2, before=paged[-1] if paged else None):
        paged += page
    assert lines == paged


async def check_questions(book: Book, thread: Thread) -> None:
    """Every question that was ever asked has one record, which says what became of it."""
    records = await book.questions(thread.id)
    told = {record.text: str(record.status) for record in records}
    assert thread.asked == told, thread.asked.items() ^ told.items()
    assert len(thread.asked) == len(records)
    open_now = thread.head.pending() if thread.alive else set()
    assert sorted(open_now) == sorted(record.text for record in await book.questions(thread.id, status="pending"))
    head = await book.head(thread.id)
    session = thread.at(thread.version).session
    ids = [] if session is None else [question.id for question in session.pending_questions]
    assert sorted(ids) == sorted(head.open_questions)
    for record in records:
        assert thread.at(record.asked_version).left is not None
        if record.resolved_version is not None:
            assert record.asked_version <= record.resolved_version <= thread.version


async def check_usage(book: Book, threads: Threads) -> None:
    """The totals are the sums of what was recorded, once for each key."""
    everything: Counter[str] = Counter()
    for thread in threads.values():
        spent = [number for numbers in thread.usage.values() for number in numbers]
        everything.update(records=len(spent), tokens=sum(spent))
        if thread.version:
            totals = await book.usage(thread.id)
            assert (len(spent), sum(spent)) == (totals.records, totals.totals.get("tokens", 0))
    totals = await book.usage()
    assert (everything["records"], everything["tokens"]) == (totals.records, totals.totals.get("tokens", 0))


async def told_again(book: Book, thread: Thread) -> dict[str, Any]:
    """Give all that a ledger tells of a session, to compare with what another ledger tells."""
    loaded: list[Any] = []
    for version in range(1, thread.version + 1):
        try:
            session: Session = await book.load(thread.id, version)
            assert not differences(thread.at(version).left or content_of(session), content_of(session))
            loaded.append(session.model_dump())
        except LedgerError as error:
            loaded.append(type(error))
    return {
        "loaded": loaded,
        "history": await book.history(thread.id),
        "questions": await book.questions(thread.id),
        "head": await book.head(thread.id),
        "usage": await book.usage(thread.id),
    }
