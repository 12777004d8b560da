"""How a command line names a question: its id, the tool call that asked it, or a unique beginning of either."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import click

from ledger.cli.exit_codes import NOT_FOUND
from ledger.cli.revision_argument import MIN_PREFIX, NAMED
from ledger.shell_words import quoted, spoken

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.records import QuestionRecord

__all__ = ["AmbiguousQuestion", "NamedQuestion", "UnknownQuestion", "resolve_question"]


class NamedQuestion(NamedTuple):
    """A question: of which session, and its id."""

    session_id: str
    question_id: str


class AmbiguousQuestion(click.ClickException):
    """Several questions go by that name."""

    exit_code = 2

    def __init__(self, named: str, matches: list[NamedQuestion]) -> None:
        self.named = named
        self.matches = matches
        listed = "\n".join(
            f"  --explain {quoted(question_id)} {spoken(session_id)}" for session_id, question_id in matches[:NAMED]
        )
        rest = f"\n  … and {len(matches) - NAMED:,} more" if len(matches) > NAMED else ""
        super().__init__(f"{named!r} is more than one question; write more of it, and the session:\n{listed}{rest}")


class UnknownQuestion(click.ClickException):
    """No question goes by that name."""

    exit_code = NOT_FOUND

    def __init__(self, named: str) -> None:
        self.named = named
        super().__init__(f"no session asked a question {named!r}; `ledger questions` lists those that were asked")


def resolve_question(book: Ledger, named: str, session_id: str | None) -> NamedQuestion:
    """Give the question that was named, in one session or in any.

    An exact id wins, then a tool call, then a beginning of at least 4 characters. In a session that is named, an id
    that no record has is given as it is: a fork knows of questions that had ended before it began.

    Raises:
        AmbiguousQuestion: if several go by that name.
        UnknownQuestion: if none does.
    """
    records = book.questions(session_id)
    beginning = named.removesuffix("…")
    ways: tuple[Callable[[QuestionRecord], bool], ...] = (
        lambda record: record.id == named,
        lambda record: record.tool_call_id == named,
        lambda record: len(beginning) >= MIN_PREFIX and record.id.startswith(beginning),
    )
    for goes_by in ways:
        # An id that was asked in several lives of a session is one question here.
        found = list(dict.fromkeys(NamedQuestion(each.session_id, each.id) for each in records if goes_by(each)))
        if len(found) > 1:
            raise AmbiguousQuestion(named, found)
        if found:
            return found[0]
    if session_id is None:
        raise UnknownQuestion(named)
    return NamedQuestion(session_id, named)
