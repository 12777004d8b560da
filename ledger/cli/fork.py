"""`ledger fork`: a new session that starts from the state of another one."""

from __future__ import annotations

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import counted, in_line, note, print_json, print_lines
from ledger.cli.revision_argument import checked, resolve_revision, session_argument
from ledger.cli.spoken_command import spoken_command

__all__ = ["fork"]


@click.command(
    epilog=examples("ledger fork s1 s1-retry", "ledger fork s1@3 s1-retry", "ledger fork s1@q:call_1#0 s1-retry")
)
@session_argument("SESSION[@REV]")
@click.argument("new_id", metavar="NEW_ID", callback=checked)
@click.option("--writer", metavar="NAME", default="cli", show_default=True, help="Who forks, for the record.")
@json_option
@pass_invocation
def fork(invocation: Invocation, session: str, new_id: str, writer: str) -> None:
    """Start a new session from the state of another one.

    Nothing is copied: the new session is one event that names the session and the version that it starts from. The
    two then go their own ways. A question that was open at that version is open in the new session too. NEW_ID must
    never have been used; of a deleted session, any version that it lived at can be forked.
    """
    with invocation.book() as book:
        session_id, revision = resolve_revision(book, session)
        child = book.fork(session_id, new_id, at=revision, writer=writer)
    if invocation.as_json:
        print_json({"session_id": child.id, "version": child.version, "forked_from": child.model_dump()["forked_from"]})
        return
    parent = child.forked_from or {}
    origin = f"{parent['session_id']}@{parent['version']}"
    held = f"{counted(len(child.messages), 'message')}, {counted(len(child.pending_questions), 'open question')}"
    print_lines([in_line(f"Forked {child.id} from {origin}: {held}.")], paged=False)
    note(f"Next: {spoken_command(invocation, 'show', named=[child.id])}")
