"""`ledger bisect`: the save that changed something, and all that became of a question."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import NOT_FOUND
from ledger.cli.expressions import EXPRESSION, Expression
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, in_line, note, print_json, print_lines, readable, shortened, width
from ledger.cli.question_argument import resolve_question
from ledger.cli.revision_argument import checked, resolve_session, session_argument
from ledger.cli.saves import INDENT, save_as_json, save_lines
from ledger.cli.spoken_command import spoken_command
from ledger.cli.weighing import Weighing

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.cli.judging import Judge
    from ledger.cli.searching import Outcome
    from ledger.domain.events import Event
    from ledger.domain.revisions import Place

__all__ = ["bisect"]


@click.command(
    epilog=examples(
        "ledger bisect s1 --question call_1#0",
        "ledger bisect s1 --expr 'metadata.owner'",
        "ledger bisect s1 --good 3 --bad -1 -- jq -e '.messages | length < 9'",
    )
)
@session_argument()
@click.argument("command", metavar="[-- CMD ARG...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--question",
    metavar="ID",
    callback=checked,
    help="Tell all that became of a question: its id, tool call, or beginning.",
)
@click.option("--expr", type=EXPRESSION, metavar="EXPR", help="Find where the truth of a JMESPath expression changed.")
@click.option("--good", metavar="REV", help="The version to begin with; the first by default.")
@click.option("--bad", metavar="REV", help="The version to end with, which differs; the newest by default.")
@json_option
@pass_invocation
def bisect(
    invocation: Invocation,
    session: str,
    command: tuple[str, ...],
    *,
    question: str | None,
    expr: Expression | None,
    good: str | None,
    bad: str | None,
) -> None:
    """Find the save that changed something, or lost a question.

    Of a question, one pass over the log tells everything that happened to it. Anything else is searched for: of all
    versions from the good one to the bad one, about log2 are loaded, to find the first that differs from the good one.

    EXPR is true or false of a session's JSON as JMESPath has it. CMD gets that JSON on its standard input and says by
    its exit code what it thinks, as for git bisect run: 0 good, 125 skip, 1 to 127 bad, more or a signal ends the
    search. Where a session was deleted, the JSON is null. The exit code is 0 if a version was found, 3 if none was.
    """
    chosen = [name for name, on in (("--question", question), ("--expr", expr), ("-- CMD", command)) if on]
    if len(chosen) != 1:
        found = f"{' and '.join(chosen)} do not go together" if chosen else "nothing to look for"
        raise click.UsageError(f"{found}: name a --question, an --expr, or a command behind --")
    if question is not None and (good or bad):
        raise click.UsageError("the whole life of a question is told: --good and --bad do not go with --question")
    with invocation.book() as book:
        session_id = resolve_session(book, session)
        if question is not None:
            _tell_course(invocation, book, *resolve_question(book, question, session_id))
        else:
            _search(invocation, book, book.places(session_id, good, bad), expr or command)


def _tell_course(invocation: Invocation, book: Ledger, session_id: str, question_id: str) -> None:
    from ledger.cli.transitions import conclusion, pointed_at, transition_lines

    transitions = book.transitions(session_id, question_id)
    culprit = pointed_at(transitions)
    if invocation.as_json:
        told = [transition.model_dump(mode="json") for transition in transitions]
        place = None if culprit is None else {name: told[culprit][name] for name in ("session_id", "version", "kind")}
        print_json({"session_id": session_id, "question_id": question_id, "transitions": told, "points_at": place})
        return

    def lines() -> Iterator[str]:
        yield emphasised(in_line(question_id))
        yield from transition_lines(session_id, transitions)
        if culprit is None:
            yield "No save lost it or left it out, and overwriting would have lost it nowhere."
            return
        save = transitions[culprit]
        yield from (emphasised(line) for line in textwrap.wrap(readable(conclusion(save)), width()))
        yield spoken_command(invocation, "diff", named=[f"{save.session_id}@{save.version - back}" for back in (1, 0)])

    print_lines(lines())


def _search(
    invocation: Invocation,
    book: Ledger,
    places: list[Place],
    sought: Expression | tuple[str, ...],
) -> None:
    from ledger.cli.judging import CommandJudge, ExpressionJudge
    from ledger.cli.searching import search

    judge: Judge = ExpressionJudge(sought) if isinstance(sought, Expression) else CommandJudge(sought)
    # Whoever reads JSON may read what goes wrong as JSON too, from standard error.
    outcome = search(book, places, judge, progress=None if invocation.as_json else note)
    if len(outcome.candidates) != 1:
        invocation.exit_code = NOT_FOUND
    if not outcome.candidates:
        ends = " and ".join(map(str, outcome.ends))
        _warn(invocation, f"{judge.at_both(outcome.before)}, {ends}: there is nothing to find between them")
    elif len(outcome.candidates) > 1:
        first, *_, last = outcome.candidates
        _warn(invocation, f"the first that differs is one from {first} to {last}; the command skipped all but the last")
    if invocation.as_json:
        print_json(_as_json(book, judge, outcome))
    elif len(outcome.candidates) == 1:
        print_lines(_lines(invocation, book, judge, outcome))


def _warn(invocation: Invocation, warning: str) -> None:
    note(json.dumps({"warning": warning}) if invocation.as_json else f"Warning: {warning}")


def _lines(invocation: Invocation, book: Ledger, judge: Judge, outcome: Outcome) -> Iterator[str]:
    (found,) = outcome.candidates
    yield emphasised(in_line(f"{found} is the first version {judge.where(outcome.after)}"))
    words = judge.change(outcome.before, outcome.after)
    if words:
        yield INDENT + shortened(words, width() - len(INDENT))
    event = _event(book, found)
    yield from save_lines(event, Weighing(book).averted([event]).get(event.version, 0))
    if event.kind == "deleted":
        yield spoken_command(invocation, "show", named=[str(outcome.previous)])
    elif any(change.type == "session_created" for change in event.changes):
        yield spoken_command(invocation, "show", named=[str(found)])
    else:
        yield spoken_command(invocation, "diff", named=[str(outcome.previous), str(found)])


def _as_json(book: Ledger, judge: Judge, outcome: Outcome) -> dict[str, Any]:
    found = outcome.candidates[0] if len(outcome.candidates) == 1 else None
    good, bad = (place._asdict() for place in outcome.ends)
    return {
        "session_id": None if found is None else found.session_id,
        "version": None if found is None else found.version,
        "good": good,
        "bad": bad,
        **judge.sought,
        "before": outcome.before,
        "after": outcome.after,
        "candidates": [place._asdict() for place in outcome.candidates],
        "tested": outcome.tested,
        "save": None if found is None else save_as_json(_event(book, found)),
    }


def _event(book: Ledger, place: Place) -> Event:
    return next(book.history(place.session_id, after=place.version - 1))
