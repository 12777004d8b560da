"""`ledger log`: who saved what, from which version, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.following import followed
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.log_filters import SaveFilter, save_filters
from ledger.cli.log_window import Told, Window, bounds
from ledger.cli.output import note, print_json, print_lines
from ledger.cli.revision_argument import resolve_session, session_argument
from ledger.cli.save_line import LineShape, marks_of
from ledger.cli.saves import save_as_json, save_lines
from ledger.cli.spoken_command import spoken_command

if TYPE_CHECKING:
    from ledger.domain.events import SessionForked

__all__ = ["log"]


@click.command(
    epilog=examples(
        "ledger log s1",
        "ledger log s1 -n 20 --full",
        "ledger log s1 --follow",
        "ledger log s1 --type question --type stale",
        "ledger log s1 --not-writer ui --since 2026-02-10T21:00:00Z",
        "ledger log s1 --json | jq '.[] | [.version, .writer]'",
    )
)
@session_argument()
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@click.option("-r", "--reverse", is_flag=True, help="Newest first.")
@click.option("--full", "shape", flag_value="full", help="A line for each change, below the one for its save.")
@click.option("--oneline", "shape", flag_value="oneline", help="The tersest form: no times, no columns.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is saved from now on, until Ctrl-C.")
@save_filters
@click.option("--since", metavar="REV", help="Only from this save, or from this time on.")
@click.option("--until", metavar="REV", help="Only up to this save, or to this time.")
@json_option
@pass_invocation
def log(
    invocation: Invocation,
    session: str,
    *,
    limit: int | None,
    reverse: bool,
    shape: str | None,
    follow: bool,
    chosen: SaveFilter,
    since: str | None,
    until: str | None,
) -> None:
    """Tell who saved what in a session, and when.

    A line a save, oldest first. A save is "stale" when its writer had not seen the newest version; it was rebased,
    and the line says on what it had been based. "asked", "answered", "omitted" and "overruled" say what became of
    questions and of changes, and "averted" how many facts a store that overwrites would have lost there. A deleted
    session has its log still.

    A TYPE is a type of change (message_revised), a part of the session (question, message, title), what became of
    a question (asked, answered, omitted), overruled, or stale.
    """
    if follow and (reverse or until is not None or invocation.as_json):
        other = "--json" if invocation.as_json else "--reverse" if reverse else "--until"
        raise click.UsageError(f"--follow has no end, so {other} does not go with it")
    with invocation.book() as book:
        session_id = resolve_session(book, session)
        after, upto = bounds(book, session_id, since, until)
        window = Window(book, session_id, after, upto, chosen, limit, reverse)
        form = _Form(shape, upto)
        if invocation.as_json:
            print_json([_as_json(told) for page in window.pages() for told in page])
        else:
            print_lines((line for page in window.pages() for line in form.lines(page)), paged=not follow)
        if form.origin is not None and not invocation.as_json:
            parent, version = form.origin.from_session_id, str(form.origin.from_version)
            note(f"What came before the fork: {spoken_command(invocation, 'log', '--until', version, named=[parent])}")
        if window.after >= window.upto and not follow:
            note("Nothing was saved then.", as_json=invocation.as_json)
        for text in window.notes():
            note(text, as_json=invocation.as_json)
        if follow:
            for events in followed(book, session_id, upto):
                print_lines(form.lines(window.told(events)), paged=False)


def _as_json(told: Told) -> dict[str, object]:
    return save_as_json(told.event) | {"marks": marks_of(told.event, told.averted)}


class _Form:
    """How saves are told; what their lines have in common is taken from the first of them."""

    def __init__(self, name: str | None, head: int) -> None:
        self._name = name
        self._head = head
        self._shape: LineShape | None = None
        #: What the session was forked from, if a save that was told says so.
        self.origin: SessionForked | None = None

    def lines(self, page: list[Told]) -> Iterator[str]:
        from ledger.domain.origins import origin_of

        for told in page:
            self.origin = self.origin or origin_of(told.event.version, told.event.changes)
        if self._name == "full":
            return (line for told in page for line in save_lines(told.event, told.averted))
        if self._shape is None and page:
            self._shape = LineShape.of([told.event for told in page], self._head)
        return (self._line(told) for told in page)

    def _line(self, told: Told) -> str:
        assert self._shape is not None  # noqa: S101 - made of the page that the save is in
        tell = self._shape.shortest if self._name == "oneline" else self._shape.line
        return tell(told.event, told.averted)
