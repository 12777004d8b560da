"""`ledger rebuild`: projections made anew from the log."""

from __future__ import annotations

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, pass_invocation
from ledger.cli.output import print_lines
from ledger.cli.progress_bar import progress_bar

__all__ = ["rebuild"]


@click.command(epilog=examples("ledger rebuild", "ledger rebuild questions"))
@click.argument("projection", required=False)
@pass_invocation
def rebuild(invocation: Invocation, projection: str | None) -> None:
    """Build the projections anew from the log.

    One is emptied and built at a time, or only the one that is named. PROJECTION is session_view, catalog,
    questions or usage. Nothing is lost by it: projections hold no more than the log says. Needed after someone
    changed one by hand.
    """
    with invocation.book() as book, progress_bar() as advance:
        book.rebuild(projection, advance)
    print_lines([f"Rebuilt {projection or 'every projection'} from the log."])
