"""`ledger export`: sessions for someone else, with everything that proves them whole."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import CONFLICT
from ledger.cli.invocation import Invocation, pass_invocation
from ledger.cli.output import counted, note
from ledger.cli.progress_bar import progress_bar
from ledger.cli.revision_argument import checked, resolve_session
from ledger.shell_words import spoken

__all__ = ["export"]


class FileExists(click.ClickException):
    """There is a file of that name already."""

    exit_code = CONFLICT

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        super().__init__(f"{path} exists already; nothing was written, name another file or remove it first")


def _each_checked(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        checked(context, parameter, value)
    return values


@click.command(
    epilog=examples(
        "ledger export s1 -o s1.jsonl",
        "ledger export s1 --redact '/messages/*/content' -o s1.jsonl",
        "ledger export --all | gzip > sessions.jsonl.gz",
    )
)
@click.argument("sessions", metavar="[SESSION]...", nargs=-1, callback=_each_checked)
@click.option("--all", "every", is_flag=True, help="Every session that was ever saved.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write it to a new file."
)
@click.option(
    "--redact",
    "paths",
    multiple=True,
    metavar="PATH",
    help="Blank this: /title, /metadata/email, '/messages/*/content'. Can be repeated.",
)
@pass_invocation
def export(
    invocation: Invocation,
    sessions: tuple[str, ...],
    every: bool,  # noqa: FBT001 - click's
    output: Path | None,
    paths: tuple[str, ...],
) -> None:
    """Write sessions for someone else to import and verify.

    Their whole history, with every hash, as JSON lines: who imports them can explain them too. A fork brings what it
    was forked from along, up to there.

    What --redact blanks is blanked wherever it occurs in the history, and the file says so. PATH is a JSON Pointer into
    the session, * stands for every key, and messages and questions go by their ids. Order, times, writers and hashes
    stay, so that the rest can still be verified.
    """
    if every == bool(sessions):
        raise click.UsageError("name the sessions to export, or say --all")
    with invocation.book() as book, progress_bar() as advance:
        lines = book.export(
            None if every else [resolve_session(book, session) for session in sessions],
            redact=paths,
            progress=lambda done, total: advance("Exporting", done, total),
        )
        with _to_stdout() if output is None else _to_new_file(output) as write:
            last = _written(lines, write)
    _tell(last, paths, output)


def _written(lines: Iterator[str], write: Callable[[bytes], Any]) -> dict[str, Any]:
    line = ""
    for line in lines:
        write(line.encode())
    end: dict[str, Any] = json.loads(line)["end"]
    return end


def _tell(end: dict[str, Any], paths: tuple[str, ...], output: Path | None) -> None:
    sessions = counted(end["sessions"], "session")
    saves = counted(end["events"], "save")
    note(f"Exported {sessions}, {saves}.")
    for path in paths:
        found = end["redacted"][path]
        if found:
            note(f"Blanked {path} in {counted(found, 'save')}.")
        else:
            note(f"Warning: there was nothing at {path}; a message or a question is named by its id, or by *.")
    if not paths:
        note("Transcripts can hold passwords and keys: --redact PATH blanks what the other side need not read.")
    if output is not None:
        note(f"Whoever gets it runs: ledger import {spoken(output.name)}")


@contextmanager
def _to_stdout() -> Iterator[Callable[[bytes], Any]]:
    # As bytes: the export is UTF-8, whatever the terminal's encoding is.
    stream: BinaryIO = sys.stdout.buffer
    yield stream.write
    stream.flush()


@contextmanager
def _to_new_file(path: Path) -> Iterator[Callable[[bytes], Any]]:
    """Write beside the file, and give it its name when it is whole: nobody finds half an export, or loses a file."""
    if path.exists():
        raise FileExists(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        # Of the file that was asked for, not of the one beside it, which nobody knows of.
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        with open(descriptor, "wb") as stream:  # noqa: PTH123 - of a descriptor
            yield stream.write
            stream.flush()
            os.fsync(stream.fileno())
        _name(part, path)
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, path: Path) -> None:
    try:
        os.link(part, path)
    except FileExistsError:
        raise FileExists(path) from None
    except OSError as error:
        # A file system without links; between the look and the renaming someone could be quicker there.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK):
            raise
        if path.exists():
            raise FileExists(path) from None
        with suppress(FileNotFoundError):
            part.rename(path)
