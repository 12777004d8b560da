"""The ledger that an adapter works with: whose it is, who opens it, and who closes it."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ledger
from ledger import Session, StorageError
from ledger.adapters import opened as module
from ledger.adapters.opened import Opened, UsesLedger
from ledger.book import Ledger


class Adapter(UsesLedger):
    """The least that an adapter can be."""

    def __init__(self, ledger_or_url: Ledger | ledger.AsyncLedger | str, *, writer: str = "test") -> None:
        self._opened = Opened(ledger_or_url, writer=writer)

    @property
    def book(self) -> Ledger:
        return self._opened.book


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Give the URL of a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def is_open(book: Ledger) -> bool:
    """Tell whether a ledger can be read."""
    try:
        book.head("s1")
    except StorageError:
        return False
    return True


def test_nothing_is_opened_before_it_is_needed(url: str, tmp_path: Path) -> None:
    """An adapter that is only made leaves no file."""
    with Adapter(url):
        assert [] == list(tmp_path.iterdir())


def test_adapters_of_one_url_share_the_ledger(url: str) -> None:
    """It is open once, and the last that is closed closes it."""
    one, other = Adapter(url), Adapter(url)
    book = one.book

    assert other.book is book
    one.close()
    assert is_open(book)
    other.close()
    assert not is_open(book)


def test_adapters_of_two_writers_do_not(url: str) -> None:
    """What is saved is signed by who saved it."""
    with Adapter(url, writer="a") as one, Adapter(url, writer="b") as other:
        assert ("a", "b") == (one.book.writer, other.book.writer)


def test_a_relative_name_is_another_file_in_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who goes elsewhere and names the same file means the one that is there."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Adapter("sqlite:///ledger.db") as here:
        here.book.save(Session.new("s1", "gpt-5"))
        monkeypatch.chdir(tmp_path / "elsewhere")

        with Adapter("sqlite:///ledger.db") as there:
            assert there.book.head("s1") is None


def test_a_folder_that_is_gone_is_no_hindrance(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole path means the same file from anywhere, even from nowhere."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with Adapter(url) as adapter:
        assert is_open(adapter.book)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_ledger_that_is_handed_over_stays_open(url: str, face: str) -> None:
    """Who opened it closes it; the adapter never does."""
    with ledger.open(url) as book:
        adapter = Adapter(book if face == "sync" else ledger.AsyncLedger(book))

        assert adapter.book is book
        adapter.close()
        assert is_open(book)


def test_closing_twice_is_fine(url: str) -> None:
    """And takes nothing from others that share the ledger."""
    one, other = Adapter(url), Adapter(url)
    book = (one.book, other.book)[0]

    one.close()
    one.close()

    assert is_open(book)
    other.close()
    Adapter(url).close()  # one that never opened anything


def test_closing_when_the_process_ends_is_fine(url: str) -> None:
    """Also behind what has closed all that was left open, and without a word."""
    program = f"""
import atexit

late = []
atexit.register(lambda: [each.close() for each in late])
from ledger.adapters.opened import Opened

late.append(Opened({url!r}, writer="late"))
late[0].book
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "" == ended.stderr


def test_what_is_closed_says_so(url: str) -> None:
    """Use after closing is an error that names the ledger, sync and async."""
    adapter = Adapter(url)
    adapter.close()

    with pytest.raises(RuntimeError, match=r"the adapter of sqlite:.*ledger\.db is closed"):
        _ = adapter.book
    with pytest.raises(RuntimeError, match="is closed"):
        asyncio.run(adapter._opened.awaited())


def test_a_url_can_be_opened_again(url: str) -> None:
    """What was closed with the last adapter is opened by the next one."""
    with Adapter(url) as one:
        one.book.save(Session.new("s1", "gpt-5"))

    with Adapter(url) as other:
        assert other.book.head("s1") is not None


def test_what_was_forgotten_is_let_go(url: str, tmp_path: Path) -> None:
    """An adapter that nobody closed holds its ledger until the next one is opened or closed."""
    adapter = Adapter(url)
    book = adapter.book
    del adapter
    gc.collect()

    with Adapter(f"sqlite:///{tmp_path / 'other.db'}") as other:
        assert is_open(other.book)
        assert not is_open(book)


def test_what_was_forgotten_is_taken_on_by_the_next(url: str) -> None:
    """An adapter for each request, none of them closed, opens the ledger once."""
    books = set()
    for _ in range(5):
        books.add(id(Adapter(url).book))
        gc.collect()

    assert 1 == len(books)
    Adapter(url).close()


def test_what_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """The reason is raised each time, and once it is gone the ledger opens."""
    folder = tmp_path / "later"
    with Adapter(f"sqlite:///{folder / 'ledger.db'}") as adapter:
        for _ in range(2):
            with pytest.raises(StorageError):
                _ = adapter.book

        folder.mkdir()
        assert is_open(adapter.book)


def test_threads_open_it_once(url: str) -> None:
    """Whoever comes first opens it, and all others get the same."""
    adapters = [Adapter(url) for _ in range(12)]
    begin = threading.Barrier(12)

    def opened(adapter: Adapter) -> Ledger:
        begin.wait(30)
        return adapter.book

    with ThreadPoolExecutor(12) as pool:
        books = set(map(id, pool.map(opened, adapters)))

    assert 1 == len(books)
    for adapter in adapters:
        adapter.close()


