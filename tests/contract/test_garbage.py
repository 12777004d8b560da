"""What a save leaves behind is gone when it has returned: a busy process has no time for the collector of circles."""

from __future__ import annotations

import gc

from ledger import Message
from tests.contract.faces import Book


async def test_a_save_leaves_no_circles_of_objects(book: Book) -> None:
    """Of many saves, nothing waits for the collector."""
    session = await book.saved()
    await book.append("s1", Message.user("warm"))
    session = await book.load("s1")
    gc.collect()
    gc.disable()
    try:
        for number in range(20):
            session.add_message(Message.user(f"{number}"))
            await book.save(session)
        # What a driver leaves of its own is no more for many saves than for one.
        left = gc.collect()
    finally:
        gc.enable()

    assert left < 20
