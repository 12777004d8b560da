"""`ledger log`: who saved what, from which version, and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import print_json, print_lines
from ledger.cli.revision_argument import resolve_session, session_argument
from ledger.cli.saves import save_as_json, save_lines

if TYPE_CHECKING:
    from ledger.domain.events import Event

__all__ = ["log"]


@click.command(
    epilog=examples("ledger log s1", "ledger log s1 -n 5", "ledger log s1 --json | jq '.[] | [.version, .writer]'")
)
@session_argument()
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option("-r", "--reverse", is_flag=True, help="Newest first.")
@json_option
@pass_invocation
def log(invocation: Invocation, session: str, limit: int | None, reverse: bool) -> None:  # noqa: FBT001 - click's
    """Tell who saved what in a session, and when.

    Oldest first. A save is stale when its writer had not seen the newest version; it was rebased, and the log says
    on what it had been based. A deleted session has its log still.
    """
    with invocation.book() as book:
        session_id = resolve_session(book, session)
        events: Iterable[Event]
        if limit is None:
            events = book.history(session_id, reverse=reverse)
        else:
            newest = islice(book.history(session_id, reverse=True), limit)
            events = newest if reverse else reversed(deque(newest))
        if invocation.as_json:
            print_json([save_as_json(event) for event in events])
        else:
            print_lines(line for event in events for line in save_lines(event))
