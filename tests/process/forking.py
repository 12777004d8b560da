"""Workers that fork while they have a ledger open, as a pre-forking server and `multiprocessing` do."""

import asyncio
import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from structlog.testing import capture_logs

import ledger
from ledger import Ledger, Session
from tests.process.work import MODEL, Say, acknowledge, take_turn

__all__ = [
    "a_child_for_each_of_many_forks",
    "async_in_parent_and_child",
    "both_save",
    "by_multiprocessing",
    "child_outlives_the_parent",
    "in_memory",
    "inside_a_read",
    "while_threads_save",
]


def save(report: Say, book: Ledger, session: Session, writer: str, turns: int = 1) -> None:
    """Save turns of a session, each acknowledged."""
    for _ in range(turns):
        number = take_turn(session, writer)
        acknowledge(report, number, writer, book.save(session, writer=writer))


def forked(work: Callable[[], None]) -> int:
    """Fork a child that does some work and ends, and give its id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the parent sees the exit code, the person at the test this
            traceback.print_exc()
        finally:
            os._exit(code)
    return pid


def await_end(pid: int) -> None:
    """Wait until a child ended well."""
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status == 0, f"the child ended with {status}"


class Signal:
    """What one process waits for and another one sets."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def set(self) -> None:
        """Let the one that waits go on."""
        os.write(self._writing, b"!")

    def wait(self) -> None:
        """Wait until it is set."""
        os.read(self._reading, 1)


def both_save(report: Say, url: str) -> None:
    """Parent and child save at once, to a session of their own and to one that they share."""
    with ledger.open(url, writer="parent") as book:
        shared, own = Session.new("shared", MODEL), Session.new("parent", MODEL)
        save(report, book, shared, "parent")
        save(report, book, own, "parent")

        def child() -> None:
            save(report, book, Session.new("child", MODEL), "child", 20)
            save(report, book, shared, "child", 20)
            book.close()

        pid = forked(child)
        save(report, book, shared, "parent", 20)
        save(report, book, own, "parent", 20)
        await_end(pid)
        save(report, book, shared, "parent")


def child_outlives_the_parent(report: Say, url: str) -> None:
    """The parent closes its ledger while the child goes on with its own."""
    book = ledger.open(url, writer="parent")
    session = Session.new("s1", MODEL)
    save(report, book, session, "parent")
    saved, closed = Signal(), Signal()

    def child() -> None:
        save(report, book, session, "child")
        saved.set()
        closed.wait()
        save(report, book, session, "child", 5)

    pid = forked(child)
    saved.wait()
    save(report, book, session, "parent")
    book.close()
    closed.set()
    await_end(pid)


def a_child_for_each_of_many_forks(report: Say, url: str) -> None:
    """A parent forks again and again between its saves; the children fork once more, and some never use the ledger."""
    with ledger.open(url, writer="parent") as book:
        session = Session.new("s1", MODEL)
        for number in range(10):
            save(report, book, session, "parent")

            def child(number: int = number) -> None:
                if number % 2:
                    save(report, book, session, f"child {number}")
                    await_end(forked(lambda: save(report, book, session, f"grandchild {number}")))
                    save(report, book, session, f"child {number}")

            pid = forked(child)
            save(report, book, session, "parent")
            await_end(pid)


def while_threads_save(report: Say, url: str) -> None:
    """Threads of the parent save while it forks: the child finds no lock held and no save half done."""
    with ledger.open(url, writer="parent") as book:
        stop = threading.Event()

        def go_on(writer: str) -> None:
            session = Session.new(writer, MODEL)
            while not stop.is_set():
                save(report, book, session, writer)
                assert book.load(writer) == session

        with ThreadPoolExecutor(3) as pool:
            threads = [pool.submit(go_on, f"thread {number}") for number in range(3)]
            for number in range(10):
                await_end(forked(partial(save, report, book, Session.new("of children", MODEL), f"child {number}", 3)))
            stop.set()
            for thread in threads:
                thread.result()


def by_multiprocessing(report: Say, url: str) -> None:
    """`multiprocessing` forks, with the ledger in what the child inherits."""
    with ledger.open(url, writer="parent") as book:
        session = Session.new("shared", MODEL)
        save(report, book, session, "parent")
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=save, args=(report, book, session, f"child {n}", 5)) for n in range(3)]
        for child in children:
            child.start()
        save(report, book, session, "parent", 5)
        for child in children:
            child.join()
            assert child.exitcode == 0


def async_in_parent_and_child(report: Say, url: str) -> None:
    """An async ledger that has started its threads is used on in the child, on an event loop of its own."""

    async def save_some(writer: str, turns: int) -> None:
        session = await book.load_or_create("shared", model=MODEL)
        for _ in range(turns):
            number = take_turn(session, writer)
            acknowledge(report, number, writer, await book.save(session, writer=writer))

    async def opened() -> ledger.AsyncLedger:
        return await ledger.open_async(url)

    book = asyncio.run(opened())
    asyncio.run(save_some("parent", 2))
    pid = forked(lambda: asyncio.run(save_some("child", 5)))
    asyncio.run(save_some("parent", 5))
    await_end(pid)
    asyncio.run(book.close())


def in_memory(report: Say) -> None:
    """A ledger in memory is copied with the memory: the child's is its own."""
    with ledger.open("sqlite://", writer="parent") as book:
        session = Session.new("s1", MODEL)
        take_turn(session, "parent")
        book.save(session)

        def child() -> None:
            loaded = book.load("s1")
            take_turn(loaded, "child")
            book.save(loaded)
            report(child=book.load("s1").version, whole=book.verify().ok)

        await_end(forked(child))
        report(parent=book.load("s1").version, whole=book.verify().ok)


def inside_a_read(report: Say, url: str) -> None:
    """The thread that forks is reading at that moment, so it cannot wait for the end of that."""
    with ledger.open(url, writer="parent") as book:
        session = Session.new("s1", MODEL)
        save(report, book, session, "parent")

        def fork(*_: int) -> None:
            await_end(forked(lambda: None))

        with capture_logs() as logged:
            assert book.verify(progress=fork).ok
        report(logged=[line["event"] for line in logged])
        save(report, book, session, "parent")
