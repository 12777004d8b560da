"""Time travel across the join: what is named from before a fork is found in the session that it came from."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from ledger import Message, Session, VersionNotFound
from ledger.store import moments
from tests.contract.faces import Book

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each event be recorded a minute after the one before it, from noon on."""
    clock = itertools.count(moments.microseconds(NOON) * 1000, 60 * 10**9)
    monkeypatch.setattr("ledger.store.appending.time.time_ns", lambda: next(clock))


async def lineage(book: Book) -> None:
    """Save three generations, a minute between any two events.

    `s1`: 12:00 to 12:04, asks `a#0` at version 2 and again at 4, `late#0` at 5. `child`: forked at s1@3 at 12:05, asks
    `b#0` at 12:06. `s1` goes on at 12:07. `grandchild`: forked at child@2 at 12:08, says something at 12:09.
    """
    session = Session.new("s1", "gpt-5")
    for number in range(1, 6):
        session.add_message(Message.user(f"s1 {number}"))
        if number in (2, 4):
            session.ask("a" if number == 2 else "a2", "Which?")
        if number == 5:
            session.ask("late", "Too late for the fork?")
        await book.save(session, key=f"s1-{number}")
    child = await book.fork("s1", "child", at=3)
    child.ask("b", "And?")
    await book.save(child, key="child-2")
    await book.append("s1", Message.user("s1 6"))
    grandchild = await book.fork("child", "grandchild")
    grandchild.add_message(Message.user("grandchild"))
    await book.save(grandchild)


def at_minute(minute: float) -> datetime:
    """Give the time so many minutes after noon."""
    return NOON + timedelta(minutes=minute)


async def test_every_revision_is_found_where_it_was_saved(book: Book) -> None:
    """By time, by question, by key: in the fork itself, else in what it was forked from, up to there."""
    await lineage(book)

    assert {
        None: "grandchild@2", 1: "grandchild@1", -1: "grandchild@1", "2": "grandchild@2",
        "q:b#0": "child@2", "q:a#0": "s1@2", "key:child-2": "child@2", "key:s1-1": "s1@1", "key:s1-3": "s1@3",
        at_minute(99): "grandchild@2", at_minute(9): "grandchild@2", at_minute(8.5): "grandchild@1",
        at_minute(7.5): "child@2", at_minute(6): "child@2", at_minute(5.5): "child@1", at_minute(5): "child@1",
        at_minute(4.5): "s1@3", at_minute(3): "s1@3", at_minute(2.5): "s1@3", at_minute(1.5): "s1@2",
        at_minute(0): "s1@1", at_minute(1).isoformat(): "s1@2",
    } == {
        at: str(await book.locate("grandchild", at))
        for at in (
            None, 1, -1, "2", "q:b#0", "q:a#0", "key:child-2", "key:s1-1", "key:s1-3", at_minute(99), at_minute(9),
            at_minute(8.5), at_minute(7.5), at_minute(6), at_minute(5.5), at_minute(5), at_minute(4.5), at_minute(3),
            at_minute(2.5), at_minute(1.5), at_minute(0), at_minute(1).isoformat(),
        )
    }  # fmt: skip


async def test_what_is_loaded_is_the_session_that_it_was(book: Book) -> None:
    """From before the fork it is the parent, at that version, and not the fork under another number."""
    await lineage(book)

    loaded = await book.load("grandchild", "q:a#0")

    assert ("s1", 2, None) == (loaded.id, loaded.version, loaded.forked_from)
    assert loaded == await book.load("s1", 2)
    assert ["s1 1", "s1 2"] == [message.content for message in loaded.messages]


async def test_what_came_after_the_fork_is_not_in_it(book: Book) -> None:
    """The parent went on, and a time before the fork never names a version that it had not."""
    await lineage(book)

    for at in ("q:late#0", "q:a2#0", "key:s1-4", at_minute(-1), "q:nobody"):
        with pytest.raises(VersionNotFound, match="its head is version 2") as caught:
            await book.locate("grandchild", at)
        assert caught.value.before is None


@pytest.mark.parametrize(
    ("at", "before"), [(0, "child@2"), (" 0", "child@2"), (-2, "child@2"), (-3, "child@1"), (-4, "s1@3"), (-6, "s1@1")]
)
async def test_a_number_below_one_names_the_version_that_it_means(book: Book, at: int | str, before: str) -> None:
    """Counting back leads out of the fork: the error says what that state is called, and that loads."""
    await lineage(book)

    with pytest.raises(VersionNotFound, match=f"it is a fork, and what came before is {before}") as caught:
        await book.load("grandchild", at)

    assert caught.value.before is not None
    session_id, version = caught.value.before
    assert (session_id, version) == tuple(await book.locate(session_id, version))


async def test_a_number_before_everything_is_just_not_there(book: Book) -> None:
    """There is nothing before the first save of the first of them."""
    await lineage(book)

    for at in (-7, -99, 3):
        with pytest.raises(VersionNotFound) as caught:
            await book.load("grandchild", at)
        assert caught.value.before is None


async def test_the_latest_asking_before_the_fork_is_meant(book: Book) -> None:
    """A question that was asked in two lives of the parent is that of the life which was forked."""
    session = await book.saved()
    session.ask("a", "Which?")
    await book.save(session)
    await book.fork("s1", "child")
    await book.delete("s1")
    again = Session.new("s1", "gpt-5")
    await book.create(again)
    again.ask("a", "Which?")
    await book.save(again)

    assert ["s1@5", "s1@2"] == [str(await book.locate(session_id, "q:a#0")) for session_id in ("s1", "child")]


async def test_a_question_asked_again_in_the_fork_is_found_there(book: Book) -> None:
    """The latest asking counts, and the fork's own comes after the parent's."""
    await lineage(book)
    await book.delete("grandchild")
    again = Session.new("grandchild", "gpt-5")
    again.ask("a", "Which?")
    await book.create(again)

    assert "grandchild@4" == str(await book.locate("grandchild", "q:a#0"))
    assert "s1@2" == str(await book.locate("child", "q:a#0"))


async def test_a_fork_of_what_was_found_in_the_parent_is_one_of_the_parent(book: Book) -> None:
    """Wherever the revision was asked for, a fork comes from the session that had saved it."""
    await lineage(book)

    again = await book.fork("grandchild", "again", at="q:a#0")

    assert ("s1", 2) == (again.forked_from["session_id"], again.forked_from["version"])


async def test_every_version_loads_as_it_was_saved(book: Book) -> None:
    """Across two joins, in the order of the saves."""
    await lineage(book)
    places = [("s1", 1), ("s1", 2), ("s1", 3), ("child", 1), ("child", 2), ("grandchild", 1), ("grandchild", 2)]

    states = [await book.load(*place) for place in places]

    assert [1, 2, 3, 3, 3, 3, 4] == [len(state.messages) for state in states]
    assert [0, 1, 1, 1, 2, 2, 2] == [len(state.pending_questions) for state in states]
    assert places == [(state.id, state.version) for state in states]
