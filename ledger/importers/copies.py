"""A copy of a whole session against what the copies before it left: the history of a store that overwrites. Pure.

The ledger holds the earlier copies, so a folder of copies and one file that is imported again and again are the same.
What a copy does not hold and an earlier one did is gone from that store; what came into the ledger otherwise (a
person's title, a message of another writer) is none of its business and stays.
"""

from __future__ import annotations

from typing import Any

from ledger.domain.asking import ask_as
from ledger.domain.parts import Message, Question, QuestionStatus
from ledger.domain.session import Session
from ledger.importers.resolutions import resolve
from ledger.importers.steps import CopyTaken

__all__ = ["take_copy"]

STORE = "bamboo"


def take_copy(session: Session, copy: CopyTaken) -> int:
    """Bring the session to what the copy holds.

    A question that the copy before held, and this one neither holds nor answers, leaves the session's questions: the
    save has to be told to record that as a loss.

    Returns:
        how many lost questions were found again.
    """
    before: dict[str, Any] = session.state.get(STORE, {})
    unchanged = {message.id: message for message in session.messages}
    session.messages[:] = _merged(session.messages, copy.messages)
    if session.title is None or session.title == before.get("title"):
        session.title = copy.title
    if session.pinned == before.get("pinned", False):
        session.pinned = copy.pinned
    session.model = copy.model or session.model
    session.summary = copy.summary
    for name in before.get("metadata", []):
        if name not in copy.metadata:
            session.metadata.pop(name, None)
    session.metadata.update(copy.metadata)
    recovered = 0
    held = before.get("pending")
    question = session.questions.get(held) if isinstance(held, str) else None
    if question is not None and question.is_pending and not _is_same(question, copy.pending):
        answer = copy.answers.get(question.tool_call_id)
        if answer is not None and _is_news(question.tool_call_id, unchanged, copy.messages):
            recovered += resolve(session, answer)
        else:
            del session.questions[question.id]
    pending, found = _pend(session, copy.pending, held)
    session.state[STORE] = {
        **copy.details,
        "metadata": sorted(copy.metadata),
        "pending": pending,
        "pinned": copy.pinned,
        "title": copy.title,
    }
    return recovered + found


def _merged(present: list[Message], copied: tuple[Message, ...]) -> list[Message]:
    merged = list(copied)
    place = {message.id: at for at, message in enumerate(merged)}
    previous: str | None = None
    for message in present:
        if message.id not in place and not _is_stores(message):
            at = place[previous] + 1 if previous in place else 0
            merged.insert(at, message)
            place = {other.id: at for at, other in enumerate(merged)}
        if message.id in place:
            previous = message.id
    return merged


def _is_stores(message: Message) -> bool:
    return message.native is not None and message.native.get("format") == STORE


def _is_same(question: Question, pending: Question | None) -> bool:
    return pending is not None and pending.tool_call_id == question.tool_call_id and pending.text == question.text


def _is_news(tool_call_id: str, before: dict[str, Message], now: tuple[Message, ...]) -> bool:
    """A tool message that stood there while the question was open only keeps a place; a new or changed one answers."""
    return any(message.tool_call_id == tool_call_id and before.get(message.id) != message for message in now)


def _pend(session: Session, pending: Question | None, held: Any) -> tuple[str | None, int]:
    """Have the copy's question open, and give its id, and whether it had been lost."""
    if pending is None:
        return None, 0
    for question in session.questions.values():
        if _is_same(question, pending):
            if question.is_pending or question.id == held:
                # It may have been answered in the ledger, and the store does not know yet.
                return question.id, 0
            if question.status is QuestionStatus.LOST:
                session.recover(question)
                return question.id, 1
    # Asked for the first time, or again after it was resolved: then the store went back to an older state of its own.
    return ask_as(session, pending).id, 0
