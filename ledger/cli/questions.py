"""`ledger questions`: the life of every clarification."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, faint, note, print_json, print_lines, readable, shortened, width
from ledger.cli.revision_argument import resolve_session, session_argument
from ledger.cli.times import instant

if TYPE_CHECKING:
    from ledger.domain.records import QuestionRecord

__all__ = ["questions"]

_STATUSES = ("pending", "answered", "withdrawn", "superseded", "expired", "lost")
_COLOURS = {"pending": "yellow", "answered": "green", "lost": "red"}
_INDENT = "    "


@click.command(epilog=examples("ledger questions", "ledger questions --status pending", "ledger questions s1 --json"))
@session_argument(required=False)
@click.option("--status", type=click.Choice(_STATUSES), help="Only those that stand so.")
@json_option
@pass_invocation
def questions(invocation: Invocation, session: str | None, status: str | None) -> None:
    """Tell what agents asked, and how long they waited.

    The life of every clarification: who asked, which saves left it out, and who ended it, when and how.
    """
    with invocation.book() as book:
        session_id = None if session is None else resolve_session(book, session)
        found = book.questions(session_id, status=status)
    if invocation.as_json:
        print_json([record.model_dump(mode="json") for record in found])
    elif not found:
        note(f"There are no {status} questions." if status else "No questions were asked.")
    else:
        print_lines(_lines(found))


def _lines(records: list[QuestionRecord]) -> Iterator[str]:
    from ledger.domain.spans import span

    now = datetime.now(UTC)
    room = width() - len(_INDENT)
    for record in records:
        status = str(record.status)
        yield (
            f"{emphasised(status.ljust(8), _COLOURS.get(status))}  "
            f"{emphasised(readable(record.session_id))}  {readable(record.id)}"
        )
        header = f"{record.header}: " if record.header else ""
        yield _INDENT + shortened(header + record.text, room)
        for line in _details(record, span((record.resolved_at or now) - record.asked_at)):
            yield _INDENT + faint(shortened(line, room))


def _details(record: QuestionRecord, waited: str) -> Iterator[str]:
    from ledger.cli.change_words import value_text

    if record.options:
        chosen = "any of" if record.multiple else "one of"
        yield f"{chosen}: " + ", ".join(option.label for option in record.options)
    asked = f"asked by {record.asked_by} at {instant(record.asked_at)}, version {record.asked_version}"
    yield asked if record.resolved_at is not None else f"{asked}; waiting for {waited}"
    for omission in record.omissions:
        yield f"left out by {omission.writer} in version {omission.version}, without a reason; it stayed pending"
    if record.resolved_at is not None:
        by = f"{record.status} by {record.resolved_by} at {instant(record.resolved_at)}"
        yield f"{by}, version {record.resolved_version}; it waited {waited}"
    outcome = value_text(record.answer) if record.status == "answered" else record.reason
    if outcome:
        yield f"{'answer' if record.status == 'answered' else 'reason'}: {outcome}"
