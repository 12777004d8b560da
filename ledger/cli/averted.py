"""`ledger averted`: what a store that overwrites would have lost."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import counted, emphasised, faint, in_line, note, print_json, print_lines, shortened, width
from ledger.cli.progress_bar import progress_bar
from ledger.cli.revision_argument import resolve_session, session_argument
from ledger.cli.times import instant

if TYPE_CHECKING:
    from ledger.domain.averted import Averted, Loss

__all__ = ["averted"]

_INDENT = "    "
#: So many facts of one save are listed; of a copy that knew nothing, it would be the whole session.
LISTED = 10


@click.command(
    epilog=examples("ledger averted", "ledger averted s1", "ledger averted s1 --json | jq '.[].losses[].path'")
)
@session_argument(required=False)
@click.option("--full", is_flag=True, help="List every fact of every save.")
@json_option
@pass_invocation
def averted(invocation: Invocation, session: str | None, full: bool) -> None:  # noqa: FBT001 - click's
    """Tell what overwriting would have lost.

    A save whose writer had not seen the newest version would, in a store that overwrites, have replaced what others had
    written since by its own older copy; and one that left out a pending question would have dropped it. Below each such
    save stands what would have been lost, and who had written it. "overruled" marks what gave way to the save here too,
    by a rule, and is kept in the log.
    """
    with invocation.book() as book, progress_bar() as advance:
        found = list(
            book.averted(
                None if session is None else resolve_session(book, session),
                progress=lambda done, total: advance("Reading", done, total),
            )
        )
    if invocation.as_json:
        print_json([save.model_dump(mode="json") for save in found])
    elif not found:
        note("Overwriting would have lost nothing.")
    else:
        print_lines(_lines(found, of_all=session is None, full=full))


def _lines(saves: list[Averted], *, of_all: bool, full: bool) -> Iterator[str]:
    for save in saves:
        yield _heading(save, of_all=of_all)
        listed = save.losses if full or len(save.losses) <= LISTED + 1 else save.losses[:LISTED]
        for loss in listed:
            yield _INDENT + _line(loss, save)
        if len(listed) < len(save.losses):
            yield _INDENT + faint(f"and {len(save.losses) - len(listed):,} more; --full lists them")
    yield from _sum(saves)


def _heading(save: Averted, *, of_all: bool) -> str:
    place = f"{in_line(save.session_id)}@{save.version}" if of_all else str(save.version)
    who = in_line(save.writer) + (" (user)" if save.authority == "user" else "")
    seen = f"had seen version {save.base_version}" if save.base_version else "had seen nothing"
    heading = f"{emphasised(place)}  {faint(instant(save.at))}  {who}"
    stale = any(loss.cause == "stale" for loss in save.losses)
    return f"{heading}  {emphasised(seen, 'yellow')}" if stale else heading


def _line(loss: Loss, save: Averted) -> str:
    from ledger.cli.fact_words import fact_name, held_words

    elsewhere = f" of {loss.session_id}" if loss.session_id != save.session_id else ""
    place, room = f"version {loss.version}{elsewhere}", width() - len(_INDENT)
    if loss.removed:
        return shortened(f"{fact_name(loss.kind, loss.path)}, removed by {loss.writer} in {place}{_how(loss)}", room)
    # A message is known by what it says, and ids are often long.
    name = loss.kind if loss.kind == "message" else fact_name(loss.kind, loss.path)
    return shortened(f"{name} by {loss.writer} in {place}{_how(loss)}: {held_words(loss.kind, loss.value)}", room)


def _how(loss: Loss) -> str:
    if loss.cause == "omitted":
        return ", left out" if loss.kept == "state" else ", left out and recorded as lost"
    return "" if loss.kept == "state" else ", overruled"


def _sum(saves: list[Averted]) -> Iterator[str]:
    from ledger.cli.fact_words import counted_facts

    kinds = Counter(loss.kind for save in saves for loss in save.losses)
    facts = ", ".join(counted_facts(kind, count) for kind, count in kinds.most_common())
    gone = sum(loss.kept == "record" for save in saves for loss in save.losses)
    where = counted(len(saves), "save")
    told = f"Overwriting would have lost {facts}, at {where}."
    if gone:
        told += f" {gone:,} of these gave way here too, and {'is' if gone == 1 else 'are'} kept in the log."
    yield from textwrap.wrap(told, width())
