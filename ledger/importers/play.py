"""What a step does to a session. Pure: the session is changed in memory, and saved by whoever plays it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from ledger.domain.asking import ask_as
from ledger.domain.session import Session
from ledger.importers.copies import take_copy
from ledger.importers.resolutions import resolve
from ledger.importers.steps import (
    Answered,
    Asked,
    CopyTaken,
    Described,
    Happening,
    ModelNamed,
    Said,
    StateMerged,
    Summarised,
    Titled,
    Withdrawn,
)

__all__ = ["play"]


def play(session: Session, happenings: Iterable[Happening]) -> int:
    """Let everything that a step tells of happen to `session`.

    Returns:
        how many lost questions were found again.

    Raises:
        InvalidSession: if a question has the id of another one.
    """
    recovered = 0
    for happening in happenings:
        match happening:
            case Said():
                session.add_message(happening.message)
            case Asked():
                ask_as(session, happening.question, index=happening.question.index)
            case Answered() | Withdrawn():
                recovered += resolve(session, happening)
            case Titled():
                _title(session, happening)
            case Described() | StateMerged():
                _put_in(session, happening)
            case ModelNamed():
                session.model = happening.model
            case Summarised():
                session.summary = happening.summary
            case CopyTaken():
                recovered += take_copy(session, happening)
            case _:
                assert_never(happening)
    return recovered


def _put_in(session: Session, values: Described | StateMerged) -> None:
    if isinstance(values, Described):
        session.metadata.update(values.metadata)
    else:
        session.state.update(values.values)


def _title(session: Session, titled: Titled) -> None:
    """Take the recorder's title, unless the session has one that did not come from there: then a person gave it."""
    kept = session.state.setdefault(titled.source, {})
    if session.title is None or session.title == kept.get("title"):
        session.title = titled.title
    kept["title"] = titled.title
