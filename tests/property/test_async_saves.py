"""Async saves of one object, called, edited around, cancelled and failing: no edit is lost, none is made twice."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

import ledger
from ledger import AsyncLedger, LedgerError, Message, Receipt, Session
from tests.contract.faces import Book

DOINGS = {"edit": 6, "save": 6, "cancel": 2, "others": 1, "fault": 2, "wait": 2}
STEPS = st.tuples(st.sampled_from([doing for doing, often in DOINGS.items() for _ in range(often)]), st.integers(0, 11))


class Play:
    """One session under many saves. Commits wait while saves are called, and go through where the caller waits."""

    def __init__(self, book: AsyncLedger) -> None:
        self.book = book
        self.session = Session.new("s", "m")
        self.saves: list[asyncio.Task[Receipt]] = []
        self.taken: dict[asyncio.Task[Receipt], list[str]] = {}
        self.made = 0
        self.said: list[str] = []
        self.asked: list[str] = []
        self.others = 0
        self.title: str | None = None
        self.open = threading.Event()
        self.faults: deque[str] = deque()
        event.listen(Book(book).engine, "commit", self.commit)

    def commit(self, connection: Connection) -> None:
        """Wait until the caller does; then fail as was planned."""
        if not connection.get_execution_options().get("ledger_immediate"):
            return
        self.open.wait()
        if self.faults:
            if self.faults.popleft() == "unanswered":
                dbapi_connection: Any = connection.connection.dbapi_connection
                dbapi_connection.commit()
            raise OperationalError("COMMIT", {}, Exception("interrupted"))

    async def edit(self, pick: int) -> None:
        self.made += 1
        match pick % 4:
            case 0:
                self.session.ask("call", f"{self.made}?")
                self.asked.append(f"{self.made}?")
            case 1:
                self.session.title = self.title = f"{self.made}"
            case 2:
                self.session.state.setdefault("numbers", []).append(self.made)
                self.session.state.setdefault("own", {})[f"{self.made}"] = True
            case _:
                self.session.add_message(Message.user(f"{self.made}"))
                self.said.append(f"{self.made}")

    async def save(self, _: int) -> None:
        task = asyncio.ensure_future(self.book.save(self.session))
        self.taken[task] = list(self.said)
        self.saves.append(task)

    async def cancel(self, pick: int) -> None:
        if self.saves:
            task = self.saves[pick % len(self.saves)]
            if pick % 2:
                await asyncio.sleep(0)  # so that it is under way
            task.cancel()

    async def fault(self, pick: int) -> None:
        self.faults.append("unanswered" if pick % 2 else "refused")

    async def others_save(self) -> None:
        with suppress(LedgerError):  # a fault may meet it, or there is no session yet
            await self.book.append("s", Message.user(f"other {self.others}", id=f"other {self.others}"))

    async def wait(self, _: int) -> None:
        """Let everything that was called come to its end."""
        self.open.set()
        await asyncio.gather(*self.saves, return_exceptions=True)
        self.open.clear()

    async def step(self, doing: str, pick: int) -> None:
        if doing == "others":
            self.others += 1
            await self.wait(pick)
            self.open.set()
            await self.others_save()
            self.open.clear()
        else:
            await getattr(self, doing)(pick)

    async def check(self) -> None:
        """Save what is left, and compare the head with all that was ever edited."""
        await self.wait(0)
        self.faults.clear()
        self.open.set()
        await self.book.save(self.session)
        head = await self.book.load("s")

        assert (head, head.version) == (self.session, self.session.version)
        assert self.said == [m.content for m in head.messages if not m.id.startswith("other")]
        assert len(head.messages) == len({message.id for message in head.messages})
        assert self.asked == [question.text for question in head.pending_questions]
        assert self.title == head.title
        numbers = head.state.get("numbers", [])
        assert sorted(numbers) == numbers == [int(key) for key in sorted(head.state.get("own", {}), key=int)]
        await self.check_receipts()
        assert () == (await self.book.verify()).problems

    async def check_receipts(self) -> None:
        """A save that was answered is in the log with what was there at its call; those that were not, once at most."""
        receipts = {task: task.result() for task in self.saves if not task.cancelled() and task.exception() is None}
        events = [event async for event in self.book.history("s")]
        assert list(range(1, len(events) + 1)) == [event.version for event in events]
        for task, receipt in receipts.items():
            assert receipt.digest == events[receipt.version - 1].digest
            stored = [message.content for message in (await self.book.load("s", at=receipt.version)).messages]
            assert [text for text in stored if text in self.taken[task]] == self.taken[task]
        assert len(events) == len({event.event_id for event in events})


async def play(steps: list[tuple[str, int]]) -> None:
    """Take the steps, and check what came of them."""
    async with ledger.open_async("sqlite://", writer="agent") as book:
        game = Play(book)
        try:
            for doing, pick in steps:
                await game.step(doing, pick)
            await game.check()
        finally:
            game.open.set()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=5, max_size=40))
def test_no_edit_is_lost_or_made_twice(steps: list[tuple[str, int]]) -> None:
    """Whatever became of the saves around it, every edit is in the log once, in its order, when the last save ends."""
    asyncio.run(play(steps))
