"""`ledger replay`: a session, save by save, as it came about."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.expressions import EXPRESSION, Documents, Expression, Unevaluable
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, faint, in_line, note, print_json, print_lines, shortened, width
from ledger.cli.revision_argument import range_of, resolve_no_option, session_argument
from ledger.cli.save_line import marks_of
from ledger.cli.saves import INDENT, save_as_json, save_lines
from ledger.cli.weighing import Weighing

if TYPE_CHECKING:
    from datetime import datetime

    from ledger.domain.steps import Step

__all__ = ["replay"]

#: So many saves are read at once, to look at what they would have undone.
PAGE = 200
#: Played as recorded, no wait is longer: an answer may have taken a night.
LONGEST_WAIT_S = 5.0
_ENDING_KEYS = {"q", "Q", "\x1b"}


def _speed(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter("it has to be a number above 0", context, parameter)
    return value


@click.command(
    # A revision may begin with a minus: -5..-1.
    context_settings={"ignore_unknown_options": True},
    epilog=examples(
        "ledger replay s1",
        "ledger replay s1 3..9",
        "ledger replay s1 q:call_1#0.. --step",
        "ledger replay s1 --watch 'length(messages)' --watch 'questions.*.status'",
    ),
)
@session_argument("SESSION[@REV]")
@click.argument("between", metavar="[A..B]", required=False)
@click.option("--step", "stepwise", is_flag=True, help="Wait for a key before each next save; q ends.")
@click.option("--speed", type=float, callback=_speed, metavar="X", help="Play as recorded, X times as fast.")
@click.option(
    "--watch",
    type=EXPRESSION,
    multiple=True,
    metavar="EXPR",
    help="Print a JMESPath value after each save; repeatable.",
)
@json_option
@pass_invocation
def replay(
    invocation: Invocation,
    session: str,
    between: str | None,
    *,
    stepwise: bool,
    speed: float | None,
    watch: tuple[Expression, ...],
) -> None:
    """Step through a session, save by save.

    A pure fold over the record: it never calls a model, runs no tool, and writes nothing. A..B are revisions, both
    included; without A it begins with the first save, without B it ends with the newest. SESSION@REV ends with REV.
    A watched value is marked with a * where a save changed it.
    """
    _check_modes(invocation, stepwise=stepwise, speed=speed)
    with invocation.book() as book:
        session_id, revision = resolve_no_option(book, session)
        start, stop = _ends(between, revision)
        told = _Telling(session_id, watch)
        weighing = Weighing(book)
        steps = _weighed(weighing, book.replay(session_id, start, stop))
        if invocation.as_json:
            print_json([told.as_json(*step) for step in steps])
        elif stepwise:
            _by_key(told, steps)
        elif speed is not None:
            _as_recorded(told, steps, speed)
        else:
            print_lines(chain.from_iterable(told.lines(*step) for step in steps))
        if weighing.unweighed is not None:
            note(f"Not marked: what was averted, for {weighing.unweighed}", as_json=invocation.as_json)


def _check_modes(invocation: Invocation, *, stepwise: bool, speed: float | None) -> None:
    chosen = [name for name, on in (("--step", stepwise), ("--speed", speed), ("--json", invocation.as_json)) if on]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} do not go together")
    if stepwise and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("--step waits for a key, so it takes a terminal; leave it out to print every save")


def _ends(between: str | None, revision: str | None) -> tuple[str | None, str | None]:
    """Give the first and the last revision that were asked for."""
    if between is None:
        return None, revision
    if between.startswith("--"):
        raise click.NoSuchOption(between)
    if revision is not None:
        raise click.UsageError(f"write the range as {between}, or the end of it as SESSION@{revision}, not both")
    ends = range_of(between)
    if ends is None:
        raise click.UsageError(f"{between!r} is no range of revisions: write A..B, A.. or ..B")
    return ends


def _weighed(weighing: Weighing, steps: Iterator[Step]) -> Iterator[tuple[Step, int]]:
    """Give each step with how many facts its save would have undone in a store that overwrites; a page at a time."""
    for _, of_session in groupby(steps, key=lambda step: step.event.session_id):
        while page := list(islice(of_session, PAGE)):
            counts = weighing.averted([step.event for step in page])
            yield from ((step, counts.get(step.event.version, 0)) for step in page)


class _Telling:
    """Tells steps one after the other, with the values that are watched."""

    def __init__(self, session_id: str, watch: Iterable[Expression]) -> None:
        self._session_id = session_id
        self._watch = tuple(watch)
        self._documents = Documents()
        self._values: list[Any] | None = None

    def lines(self, step: Step, averted: int) -> Iterator[str]:
        """Give a step as the log gives a save, and the watched values after it."""
        if step.event.session_id != self._session_id:
            # On one side of a join the versions are those of another session.
            self._session_id = step.event.session_id
            yield emphasised(f"session {in_line(self._session_id)}")
        yield from save_lines(step.event, averted)
        before, after = self._around(step)
        for expression, old, new in zip(self._watch, before, after, strict=True):
            yield _watched(expression.text, old, new)

    def as_json(self, step: Step, averted: int) -> dict[str, Any]:
        """Give a step as JSON."""
        marks = marks_of(step.event, averted)
        told = {"session_id": step.event.session_id, **save_as_json(step.event), "marks": marks}
        if self._watch:
            _, after = self._around(step)
            values = [None if isinstance(value, Unevaluable) else value for value in after]
            told["values"] = {expression.text: value for expression, value in zip(self._watch, values, strict=True)}
        return told

    def _around(self, step: Step) -> tuple[list[Any], list[Any]]:
        if not self._watch:
            return [], []
        before = self._evaluated(self._documents.of(step.before)) if self._values is None else self._values
        self._values = self._evaluated(self._documents.of(step.after))
        return before, self._values

    def _evaluated(self, document: Any) -> list[Any]:
        values: list[Any] = []
        for expression in self._watch:
            try:
                values.append(expression.value(document))
            except Unevaluable as error:
                values.append(error)  # what it says is shown in the place of the value
        return values


def _watched(text: str, old: Any, new: Any) -> str:
    """Give the line of a watched value: with a star where the save changed it."""
    room = width() - len(INDENT)
    if _is_same(old, new):
        return INDENT + faint(shortened(f"{text} = {_shown(new)}", room))
    star = "* ".rjust(len(INDENT))
    return star + emphasised(shortened(f"{text} = {_shown(new)}  (was {_shown(old)})", room), "yellow")


def _is_same(old: Any, new: Any) -> bool:
    from ledger.domain.values import json_equal

    if isinstance(old, Unevaluable) or isinstance(new, Unevaluable):
        return _shown(old) == _shown(new)
    return json_equal(old, new)


def _shown(value: Any) -> str:
    return f"no value: {value}" if isinstance(value, Unevaluable) else json.dumps(value, ensure_ascii=False)


def _by_key(told: _Telling, steps: Iterator[tuple[Step, int]]) -> None:
    """Tell a step, and the next when a key is pressed."""
    current = next(steps, None)
    while current is not None:
        print_lines(told.lines(*current), paged=False)
        current = next(steps, None)
        if current is None or not _goes_on(f"version {current[0].event.version} is next: any key shows it, q ends"):
            return


def _goes_on(prompt: str) -> bool:
    """Ask for a key, and take the question off the terminal again."""
    click.echo(faint(prompt), err=True, nl=False)
    try:
        key = click.getchar()
    except EOFError:
        return False  # Ctrl-D
    finally:
        click.echo("\r" + " " * len(prompt) + "\r", err=True, nl=False)
    return key not in _ENDING_KEYS


def _as_recorded(told: _Telling, steps: Iterator[tuple[Step, int]], speed: float) -> None:
    """Tell the steps as far apart as they were saved, at most; a Ctrl-C ends a wait at once."""
    latest: datetime | None = None
    for step, averted in steps:
        saved_at = step.event.occurred_at or step.event.recorded_at
        if latest is not None and saved_at > latest:
            time.sleep(min((saved_at - latest).total_seconds() / speed, LONGEST_WAIT_S))
        latest = saved_at if latest is None else max(latest, saved_at)
        print_lines(told.lines(step, averted), paged=False)
