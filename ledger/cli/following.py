"""Waiting for what others save, until somebody presses Ctrl-C or stops reading."""

from __future__ import annotations

import io
import select
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.events import Event

__all__ = ["followed"]

#: How long a new save may go unseen.
PAUSE_S = 0.5
#: At most so many are told at once.
PAGE = 200


def followed(book: Ledger, session_id: str, after: int) -> Iterator[list[Event]]:
    """Give the saves behind a version as they come, without an end: a deletion is one of them, and so is a new life.

    Raises:
        BrokenPipeError: if nobody reads standard output any more, though there is nothing to say to them.
    """
    while True:
        if events := list(book.history(session_id, after=after, limit=PAGE)):
            after = events[-1].version
            yield events
        if len(events) < PAGE:
            _wait()


def _wait() -> None:
    try:
        output = sys.stdout.fileno()
    except (AttributeError, io.UnsupportedOperation):
        output = None
    if output is None or not hasattr(select, "poll"):  # not on Windows
        time.sleep(PAUSE_S)
        return
    poll = select.poll()
    poll.register(output, 0)  # errors are reported without being asked for, and a reader that left is one
    if poll.poll(PAUSE_S * 1000):
        raise BrokenPipeError
