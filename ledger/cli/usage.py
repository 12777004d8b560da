"""`ledger usage`: the tokens that were spent."""

from __future__ import annotations

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import note, print_json, print_lines
from ledger.cli.revision_argument import resolve_session, session_argument
from ledger.cli.tables import Column, table_lines

__all__ = ["usage"]


@click.command(epilog=examples("ledger usage", "ledger usage s1", "ledger usage --json | jq '.[-1].totals'"))
@session_argument(required=False)
@json_option
@pass_invocation
def usage(invocation: Invocation, session: str | None) -> None:
    """Add up the tokens, by session and in total.

    As JSON, the total is the last object of the list, and its session_id is null.
    """
    with invocation.book() as book:
        if session is None:
            found = book.usage_by_session()
            total = [book.usage()] if found else []
        else:
            found = [totals for totals in [book.usage(resolve_session(book, session))] if totals.records]
            total = []
    if invocation.as_json:
        print_json([totals.model_dump(mode="json") for totals in [*found, *total]])
    elif not found:
        note("No token usage was recorded.")
    else:
        everything = [*found, *(total if len(found) > 1 else [])]
        names = list(dict.fromkeys(name for totals in everything for name in totals.totals))
        columns = [Column("SESSION", elastic=True), Column("RECORDS", "right")]
        columns += [Column(name.replace("_", " "), "right", elastic=True) for name in names]
        rows = [
            (
                totals.session_id or "total",
                f"{totals.records:,}",
                *(f"{totals.totals[name]:,}" if name in totals.totals else "" for name in names),
            )
            for totals in everything
        ]
        print_lines(table_lines(columns, rows))
