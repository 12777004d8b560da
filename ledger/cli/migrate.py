"""`ledger migrate`: a database at this release's schema, and how its tables lie on a large server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, database_url, pass_invocation, warnings_told
from ledger.cli.output import print_lines, readable

if TYPE_CHECKING:
    from ledger.store.database import Database

__all__ = ["migrate"]


@click.command(
    epilog=examples(
        "ledger migrate",
        "ledger --db postgresql://db/agents migrate --partition 32",
        "ledger migrate --distribute --sql > distribute.sql",
    )
)
@click.option("--partition", type=click.IntRange(min=2), metavar="N", help="Put events and payloads into N partitions.")
@click.option("--distribute", is_flag=True, help="Spread the tables of sessions over the nodes of a Citus cluster.")
@click.option("--sql", is_flag=True, help="Print the statements of either, and run nothing.")
@pass_invocation
def migrate(invocation: Invocation, partition: int | None, *, distribute: bool, sql: bool) -> None:
    """Create the ledger, or upgrade its schema.

    In one transaction: it is done as a whole, or not at all. Nothing that was recorded changes. A database of a newer
    release, or of another program, is left as it is.

    For large installations on PostgreSQL, hash partitions by session (while it copies, nobody reads or writes), or
    tables that are distributed by session. Grant the roles their rights again afterwards.
    """
    from ledger.store import scaling

    if partition is not None and distribute:
        raise click.UsageError("--partition and --distribute exclude each other")
    if sql and partition is None and not distribute:
        raise click.UsageError("--sql prints what --partition or --distribute would do: name one of them")
    statements = [] if partition is None else list(scaling.partitioning(partition))
    if distribute:
        statements = list(scaling.distributing())
    if sql:
        click.echo("\n".join(["BEGIN;", *(f"{statement};" for statement in statements), "COMMIT;"]))
        return
    with warnings_told():
        database = _opened(invocation)
        try:
            if statements:
                scaling.spread(database, statements, distributed=distribute)
        finally:
            database.close()
    if distribute:
        print_lines([f"Distributed the tables of {readable(database.place)} by session."])
    elif statements:
        print_lines([f"Put the events of {readable(database.place)} into {partition} partitions."])


def _opened(invocation: Invocation) -> Database:
    from ledger.store.database import Database
    from ledger.store.tables import SCHEMA

    database = Database(database_url(invocation.database), upgrade=True)
    place = readable(database.place)
    if not database.steps:
        print_lines([f"{place} is at schema {SCHEMA} already: nothing to do."])
    elif database.steps[0].startswith("0001"):
        print_lines([f"Created {place} at schema {SCHEMA}."])
    else:
        print_lines([f"Brought {place} to schema {SCHEMA}:", *(f"  {step}" for step in database.steps)])
    return database
