"""Workers that are killed: what each of them does until then, through whichever face, on whichever engine."""

import asyncio
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import ledger
from ledger import AsyncLedger, Ledger, WorkReport
from ledger.store.database import Database
from tests.process.work import MODEL, Say, acknowledge, die_at_server_statement, die_at_statement, take_turn

__all__ = [
    "keep_warm",
    "migrate",
    "migrate_and_die",
    "place_and_die",
    "project_over_and_over",
    "save_from_tasks",
    "save_from_threads",
    "tail",
    "work_over_and_over",
]


def save_from_tasks(report: Say, url: str, writer: str, sessions: Sequence[str], turns: int | None = None) -> None:
    """Save turns through the async face: two tasks for each session, which meet there, and all share one ledger."""

    async def work(book: AsyncLedger, name: str, session_id: str) -> None:
        session = await book.load_or_create(session_id, model=MODEL)
        done = 0
        while turns is None or done < turns:
            number = take_turn(session, name)
            report(attempt=number, writer=name, session_id=session_id)
            acknowledge(report, number, name, await book.save(session, writer=name))
            done += 1

    async def go() -> None:
        async with ledger.open_async(url) as book:
            report(ready=True)
            tasks = [(f"{writer} in task {task}", session_id) for session_id in sessions for task in range(2)]
            await asyncio.gather(*(work(book, name, session_id) for name, session_id in tasks))

    asyncio.run(go())


def save_from_threads(report: Say, url: str, writer: str, sessions: Sequence[str], turns: int | None = None) -> None:
    """Save turns from a thread for each session, all with one ledger; now and then several sessions as one."""

    def work(book: Ledger, name: str, session_id: str) -> None:
        own, shared = (book.load_or_create(each, model=MODEL) for each in (f"{session_id} of {name}", session_id))
        done = 0
        while turns is None or done < turns:
            numbers = [take_turn(session, name) for session in (own, shared)]
            for session, number in zip((own, shared), numbers, strict=True):
                report(attempt=number, writer=name, session_id=session.id)
            for number, receipt in zip(numbers, book.save_all([own, shared], writer=name), strict=True):
                acknowledge(report, number, name, receipt)
            done += 1

    with ledger.open(url) as book, ThreadPoolExecutor(len(sessions)) as pool:
        report(ready=True)
        running = [
            pool.submit(work, book, f"{writer} in thread {thread}", session_id)
            for thread, session_id in enumerate(sessions)
        ]
        for each in running:
            each.result()


def project_over_and_over(report: Say, url: str, writer: str, sessions: Sequence[str]) -> None:
    """Build the read models anew, again and again, and read from them and write snapshots in between."""
    with ledger.open(url, writer=writer) as book:
        known = [session_id for session_id in sessions if book.head(session_id) is not None]
        report(ready=True)
        while True:
            book.rebuild()
            book.sessions()
            book.questions()
            for session_id in known:
                book.snapshot(session_id)
            report(rebuilt=True)


def work_over_and_over(report: Say, url: str, writer: str, sessions: Sequence[str]) -> None:
    """Give what was saved its place in the feed, and bring the read models up to it, again and again."""
    del sessions
    with ledger.open(url, writer=writer) as book:
        report(ready=True)
        while True:
            book.work()
            report(worked=True)


def keep_warm(report: Say, url: str) -> None:
    """Work on what is saved meanwhile, as `ledger work` does; tell of each look that had something to do."""
    before = WorkReport()

    def tell(now: WorkReport) -> None:
        nonlocal before
        if now != before:
            report(placed=now.sequenced - before.sequenced, position=now.position, standing=now.standing)
        before = now

    with ledger.open(url, create=False) as book:
        report(ready=True)
        book.work(until=threading.Event(), progress=tell)


def tail(report: Say, url: str, after: int) -> None:
    """Follow the feed from a position on, and give what waits its place in it on the way; tell of each event."""
    with ledger.open(url, create=False) as book:
        report(ready=True)
        for item in book.follow(after=after):
            report(seen=[item.position, item.session_id, item.event.version, item.event.digest])


def place_and_die(report: Say, url: str, at: int, how: int = signal.SIGKILL) -> None:
    """Give what waits its place in the feed, but kill this very process right before the `at`-th statement of it."""
    with ledger.open(url, create=False) as book:
        die_at_server_statement(report, at, signal.Signals(how))
        report(placed=book._feed.sequence(lambda: True))


def migrate(report: Say, url: str) -> None:
    """Bring a ledger to the current schema."""
    report(ready=True)
    database = Database(url, upgrade=True)
    report(steps=database.steps)
    database.close()


def migrate_and_die(report: Say, url: str, at: int) -> None:
    """Do that, but kill this very process right before the `at`-th statement of it."""
    die_at_statement(report, at)
    migrate(report, url)
