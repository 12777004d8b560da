"""Turns: what one process saves to one namespace of a thread goes one by one, so that it need not try again.

A graph saves a step's writes and the checkpoint that they lead to at once. Each would lose to the other, and be made
anew: nothing is wrong with that, and it takes time.
"""

from __future__ import annotations

import asyncio
import threading
from weakref import WeakKeyDictionary, WeakValueDictionary

__all__ = ["Turns"]

Place = tuple[str, str]


class Turns:
    """A lock for each place, for threads, and one for each event loop. Safe to share between both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here: WeakValueDictionary[Place, _Turn] = WeakValueDictionary()
        self._awaited: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[Place, asyncio.Lock]]
        self._awaited = WeakKeyDictionary()

    def here(self, thread: str, namespace: str) -> _Turn:
        """Give the turn of a thread."""
        with self._lock:
            return self._here.setdefault((thread, namespace), _Turn())

    def awaited(self, thread: str, namespace: str) -> asyncio.Lock:
        """Give the turn of a task of the running event loop."""
        with self._lock:
            of_loop = self._awaited.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
            return of_loop.setdefault((thread, namespace), asyncio.Lock())


class _Turn:
    """A lock that can be let go of when nobody holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
