"""One call after the other for each session, in the order in which they came."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

__all__ = ["Turns"]


class Turns:
    """Lets the calls for one session follow one another, on each event loop.

    So the next one goes on from where the one before has left the caller's object. Between loops and processes it is
    the session's version that decides.
    """

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, tuple[asyncio.Lock, int]]]
        self._loops = WeakKeyDictionary()
        self._lock = threading.Lock()

    @asynccontextmanager
    async def of(self, session_id: str) -> AsyncIterator[None]:
        """Wait for the turn, and hold it as long as this lasts."""
        with self._lock:
            turns = self._loops.setdefault(asyncio.get_running_loop(), {})
        lock, waiting = turns.get(session_id, (asyncio.Lock(), 0))
        turns[session_id] = lock, waiting + 1
        try:
            async with lock:
                yield
        finally:
            lock, waiting = turns.pop(session_id)
            if waiting > 1:
                turns[session_id] = lock, waiting - 1
