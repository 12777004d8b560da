"""The threads that read for async callers."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["Threads"]

READERS = 4

T = TypeVar("T")


class Threads:
    """Runs blocking reads off the event loop. After a `fork()` the child gets threads of its own."""

    def __init__(self) -> None:
        self._pid = 0
        self._starting = threading.Lock()
        self._readers: ThreadPoolExecutor | None = None
        self._closed = False

    def _start(self) -> ThreadPoolExecutor:
        with self._starting:
            if self._pid != os.getpid() or self._readers is None:
                self._pid = os.getpid()
                self._readers = ThreadPoolExecutor(READERS, "ledger-reader")
            return self._readers

    async def read(self, work: Callable[..., T], *args: Any, **keywords: Any) -> T:
        """Run reading work on a free reader."""
        return await asyncio.wrap_future(self._submit(work, *args, **keywords))

    def _submit(self, work: Callable[..., T], *args: Any, **keywords: Any) -> Future[T]:
        if not self._closed:
            return self._start().submit(work, *args, **keywords)
        # No threads for what comes too late: the work itself says, at once, that the ledger is closed.
        late: Future[T] = Future()
        try:
            late.set_result(work(*args, **keywords))
        except Exception as error:  # noqa: BLE001 - it is raised where the future is awaited
            late.set_exception(error)
        return late

    def close(self) -> None:
        """Let what is queued finish, and end the threads."""
        self._closed = True
        if self._pid == os.getpid() and self._readers is not None:
            self._readers.shutdown(wait=True)
        self._readers = None
