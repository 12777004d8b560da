"""The ledger that an adapter works with: one that is open already, or one that it opens by its URL and closes again."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

import ledger
from ledger.asyncbook import AsyncLedger
from ledger.store.process_forks import watch

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Opened", "UsesLedger"]


class Opened:
    """A ledger for as long as an adapter needs it. Safe to share between threads and event loops.

    A URL is opened when it is first needed, once a process: adapters of one URL and writer share the ledger, and the
    last that is closed closes it. One that was forgotten instead is let go when another is opened or closed next. After
    a `fork()` the child goes on with what was open, as `Ledger` does. A ledger that is handed over open stays open.
    """

    def __init__(self, ledger_or_url: Ledger | AsyncLedger | str, *, writer: str) -> None:
        self._given = ledger_or_url
        self._writer = writer
        self._share: _Share | None = None
        self._forgotten: weakref.finalize[[_Share], Opened] | None = None
        self._closed = False

    @property
    def book(self) -> Ledger:
        """The ledger, opened if it is not yet.

        Raises:
            StorageError: if it cannot be opened; the next call tries again.
            RuntimeError: if the adapter was closed.
        """
        if isinstance(self._given, AsyncLedger):
            return self._given.book
        if not isinstance(self._given, str):
            return self._given
        with _shares.lock:
            if self._closed:
                raise RuntimeError(f"the adapter of {self._given} is closed")
            share = self._share
            if share is None:
                share = self._share = _shares.take(_Key.of(self._given, self._writer))
                # Whatever thread it is that finds this forgotten may hold any lock: so no more than a note is made.
                self._forgotten = weakref.finalize(self, _shares.forgotten.append, share)
                self._forgotten.atexit = False
        _shares.let_go()
        return share.open()

    async def awaited(self) -> AsyncLedger:
        """Give the ledger for awaiting; if it has to be opened first, that happens off the event loop."""
        if isinstance(self._given, AsyncLedger):
            return self._given
        if isinstance(self._given, str) and (self._share is None or not self._share.is_open):
            return AsyncLedger(await asyncio.to_thread(lambda: self.book))
        return AsyncLedger(self.book)

    def close(self) -> None:
        """Let go of what was opened here; what was handed over open stays so. Closing twice is fine."""
        with _shares.lock:
            self._closed = True
            share, self._share = self._share, None
            if self._forgotten is not None:
                self._forgotten.detach()
        _shares.let_go(*([] if share is None else [share]))


class _Key(NamedTuple):
    """What is one ledger. The name of a file means another one in another folder."""

    url: str
    writer: str
    folder: str

    @classmethod
    def of(cls, url: str, writer: str) -> Self:
        try:
            folder = os.getcwd() if url.startswith("sqlite") else ""  # noqa: PTH109 - compared, and never opened
        except FileNotFoundError:
            folder = ""  # it was removed under us
        return cls(url, writer, folder)


class _Share:
    """A ledger that several adapters have, and how many."""

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.users = 0
        self.lock = threading.Lock()
        self._book: Ledger | None = None

    @property
    def is_open(self) -> bool:
        return self._book is not None

    def open(self) -> Ledger:
        """Give the ledger, opened by the first that asks; others meanwhile wait for that, and for nothing else."""
        with self.lock:
            if self._book is None:
                self._book = ledger.open(self.key.url, writer=self.key.writer)
            return self._book

    def close(self) -> None:
        with self.lock:
            if self._book is not None:
                self._book.close()


class _Shares:
    """The ledgers that a process has open by their URLs."""

    def __init__(self) -> None:
        #: Held for moments: nothing is opened or closed under it.
        self.lock = threading.Lock()
        #: Shares whose user is gone without having closed it.
        self.forgotten: deque[_Share] = deque()
        self._shares: dict[_Key, _Share] = {}
        watch(self)
        atexit.register(self.close)

    def take(self, key: _Key) -> _Share:
        """Give the share of a ledger to one more user; the lock is held."""
        share = self._shares.setdefault(key, _Share(key))
        share.users += 1
        return share

    def let_go(self, *given_back: _Share) -> None:
        """Take back what is given back, and what was forgotten; what nobody uses any more is closed."""
        if not (given_back or self.forgotten):
            return
        unused = []
        with self.lock:
            back = [*given_back]
            while self.forgotten:
                back.append(self.forgotten.popleft())
            for share in back:
                share.users -= 1
                if not share.users:
                    self._shares.pop(share.key, None)  # it is not there any more where the process ends
                    unused.append(share)
        for share in unused:
            share.close()

    def close(self) -> None:
        """Close all that is open: the process ends."""
        with self.lock:
            shares = list(self._shares.values())
            self._shares.clear()
            self.forgotten.clear()
        for share in shares:
            share.close()

    def before_fork(self) -> None:
        """Nothing: a ledger that is being opened may be waiting for the fork itself."""

    def after_fork(self, *, child: bool) -> None:
        """Let the child have locks that nobody holds: whoever held one is not there."""
        if child:
            self.lock = threading.Lock()
            for share in self._shares.values():
                share.lock = threading.Lock()


_shares = _Shares()


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
