"""`ledger import`: real transcripts in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import PROBLEM
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import note, print_json, print_lines
from ledger.cli.progress_bar import progress_bar
from ledger.cli.spoken_command import addressed, spoken_command

if TYPE_CHECKING:
    from ledger.importers import ImportReport

__all__ = ["import_"]

#: So many problems are told one by one; a folder of something else altogether can have thousands.
TOLD = 50


@click.command(
    "import",
    epilog=examples(
        "ledger import ~/.claude/projects",
        "ledger import run.jsonl another.json",
        "zcat old.jsonl.gz | ledger import -",
        "ledger import session.jsonl  # that `ledger export` made",
    ),
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option(
    "--format",
    "source_format",
    type=click.Choice(("auto", "claude-code", "chat", "bamboo", "export")),
    default="auto",
    show_default=True,
    help="What wrote the files.",
)
@json_option
@pass_invocation
def import_(invocation: Invocation, files: tuple[str, ...], source_format: str) -> None:
    """Take in real transcripts, or another ledger's export.

    FILE is a file, a folder, or - for the standard input. Each recorded step becomes a save of its own, with its
    original time and writer, so that any moment of the history can be loaded. Importing again adds what is new, and
    nothing else. A line that cannot be read is named, the rest is imported, and the exit code is 1. An export is taken
    as a whole or not at all: every hash in it is recomputed first.
    """
    if not files:
        raise click.UsageError(_what_to_import(invocation))
    absent = [name for name in files if name != "-" and not _exists(name)]
    if absent:
        # Before anything is created: a mistyped path should leave no empty ledger behind.
        named = ", ".join(name or "without a name" for name in absent)
        raise click.UsageError(f"there is no file {named}; nothing was imported")
    from ledger.importers import import_sources

    with invocation.book(create=True) as book, progress_bar(in_bytes=True) as advance:
        try:
            report = import_sources(
                book, files, format=source_format, progress=lambda done, total: advance("Importing", done, total)
            )
        except KeyboardInterrupt:
            note("What was imported so far is kept, and the same command goes on from there.")
            raise
    _tell(invocation, report)


def _exists(name: str) -> bool:
    # An unset variable is no folder to search; and a ~ of nobody is a name like any other.
    return bool(name) and Path(os.path.expanduser(name)).exists()  # noqa: PTH111 - pathlib raises for nobody's


def _tell(invocation: Invocation, report: ImportReport) -> None:
    if report.problems:
        invocation.exit_code = PROBLEM
    if invocation.as_json:
        print_json(_as_json(report))
        return
    for problem in report.problems[:TOLD]:
        note(f"Not imported: {addressed(invocation, str(problem))}")
    if len(report.problems) > TOLD:
        note(f"Not imported: {len(report.problems) - TOLD:,} more")
    print_lines([report.summary()])
    if report.saves:
        note("Transcripts can hold passwords and keys: keep the ledger as private as the files it came from.")
    if report.sessions:
        note(f"Next: {_next(invocation, report)}")


def _next(invocation: Invocation, report: ImportReport) -> str:
    if report.questions.total():
        return spoken_command(invocation, "questions")
    if report.sessions == 1:
        return spoken_command(invocation, "log", named=report.session_ids[:1])
    return spoken_command(invocation, "sessions")


def _as_json(report: ImportReport) -> dict[str, Any]:
    wait = report.longest_wait
    return {
        "summary": report.summary(),
        "sessions": report.session_ids,
        "saves": report.saves,
        "skipped": report.skipped,
        "questions": dict(report.questions),
        "recovered": report.recovered,
        "longest_wait_seconds": None if wait is None else wait.total_seconds(),
        "usage_records": report.usage_records,
        "redacted": report.redacted,
        "passed_over": dict(report.passed_over),
        "problems": [{"place": it.place, "what": it.what, "next": it.next} for it in report.problems],
    }


def _what_to_import(invocation: Invocation) -> str:
    from ledger.importers import default_places

    places = default_places()
    if not places:
        return "name a file or a folder, or pipe a transcript into `ledger import -`"
    suggested = "\n".join(f"  {spoken_command(invocation, 'import', named=[str(place)])}" for place in places)
    return f"name a file or a folder. Claude Code keeps its transcripts here; to import them all:\n{suggested}"
