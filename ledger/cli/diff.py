"""`ledger diff`: what differs between two states of a session, or of two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import PROBLEM
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import note, print_json, print_lines
from ledger.cli.revision_argument import checked, range_of, resolve_no_option
from ledger.errors import SessionNotFound

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["diff"]


@click.command(
    # A revision may begin with a minus: -5..-1.
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "ledger diff s1", "ledger diff s1 3..5", "ledger diff s1@q:call_1#0 --stat", "ledger diff s1@3 s2@5"
    ),
)
@click.argument("first", metavar="SESSION[@REV]", callback=checked)
@click.argument("second", metavar="[SESSION[@REV]|A..B]", required=False, callback=checked)
@click.option("--stat", is_flag=True, help="Only count what differs.")
@click.option("--full", is_flag=True, help="Show long messages and values to their end.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if they differ.")
@json_option
@pass_invocation
def diff(invocation: Invocation, first: str, second: str | None, *, stat: bool, full: bool, exit_code: bool) -> None:
    """Tell what differs between two states.

    SESSION alone: what its last save changed. SESSION@A: what changed since the revision A. SESSION A..B: what leads
    from A to B; without A from the first version, without B to the newest. SESSION@A OTHER@B: two sessions, such as
    a fork and its parent, each at its newest version where no revision is named. B may come before A; then it is told
    what leads back.

    Messages are aligned by id: + came, - went, ~ was revised, > moved. Their numbers are those of `ledger show`.
    """
    with invocation.book() as book:
        session_id, a, other, b = _sides(book, first, second)
        found = book.diff(session_id, a, b, other=other)
    if exit_code and not found.is_empty:
        invocation.exit_code = PROBLEM
    if invocation.as_json:
        print_json(found.stat if stat else found.model_dump(mode="json"))
    elif found.is_empty:
        note(f"{found.a} and {found.b} hold the same.")
    else:
        from ledger.cli.diff_text import diff_lines, stat_lines

        print_lines(stat_lines(found) if stat else diff_lines(found, full=full))


def _sides(book: Ledger, first: str, second: str | None) -> tuple[str, str | None, str, str | None]:
    """Give a session and a revision of it, twice; `None` stands for the head."""
    session_id, at = _named(book, first)
    if second is None:
        return session_id, "-1" if at is None else at, session_id, None
    ends = range_of(second)
    if ends is None or book.head(second) is not None:
        return session_id, at, *_named(book, second, beside=session_id)
    if at is not None:
        raise click.UsageError(f"a range goes with a session: write {session_id} {second}, without @{at}")
    begin, end = ends
    return session_id, begin or "1", session_id, end


def _named(book: Ledger, named: str, *, beside: str | None = None) -> tuple[str, str | None]:
    """Give the session and the revision; if there is none, say what was meant perhaps."""
    try:
        return resolve_no_option(book, named)
    except SessionNotFound:
        if beside is not None and (".." in named or range_of(f"{named.removeprefix('@')}..")):
            raise click.UsageError(
                f"{named!r} is neither a session nor a range of revisions; write {beside} A..B, or A.. or ..B"
            ) from None
        raise
