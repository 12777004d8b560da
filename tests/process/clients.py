"""Clients that read and write at once, and tell of each call before it is made and after it is answered."""

import asyncio
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ledger
from ledger import Ledger, Message, Receipt, Session, SessionNotFound, StorageError, VersionConflict
from tests.process.history import told_by
from tests.process.work import MODEL, Say

__all__ = ["in_tasks", "in_threads"]

#: What a client does next, and how often.
KINDS = {"save": 8, "guarded": 3, "keyed": 3, "pair": 1, "read": 5}
#: A key is one of so many, so that clients meet at them.
KEYS = 12
#: A write whose outcome is not known is tried again so often, by the same object.
TRIES = 40
WAIT_S = 0.25


class Client:
    """One client: a name, what it holds of each session, and a seeded choice of what it does next."""

    def __init__(self, report: Say, name: str, sessions: Sequence[str], seed: int) -> None:
        self._report = report
        self.name = name
        self._sessions = list(sessions)
        self._chance = random.Random(f"{seed} {name}")
        self._held: dict[str, Session] = {}
        self._calls = 0

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
            self._held[session_id] = loaded(book, session_id)
        return self._held[session_id]

    def _write(self, book: Ledger, kind: str, mark: str, sessions: list[Session], **keywords: Any) -> None:
        for session in sessions:
            session.add_message(_message(mark))
        self.invoke(mark, kind, [session.id for session in sessions], expected=keywords.get("expected_version", 0))
        for _ in range(TRIES):
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
        session = loaded(book, session_id)
        self._write(book, "guarded", mark, [session], expected_version=session.version)

    def _keyed(self, book: Ledger, mark: str, session_id: str) -> None:
        if session_id not in self._held:
            self._write(book, "save", mark, [self._mine(book, session_id)])
            return
        key = f"key {self._chance.randrange(KEYS)}"
        self.invoke(mark, "keyed", [session_id], key=key)
        for _ in range(TRIES):
            try:
                receipt = book.append(session_id, _message(mark, f"once for {key}"), writer=self.name, key=key)
            except (StorageError, SessionNotFound):
                time.sleep(WAIT_S)
            else:
                self.done(mark, [receipt])
                return

    def _read(self, book: Ledger, mark: str, session_id: str) -> None:
        self.invoke(mark, "read", [session_id])
        session = loaded(book, session_id)
        seen = told_by([message.id for message in session.messages])
        self.respond(mark, outcome="done", versions=[session.version], seen=seen)

    def invoke(self, mark: str, kind: str, sessions: list[str], **more: Any) -> None:
        """Tell of a call that is about to be made."""
        self._report(invoke=mark, kind=kind, sessions=sessions, invoked=time.monotonic_ns(), **more)

    def done(self, mark: str, receipts: list[Receipt]) -> None:
        """Tell of a write that was answered."""
        versions, digests = [receipt.version for receipt in receipts], [receipt.digest for receipt in receipts]
        self.respond(mark, outcome="done", versions=versions, digests=digests)

    def respond(self, mark: str, **told: Any) -> None:
        """Tell of an answer."""
        self._report(respond=mark, responded=time.monotonic_ns(), **told)


def _message(mark: str, content: str = "") -> Message:
    return Message.user(content or f"said by {mark}", id=mark)


def loaded(book: Ledger, session_id: str) -> Session:
    """Give the head of a session, or a fresh one; wait for a server that is away."""
    for _ in range(TRIES):
        try:
            return book.load_or_create(session_id, model=MODEL)
        except StorageError:
            time.sleep(WAIT_S)
    return book.load_or_create(session_id, model=MODEL)


def in_threads(report: Say, url: str, *, names: Sequence[str], sessions: Sequence[str], seed: int, calls: int) -> None:
    """Run a client in a thread each, on one ledger."""
    with ledger.open(url, create=False) as book, ThreadPoolExecutor(len(names)) as pool:
        report(ready=True)

        def run(name: str) -> None:
            client = Client(report, name, sessions, seed)
            for _ in range(calls):
                client.take(book)

        for each in [pool.submit(run, name) for name in names]:
            each.result()


def in_tasks(report: Say, url: str, *, names: Sequence[str], sessions: Sequence[str], seed: int, calls: int) -> None:
    """Run writers in a task each, on one async ledger: plain saves and reads, which meet in one lane."""

    async def run(book: ledger.AsyncLedger, name: str) -> None:
        chance = random.Random(f"{seed} {name}")
        client = Client(report, name, sessions, seed)
        held: dict[str, Session] = {}
        for call in range(calls):
            mark = f"{name}.{call}"
            session_id = chance.choice(list(sessions))
            if chance.random() < 0.3:
                client.invoke(mark, "read", [session_id])
                session = await book.load_or_create(session_id, model=MODEL)
                seen = told_by([message.id for message in session.messages])
                client.respond(mark, outcome="done", versions=[session.version], seen=seen)
                continue
            if session_id not in held:
                held[session_id] = await book.load_or_create(session_id, model=MODEL)
            held[session_id].add_message(_message(mark))
            client.invoke(mark, "save", [session_id])
            for _ in range(TRIES):
                try:
                    receipt = await book.save(held[session_id], writer=name)
                except StorageError:
                    await asyncio.sleep(WAIT_S)
                else:
                    client.done(mark, [receipt])
                    break
            else:
                del held[session_id]

    async def go() -> None:
        async with ledger.open_async(url, create=False) as book:
            report(ready=True)
            await asyncio.gather(*(run(book, name) for name in names))

    asyncio.run(go())
