"""Wakes those who wait for something to be saved.

A wake-up is a hint, and may be missed or come for nothing: who waits looks for itself, and looks again after a while
even if nothing woke it. So what is told here decides how soon something is seen, and never whether.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from ledger.errors import StorageError
from ledger.telemetry import get_logger

__all__ = ["Wakeups", "Watch"]

_log = get_logger(__name__)

#: A watch that failed is set up again after so long.
AGAIN_S = 1.0


class Watch(Protocol):
    """Notices what other processes do to the database, without being in a transaction of it."""

    def noticed(self) -> bool:
        """Wait for a moment; tell whether somebody may have saved in it."""

    def close(self) -> None:
        """Let go of what it holds."""


class Wakeups:
    """Calls everyone who listens when something was saved: here, or by another process. Safe to share between threads.

    While somebody listens, one thread watches the database for all of them.
    """

    def __init__(self, watch: Callable[[], Watch]) -> None:
        self._watch = watch
        self._changing = threading.Lock()
        self._listeners: dict[object, Callable[[], None]] = {}
        #: Those that are over may still be about to end.
        self._watchers: list[threading.Thread] = []
        self._over: threading.Event | None = None

    @contextmanager
    def heard_by(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake`, from any thread, whenever something may have been saved, for as long as this lasts."""
        token = object()
        with self._changing:
            self._listeners[token] = wake
            if self._over is None:
                self._begin_watch()
        try:
            yield
        finally:
            with self._changing:
                self._listeners.pop(token, None)
                if not self._listeners:
                    self._end_watch()

    def ring(self) -> None:
        """Wake everyone who listens."""
        if self._listeners:
            for wake in tuple(self._listeners.values()):
                wake()

    def close(self) -> None:
        """Wake everyone a last time, and stop watching."""
        with self._changing:
            self._end_watch()
        self.ring()
        for watcher in self._watchers:
            watcher.join()

    def _begin_watch(self) -> None:
        self._over = threading.Event()
        watcher = threading.Thread(target=self._keep_watch, args=(self._over,), name="ledger-watch", daemon=True)
        # Before it is noted: who is interrupted here must not be left with one to join that was never started.
        watcher.start()
        self._watchers = [*(other for other in self._watchers if other.is_alive()), watcher]

    def _end_watch(self) -> None:
        if self._over is not None:
            self._over.set()
            self._over = None

    def _keep_watch(self, over: threading.Event) -> None:
        lost = False
        while not over.is_set():
            try:
                watch = self._watch()
                try:
                    # What was saved before the watch was kept went unnoticed.
                    self.ring()
                    if lost:
                        _log.debug("watch_restored")
                    lost = False
                    while not over.is_set():
                        if watch.noticed():
                            self.ring()
                finally:
                    watch.close()
            except StorageError as error:
                # Those who wait look for themselves meanwhile, and say what they find.
                if not lost:
                    _log.debug("watch_lost", error=str(error))
                lost = True
                over.wait(AGAIN_S)
