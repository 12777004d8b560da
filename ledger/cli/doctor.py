"""`ledger doctor`: one line a check."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import PROBLEM
from ledger.cli.invocation import Invocation, database_url, json_option, pass_invocation
from ledger.cli.output import emphasised, print_json, print_lines, readable
from ledger.cli.spoken_command import addressed
from ledger.errors import LedgerMissing, StorageError

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Finding", "doctor"]

_COLOURS = {"OK": "green", "WARN": "yellow", "FAIL": "red"}
_MIB = 2**20
#: Below this, a few long sessions fill the disk.
LITTLE_SPACE = 500 * _MIB
#: Below this, one large save may not fit.
NO_SPACE = 32 * _MIB
#: So many events behind the log, the next reader waits for seconds until a projection has caught up.
LONG_WAY = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; unless it is OK, `detail` says what to do."""

    status: Literal["OK", "WARN", "FAIL"]
    check: str
    detail: str


@click.command(epilog=examples("ledger doctor", "ledger --db sqlite:///agents.db doctor"))
@json_option
@pass_invocation
def doctor(invocation: Invocation) -> None:
    """Check what the ledger needs, one line a check.

    If a check fails, the exit code is 1. It looks at the SQLite in use, the file and its disk, the schema, the
    guards of the log, and the projections. Whether the record was altered is asked of `ledger verify`.
    """
    found = list(_checks(invocation))
    if any(finding.status == "FAIL" for finding in found):
        invocation.exit_code = PROBLEM
    if invocation.as_json:
        print_json([asdict(finding) for finding in found])
    else:
        lines = (
            f"{finding.status:<4}  {finding.check}: {readable(addressed(invocation, finding.detail))}"
            for finding in found
        )
        print_lines(emphasised(line[:4], _COLOURS[line[:4].strip()]) + line[4:] for line in lines)


def _checks(invocation: Invocation) -> Iterator[Finding]:
    from sqlalchemy import make_url

    url = database_url(invocation.database)
    name = make_url(url).database if url.startswith("sqlite") else None
    path = Path(name) if name and name != ":memory:" else None
    if path is not None and not path.exists():
        raise LedgerMissing(str(path))
    if url.startswith("sqlite"):
        yield _driver()
    if path is not None:
        yield from file_findings(path)
    try:
        with invocation.book() as book:
            yield from _open_findings(book)
    except LedgerMissing:
        raise
    except StorageError as error:
        yield Finding("FAIL", "ledger", str(error))


def _driver() -> Finding:
    from ledger.store.sqlite import FIXED_IN, driver

    module = driver()
    used = f"{module.__name__} with SQLite {module.sqlite_version}"
    if tuple(module.sqlite_version_info) >= FIXED_IN:
        return Finding("OK", "driver", used)
    fixed = ".".join(map(str, FIXED_IN))
    return Finding(
        "WARN",
        "driver",
        f"{used}; SQLite 3.7.0 to 3.51.2 can damage a file when two connections checkpoint at once; "
        f"install pysqlite3, or a SQLite from {fixed} on",
    )


def file_findings(path: Path) -> Iterator[Finding]:
    """Look at the file from outside: may it be read and written, by whom else, and is there room to grow?"""
    folder = path.resolve().parent
    if not os.access(path, os.W_OK):
        yield Finding("WARN", "file", f"{path} cannot be written by this user: it can be read, and every save fails")
    elif not os.access(folder, os.W_OK):
        yield Finding("WARN", "file", f"the folder {folder} cannot be written by this user, and SQLite needs to")
    else:
        yield Finding("OK", "file", f"{path} can be read and written")
    if os.name == "posix":
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            yield Finding(
                "WARN", "permissions", f"others on this machine can open it (mode {mode:04o}); run chmod 600 {path}"
            )
        else:
            yield Finding("OK", "permissions", f"nobody else can open it (mode {mode:04o})")
    free = shutil.disk_usage(folder).free
    amount = f"{free // _MIB:,} MiB free"
    if free < NO_SPACE:
        yield Finding("FAIL", "disk", f"{amount}; make room before saves fail")
    elif free < LITTLE_SPACE:
        yield Finding("WARN", "disk", f"{amount}; make room soon")
    else:
        yield Finding("OK", "disk", amount)


def _open_findings(book: Ledger) -> Iterator[Finding]:
    from ledger.store.tables import SCHEMA

    facts = book.facts()
    yield Finding("OK", "schema", f"{SCHEMA}, this release's")
    yield from server_findings(facts) if "postgresql" in facts else _journal_findings(facts)
    checkup = book.checkup()
    missing = checkup["missing_guards"]
    if missing:
        yield Finding(
            "FAIL", "guards", f"triggers are missing: {', '.join(missing)}; someone dropped them, run `ledger verify`"
        )
    else:
        yield Finding("OK", "guards", "the tables refuse to change or remove what was recorded")
    if "postgresql" in facts:
        pass  # the server looks after its own pages
    elif checkup["integrity"]:
        problem = checkup["integrity"][0]
        yield Finding(
            "FAIL", "integrity", f"the file is damaged ({problem}); restore a backup, then run `ledger verify`"
        )
    else:
        yield Finding("OK", "integrity", "the pages of the file are whole")
    yield projections_finding(facts)


def _journal_findings(facts: dict[str, Any]) -> Iterator[Finding]:
    if facts["journal_mode"] == "wal":
        yield Finding("OK", "journal", "write-ahead log: readers and the writer do not wait for each other")
    else:
        yield Finding("WARN", "journal", "not looked at: the file was opened for reading only")


def server_findings(facts: dict[str, Any]) -> Iterator[Finding]:
    """Look at a PostgreSQL server: which one it is, and whether a save that it acknowledged outlives a power cut."""
    yield Finding("OK", "driver", f"{facts['driver']}, which speaks to PostgreSQL {facts['postgresql']}")
    if facts["standby"]:
        yield Finding("OK", "server", "a standby: it can be read, and every save fails")
    off = [name for name in ("fsync", "full_page_writes", "synchronous_commit") if facts[name] == "off"]
    if off:
        names = " and ".join(off)
        yield Finding("WARN", "durability", f"{names} off: a power cut can take saves back that were acknowledged")
    else:
        yield Finding("OK", "durability", "what was acknowledged is on disk")


def projections_finding(facts: dict[str, Any]) -> Finding:
    """Look at how far the projections have come; each catches up by itself when it is next read."""
    behind = {
        name.removesuffix("_position"): facts["feed"] - position
        for name, position in facts.items()
        if name.endswith("_position") and position < facts["feed"]
    }
    if not behind:
        return Finding("OK", "projections", f"caught up with the log, at position {facts['feed']:,}")
    told = ", ".join(f"{name} is {count:,} behind" for name, count in sorted(behind.items()))
    if max(behind.values()) < LONG_WAY:
        return Finding("OK", "projections", f"of {facts['feed']:,} events, {told}; the next read catches up")
    return Finding("WARN", "projections", f"of {facts['feed']:,} events, {told}; run `ledger rebuild`")
