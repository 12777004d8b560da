"""Turns: what one process saves to one place goes one by one, so that it need not try again.

A framework saves several things of one step at once, and its next call goes on from where the last one left the
caller's object. Each would lose to the other, and be made anew: nothing is wrong with that, and it takes time. Between
processes it is the session's version that decides.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable
from weakref import WeakKeyDictionary, WeakValueDictionary

__all__ = ["Turns"]


class Turns:
    """A lock for each place, for threads, and one for each event loop. Safe to share between both."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._here: WeakValueDictionary[Hashable, _Turn] = WeakValueDictionary()
        self._awaited: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[Hashable, asyncio.Lock]]
        self._awaited = WeakKeyDictionary()

    def here(self, place: Hashable) -> _Turn:
        """Give the turn of a thread."""
        with self._lock:
            return self._here.setdefault(place, _Turn())

    def awaited(self, place: Hashable) -> asyncio.Lock:
        """Give the turn of a task of the running event loop."""
        with self._lock:
            of_loop = self._awaited.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
            return of_loop.setdefault(place, asyncio.Lock())


class _Turn:
    """A lock that can be let go of when nobody holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
