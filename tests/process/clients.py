"""Clients that read and write at once, and tell of each call before it is made and after it is answered."""

import asyncio
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ledger
from ledger import AsyncLedger, Ledger, Message, Receipt, Session, SessionNotFound, StorageError, VersionConflict
from tests.process.history import told_by
from tests.process.work import MODEL, Say

__all__ = ["in_tasks", "in_threads"]

#: What a client does next, and how often.
KINDS = {"save": 8, "guarded": 3, "keyed": 3, "pair": 1, "read": 5}
#: A key is one of so many, so that clients meet at them.
KEYS = 3
#: A write whose outcome is not known is tried again so often, by the same object, unless there is more patience.
TRIES = 5
WAIT_S = 0.1


class Client:
    """One client: a name, what it holds of each session, and a seeded choice of what it does next."""

    def __init__(self, report: Say, name: str, sessions: Sequence[str], *, seed: int, tries: int) -> None:
        self._report = report
        self.name = name
        self._sessions = list(sessions)
        self._chance = random.Random(f"{seed} {name}")
        self._held: dict[str, Session] = {}
        self._calls = 0
        self._tries = tries

    def take(self, book: Ledger) -> None:
        """Do one thing with a ledger, through its sync face."""
        kind = self._chance.choices(list(KINDS), list(KINDS.values()))[0]
        self._calls += 1
        mark = f"{self.name}.{self._calls}"
        session_id = self._chance.choice(self._sessions)
        match kind:
            case "read":
                self._read(book, mark, session_id)
            case "keyed":
                self._keyed(book, mark, session_id)
            case "guarded":
                self._guarded(book, mark, session_id)
            case "pair" if len(set(self._sessions)) > 1:
                pair = self._chance.sample(sorted(set(self._sessions)), 2)
                self._write(book, "pair", mark, [self._mine(book, each) for each in pair])
            case _:
                self._write(book, "save", mark, [self._mine(book, session_id)])

    def _mine(self, book: Ledger, session_id: str) -> Session:
        """Give the client's own copy, which others outrun; now and then a fresh one."""
        if session_id not in self._held or self._chance.random() < 0.1:
            self._held[session_id] = loaded(book, session_id, self._tries)
        return self._held[session_id]

    def _write(self, book: Ledger, kind: str, mark: str, sessions: list[Session], **keywords: Any) -> None:
        for session in sessions:
            session.add_message(_message(mark))
        self.invoke(mark, kind, [session.id for session in sessions], expected=keywords.get("expected_version", 0))
        for _ in range(self._tries):
            try:
                receipts = book.save_all(sessions, writer=self.name, **keywords)
            except StorageError:
                time.sleep(WAIT_S)  # the server is away; the same objects find out what became of the last try
            except VersionConflict as error:
                self.respond(mark, outcome="refused", expected=error.actual)
                break
            else:
                self.done(mark, receipts)
                return
        for session in sessions:
            self._held.pop(session.id, None)

    def _guarded(self, book: Ledger, mark: str, session_id: str) -> None:
        session = loaded(book, session_id, self._tries)
        self._write(book, "guarded", mark, [session], expected_version=session.version)

    def _keyed(self, book: Ledger, mark: str, session_id: str) -> None:
        if session_id not in self._held:
            self._write(book, "save", mark, [self._mine(book, session_id)])
            return
        key = f"key {self._chance.randrange(KEYS)}"
        self.invoke(mark, "keyed", [session_id], key=key)
        for _ in range(self._tries):
            try:
                receipt = book.append(session_id, _message(mark, f"once for {key}"), writer=self.name, key=key)
            except (StorageError, SessionNotFound):
                time.sleep(WAIT_S)
            else:
                self.done(mark, [receipt])
                return

    def _read(self, book: Ledger, mark: str, session_id: str) -> None:
        self.invoke(mark, "read", [session_id])
        self.saw(mark, loaded(book, session_id, self._tries))

    def invoke(self, mark: str, kind: str, sessions: list[str], **more: Any) -> None:
        """Tell of a call that is about to be made."""
        self._report(invoke=mark, kind=kind, sessions=sessions, invoked=time.monotonic_ns(), **more)

    def done(self, mark: str, receipts: list[Receipt]) -> None:
        """Tell of a write that was answered."""
        versions, digests = [receipt.version for receipt in receipts], [receipt.digest for receipt in receipts]
        self.respond(mark, outcome="done", versions=versions, digests=digests)

    def saw(self, mark: str, session: Session) -> None:
        """Tell of a read that was answered."""
        seen = told_by([message.id for message in session.messages])
        self.respond(mark, outcome="done", versions=[session.version], seen=seen)

    def respond(self, mark: str, **told: Any) -> None:
        """Tell of an answer."""
        self._report(respond=mark, responded=time.monotonic_ns(), **told)


def _message(mark: str, content: str = "") -> Message:
    return Message.user(content or f"said by {mark}", id=mark)


def loaded(book: Ledger, session_id: str, tries: int) -> Session:
    """Give the head of a session, or a fresh one; wait for a server that is away."""
    for _ in range(tries):
        try:
            return book.load_or_create(session_id, model=MODEL)
        except StorageError:
            time.sleep(WAIT_S)
    return book.load_or_create(session_id, model=MODEL)


class AsyncClient(Client):
    """One client of the async face: plain saves and reads, which meet those of other tasks in one lane."""

    async def take_async(self, book: AsyncLedger) -> None:
        """Do one thing with a ledger."""
        self._calls += 1
        mark = f"{self.name}.{self._calls}"
        session_id = self._chance.choice(self._sessions)
        if self._chance.random() < 0.3:
            self.invoke(mark, "read", [session_id])
            self.saw(mark, await self._loaded(book, session_id))
            return
        if session_id not in self._held:
            self._held[session_id] = await self._loaded(book, session_id)
        self._held[session_id].add_message(_message(mark))
        self.invoke(mark, "save", [session_id])
        for _ in range(self._tries):
            try:
                receipt = await book.save(self._held[session_id], writer=self.name)
            except StorageError:
                await asyncio.sleep(WAIT_S)
            else:
                self.done(mark, [receipt])
                return
        del self._held[session_id]

    async def _loaded(self, book: AsyncLedger, session_id: str) -> Session:
        for _ in range(self._tries):
            try:
                return await book.load_or_create(session_id, model=MODEL)
            except StorageError:
                await asyncio.sleep(WAIT_S)
        return await book.load_or_create(session_id, model=MODEL)


def in_threads(report: Say, url: str, *, names: Sequence[str], calls: int, tries: int = TRIES, **choice: Any) -> None:
    """Run a client in a thread each, on one ledger."""
    with ledger.open(url, create=False) as book, ThreadPoolExecutor(len(names)) as pool:
        report(ready=True)

        def run(name: str) -> None:
            client = Client(report, name, tries=tries, **choice)
            for _ in range(calls):
                client.take(book)

        for each in [pool.submit(run, name) for name in names]:
            each.result()


def in_tasks(report: Say, url: str, *, names: Sequence[str], calls: int, tries: int = TRIES, **choice: Any) -> None:
    """Run a client in a task each, on one async ledger."""

    async def run(book: AsyncLedger, name: str) -> None:
        client = AsyncClient(report, name, tries=tries, **choice)
        for _ in range(calls):
            await client.take_async(book)

    async def go() -> None:
        async with ledger.open_async(url, create=False) as book:
            report(ready=True)
            await asyncio.gather(*(run(book, name) for name in names))

    asyncio.run(go())
