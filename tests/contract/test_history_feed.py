"""The events of one session, and of all sessions in one dense order."""

from __future__ import annotations

import pytest

from ledger import Event, Message, Session, SessionNotFound
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook


async def several(book: Book, saves: int = 3) -> None:
    """Save three sessions in turn."""
    sessions = [Session.new(name, "gpt-5") for name in ("s1", "s2", "s3")]
    for number in range(saves):
        for session in sessions:
            session.add_message(Message.user(f"{number}"))
            await book.save(session)


async def test_history_gives_the_events_in_order(book: Book) -> None:
    """Versions run 1, 2, 3 without a gap, whichever way they are walked, from wherever."""
    await several(book, 5)

    events = await book.history("s1")

    assert [1, 2, 3, 4, 5] == [event.version for event in events]
    assert [5, 4, 3, 2, 1] == [event.version for event in await book.history("s1", reverse=True)]
    assert [4, 5] == [event.version for event in await book.history("s1", after=3)]
    assert [5, 4] == [event.version for event in await book.history("s1", after=3, reverse=True)]
    assert [] == await book.history("s1", after=5)
    for options, expected in (
        ({"limit": 2}, [1, 2]),
        ({"limit": 2, "reverse": True}, [5, 4]),
        ({"limit": 9}, [1, 2, 3, 4, 5]),
        ({"limit": 0}, []),
        ({"upto": 3}, [1, 2, 3]),
        ({"upto": 9, "reverse": True}, [5, 4, 3, 2, 1]),
        ({"after": 1, "upto": 4, "limit": 2, "reverse": True}, [4, 3]),
        ({"upto": 0}, []),
    ):
        assert expected == [event.version for event in await book.history("s1", **options)]
    assert {"s1"} == {event.session_id for event in events}


async def test_a_long_history_is_whole(book: Book) -> None:
    """However many pages it takes."""
    session = await book.saved()
    for _ in range(204):
        await book.save(session)

    assert list(range(1, 206)) == [event.version for event in await book.history("s1")]
    assert list(range(205, 0, -1)) == [event.version for event in await book.history("s1", reverse=True)]
    assert list(range(3, 206)) == [event.version for event in await book.history("s1", after=2)]
    assert list(range(1, 204)) == [event.version for event in await book.history("s1", limit=203)]
    assert list(range(204, 1, -1)) == [e.version for e in await book.history("s1", upto=204, limit=203, reverse=True)]
    assert list(range(1, 206)) == [item.position for item in await book.feed()]
    assert list(range(1, 204)) == [item.position for item in await book.feed(limit=203)]


async def test_a_history_is_read_while_others_save(book: Book) -> None:
    """No transaction is held between its items, so a slow reader keeps nobody from saving."""
    session = await book.saved()
    seen = []
    async for event in book.each("history", "s1"):
        seen.append(event.version)
        if event.version == 1:
            await book.save(session)
            assert await book.delete("s1")

    assert [1] == seen[:1]
    assert [1, 2, 3] == [event.version for event in await book.history("s1")]


async def test_an_unknown_session_has_no_history(book: Book) -> None:
    """It is an error, and not an empty history; a deleted session has its history still."""
    with pytest.raises(SessionNotFound):
        await book.history("nobody")


async def test_an_event_is_immutable_and_can_be_kept_anywhere(book: Book) -> None:
    """Through JSON it is the same event; nobody can change one that they were given."""
    await several(book)
    event = (await book.history("s1"))[0]

    assert event == Event.model_validate_json(event.model_dump_json())
    with pytest.raises(TypeError):
        event.version = 7
    with pytest.raises(TypeError):
        event.changes[1].message.metadata["x"] = 1


async def test_the_feed_is_dense_and_keeps_each_sessions_order(book: Book) -> None:
    """Positions run from 1 over all sessions; every event is in it once, the deletions too."""
    await several(book)
    await book.delete("s2")

    items = await book.feed()

    assert list(range(1, 11)) == [item.position for item in items]
    assert ["s1", "s2", "s3"] * 3 + ["s2"] == [item.session_id for item in items]
    assert [1, 1, 1, 2, 2, 2, 3, 3, 3, 4] == [item.event.version for item in items]
    for session_id in ("s1", "s2", "s3"):
        assert await book.history(session_id) == [item.event for item in items if item.session_id == session_id]


async def test_the_feed_goes_on_from_a_position(book: Book) -> None:
    """Whoever keeps the last position misses nothing and sees nothing twice."""
    await several(book)
    seen: list[int] = []
    while page := await book.feed(after=seen[-1] if seen else 0, limit=4):
        seen += [item.position for item in page]

    assert list(range(1, 10)) == seen
    assert [] == await book.feed(after=9)
    assert [] == await book.feed(limit=0)
    await book.append("s1", Message.user("more"))
    assert [(10, "s1", 4)] == [(i.position, i.session_id, i.event.version) for i in await book.feed(after=9)]


async def test_a_batch_is_in_the_feed_event_by_event(book: Book) -> None:
    """Sessions that were saved together have each its own position."""
    await book.save_all([Session.new(name, "gpt-5") for name in ("b", "a", "c")])

    items = await book.feed()

    assert [1, 2, 3] == [item.position for item in items]
    assert {"a", "b", "c"} == {item.session_id for item in items}


@on_durable
async def test_what_is_in_the_feed_stays_in_it(open_book: OpenBook) -> None:
    """Another ledger on the same database, opened later, reads the same feed."""
    book = await open_book()
    await several(book)
    before = await book.feed()
    await book.close()

    assert before == await (await open_book()).feed()
