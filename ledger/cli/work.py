"""`ledger work`: keeps the feed and the projections up to date on a server."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import INTERRUPTED
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import counted, note, print_json, print_lines

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.records import WorkReport

__all__ = ["work"]

#: Somebody who reads the log hears at least so often that it is alive, and of work no more often than that.
HEARTBEAT_S = 60.0
NEWS_S = 5.0
_STANDING = {
    "working": "at work",
    "standing by": "standing by, since somebody else is at it",
    "waiting": "waiting for storage",
}


class _Ended(Exception):
    """Somebody wants it to end."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


@click.command(epilog=examples("ledger work", "ledger work --once", "ledger work --once --json"))
@click.option("--once", is_flag=True, help="Do what there is to do now, and end.")
@json_option
@pass_invocation
def work(invocation: Invocation, *, once: bool) -> None:
    """Keep the feed and the projections up to date.

    Until Ctrl-C or SIGTERM, which end it after the page that it is at.
    Nobody has to run it: who reads brings up to date what they read. On a server it does that beforehand. Run as many
    copies as you like: one works, the others stand by, and one of them goes on when it ends, however that happens.
    What it does is told on standard error, and in the end on standard output.
    """
    with invocation.book() as book:
        report = book.work() if once else _worked_until_told(invocation, book)
    if invocation.as_json:
        print_json(report.model_dump(mode="json"))
    else:
        print_lines([_in_words(report)], paged=False)


def _worked_until_told(invocation: Invocation, book: Ledger) -> WorkReport:
    """Work on a thread of its own, so that a signal finds this one waiting and nothing half done."""
    told = _Telling(as_json=invocation.as_json)
    until, ended = threading.Event(), threading.Event()
    found: list[WorkReport | BaseException] = []

    def run() -> None:
        try:
            found.append(book.work(until=until, progress=told))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            found.append(error)
        finally:
            ended.set()

    worker = threading.Thread(target=run, name="ledger-work")
    try:
        with _signals_raised():
            worker.start()
            ended.wait()
    except _Ended as end:
        invocation.exit_code = INTERRUPTED if end.number == signal.SIGINT else invocation.exit_code
    finally:
        until.set()
        worker.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


@contextmanager
def _signals_raised() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM be raised here, once; who presses it again does not wait for the page."""

    def ended(number: int, frame: object) -> None:
        del frame
        for each, handler in before.items():
            signal.signal(each, handler)
        raise _Ended(number)

    before: dict[int, Any] = {each: signal.signal(each, ended) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class _Telling:
    """Says what is going on: when that changes, and now and then that it has not."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._last: WorkReport | None = None
        self._told_at = 0.0

    def __call__(self, report: WorkReport) -> None:
        since = time.monotonic() - self._told_at
        new = self._last is None or report.position != self._last.position or report.standing != self._last.standing
        if self._last is not None and since < (NEWS_S if new else HEARTBEAT_S):
            return
        note(f"{_STANDING[report.standing].capitalize()}. {_in_words(report)}", as_json=self._as_json)
        self._last, self._told_at = report, time.monotonic()


def _in_words(report: WorkReport) -> str:
    """Say what has been done.

    >>> from ledger.domain.records import WorkReport
    >>> _in_words(WorkReport(position=1204, sequenced=1204, projected={"catalog": 3, "questions": 0}))
    'Projections are at position 1,204; catalog took 3 events, questions 0. Given a position: 1,204 events.'
    """
    taken = [f"{name} took {counted(number, 'event')}" for name, number in report.projected.items()][:1]
    taken += [f"{name} {number:,}" for name, number in report.projected.items()][1:]
    said = f"Projections are at position {report.position:,}"
    said += f"; {', '.join(taken)}." if taken else "."
    return f"{said} Given a position: {counted(report.sequenced, 'event')}." if report.sequenced else said