def test_one_that_is_slow_to_open_holds_up_no_other(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one ledger is being opened, others are opened and closed."""
    begun, go_on, real = threading.Event(), threading.Event(), ledger.open

    def slow(address: str, **options: str) -> Ledger:
        if address.endswith("slow.db"):
            begun.set()
            assert go_on.wait(30)
        return real(address, **options)  # type: ignore[arg-type]  # what an adapter says: its writer

    monkeypatch.setattr(ledger, "open", slow)
    with Adapter(f"sqlite:///{tmp_path / 'slow.db'}") as waits, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: waits.book)
        assert begun.wait(30)

        with Adapter(url) as other:
            assert is_open(other.book)

        go_on.set()
        assert is_open(waiting.result(30))


async def test_opening_does_not_block_the_loop(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is opened for an async caller, the event loop goes on."""
    begun, go_on, real = threading.Event(), threading.Event(), ledger.open

    def slow(address: str, **options: str) -> Ledger:
        begun.set()
        assert go_on.wait(30)
        return real(address, **options)  # type: ignore[arg-type]  # as above

    monkeypatch.setattr(ledger, "open", slow)
    async with Adapter(url) as adapter:
        opening = asyncio.ensure_future(adapter._opened.awaited())
        assert await asyncio.to_thread(begun.wait, 30)
        assert not opening.done()

        go_on.set()
        assert is_open((await opening).book)


async def test_a_cancelled_opening_leaves_it_usable(url: str) -> None:
    """Who waited no longer costs nobody else the ledger."""
    async with Adapter(url) as adapter:
        opening = asyncio.ensure_future(adapter._opened.awaited())
        await asyncio.sleep(0)
        opening.cancel()

        assert await (await adapter._opened.awaited()).head("s1") is None


def test_event_loops_share_it(url: str) -> None:
    """One adapter serves one loop after the other, and two at once."""
    adapter = Adapter(url)

    async def save(name: str) -> int:
        book = await adapter._opened.awaited()
        return (await book.save(Session.new(name, "gpt-5"))).version

    assert [1, 1] == [asyncio.run(save(name)) for name in ("s1", "s2")]
    with ThreadPoolExecutor(2) as pool:
        assert [1, 1] == list(pool.map(lambda name: asyncio.run(save(name)), ["s3", "s4"]))
    adapter.close()


async def test_it_closes_in_every_way(url: str) -> None:
    """`close`, `aclose`, `with` and `async with` do the same."""
    books = []
    adapter = Adapter(url)
    books.append(adapter.book)
    await adapter.aclose()
    with Adapter(url) as adapter:
        books.append(adapter.book)
    async with Adapter(url) as adapter:
        books.append(adapter.book)

    assert not any(map(is_open, books))


FORKING = """
    import os, sys
    from ledger import Session
    from ledger.adapters import opened as module
    from ledger.adapters.opened import Opened

    def child_ends_well(work):
        pid = os.fork()
        if pid == 0:
            try:
                work()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

    shared = Opened(sys.argv[1], writer="both")
"""

FORKS = {
    "both go on": """
        shared.book.save(Session.new("before", "gpt-5"))
        child_ends_well(lambda: shared.book.save(Session.new("child", "gpt-5")))
        shared.book.save(Session.new("parent", "gpt-5"))
        assert ["before", "child", "parent"] == shared.book.ids()
    """,
    "what the child closes stays open here": """
        shared.book.save(Session.new("before", "gpt-5"))
        child_ends_well(shared.close)
        assert ["before"] == shared.book.ids()
    """,
    "the child opens what was not open": """
        child_ends_well(lambda: shared.book.save(Session.new("child", "gpt-5")))
        assert ["child"] == shared.book.ids()
    """,
    "a lock that is held at the fork": """
        shared.book.ids()
        share = shared._share
        with module._shares.lock, share.lock:
            child_ends_well(lambda: Opened(sys.argv[1], writer="both").book.save(Session.new("child", "gpt-5")))
        assert ["child"] == shared.book.ids()
    """,
    "who forgets it ends with a whole file": """
        shared.book.save(Session.new("before", "gpt-5"))
    """,
}


@pytest.mark.skipif(sys.platform == "win32", reason="it has no fork")
@pytest.mark.parametrize("work", FORKS)
def test_a_fork_is_gone_on_from_on_either_side(work: str, url: str, tmp_path: Path) -> None:
    """After a fork parent and child use what was open, and either may close its own."""
    program = textwrap.dedent(FORKING) + textwrap.dedent(FORKS[work])

    ran = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program, url],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )

    assert "" == ran.stderr
    assert 0 == ran.returncode
    assert ["ledger.db"] == [path.name for path in tmp_path.iterdir()]


def test_nothing_is_left_of_those_that_were_closed() -> None:
    """What this file has opened is not kept anywhere."""
    gc.collect()
    module._shares.let_go()

    assert [] == [share for share in module._shares._shares.values() if not share.users]
