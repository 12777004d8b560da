"""What a change did, in a few words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, assert_never

from ledger.domain import events as e
from ledger.domain.parts import Message
from ledger.domain.values import thaw

__all__ = ["agreed_in_words", "body", "in_words", "said", "summed_up", "value_text"]


def value_text(value: Any) -> str:
    """Give JSON as it reads best: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(thaw(value), ensure_ascii=False)


def said(message: Message) -> str:
    """Give a message in a line: what it says, or what it calls."""
    parts = [message.content] if message.content.strip() else []
    if message.tool_calls:
        parts.append("calls " + ", ".join(call.name for call in message.tool_calls))
    if not parts and message.parts:
        parts.append(f"({_kinds(message)})")
    if not parts and message.reasoning:
        parts.append("(thinks)")
    return f"{message.role}: {'; '.join(parts) or '(nothing)'}"


def body(message: Message) -> str:
    """Give all that a message says to a person, below each other: its thoughts, its text, its calls, else its parts."""
    lines = [f"(thinks) {message.reasoning}"] if message.reasoning else []
    lines += [message.content] if message.content else []
    lines += [
        f"calls {call.name} {json.dumps(thaw(call.arguments), ensure_ascii=False)}" for call in message.tool_calls
    ]
    if not message.content and not message.tool_calls and message.parts:
        lines.append(f"({_kinds(message)})")
    return "\n".join(lines)


def _kinds(message: Message) -> str:
    return ", ".join(str(part.get("type", "part")) if isinstance(part, dict) else "part" for part in message.parts)


def in_words(change: e.Change) -> str:  # noqa: PLR0911, PLR0912, C901 - a table: one line a type
    """Say what a change did.

    >>> in_words(e.TitleChanged(title="Deployment"))
    'titled "Deployment"'
    """
    match change:
        case e.SessionCreated():
            return _created(change)
        case e.SessionForked():
            return f"forked from {change.place}"
        case e.SessionWasDeleted():
            return f"deleted the session: {change.reason}" if change.reason else "deleted the session"
        case e.TitleChanged():
            return "removed the title" if change.title is None else f'titled "{change.title}"'
        case e.PinnedChanged():
            return "pinned" if change.pinned else "unpinned"
        case e.ModelChanged():
            return f"changed the model to {change.model or '(none)'}"
        case e.SummaryChanged():
            return "removed the summary" if change.summary is None else f"summarised: {value_text(change.summary)}"
        case e.ParentChanged():
            return f"moved under {change.parent_session_id}" if change.parent_session_id else "moved to the top"
        case e.MessageAppended():
            return said(change.message)
        case e.MessageInserted():
            where = f"after {change.after}" if change.after is not None else "at the start"
            return f"inserted {where}: {said(change.message)}"
        case e.MessageRevised():
            return f"revised {change.message.id}: {said(change.message)}"
        case e.MessageRemoved():
            return f"removed message {change.message_id}"
        case e.MessagesReordered():
            return f"reordered {len(change.order)} messages"
        case e.MetadataSet() | e.MetadataRemoved() | e.MetadataExtended():
            return _document("metadata", change)
        case e.StateSet() | e.StateRemoved() | e.StateExtended():
            return _document("state", change)
        case e.MessageMetadataSet() | e.MessageMetadataRemoved() | e.MessageMetadataExtended():
            return _document(f"metadata of message {change.message_id}", change)
        case e.ChangeOverruled():
            return _overruled(change)
        case _:
            return _question(change)


def _created(change: e.SessionCreated) -> str:
    details = [f'titled "{change.title}"'] if change.title is not None else []
    details += [f"model {change.model}"] if change.model else []
    details += [f"under {change.parent_session_id}"] if change.parent_session_id else []
    return ", ".join(["created the session", *details])


def _document(name: str, change: Any) -> str:
    where = f"{name}{change.path}"
    if isinstance(change, e.MetadataSet | e.StateSet | e.MessageMetadataSet):
        return f"{where} = {value_text(change.value)}"
    if isinstance(change, e.MetadataExtended | e.StateExtended | e.MessageMetadataExtended):
        return f"{where} += {value_text(change.values)}"
    return f"removed {where}"


def _question(  # noqa: PLR0911 - as above
    change: e.QuestionAsked
    | e.QuestionAnswered
    | e.QuestionWithdrawn
    | e.QuestionSuperseded
    | e.QuestionExpired
    | e.QuestionOmitted
    | e.QuestionLost
    | e.QuestionRecovered,
) -> str:
    match change:
        case e.QuestionAsked():
            return f"asked {change.question.id}: {change.question.text}"
        case e.QuestionAnswered():
            return f"answered {change.question_id}{_by(change.by)}: {value_text(change.answer)}"
        case e.QuestionWithdrawn():
            return f"withdrew {change.question_id}{_by(change.by)}: {change.reason or 'no reason given'}"
        case e.QuestionSuperseded():
            return f"replaced {change.question_id} by {change.superseded_by}"
        case e.QuestionExpired():
            return f"let {change.question_id} expire{_by(change.by)}"
        case e.QuestionOmitted():
            return f"left out {change.question_id} without a reason: it stays pending"
        case e.QuestionLost():
            return f"lost {change.question_id}"
        case e.QuestionRecovered():
            return f"found {change.question_id} again: it is pending"
        case _:
            assert_never(change)


def agreed_in_words(agreement: e.Agreement) -> str:
    """Say at what a stale save brought what was there.

    >>> agreed_in_words(e.Agreement(path="/title"))
    'agreed with the newest version at /title'
    """
    where = agreement.path
    if agreement.but is not None:
        where = f"every message but {len(agreement.but)}" if agreement.but else "every message"
    return f"agreed with the newest version at {where}"


def _by(whom: str | None) -> str:
    return f" (by {whom})" if whom else ""


def _overruled(change: e.ChangeOverruled) -> str:
    theirs = f"version {change.version} of {change.writer}"
    value = f"{change.path} = {value_text(change.value)}"
    if change.side == "writer":
        return f"overruled in this save: {value}"
    return f"overruled from {theirs}: {value}"


def summed_up(changes: Sequence[e.Change]) -> list[str]:
    """Give what an event changed, a line each; of a save without changes, that there were none."""
    return [in_words(change) for change in changes] or ["changed nothing"]
