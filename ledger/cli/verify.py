"""`ledger verify`: is the record whole?"""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import PROBLEM
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import counted, in_line, print_json, print_lines
from ledger.cli.progress_bar import progress_bar
from ledger.cli.revision_argument import resolve_session, session_argument
from ledger.errors import SessionNotFound

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.records import Verification

__all__ = ["verify"]


@click.command(epilog=examples("ledger verify", "ledger verify s1", "ledger verify --expect receipts.jsonl"))
@session_argument(required=False)
@click.option("--expect", type=click.File(encoding="utf-8"), metavar="FILE", help="Receipts to hold the log against.")
@json_option
@pass_invocation
def verify(invocation: Invocation, session: str | None, expect: IO[str] | None) -> None:
    """Recompute every hash: is the record whole?

    If it is not, the exit code is 1.
    What was altered, swapped or removed is named, with its session and version. That the end of a log was cut off shows
    only against receipts that were kept elsewhere: FILE holds them as JSON, one a line, as `save` returned them.
    """
    expected = None if expect is None else _receipts(expect)
    with invocation.book() as book, progress_bar() as advance:
        found = book.verify(
            None if session is None else _named(book, session),
            expect=expected,
            progress=lambda done, total: advance("Verifying", done, total),
        )
    if not found.ok:
        invocation.exit_code = PROBLEM
    if invocation.as_json:
        print_json({"ok": found.ok, **found.model_dump(mode="json")})
        return
    sessions = counted(found.sessions, "session")
    events = counted(found.events, "event")
    if found.ok:
        lines = [f"Whole: {events} of {sessions}, every hash matches."]
    else:
        problems = counted(len(found.problems), "problem")
        lines = [*(in_line(str(problem)) for problem in found.problems), f"{problems} in {events} of {sessions}."]
    print_lines(lines + _redacted(found))


def _redacted(found: Verification) -> list[str]:
    """Say of how much the record holds the place, but not what was in it."""
    if not found.redacted:
        return []
    count = len({redaction.session_id for redaction in found.redacted})
    saves = counted(len(found.redacted), "save")
    sessions = counted(count, "session")
    paths = sorted({path for redaction in found.redacted for path in redaction.paths if path.startswith("/")})
    return [
        f"Redacted by whoever exported them: {saves} of {sessions}, at",
        *(f"  {in_line(path)}" for path in paths),
        "Their place, time and writer are certain; what is left in them is not.",
    ]


def _named(book: Ledger, session: str) -> str:
    try:
        return resolve_session(book, session)
    except SessionNotFound:
        # Its head may have been removed behind the ledger's back: `verify` knows whether anything else is left.
        return session


def _receipts(lines: IO[str]) -> dict[str, tuple[int, str]]:
    """Read receipts, keeping the newest of each session."""
    newest: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            receipt: Any = json.loads(line)
            session_id, version, digest = receipt["session_id"], receipt["version"], receipt["digest"]
            if not isinstance(version, int) or not isinstance(digest, str):
                raise TypeError  # noqa: TRY301 - said below, with the line
        except (ValueError, KeyError, TypeError) as error:
            raise click.BadParameter(
                f"line {number} of {lines.name} is no receipt: it takes session_id, version and digest",
                param_hint="--expect",
            ) from error
        if session_id not in newest or newest[session_id][0] < version:
            newest[session_id] = (version, digest)
    return newest
