"""Waiting for what others save, until somebody presses Ctrl-C or stops reading."""

from __future__ import annotations

import io
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.events import Event
    from ledger.domain.records import FeedItem

__all__ = ["feed_followed", "followed"]

#: How long a new save may go unseen, and a reader who left unnoticed.
PAUSE_S = 0.5
#: At most so many are told at once.
PAGE = 200


def followed(book: Ledger, session_id: str, after: int) -> Iterator[list[Event]]:
    """Give the saves behind a version as they come, without an end: a deletion is one of them, and so is a new life.

    Raises:
        BrokenPipeError: if nobody reads standard output any more, though there is nothing to say to them.
    """
    with _waiting(book) as wait:
        while True:
            if events := list(book.history(session_id, after=after, limit=PAGE)):
                after = events[-1].version
                yield events
            if len(events) < PAGE:
                wait(PAUSE_S)


def feed_followed(book: Ledger, after: int | None, limit: int | None) -> Iterator[list[FeedItem]]:
    """Give the saves of all sessions behind a position as they come, page by page; see `Ledger.follow`.

    Raises:
        BrokenPipeError: as above.
    """
    tail = book.tail(after, limit)
    with _waiting(book) as wait:
        while not tail.over:
            if page := tail.page():
                yield page
            elif not tail.over:
                wait(tail.pause_s)


@contextmanager
def _waiting(book: Ledger) -> Iterator[Callable[[float], None]]:
    """Give what waits until something may have been saved, or at most so many seconds."""
    woken = threading.Event()

    def wait(longest_s: float) -> None:
        woken.wait(longest_s)
        # Before the next look: what is saved after that has to wake us.
        woken.clear()
        _check_reader()

    with book.woken(woken.set):
        yield wait


def _check_reader() -> None:
    try:
        output = sys.stdout.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return
    if hasattr(select, "poll"):  # not on Windows
        poll = select.poll()
        poll.register(output, 0)  # errors are reported without being asked for, and a reader that left is one
        if poll.poll(0):
            raise BrokenPipeError
