"""Workers that go on saving while something is wrong with the disk, the file or its permissions."""

import contextlib
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import ledger
from ledger import Ledger, LedgerError, Session
from tests.process.work import MODEL, Say, acknowledge, take_turn, url_of

__all__ = ["fill_the_disk", "hold_the_lock", "meet_write_errors", "save_by_a_clock_that_jumps", "without_permission"]

#: Where a clock may find itself: a machine without a battery starts in 1970, one that was set wrong is far ahead.
EARLIEST_S, LATEST_S = 1, 4_000_000_000

#: Nobody, where the tests run as root, whom no permission stops.
NOBODY = 65534

T = TypeVar("T")


def save(report: Say, book: Ledger, session: Session) -> None:
    """Make a turn, save it and acknowledge it."""
    number = take_turn(session, "agent")
    acknowledge(report, number, "agent", book.save(session))


def allowed(report: Say, act: Callable[[], T], of: str) -> T | None:
    """Give what an act gives, or say what it is refused with: any error but ours ends the test, with its traceback."""
    try:
        return act()
    except LedgerError as error:
        report(refused=of, error=type(error).__name__, message=str(error))
        return None


def fill_the_disk(report: Say, path: str, ballast: str, spare: int) -> None:
    """Save until the disk is full, with `spare` bytes left to begin with; then make room, and save on."""
    with ledger.open(url_of(path), writer="agent") as book:
        session = Session.new("s1", MODEL)
        save(report, book, session)
        stuff(Path(ballast), spare)
        while True:
            number = take_turn(session, "agent")
            before = session.model_dump_json()
            receipt = allowed(report, lambda: book.save(session), "save")
            if receipt is None:
                break
            acknowledge(report, number, "agent", receipt)
        assert session.model_dump_json() == before, "the refused save changed the session"
        allowed(report, lambda: book.save(session), "again")
        allowed(report, lambda: report(loaded=book.load("s1").version), "load")
        Path(ballast).unlink()
        acknowledge(report, number, "agent", book.save(session))
        save(report, book, session)


def stuff(ballast: Path, spare: int) -> None:
    """Fill the disk but for so many bytes."""
    with ballast.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):  # it is full: that is the aim
            while file.write(bytes(4096)):
                pass
        file.truncate(file.tell() - spare)


def meet_write_errors(report: Say, path: str, step: int) -> None:
    """Save while no file may grow beyond a limit: the write that would cross it fails, at one place after the other."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with ledger.open(url_of(path), writer="agent") as book:
        session = Session.new("s1", MODEL)
        save(report, book, session)
        for spare in range(0, 24_000, step):
            save(report, book, session)  # so that the files beside the ledger are there, and only what is added fails
            size = Path(f"{path}-wal").stat().st_size
            number = take_turn(session, "agent")
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + spare, resource.RLIM_INFINITY))
            receipt = allowed(report, lambda: book.save(session), "save")
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            acknowledge(report, number, "agent", receipt or book.save(session))


def without_permission(report: Say, path: str) -> None:
    """Do what a user may do who cannot write."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    def use() -> None:
        with ledger.open(url_of(path), writer="nobody") as book:
            allowed(report, lambda: report(loaded=book.load("s1").version), "load")
            allowed(report, lambda: report(listed=len(book.sessions())), "sessions")
            allowed(report, lambda: book.save(Session.new("s2", MODEL)), "save")

    allowed(report, use, "open")


def save_by_a_clock_that_jumps(report: Say, url: str, writer: str, seed: int, turns: int) -> None:
    """Save turns to one session while the clock of this process jumps, back and forth, before each of them."""
    chance = random.Random(seed)
    true_time_ns = time.time_ns
    with ledger.open(url, writer=writer) as book:
        for _ in range(turns):
            session = book.load_or_create("s1", model=MODEL)
            offset = chance.choice([0, 0, -3600, 3600, None])
            now = chance.randint(EARLIEST_S, LATEST_S) * 10**9 if offset is None else true_time_ns() + offset * 10**9
            time.time_ns = lambda now=now: now  # type: ignore[misc]  # the clock that the ledger asks
            number = take_turn(session, writer)
            report(attempt=number, writer=writer, session_id="s1")
            acknowledge(report, number, writer, book.save(session))


def hold_the_lock(report: Say, url: str) -> None:
    """Hold the lock of the writer until killed."""
    with ledger.open(url) as book, book._database.write():
        report(held=True)
        signal.pause()
