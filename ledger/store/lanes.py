"""The lanes of one ledger: a session is always in the same one, so that what is called in order is stored in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from zlib import crc32

from ledger.domain.session import Session
from ledger.errors import LedgerError
from ledger.store.committer import Committer
from ledger.store.lane import LONGEST_WAIT_S, Lane, Later
from ledger.store.process_forks import watch
from ledger.store.unit import Task, Unit

__all__ = ["Lanes"]

#: So many locks stand for all sessions: two that share one only wait for each other.
TURNS = 256


class Lanes:
    """Hands saves to their lanes. Safe to share between threads; after a `fork()` both sides have their own."""

    def __init__(self, make_committer: Callable[[], Committer], count: int) -> None:
        self._committers = [make_committer() for _ in range(count)]
        self._lanes = [Lane(each.commit, f"ledger-lane-{number}") for number, each in enumerate(self._committers)]
        self._turns = _locks()
        watch(self)

    def of(self, session_id: str) -> Lane:
        """Give the lane of a session."""
        if len(self._lanes) == 1:
            return self._lanes[0]
        return self._lanes[crc32(session_id.encode(errors="surrogatepass")) % len(self._lanes)]

    def run(self, unit: Unit) -> None:
        """Commit a unit and return when that is done."""
        self.of(unit.submissions[0].session_id).run(unit)

    def put(self, unit: Unit) -> Task | None:
        """Queue a unit, or give the ticket that has to be waited for first.

        An idle lane starts when the event loop has run all that is ready: many of its tasks may be about to save, and
        go together then.
        """
        try:
            later: Later | None = asyncio.get_running_loop().call_soon
        except RuntimeError:
            later = None  # the save was called outside of any loop, to be awaited in one
        return self.of(unit.submissions[0].session_id).put(unit, later=later)

    def leave(self, unit: Unit) -> bool:
        """Have a unit that nobody waits for any more withdrawn, if it has not begun, and tell whether it was.

        What becomes of it is logged, then or as soon as it is known.
        """
        withdrawn = self.of(unit.submissions[0].session_id).withdraw(unit)
        if withdrawn:
            unit.fail(LedgerError("it was cancelled before it began"))
            unit.end()
        if unit.leave():
            unit.tell()
        return withdrawn

    async def room(self, unit: Unit, ticket: Task) -> None:
        """Await room for a unit, and queue it.

        Raises:
            StorageError: if there was none for long.
        """
        lane = self.of(unit.submissions[0].session_id)
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await ticket.awaited()
        except TimeoutError:
            raise lane.full(ticket) from None
        except asyncio.CancelledError:
            lane.full(ticket)
            raise
        lane.put(unit, ticket)

    def task(self, session_id: str, work: Callable[[], Any]) -> Task:
        """Queue work that writes to a session, behind all that was called before."""
        task = Task(work)
        ticket = self.of(session_id).put(task)
        if ticket is not None:
            # Rare enough to be simple: what is no save waits in line whatever the length of it.
            self.of(session_id).put(task, ticket)
        return task

    def turn(self, sessions: Sequence[Session]) -> AbstractContextManager[object]:
        """Hold the turn of session objects, from what is taken of them to what is brought into them."""
        if len(sessions) == 1:
            return self._turns[id(sessions[0]) // 64 % TURNS]
        return self._several(sessions)

    @contextmanager
    def _several(self, sessions: Sequence[Session]) -> Iterator[None]:
        with ExitStack() as stack:
            for place in sorted({id(session) // 64 % TURNS for session in sessions}):
                stack.enter_context(self._turns[place])
            yield

    def before_fork(self) -> None:
        """Let nothing change while the process is copied."""
        for lane in self._lanes:
            lane.before_fork()

    def after_fork(self, *, child: bool) -> None:
        """Go on, in the parent or as the child."""
        if child:
            self._turns = _locks()
        for lane in self._lanes:
            lane.after_fork(child=child)

    def close(self) -> None:
        """Let what is queued finish, and end the threads."""
        for lane in self._lanes:
            lane.close()
        for committer in self._committers:
            committer.close()


def _locks() -> list[threading.RLock]:
    return [threading.RLock() for _ in range(TURNS)]
