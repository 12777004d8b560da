"""Keeps open connections out of a `fork()`.

SQLite counts the locks of a process in memory, since POSIX locks belong to a process as a whole. A fork copies that
count but not the locks: a child that inherits a connection believes to hold locks that only its parent holds, and a
parent that closes its own connections then finds itself alone and deletes the write-ahead log, with all that the child
saved. So a fork waits for the transactions under way, and the connections are closed before it; either side opens new
ones when it needs them.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import Protocol

from ledger.telemetry import get_logger

__all__ = ["LONGEST_WAIT_S", "Forkable", "Gate", "watch"]

_log = get_logger(__name__)

#: A fork waits at most so long for a transaction; then it happens all the same, and is logged.
LONGEST_WAIT_S = 30.0


class Gate:
    """Lets any number of transactions run, and none while it is shut. As a context manager: being inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._inside: dict[int, int] = {}
        self._shut = False

    def __enter__(self) -> None:
        self.enter()

    def __exit__(self, *_: object) -> None:
        self.leave()

    def enter(self) -> None:
        """Go in; wait while the gate is shut, unless this thread is inside already."""
        thread = threading.get_ident()
        with self._lock:
            while self._shut and thread not in self._inside:
                self._changed.wait()
            self._inside[thread] = self._inside.get(thread, 0) + 1

    def leave(self) -> None:
        """Go out."""
        thread = threading.get_ident()
        with self._lock:
            left = self._inside[thread] - 1
            if left:
                self._inside[thread] = left
                return
            del self._inside[thread]
            if self._shut:
                self._changed.notify_all()

    def shut(self, wait_s: float) -> bool:
        """Let nobody in, and wait until all are out. `False` if some still are, or this thread itself is."""
        until = time.monotonic() + wait_s
        thread = threading.get_ident()
        with self._changed:
            self._shut = True
            while self._inside.keys() - {thread}:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            return not self._inside

    def open(self) -> None:
        """Let those in who wait."""
        with self._changed:
            self._shut = False
            self._changed.notify_all()


class Forkable(Protocol):
    """What has to be told of a fork."""

    def before_fork(self) -> None:
        """Hold everyone off, and close every connection."""

    def after_fork(self, *, child: bool) -> None:
        """Go on, in the parent or as the child."""


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()


def watch(database: Forkable) -> None:
    """Tell `database` of every fork from now on, for as long as it lives."""
    _watched.add(database)


def _before() -> None:
    for database in list(_watched):
        database.before_fork()


def _after_in_parent() -> None:
    for database in list(_watched):
        database.after_fork(child=False)


def _after_in_child() -> None:
    for database in list(_watched):
        database.after_fork(child=True)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork either
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
