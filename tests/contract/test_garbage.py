"""What a save leaves behind is gone when it has returned: a busy process has no time for the collector of circles."""

from __future__ import annotations

import gc
import weakref

from ledger import Message
from tests.contract.faces import Book, open_face


async def test_a_save_leaves_no_circles_of_objects(book: Book) -> None:
    """Of many saves, nothing waits for the collector."""
    await book.saved()
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


async def test_a_ledger_that_was_closed_is_forgotten(url: str) -> None:
    """A process that opens one ledger after the other keeps nothing of those that it closed."""
    book = await open_face("sync", url)
    await book.saved()
    await book.load("s1")
    left = weakref.ref(book.engine.dialect)
    await book.close()
    del book
    gc.collect()

    assert left() is None
