"""`ledger questions`: the life of every clarification."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.durations import Duration
from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, faint, in_line, note, print_json, print_lines, readable, shortened, width
from ledger.cli.question_argument import NamedQuestion, resolve_question
from ledger.cli.revision_argument import checked, resolve_session, session_argument
from ledger.cli.spoken_command import spoken_command
from ledger.cli.times import instant

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.records import AskedIn, QuestionRecord
    from ledger.domain.transitions import Transition

__all__ = ["questions"]

_STATUSES = ("pending", "answered", "withdrawn", "superseded", "expired", "lost")
_COLOURS = {"pending": "yellow", "answered": "green", "lost": "red"}
_ENDS = set(_STATUSES) - {"pending"}
_INDENT = "    "
#: So many later saves of one question are listed; the rest are counted.
LISTED = 5
#: Prose reads badly in longer lines.
MAX_WIDTH = 90


@click.command(
    epilog=examples(
        "ledger questions",
        "ledger questions --status pending --open-for 1h",
        "ledger questions --text refund --writer ui",
        "ledger questions --explain call_1#0 s1",
        "ledger questions s1 --json",
    )
)
@session_argument(required=False)
@click.option("--status", type=click.Choice(_STATUSES), help="Only those that stand so.")
@click.option("--writer", metavar="NAME", callback=checked, help="Only those that this writer asked or ended.")
@click.option("--text", metavar="TEXT", callback=checked, help="Only those with this in question, answer or reason.")
@click.option(
    "--open-for", type=Duration(), metavar="TIME", help="Only those open for so long or longer: 90s, 1h30m, 2d."
)
@click.option("--explain", metavar="ID", callback=checked, help="Tell the story of one question, in sentences.")
@json_option
@pass_invocation
def questions(invocation: Invocation, /, session: str | None, *, explain: str | None, **filters: Any) -> None:
    """Tell what agents asked, and how long they waited.

    The life of every clarification: who asked, which saves left it out or had not seen it, and who ended it, when and
    how. With --explain, the whole story of one: ID is its id, the tool call that asked it, or a beginning of it.
    """
    if explain is not None and (given := [name for name, value in filters.items() if value is not None]):
        option = given[0].replace("_", "-")
        raise click.UsageError(f"--explain tells of one question, so --{option} does not go with it")
    with invocation.book() as book:
        session_id = None if session is None else resolve_session(book, session)
        if explain is not None:
            _explain(invocation, book, resolve_question(book, explain, session_id))
            return
        found = book.questions(session_id, **filters)
    if invocation.as_json:
        print_json([record.model_dump(mode="json") for record in found])
    elif not found:
        note(_none(**filters))
    else:
        print_lines(_lines(found))


def _none(status: str | None, writer: str | None, text: str | None, open_for: timedelta | None) -> str:
    if writer is None and text is None and open_for is None:
        return f"There are no {status} questions." if status else "No questions were asked."
    return "No question is like that."


def _explain(invocation: Invocation, book: Ledger, named: NamedQuestion) -> None:
    from ledger.cli.question_story import story

    transitions = book.transitions(*named)
    asked = next(each for each in reversed(transitions) if each.kind == "asked")
    question = book.load(asked.session_id, at=asked.version).questions[named.question_id]
    told = story(named.session_id, transitions, question.options, datetime.now(UTC))
    following = list(_next(invocation, named, transitions))
    if invocation.as_json:
        document = {**named._asdict(), "story": told, "next": [command for _, command in following]}
        print_json(document | {"transitions": [each.model_dump(mode="json") for each in transitions]})
    else:
        print_lines(_prose(named, told, following))


def _next(invocation: Invocation, named: NamedQuestion, transitions: Sequence[Transition]) -> Iterator[tuple[str, str]]:
    """Give what to do next, and the command for it."""
    moves = [each for each in transitions if each.kind in {"asked", "recovered", *_ENDS}]
    asked, last = [each for each in moves if each.kind == "asked"][-1], moves[-1]
    then = f"{asked.session_id}@{asked.version}"
    yield "The session as it was when this was asked", spoken_command(invocation, "show", named=[then])
    if last.kind in _ENDS:
        ended = last.version if last.session_id == named.session_id else 1
        saves = spoken_command(invocation, "log", "--since", str(ended), named=[named.session_id])
        yield (
            ("The save that lost it, and what followed" if last.kind == "lost" else "The end, and what followed"),
            saves,
        )
    else:
        follow = spoken_command(invocation, "log", "--follow", "-n", "10", named=[named.session_id])
        yield "Who saves the session now", follow
        yield (
            "To answer it, from Python",
            f"book.answer({_literal(named.session_id)}, {_literal(named.question_id)}, …)",
        )


def _literal(text: str) -> str:
    """Give text as Python reads it, in double quotes where that takes no more."""
    return f'"{text}"' if text.isprintable() and not set(text) & {'"', "\\"} else repr(text)


def _prose(named: NamedQuestion, told: Sequence[str], following: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield emphasised(f"{in_line(named.question_id)} in {in_line(named.session_id)}")
    for paragraph in told:
        yield ""
        yield from textwrap.wrap(readable(paragraph), max(min(width(), MAX_WIDTH), 20))
    yield ""
    for what, command in following:
        yield f"{what}:"
        yield f"  {command}"


def _lines(records: list[QuestionRecord]) -> Iterator[str]:
    from ledger.domain.spans import span

    now = datetime.now(UTC)
    room = width() - len(_INDENT)
    for record in records:
        status = str(record.status)
        yield (
            f"{emphasised(status.ljust(8), _COLOURS.get(status))}  "
            f"{emphasised(in_line(record.session_id))}  {in_line(record.id)}"
        )
        header = f"{record.header}: " if record.header else ""
        yield _INDENT + shortened(header + record.text, room)
        for line in _details(record, span(record.open_for(now)), room):
            yield _INDENT + faint(shortened(line, room))


def _details(record: QuestionRecord, waited: str, room: int) -> Iterator[str]:
    from ledger.cli.change_words import value_text

    if record.options:
        chosen = "any of" if record.multiple else "one of"
        yield f"{chosen}: " + ", ".join(option.label for option in record.options)
    where = f"version {record.asked_version}" if record.asked_in is None else _place(record.asked_in)
    asked = f"asked by {record.asked_by} at {instant(record.asked_at)}, {where}"
    if record.resolved_at is None:
        yield from _whole(asked, f"waiting for {waited}", room)
    else:
        yield asked
    yield from _later_saves(record)
    if record.resolved_at is not None:
        by = f"{record.status} by {record.resolved_by} at {instant(record.resolved_at)}"
        # Who lost a question did so unawares: what the writer had seen tells how.
        base = f" after version {record.resolved_base_version}" if record.status == "lost" else ""
        yield from _whole(f"{by}, version {record.resolved_version}{base}", f"it waited {waited}", room)
    outcome = value_text(record.answer) if record.status == "answered" else record.reason
    if outcome:
        yield f"{'answer' if record.status == 'answered' else 'reason'}: {outcome}"


def _whole(told: str, waited: str, room: int) -> tuple[str, ...]:
    """Put both on one line where they fit: how long it waited is what the list is read for, and is never cut."""
    line = f"{told}; {waited}"
    return (line,) if len(line) <= room else (told, waited)


def _place(asked_in: AskedIn) -> str:
    return f"{asked_in.session_id}@{asked_in.version}, before this was forked"


def _later_saves(record: QuestionRecord) -> Iterator[str]:
    """Give a line for each save that left the question out, had not seen it, or said something else of it."""
    from ledger.cli.question_story import said_of_it

    told: dict[int, str] = {}
    for omission in record.omissions:
        told[omission.version] = (
            f"left out by {omission.writer} in version {omission.version}, without a reason; it stayed pending"
        )
    for stale in record.averted:
        unseen = "the question" if stale.base_version < record.asked_version else "its end"
        seen = f"version {stale.base_version}" if stale.base_version else "nothing"
        told[stale.version] = f"averted in version {stale.version}: {stale.writer} had seen {seen}, without {unseen}"
    for save in record.overruled:
        told[save.version] = f"overruled in version {save.version}: {save.writer} {said_of_it(save.value)}"
    versions = sorted(told)
    yield from (told[version] for version in versions[:LISTED])
    if len(versions) > LISTED:
        yield f"and {len(versions) - LISTED:,} more such saves, up to version {versions[-1]}; --explain tells of them"
