"""The ledger that an adapter works with: one that is open already, or one that it opens by its URL and closes again."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import ledger
from ledger.asyncbook import AsyncLedger

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Opened", "UsesLedger"]


class Opened:
    """A ledger for as long as an adapter needs it. Safe to share between threads and event loops.

    A URL is opened when it is first needed, once a process: adapters of one URL share the ledger, and the last that is
    closed, or forgotten, closes it. A ledger that is handed over open stays open.
    """

    def __init__(self, ledger_or_url: Ledger | AsyncLedger | str, *, writer: str) -> None:
        self._given = ledger_or_url
        self._writer = writer
        self._lock = threading.Lock()
        self._lease: _Lease | None = None
        self._closed = False

    @property
    def book(self) -> Ledger:
        """The ledger, opened if it is not yet.

        Raises:
            StorageError: if it cannot be opened.
            RuntimeError: if the adapter was closed.
        """
        if isinstance(self._given, AsyncLedger):
            return self._given.book
        if not isinstance(self._given, str):
            return self._given
        with self._lock:
            if self._closed:
                raise RuntimeError(f"the adapter of {self._given} is closed")
            if self._lease is None or not self._lease.is_ours:
                self._lease = _Lease(self._given, self._writer)
                weakref.finalize(self, self._lease.end)
            return self._lease.book

    async def awaited(self) -> AsyncLedger:
        """Give the ledger for awaiting; if it has to be opened first, that happens off the event loop."""
        if isinstance(self._given, AsyncLedger):
            return self._given
        lease = self._lease
        if isinstance(self._given, str) and (lease is None or not lease.is_ours):
            return AsyncLedger(await asyncio.to_thread(lambda: self.book))
        return AsyncLedger(self.book)

    def close(self) -> None:
        """Let go of what was opened here; what was handed over open stays so. Closing twice is fine."""
        with self._lock:
            self._closed = True
            lease, self._lease = self._lease, None
        if lease is not None:
            lease.end()


class _Lease:
    """One user's share of a ledger that a process has open."""

    def __init__(self, url: str, writer: str) -> None:
        self._pid = os.getpid()
        self._key = (self._pid, url, writer)
        self._ended = False
        self.book: Ledger
        with _shared_lock:
            held = _shared.get(self._key)
            if held is None:
                held = _shared[self._key] = (ledger.open(url, writer=writer), set())
            self.book, users = held
            users.add(id(self))

    @property
    def is_ours(self) -> bool:
        """Whether it was taken in this process, and not in one that this was forked from."""
        return self._pid == os.getpid()

    def end(self) -> None:
        """Give it back; the last one closes the ledger."""
        with _shared_lock:
            if self._ended or not self.is_ours:
                return
            self._ended = True
            book, users = _shared[self._key]
            users.discard(id(self))
            if users:
                return
            del _shared[self._key]
        book.close()


_shared_lock = threading.RLock()
_shared: dict[tuple[int, str, str], tuple[Any, set[int]]] = {}


class UsesLedger:
    """What every adapter is: it closes what it opened, as a plain and as an async context manager too."""

    _opened: Opened

    def close(self) -> None:
        """Close what was opened here; a ledger that was handed over open stays open."""
        self._opened.close()

    async def aclose(self) -> None:
        """Close likewise, off the event loop."""
        await asyncio.to_thread(self._opened.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
