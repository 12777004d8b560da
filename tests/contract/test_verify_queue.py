"""On a server, saves wait in a queue for their place in the feed: `verify` looks at that as it does at the feed."""

from __future__ import annotations

import pytest

from ledger import Message
from tests.contract.backends import BACKENDS
from tests.contract.faces import Book
from tests.contract.test_verify import told

#: Where there is a queue.
on_servers = pytest.mark.parametrize(
    "backend", [each for each in BACKENDS if not each.name.startswith("sqlite")], ids=str, indirect=True
)
pytestmark = [on_servers, pytest.mark.parametrize("face", ["sync"], indirect=True)]


async def half_placed(book: Book) -> None:
    """Save twice to two sessions, of which the first saves have their places and the second ones wait."""
    for session_id in ("s1", "s2"):
        await book.saved(session_id)
    await book.feed()
    for session_id in ("s1", "s2"):
        await book.append(session_id, Message.user("more"))


async def test_what_waits_for_its_place_is_no_problem(book: Book) -> None:
    """A save is in the queue or in the feed, and the record is whole either way."""
    await half_placed(book)

    assert [(2,)] == book.query("SELECT count(*) FROM feed_queue")
    assert [] == told(await book.verify())
    assert [] == told(await book.verify("s1"))
    await book.feed()
    assert [(0,)] == book.query("SELECT count(*) FROM feed_queue")
    assert [] == told(await book.verify())


SPOILT = {
    "an event that waits is forgotten": (
        "DELETE FROM feed_queue WHERE id = (SELECT max(id) FROM feed_queue)",
        ("s2", 2, "it is missing from the feed"),
    ),
    "another event in the place of one that waits": (
        "UPDATE feed_queue SET leaf = sha256(leaf) WHERE id = (SELECT max(id) FROM feed_queue)",
        ("s2", 2, "the feed's queue names another event in its place"),
    ),
    "one waits that nobody saved": (
        """INSERT INTO feed_queue (session_uid, version, leaf)
           SELECT session_uid, 3, leaf FROM feed_queue WHERE id = (SELECT max(id) FROM feed_queue)""",
        ("s2", 3, "the feed's queue names it, but it is not in the log"),
    ),
    "one waits that has its place": (
        """INSERT INTO feed_queue (session_uid, version, leaf)
           SELECT session_uid, version, leaf FROM feed JOIN events USING (session_uid, version) WHERE position = 1""",
        ("s1", 1, "it waits for a place in the feed, and has one"),
    ),
    "the end of the feed set back": (
        "UPDATE feed_state SET position = 1",
        (None, None, "the feed ends at position 2, and is said to end at 1"),
    ),
    "another digest at the end of the feed": (
        "UPDATE feed_state SET digest = sha256(digest)",
        (None, None, "the feed is said to have another digest at its end, position 2"),
    ),
    "the end of the feed forgotten": (
        "DELETE FROM feed_state",
        (None, None, "the row that says where the feed ends is missing"),
    ),
}


@pytest.mark.parametrize(("statement", "expected"), SPOILT.values(), ids=SPOILT)
async def test_what_is_wrong_with_the_queue_is_named(
    book: Book, statement: str, expected: tuple[str | None, int | None, str]
) -> None:
    """Before a sequencer makes a feed of it that nobody can put right."""
    await half_placed(book)

    book.execute(statement)

    assert [expected] == told(await book.verify())
