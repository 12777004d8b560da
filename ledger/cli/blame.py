"""`ledger blame`: which save last wrote each fact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, faint, in_line, note, print_json, print_lines, shortened, width
from ledger.cli.progress_bar import progress_bar
from ledger.cli.revision_argument import checked, resolve_revision, session_argument
from ledger.cli.times import instant

if TYPE_CHECKING:
    from ledger.domain.blame import Blame

__all__ = ["blame"]

#: Longer names of writers are cut.
WRITER_COLUMNS = 16
_PLACES = ("title", "pinned", "model", "summary", "parent", "messages", "questions", "metadata", "state")


def _fact(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Give a fact as a JSON Pointer, whether its slash was written or not."""
    text = checked(context, parameter, value)
    if text is None:
        return None
    name, slash, rest = text.removeprefix("/").partition("/")
    if name not in {*_PLACES, "parent_session_id"} or (slash and not rest):
        raise click.BadParameter(
            f"{text!r} is none: a fact is one of {', '.join(_PLACES)}, or a JSON Pointer such as /state/KEY",
            context,
            parameter,
        )
    return f"/parent_session_id{slash}{rest}" if name == "parent" else f"/{name}{slash}{rest}"


@click.command(
    epilog=examples(
        "ledger blame s1", "ledger blame s1 title", "ledger blame s1@12 --questions", "ledger blame s1 /state/plan"
    )
)
@session_argument("SESSION[@REV]")
@click.argument("fact", metavar="[FACT]", required=False, callback=_fact)
@click.option("--messages", is_flag=True, help="Only the messages.")
@click.option("--questions", is_flag=True, help="Only the questions.")
@json_option
@pass_invocation
def blame(invocation: Invocation, session: str, fact: str | None, *, messages: bool, questions: bool) -> None:
    """Tell which save last wrote each fact.

    A line for each message, question, field and key that the session holds, or held at a revision: the version that
    wrote it last, its time, its writer, and what it holds. A save that brought what stood there already did not write
    it. In a fork, what its parent wrote is named PARENT@VERSION.

    A FACT is a field (title, pinned, model, summary, parent), or all messages, questions, metadata or state, or one
    of them by its JSON Pointer (/messages/ID, /state/KEY). Messages have the numbers of `ledger show`.
    """
    parts = [f"/{name}" for name, on in (("messages", messages), ("questions", questions)) if on]
    if fact is not None and parts:
        raise click.UsageError(f"name a fact, or --{parts[0][1:]}, not both")
    within = parts if fact is None else [fact]
    with invocation.book() as book, progress_bar() as advance:
        session_id, at = resolve_revision(book, session)
        held = book.blame(session_id, at, progress=lambda done, total: advance("Reading", done, total))
    numbers = {each.path: number for number, each in enumerate((f for f in held if f.kind == "message"), 1)}
    found = [each for each in held if not within or any(_meets(each.path, place) for place in within)]
    if invocation.as_json:
        print_json([each.model_dump(mode="json") for each in found])
    elif not found:
        note(f"It holds nothing at {' or '.join(within)}." if within else "It holds nothing.")
    else:
        print_lines(_lines(found, session_id, numbers))


def _meets(path: str, within: str) -> bool:
    """Whether the fact is what was asked for, or in it, or holds it."""
    return path == within or path.startswith(f"{within}/") or within.startswith(f"{path}/")


def _lines(found: list[Blame], session_id: str, numbers: dict[str, int]) -> Iterator[str]:
    from ledger.cli.fact_words import fact_name, held_words

    places = [str(f.version) if f.session_id == session_id else f"{in_line(f.session_id)}@{f.version}" for f in found]
    place_room = max(map(len, places))
    who_room = min(max(len(_who(fact)) for fact in found), WRITER_COLUMNS)
    for place, fact in zip(places, found, strict=True):
        who, time = shortened(_who(fact), WRITER_COLUMNS).ljust(who_room), instant(fact.at)
        name = f"message {numbers[fact.path]}" if fact.kind == "message" else fact_name(fact.kind, fact.path)
        held = f"{name}: {held_words(fact.kind, fact.value)}"
        room = max(width() - place_room - len(time) - who_room - 6, len("message"))
        yield f"{emphasised(place.rjust(place_room))}  {faint(time)}  {who}  {shortened(held, room)}"


def _who(fact: Blame) -> str:
    return in_line(fact.writer) + (" (user)" if fact.authority == "user" else "")
