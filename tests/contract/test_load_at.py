"""Any past state loads: by version, by distance from the head, by time, by question, by key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ledger import (
    InvalidRevision,
    LedgerError,
    Message,
    Place,
    Session,
    SessionDeleted,
    SessionNotFound,
    VersionNotFound,
)
from tests.contract.faces import Book, versions

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


async def recorded(book: Book) -> list[Session]:
    """Save four versions, a minute apart; give a copy of the session as each save left it."""
    session, copies = Session.new("s1", "gpt-5"), []
    for minute in range(4):
        session.add_message(Message.user(f"at {minute}"))
        if minute == 1:
            session.ask("call_1", "Which?")
        if minute == 2:
            session.answer("call_1", "staging")
        session.state["minute"] = {"now": minute}
        await book.save(session, occurred_at=NOON + timedelta(minutes=minute), key=f"turn-{minute}")
        copies.append(session.model_copy())
    return copies


REVISIONS: list[tuple[Any, int]] = [
    (None, 4), (1, 1), (2, 2), (4, 4), (-1, 3), (-3, 1), ("1", 1), ("4", 4), ("-1", 3), ("-3", 1),
    ("+2", 2), (" 2 ", 2),
    (NOON, 1), (NOON + timedelta(seconds=59), 1), (NOON + timedelta(minutes=1), 2), (NOON + timedelta(days=1), 4),
    (NOON.astimezone(timezone(timedelta(hours=5))), 1), ("2026-02-10T12:02:30Z", 3), ("2026-02-10T14:02:30+02:00", 3),
    ("q:call_1#0", 2), ("key:turn-0", 1), ("key:turn-3", 4),
]  # fmt: skip


async def test_a_revision_loads_what_that_save_left(book: Book) -> None:
    """Whatever names it, version n is the state after the n-th save."""
    copies = await recorded(book)

    for at, version in REVISIONS:
        loaded = await book.load("s1", at)
        saved = copies[version - 1]
        assert (at, version, saved.updated_at) == (at, loaded.version, loaded.updated_at)
        assert saved == loaded


ABSENT = (
    0, "0", -4, "-4", 5, 99, "5", "999999999999999999", NOON - timedelta(seconds=1), "2026-02-10T11:59:59Z", "q:call_1",
    "q:nobody", "key:nothing",
)  # fmt: skip


async def test_a_revision_that_does_not_exist_is_an_error_that_names_the_head(book: Book) -> None:
    """Never an empty session, and never a neighbour of what was asked for."""
    await recorded(book)

    for at in ABSENT:
        with pytest.raises(VersionNotFound, match="head is version 4") as caught:
            await book.load("s1", at)
        assert ("s1", at, 4) == (caught.value.session_id, caught.value.revision, caught.value.head)
        assert isinstance(caught.value, LookupError)


MALFORMED = (
    "", "yesterday", "1.5", "q:", "key:", "2026-02-10", "2026-02-10T12:00:00", datetime(2026, 2, 10, 12), 1.5, True,  # noqa: DTZ001 - without a zone on purpose
    "\N{ARABIC-INDIC DIGIT THREE}", "1_0", "0x1", b"1",
)  # fmt: skip


async def test_what_is_no_revision_is_a_value_error(book: Book) -> None:
    """A malformed revision and a time without a zone are refused, with the forms that there are."""
    await recorded(book)

    for at in MALFORMED:
        with pytest.raises(InvalidRevision, match="does not name a revision") as caught:
            await book.load("s1", at)
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, LedgerError)


async def test_an_unknown_session_is_not_found(book: Book) -> None:
    """Whatever revision of it is asked for."""
    for at in (None, 1, -1, NOON, "q:x", "key:x"):
        with pytest.raises(SessionNotFound, match="nobody") as caught:
            await book.load("nobody", at)
        assert "nobody" == caught.value.session_id
        assert isinstance(caught.value, LookupError)


async def test_time_travel_goes_by_effective_time(book: Book) -> None:
    """Where an import kept the time at which it happened, that counts, and not when it was recorded."""
    session = await book.saved()
    recorded_first = (await book.history("s1"))[0].recorded_at
    other = Session.new("s2", "gpt-5")
    await book.save(other, occurred_at=NOON)
    other.title = "later"
    await book.save(other, occurred_at=NOON + timedelta(hours=1))

    assert 1 == (await book.load("s2", NOON + timedelta(minutes=59))).version
    assert 2 == (await book.load("s2", NOON + timedelta(minutes=60))).version
    assert 1 == (await book.load("s1", recorded_first)).version
    with pytest.raises(VersionNotFound):
        await book.load("s1", recorded_first - timedelta(microseconds=1))
    assert 1 == session.version


async def test_effective_time_never_runs_backwards(book: Book) -> None:
    """A save that says it happened earlier than its predecessor counts from the predecessor on; both times are kept."""
    session = Session.new("s1", "gpt-5")
    times = [NOON, NOON + timedelta(minutes=10), NOON + timedelta(minutes=5), NOON + timedelta(minutes=20)]
    for time in times:
        await book.save(session, occurred_at=time)

    found = [(await book.load("s1", NOON + timedelta(minutes=minute))).version for minute in (0, 5, 9, 10, 19, 20)]

    assert [1, 1, 1, 3, 3, 4] == found
    assert [times[0], times[1], times[1], times[3]] == [(await book.load("s1", n)).updated_at for n in (1, 2, 3, 4)]
    assert times == [event.occurred_at for event in await book.history("s1")]


async def test_a_question_names_its_latest_asking(book: Book) -> None:
    """An id that was asked in several lives means the last of them, also when that life is over."""
    session = await book.saved()
    session.ask("call_1", "First life?")
    await book.save(session)
    await book.delete("s1")
    again = await book.load_or_create("s1", model="gpt-5")
    again.add_message(Message.user("q:call_1#0 is only mentioned here"))
    await book.save(again)
    again.ask("call_1", "Second life?")
    await book.save(again)
    await book.delete("s1")

    assert "Second life?" == (await book.load("s1", "q:call_1#0")).questions["call_1#0"].text
    assert 5 == (await book.load("s1", "q:call_1#0")).version


async def test_a_time_in_which_the_session_was_deleted_says_so(book: Book) -> None:
    """Between two lives there is no state to show."""
    await book.save(Session.new("s1", "gpt-5"), occurred_at=NOON)
    await book.delete("s1")
    died = (await book.history("s1"))[1].recorded_at
    await book.create(Session.new("s1", "gpt-4"), occurred_at=died + timedelta(hours=1))

    assert "gpt-5" == (await book.load("s1", NOON)).model
    with pytest.raises(SessionDeleted):
        await book.load("s1", died + timedelta(minutes=30))
    assert "gpt-4" == (await book.load("s1", died + timedelta(hours=1))).model


async def test_the_past_stays_as_it_was(book: Book) -> None:
    """What version n was does not depend on what was saved, deleted or rebuilt since."""
    copies = await recorded(book)
    stale = await book.load("s1", 1)
    stale.messages.clear()
    stale.state["minute"] = None
    await book.save(stale)
    await book.delete("s1")
    await book.create(Session.new("s1", "gpt-4"))
    await book.rebuild()

    assert copies == [await book.load("s1", n) for n in (1, 2, 3, 4)]


async def test_a_past_state_is_a_session_like_any(book: Book) -> None:
    """It may be edited and saved: a stale writer, whose edits are rebased on the head."""
    await recorded(book)
    past = await book.load("s1", 2)
    assert "Which?" == past.pending_question.text
    past.add_message(Message.user("from the past"))

    receipt = await book.save(past)

    assert (5, 2) == (receipt.version, receipt.base_version)
    assert ["at 0", "at 1", "at 2", "at 3", "from the past"] == [message.content for message in past.messages]
    assert [] == past.pending_questions
    assert [1, 2, 3, 4, 5] == await versions(book)


async def test_locate_gives_the_session_and_version_that_a_revision_names(book: Book) -> None:
    """For those who want to name it and not to load it; without a revision, it is the head."""
    await recorded(book)

    places = [await book.locate("s1", at) for at in (None, 4, -1, "q:call_1#0", NOON)]

    assert ["s1@4", "s1@4", "s1@3", "s1@2", "s1@1"] == [str(place) for place in places]
    assert [Place("s1", 4), ("s1", 1)] == [places[0], places[-1]]
