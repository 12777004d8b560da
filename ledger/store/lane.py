"""The lane: saves that wait are committed together, and what belongs to one session runs in the order of the calls."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ledger.errors import StorageError
from ledger.store.unit import Task, Unit, deliver

__all__ = ["LONGEST_WAIT_S", "MAX_BATCH", "MAX_WAITING", "Lane", "Later"]

#: So many saves go into one transaction at most.
MAX_BATCH = 128
#: So many saves may wait in a lane; more of them wait for room first.
MAX_WAITING = 4096
#: For room, at most so long.
LONGEST_WAIT_S = 30.0

#: Takes what is to be called as soon as everything that is ready has run.
Later = Callable[[Callable[[], None]], object]


class Lane:
    """A queue and the one thread that empties it, batch by batch. Safe to share between threads.

    A thread that finds the lane idle commits its own save at once, without a hop to another thread and back.
    """

    def __init__(self, commit: Callable[[Sequence[Unit]], None], name: str) -> None:
        self._commit = commit
        self._name = name
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._mutex = threading.Lock()
        #: Told when a lane that is to close has nothing left to do.
        self._at_rest = threading.Condition(self._mutex)
        self._queue: deque[Unit | Task] = deque()
        #: Those who wait for room, the longest first.
        self._tickets: deque[Task] = deque()
        #: The event loops that are to start the lane.
        self._starters: list[Later] = []
        self._busy = False
        self._at_work: Sequence[Unit | Task] = ()
        #: The thread that commits a save of its own, if one does.
        self._guest: int | None = None
        self._thread: ThreadPoolExecutor | None = None

    def run(self, unit: Unit) -> None:
        """Commit `unit` and return when that is done: at once if the lane is idle, else in its turn."""
        with self._mutex:
            idle = not self._busy and not self._queue
            if idle:
                self._busy, self._at_work, self._guest = True, (unit,), threading.get_ident()
        if not idle:
            ticket = self.put(unit)
            if ticket is not None:
                if not ticket.wait(LONGEST_WAIT_S):
                    raise self.full(ticket)
                self.put(unit, ticket)
            unit.wait()
            return
        try:
            self._commit((unit,))
        finally:
            with self._mutex:
                self._at_work, self._guest = (), None
                start = bool(self._queue)
                if not start:
                    self._rest()
            unit.end()
            if start:
                self._start()

    def put(self, item: Unit | Task, ticket: Task | None = None, *, later: Later | None = None) -> Task | None:
        """Queue something behind all that was queued before it; or give a ticket, if there is no room.

        Args:
            item: a unit, or a task.
            ticket: that was waited for: there is room now.
            later: calls what it is given when more may have been queued: an idle lane starts only then.
        """
        with self._mutex:
            full = len(self._queue) >= MAX_WAITING or self._tickets
            if full and ticket is None and not self._closed:
                ticket = Task(_nothing)
                self._tickets.append(ticket)
                return ticket
            self._queue.append(item)
            item.start = self.start
            # Each event loop starts the lane for itself: another one may be busy with something else for long.
            start = not self._busy and (later is None or later not in self._starters)
            if start and later is not None:
                self._starters.append(later)
        if start:
            (later or _at_once)(self.start)
        return None

    def start(self) -> None:
        """Begin with what is queued, if nobody has yet."""
        with self._mutex:
            self._starters.clear()
            if self._busy or not self._queue:
                return
            self._busy = True
        self._start()

    def withdraw(self, unit: Unit) -> bool:
        """Take a unit out of the queue again; `False` if it is not there any more."""
        with self._mutex:
            if unit not in self._queue:
                return False
            self._queue.remove(unit)
            return True

    def full(self, ticket: Task) -> StorageError:
        """Give a ticket back: who waited for room waits no longer, and is told this."""
        with self._mutex:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
        return StorageError(
            f"{MAX_WAITING:,} saves wait for the database already", "await saves before you make more of them"
        )

    def _start(self) -> None:
        """Let the lane's thread empty the queue."""
        try:
            if self._thread is None and not self._closed:
                self._thread = ThreadPoolExecutor(1, self._name)
            if self._thread is not None:
                self._thread.submit(self._drain)
                return
        except RuntimeError:
            pass  # it is closed, or the interpreter ends, and no thread takes anything any more
        self._drain()

    def _drain(self) -> None:
        while True:
            with self._mutex:
                batch = self._at_work = self._next()
                if not batch:
                    self._rest()
                    return
                admitted = [self._tickets.popleft() for _ in range(min(len(batch), len(self._tickets)))]
            if admitted:
                deliver(admitted)
            if isinstance(batch[0], Task):
                batch[0].run()
            else:
                self._commit([unit for unit in batch if isinstance(unit, Unit)])
            deliver(batch)

    def _rest(self) -> None:
        """Have nothing to do, for now or for ever. Whoever calls holds the mutex."""
        self._busy = False
        if self._closed:
            self._at_rest.notify_all()

    def _next(self) -> list[Unit | Task]:
        """Take what goes together next: one save a session, in the order of the queue."""
        batch: list[Unit | Task] = []
        passed: list[Unit | Task] = []
        ids: set[str] = set()
        while self._queue and len(batch) < MAX_BATCH and len(passed) < MAX_BATCH:
            item = self._queue[0]
            if isinstance(item, Task) or len(item.submissions) > 1:
                if not batch:
                    batch.append(self._queue.popleft())
                break
            self._queue.popleft()
            session_id = item.submissions[0].session_id
            if session_id in ids:
                passed.append(item)
            else:
                ids.add(session_id)
                batch.append(item)
        self._queue.extendleft(reversed(passed))
        return batch

    def before_fork(self) -> None:
        """Let nothing change while the process is copied."""
        self._mutex.acquire()

    def after_fork(self, *, child: bool) -> None:
        """Go on, in the parent or as the child, whose copies of what was queued are the parent's to store."""
        if not child:
            self._mutex.release()
            return
        left = [*self._at_work, *self._queue]
        self._begin()
        lost = StorageError("it was under way in the process that this one was forked from", "save again")
        for item in left:
            if isinstance(item, Unit) and not item.finished:
                item.fail(lost)
            item.finished = True  # of those who waited for it, none is in this process

    def close(self) -> None:
        """Let what is under way and queued finish, in whatever thread, and end the lane's own.

        What comes later runs at once, and is told of the end.
        """
        with self._mutex:
            self._closed = True
            thread, waiting = self._thread, list(self._tickets)
            self._tickets.clear()
        deliver(waiting)
        self.start()
        if thread is not None:
            thread.shutdown(wait=True)
        with self._mutex:
            # A signal handler may close the ledger in the middle of its own thread's save.
            while self._busy and self._guest != threading.get_ident():
                self._at_rest.wait()


def _at_once(act: Callable[[], None]) -> None:
    act()


def _nothing() -> None:
    """What a ticket does: it is waited for, and that is all."""
