"""`ledger migrate`: a database at this release's schema."""

from __future__ import annotations

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, database_url, pass_invocation, warnings_told
from ledger.cli.output import print_lines, readable

__all__ = ["migrate"]


@click.command(epilog=examples("ledger migrate", "ledger --db sqlite:///agents.db migrate"))
@pass_invocation
def migrate(invocation: Invocation) -> None:
    """Create the ledger, or upgrade its schema.

    In one transaction: it is done as a whole, or not at all. Nothing that was recorded changes. A database of a newer
    release, or of another program, is left as it is.
    """
    from ledger.store.database import Database
    from ledger.store.tables import SCHEMA

    with warnings_told():
        database = Database(database_url(invocation.database), upgrade=True)
        database.close()
    place = readable(database.place)
    if not database.steps:
        print_lines([f"{place} is at schema {SCHEMA} already: nothing to do."])
    elif database.steps[0].startswith("0001"):
        print_lines([f"Created {place} at schema {SCHEMA}."])
    else:
        print_lines([f"Brought {place} to schema {SCHEMA}:", *(f"  {step}" for step in database.steps)])
