"""`ledger roles`: who may do what on a server, and the statements that say so to PostgreSQL."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, print_json, print_lines, width

if TYPE_CHECKING:
    from ledger.store.roles import Role

__all__ = ["roles"]


@click.command(epilog=examples("ledger roles", "ledger roles --sql | psql agents", "ledger roles --sql --schema audit"))
@click.option("--sql", is_flag=True, help="Print the statements that make the roles, for psql.")
@click.option("--prefix", default="ledger_", show_default=True, help="With which the names of the roles begin.")
@click.option("--schema", default="public", show_default=True, help="The schema that holds the ledger's tables.")
@json_option
@pass_invocation
def roles(invocation: Invocation, prefix: str, schema: str, *, sql: bool) -> None:
    """Tell the roles of a ledger on PostgreSQL, and their rights.

    No database is asked. A writer adds events and can neither change nor remove one; nor can any of the others.
    """
    from ledger.store.roles import ROLES, roles_sql

    script = roles_sql(prefix, schema)
    if invocation.as_json:
        told = [{"role": prefix + role.name, "purpose": role.purpose, "rights": role.rights} for role in ROLES]
        print_json({"roles": told, "sql": script} if sql else told)
    elif sql:
        click.echo(script, nl=False)
    else:
        print_lines([*(line for role in ROLES for line in _told(prefix, role)), _NEXT])


_NEXT = "All of them may read. `ledger roles --sql` prints the statements that make them."


def _told(prefix: str, role: Role) -> Iterator[str]:
    first, *others = textwrap.wrap(f"{prefix}{role.name}: {role.purpose}", width(), subsequent_indent="  ")
    yield first.replace(prefix + role.name, emphasised(prefix + role.name))
    yield from others
    tables: dict[str, list[str]] = {}
    for table, rights in role.rights.items():
        tables.setdefault(rights, []).append(table)
    for rights, names in tables.items():
        text = f"{rights} on {', '.join(names)}"
        yield from textwrap.wrap(text, width(), initial_indent="  ", subsequent_indent="    ")
    yield ""
