"""`ledger log`: who saved what, from which version, and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, print_json, print_lines, readable, shortened, width
from ledger.cli.revision_argument import resolve_session, session_argument
from ledger.cli.times import instant

if TYPE_CHECKING:
    from ledger.domain.events import Event

__all__ = ["log"]

_FIELDS = {
    "version", "event_id", "recorded_at", "occurred_at", "writer", "authority", "base_version", "changes", "digest",
}  # fmt: skip
_INDENT = "    "


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
            print_json([_as_json(event) for event in events])
        else:
            print_lines(_lines(events))


def _as_json(event: Event) -> dict[str, Any]:
    return event.model_dump(mode="json", include=_FIELDS)


def _lines(events: Iterable[Event]) -> Iterator[str]:
    from ledger.cli.change_words import summed_up

    columns = width()
    for event in events:
        who = readable(event.writer) + (" (as user)" if event.authority == "user" else "")
        head = f"{emphasised(str(event.version))}  {instant(event.occurred_at or event.recorded_at)}  {who}"
        if event.is_stale:
            seen = f"version {event.base_version}" if event.base_version else "nothing"
            head += "  " + emphasised(f"stale: had seen {seen}", "yellow")
        yield head
        for words in summed_up(event.changes):
            yield _INDENT + shortened(words, columns - len(_INDENT))
