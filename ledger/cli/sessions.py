"""`ledger sessions`: the catalog."""

from __future__ import annotations

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import note, print_json, print_lines
from ledger.cli.revision_argument import checked, resolve_session
from ledger.cli.tables import Column, table_lines
from ledger.cli.times import instant

__all__ = ["sessions"]

_COLUMNS = (
    Column("SESSION", elastic=True),
    Column("TITLE", elastic=True),
    Column("VERSION", "right"),
    Column("MESSAGES", "right"),
    Column("PENDING", "right"),
    Column("UPDATED"),
)


@click.command(epilog=examples("ledger sessions", "ledger sessions --pending", "ledger sessions --json | jq '.[].id'"))
@click.option("--pending/--no-pending", default=None, help="Only those with, or without, a pending question.")
@click.option("--parent", metavar="SESSION", callback=checked, help="Only the children of this session.")
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="At most so many.")
@json_option
@pass_invocation
def sessions(invocation: Invocation, pending: bool | None, parent: str | None, limit: int | None) -> None:  # noqa: FBT001 - click's
    """List the sessions, newest first.

    PENDING counts the questions that a session's agent still waits for.
    """
    with invocation.book() as book:
        parent_id = None if parent is None else resolve_session(book, parent)
        found = book.sessions(pending=pending, parent=parent_id, limit=limit)
    if invocation.as_json:
        print_json([summary.model_dump(mode="json") for summary in found])
    elif not found:
        note("There are no such sessions." if pending is not None or parent else "There are no sessions.")
    else:
        rows = [
            (
                summary.id,
                summary.title or "",
                str(summary.version),
                str(summary.messages),
                str(summary.pending_questions or ""),
                instant(summary.updated_at),
            )
            for summary in found
        ]
        print_lines(table_lines(_COLUMNS, rows))
