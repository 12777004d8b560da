"""One open ledger, many threads: what they save at once is all there, and nobody waits for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Ledger, Session
from tests.process.checker import Acknowledgement, check
from tests.process.work import MODEL, acknowledge, take_turn, url_of

THREADS = 12
TURNS = 8


def save_turns(book: Ledger, writer: str, session_id: str, *, afresh: bool = False) -> list[Acknowledgement]:
    """Save turns to one session, and give their acknowledgements."""
    said: list[dict[str, Any]] = []
    session = book.load_or_create(session_id, model=MODEL)
    for _ in range(TURNS):
        if afresh:
            session = book.load_or_create(session_id, model=MODEL)
        number = take_turn(session, writer)
        acknowledge(lambda **report: said.append(report), number, writer, book.save(session, writer=writer))
    return list(said)


def in_threads(work: Callable[[str], list[Acknowledgement]]) -> list[Acknowledgement]:
    """Do the work in every thread at once, each under its own name, and give all acknowledgements."""
    writers = [f"thread {number}" for number in range(THREADS)]
    with ThreadPoolExecutor(THREADS) as pool:
        return [report for said in pool.map(work, writers) for report in said]


@pytest.mark.parametrize("afresh", [True, False], ids=["loading each time", "from a copy of their own"])
@pytest.mark.parametrize("shared", [True, False], ids=["one session", "sessions of their own"])
def test_what_threads_save_at_once_is_all_there(path: Path, *, shared: bool, afresh: bool) -> None:
    """Twelve threads on one ledger lose nothing, on one session and on one each."""
    with ledger.open(url_of(path)) as book:
        said = in_threads(lambda writer: save_turns(book, writer, "shared" if shared else writer, afresh=afresh))

    assert len(said) == THREADS * TURNS
    check(path, said)


def test_threads_that_save_one_object_save_each_state_of_it_once(path: Path) -> None:
    """Threads may share a session object as they share a list: saves of it run one at a time, and versions count up."""
    with ledger.open(url_of(path)) as book:
        session = Session.new("s1", MODEL)
        with ThreadPoolExecutor(THREADS) as pool:
            receipts = list(pool.map(lambda _: book.save(session), range(THREADS)))

        assert sorted(receipt.version for receipt in receipts) == list(range(1, THREADS + 1))
        assert session.version == THREADS
        assert book.verify().ok


def test_updates_of_one_session_from_many_threads_all_stand(path: Path) -> None:
    """`update` is one step that nobody can come between: a counter that everyone raises counts everyone."""

    def count(session: Session) -> None:
        session.state["count"] = session.state.get("count", 0) + 1

    with ledger.open(url_of(path)) as book:
        book.save(Session.new("s1", MODEL))
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(lambda _: book.update("s1", count), range(3 * THREADS)):
                pass

        assert book.load("s1").state["count"] == 3 * THREADS


def test_reads_from_many_threads_go_on_while_others_save(path: Path) -> None:
    """Readers beside writers see states that were saved, more of them at once than the pool holds connections."""
    with ledger.open(url_of(path)) as book:
        book.save(Session.new("s1", MODEL))

        def read(_: int) -> None:
            session = book.load("s1")

            assert len(session.messages) == 4 * session.state.get("agent", 0)
            assert book.verify("s1").ok

        with ThreadPoolExecutor(2 * THREADS) as pool:
            reads = [pool.submit(read, number) for number in range(4 * THREADS)]
            said = save_turns(book, "agent", "s1")
            for done in reads:
                done.result()

    assert len(said) == TURNS


async def test_what_tasks_save_at_once_is_all_there(path: Path) -> None:
    """The async face, from one event loop: 64 tasks, a session each, lose nothing."""
    said: list[Acknowledgement] = []
    async with ledger.open_async(url_of(path)) as book:

        async def work(writer: str) -> None:
            session = await book.load_or_create(writer, model=MODEL)
            for _ in range(4):
                number = take_turn(session, writer)
                receipt = await book.save(session, writer=writer)
                acknowledge(lambda **report: said.append(report), number, writer, receipt)

        await asyncio.gather(*(work(f"task {number}") for number in range(64)))

    assert len(said) == 4 * 64
    check(path, said)
