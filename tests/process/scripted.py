"""A workload that is the same whenever it runs, so that a fault can be put at each of its system calls in turn."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import ledger
from ledger import AsyncLedger, Ledger, LedgerError, Receipt, Session, StorageError
from tests.process.bare import url_of
from tests.process.injecting import allow_tracing, wait_at
from tests.process.work import MODEL, Say, acknowledge, take_turn

__all__ = ["from_tasks", "from_the_sync_face"]

#: A save that is refused is tried again so often before the worker waits for the disk to be well again.
TRIES = 3
WRITER = "agent"

T = TypeVar("T")


class Patience:
    """Goes on where something was refused: tries again, and then waits until whoever plants the faults has stopped."""

    def __init__(self, report: Say, healed: str) -> None:
        self._report = report
        self._healed: str | None = healed

    def begin(self, ready: str) -> None:
        """Say that faults can be put in now, and wait until they are."""
        allow_tracing()
        self._report(ready=True)
        wait_at(ready)

    def refused(self, what: str, error: LedgerError, tries: int) -> None:
        """Tell of a refusal; once there were too many, wait, and give up if it is no better afterwards."""
        self._report(refused=what, error=type(error).__name__, message=str(error)[:300])
        if tries < TRIES:
            return
        if self._healed is not None:
            self._report(waiting=True)
            wait_at(self._healed)
            self._healed = None
        elif tries == 2 * TRIES:
            raise error

    def call(self, what: str, act: Callable[[], T]) -> T:
        """Act until it is not refused."""
        tries = 0
        while True:
            try:
                return act()
            except StorageError as error:
                tries += 1
                self.refused(what, error, tries)


def from_the_sync_face(report: Say, path: str, ready: str, healed: str) -> None:
    """Save a few turns one by one and two at once, take a snapshot, build read models, and close."""
    patience = Patience(report, healed)
    patience.begin(ready)

    def save(book: Ledger, sessions: Sequence[Session]) -> None:
        numbers = []
        for session in sessions:
            numbers.append(take_turn(session, WRITER))
            report(attempt=numbers[-1], writer=WRITER, session_id=session.id)
        receipts = patience.call("save", lambda: book.save_all(sessions))
        for number, receipt in zip(numbers, receipts, strict=True):
            acknowledge(report, number, WRITER, receipt)

    with patience.call("open", lambda: ledger.open(url_of(path), create=False, writer=WRITER)) as book:
        first = patience.call("load", lambda: book.load_or_create("s1", model=MODEL))
        second = Session.new("s2", MODEL)
        save(book, [first])
        save(book, [first])
        save(book, [second, first])
        patience.call("snapshot", lambda: book.snapshot("s1"))
        patience.call("sessions", book.sessions)
        save(book, [second])
    report(done=True)


def from_tasks(report: Say, path: str, ready: str, healed: str) -> None:
    """Save turns of several sessions at once through the async face, and close."""
    patience = Patience(report, healed)

    async def save(book: AsyncLedger, session: Session) -> Receipt:
        tries = 0
        while True:
            try:
                return await book.save(session)
            except StorageError as error:
                tries += 1
                patience.refused("save", error, tries)

    async def work(book: AsyncLedger, name: str) -> None:
        session = Session.new(name, MODEL)
        for _ in range(2):
            number = take_turn(session, WRITER)
            report(attempt=number, writer=WRITER, session_id=name)
            acknowledge(report, number, WRITER, await save(book, session))

    async def go() -> None:
        book = patience.call("open", lambda: ledger.open(url_of(path), create=False, writer=WRITER))
        async with AsyncLedger(book) as shared:
            await asyncio.gather(*(work(shared, f"task {number}") for number in range(6)))

    patience.begin(ready)
    asyncio.run(go())
    report(done=True)
