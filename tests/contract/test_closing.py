"""A closed ledger leaves no thread behind, and loses nothing that was queued."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import LedgerError, Message, Session, StorageError
from tests.contract.faces import Book
from tests.contract.faults import held_commits, meeting_commits


def ledger_threads() -> list[str]:
    """Give the names of the threads that ledgers have started and that still run."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("ledger-")]


def test_closing_a_ledger_ends_the_threads_of_its_repositories() -> None:
    """However many there are: they share the threads of the ledger."""
    before = ledger_threads()
    with ledger.open("sqlite://") as book:

        async def use() -> None:
            for _ in range(5):
                async with book.repository() as repository:
                    session = await repository.load_or_create("s1", "gpt-5")
                    await repository.save(session)

        asyncio.run(use())
        assert 1 == len([name for name in ledger_threads() if "lane" in name and name not in before])

    assert before == ledger_threads()


def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    """A save that was called is stored, though nobody waits for it any more."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    session = Session.new("s1", "gpt-5")
    session.add_message(Message.user("one"))

    async def save_and_leave(repository: ledger.SessionRepository) -> None:
        saving = asyncio.create_task(repository.save(session))
        await asyncio.sleep(0)
        saving.cancel()
        await asyncio.gather(saving, return_exceptions=True)

    with ledger.open(url) as book:
        asyncio.run(save_and_leave(book.repository()))

    with ledger.open(url) as book:
        assert 1 == len(book.load("s1").messages)


@pytest.mark.parametrize("face", ["sync"], indirect=True)
async def test_closing_waits_for_the_save_of_another_thread(book: Book) -> None:
    """What that thread is told is stored, and its connection is not closed under it."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    with ThreadPoolExecutor(2) as pool, held_commits(book) as hold:
        saving = pool.submit(book.sync.save, session)
        hold.wait()
        closing = pool.submit(book.sync.close)
        ended, _ = wait([closing], timeout=0.2)
        hold.release()

        assert not ended
        assert 2 == saving.result().version
        closing.result()


@pytest.mark.parametrize("face", ["sync"], indirect=True)
async def test_who_closes_in_the_middle_of_a_save_of_its_own_is_told(book: Book) -> None:
    """As a signal handler may: it does not wait for itself."""
    session = await book.saved()
    session.add_message(Message.user("one"))

    def close(commit: Callable[[], Any]) -> None:
        book.sync.close()
        commit()

    with meeting_commits(book, close), pytest.raises(LedgerError):
        book.sync.save(session)


async def test_a_repository_of_a_closed_ledger_says_so_at_once() -> None:
    """Without a thread."""
    book = ledger.open("sqlite://")
    repository = book.repository()
    book.close()
    book.close()

    with pytest.raises(StorageError, match="is closed"):
        await repository.save(Session.new("s1", "gpt-5"))
    with pytest.raises(StorageError, match="is closed"):
        await repository.try_load("s1")
    assert [] == [name for name in ledger_threads() if "lane" in name]


def test_a_ledger_that_nobody_closed_keeps_no_process_from_ending(tmp_path: Path) -> None:
    """What was queued is stored all the same."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    program = """
import asyncio, sys, ledger
book = ledger.open(sys.argv[1])
async def main():
    asyncio.create_task(book.repository().save(ledger.Session.new("s1", "gpt-5")))
    await asyncio.sleep(0)
asyncio.run(main())
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, url], check=False, capture_output=True, text=True, timeout=60
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    with ledger.open(url) as book:
        assert 1 == book.load("s1").version
