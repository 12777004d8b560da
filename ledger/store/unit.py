"""What a lane is given: submissions that are stored together, and work that must not run between two saves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

from ledger.domain.flights import Outcome, Submission
from ledger.errors import LedgerError, StorageError
from ledger.store.planner import Plan
from ledger.telemetry import get_logger

__all__ = ["Task", "Unit", "deliver"]

_log = get_logger(__name__)


class _Awaited:
    """Something that is done by another thread. Threads wait for it, and tasks of any event loop await it."""

    __slots__ = ("_event", "_lock", "_tasks", "error", "finished", "left", "start")

    def __init__(self) -> None:
        #: Lets the lane begin that has it, and will finish it; `None` where none has.
        self.start: Callable[[], None] | None = None
        self.finished = False
        self.left = False
        self.error: BaseException | None = None
        self._lock = threading.Lock()
        self._event: threading.Event | None = None
        self._tasks: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] | None = None

    def wait(self, longest_s: float | None = None) -> bool:
        """Wait until it is finished, and tell whether it is."""
        with self._lock:
            if self.finished:
                return True
            self._event = self._event or threading.Event()
        return self._event.wait(longest_s)

    async def awaited(self) -> None:
        """Await that it is finished. Cancelling this leaves it under way."""
        if self.finished:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            done = self.finished
            if not done:
                self._tasks = [*(self._tasks or ()), (loop, future)]
        if not done:
            await future

    def end(self) -> list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]]:
        """Note that it is finished and wake the threads; give the tasks, which `deliver` wakes."""
        with self._lock:
            self.finished = True
            tasks, self._tasks = self._tasks, None
        if self._event is not None:
            self._event.set()
        return tasks or []

    def leave(self) -> bool:
        """Wait for it no longer, and tell whether it is finished; if it is not, it says later what became of it."""
        with self._lock:
            self.left = not self.finished
            return self.finished


class Unit(_Awaited):
    """Submissions that are stored together, all or none, and what became of them."""

    __slots__ = ("outcomes", "plans", "submissions")

    def __init__(self, submissions: Sequence[Submission]) -> None:
        super().__init__()
        self.submissions = submissions
        for submission in submissions:
            submission.under_way = self
        #: What they become, once that is decided.
        self.plans: list[Plan] = []
        self.outcomes: list[Outcome] = []

    def finish(self, outcomes: list[Outcome]) -> None:
        """Note that they are stored."""
        self.outcomes = outcomes
        for submission, outcome in zip(self.submissions, outcomes, strict=True):
            submission.outcome = outcome

    def fail(self, error: BaseException) -> None:
        """Note why they are not stored; after an error of storage it is open whether they are."""
        self.error = error
        ambiguous = isinstance(error, StorageError) or not isinstance(error, LedgerError)
        for submission in self.submissions:
            submission.failed, submission.ambiguous = True, ambiguous

    def end(self) -> list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]]:
        """Note that it is finished, and say what became of a save whose caller was cancelled."""
        tasks = super().end()
        for submission in self.submissions:
            submission.under_way = None  # a circle of objects would stay until the collector looks for it
        if self.left:
            self.tell()
        return tasks

    def tell(self) -> None:
        """Say what became of a save that nobody waited for to the end."""
        for place, submission in enumerate(self.submissions):
            bound = {"session_id": submission.session_id, "writer": submission.writer, "event_id": submission.event_id}
            if self.error is None:
                _log.info("cancelled_save_stored", **bound, version=self.outcomes[place].receipt.version)
            else:
                _log.warning("cancelled_save_not_stored", **bound, reason=str(self.error))

    def result(self) -> list[Outcome]:
        """Give what became of them.

        Raises:
            LedgerError: what refused one of them.
        """
        if self.error is not None:
            raise self.error
        return self.outcomes


class Task(_Awaited):
    """A piece of work that runs in a lane by itself, in its turn."""

    __slots__ = ("_work", "value")

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__()
        self._work = work
        self.value: Any = None

    def run(self) -> None:
        """Do it."""
        try:
            self.value = self._work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the task is awaited
            self.error = error

    def result(self) -> Any:
        """Give what it gave, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return self.value


def deliver(finished: Sequence[_Awaited]) -> None:
    """Wake everyone who waits for these: the tasks of an event loop all at once, which costs what waking one does."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for each in finished:
        for loop, future in each.end():
            by_loop.setdefault(loop, []).append(future)
    for loop, futures in by_loop.items():
        try:
            loop.call_soon_threadsafe(_wake, futures)
        except RuntimeError:
            continue  # the loop was closed: nobody waits there any more


def _wake(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
