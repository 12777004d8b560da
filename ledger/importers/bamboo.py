"""Bamboo's `session.json`: the whole session in one document, written anew at each save. Pure.

A document becomes a step for each message that it adds, at the time of the message, and one for the copy as a whole,
at its `updated_at`: title, pinned, model, metadata, summary, messages that were revised or removed, and the one
question that it can hold. Writer is `bamboo`, as `runtime`, and `user` for a person's messages and answers.

An answer is a tool message of the question's call that is new, or whose text changed, in a copy that no longer waits
for it. A question that vanishes without one is lost; when a later copy waits for it again, it is recovered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ledger.domain.part_json import iso
from ledger.domain.parts import Message, Question
from ledger.importers.calls import read_calls
from ledger.importers.copies import STORE
from ledger.importers.records import (
    MEND,
    Record,
    UnreadableRecord,
    as_object,
    digest,
    named_kind,
    optional_text,
    text_in,
    time_in,
)
from ledger.importers.steps import Answered, CopyTaken, Happening, ImportProblem, Item, Opening, Said, Step, Withdrawn

__all__ = ["Copy", "copy_steps", "is_outdated", "read_copy"]

PERSON = "user"

_COPY = "import:copy:"
_ROLES = ("system", "user", "assistant", "tool")
#: How an answer begins in the tool message that it replaces, and who gave it.
_ANSWERS = (
    ("Selected response: ", PERSON),
    ("User selected: ", PERSON),
    ("Auto-selected response (gold): ", "gold"),
)
_IN_FIELDS = frozenset(
    {
        "content",
        "content_parts",
        "created_at",
        "id",
        "metadata",
        "reasoning",
        "role",
        "tool_call_id",
        "tool_calls",
        "tool_success",
    }
)
_SESSION_IN_FIELDS = frozenset(
    {
        "conversation_summary",
        "created_at",
        "id",
        "messages",
        "metadata",
        "model",
        "parent_session_id",
        "pending_question",
        "pinned",
        "root_session_id",
        "title",
        "updated_at",
    }
)


@dataclass(frozen=True, slots=True)
class Copy:
    """One document: which session it is a copy of, of what time, and what it says."""

    source: str
    session_id: str
    updated_at: datetime
    opening: Opening
    taken: CopyTaken
    key: str
    problems: tuple[ImportProblem, ...]


def read_copy(source: str, document: Any) -> Copy:
    """Read a document; a message that cannot be taken is a problem, and left out.

    Raises:
        UnreadableRecord: if it is no copy of a session.
    """
    record = as_object(document, "the document")
    session_id = text_in(record, "id")
    updated_at = time_in(record, "updated_at")
    if updated_at is None:
        raise UnreadableRecord("updated_at is missing")
    messages, problems = _messages(source, record, updated_at)
    title = optional_text(record, "title")
    pinned = record.get("pinned", False)
    if not isinstance(pinned, bool):
        raise UnreadableRecord(f"pinned is {named_kind(pinned)}, not true or false")
    taken = CopyTaken(
        messages=tuple(messages),
        title=title or None,
        pinned=pinned,
        model=optional_text(record, "model") or "",
        summary=record.get("conversation_summary"),
        metadata={"source": STORE} | as_object(record.get("metadata") or {}, "metadata"),
        details={name: value for name, value in record.items() if name not in _SESSION_IN_FIELDS},
        pending=_pending(record),
        answers=_answers(messages),
    )
    parent = optional_text(record, "parent_session_id")
    root = optional_text(record, "root_session_id") or parent
    opening = Opening(taken.model, parent, root if root != session_id else None, time_in(record, "created_at"))
    key = f"{_COPY}{_stamp(updated_at)}:{digest(record)}"
    return Copy(source, session_id, updated_at, opening, taken, key, tuple(problems))


def is_outdated(copy: Copy, keys: Collection[str]) -> bool:
    """Tell whether a session, by the keys that it has, took a later copy already."""
    times = [key.removeprefix(_COPY).partition("Z")[0] + "Z" for key in keys if key.startswith(_COPY)]
    return bool(times) and _stamp(copy.updated_at) < max(times) and copy.key not in keys


def copy_steps(copy: Copy) -> Iterator[Item]:
    """Give the steps of a copy: its messages, then the rest."""
    yield from copy.problems
    waits_for = copy.taken.pending.tool_call_id if copy.taken.pending else None
    for message in copy.taken.messages:
        answer = copy.taken.answers.get(message.tool_call_id) if message.tool_call_id else None
        happenings: tuple[Happening, ...] = (Said(message),)
        is_persons = message.role == "user" and not message.metadata.get("hidden_from_ui")
        if answer is not None and message.tool_call_id != waits_for:
            happenings = (*happenings, answer)
            is_persons = answer.by == PERSON
        yield Step(
            session_id=copy.session_id,
            key=f"import:{message.id}",
            place=copy.source,
            happenings=happenings,
            writer=PERSON if is_persons else STORE,
            authority="user" if is_persons else "runtime",
            occurred_at=min(message.created_at, copy.updated_at),
            opening=copy.opening,
        )
    yield Step(
        session_id=copy.session_id,
        key=copy.key,
        place=copy.source,
        happenings=(copy.taken,),
        writer=STORE,
        occurred_at=copy.updated_at,
        opening=copy.opening,
    )


def _stamp(time: datetime) -> str:
    """Give a time so that text sorts as times do."""
    return iso(time.astimezone(UTC).replace(microsecond=0)).removesuffix("Z") + f".{time.microsecond:06}Z"


def _messages(source: str, record: Record, time: datetime) -> tuple[list[Message], list[ImportProblem]]:
    listed = record.get("messages")
    if not isinstance(listed, list):
        raise UnreadableRecord(f"messages is {named_kind(listed)}, not a list")
    messages: list[Message] = []
    problems: list[ImportProblem] = []
    ids: set[str] = set()
    for place, item in enumerate(listed):
        try:
            message = _message(as_object(item, "it"), place, time, ids)
        except UnreadableRecord as error:
            problems.append(ImportProblem(f"{source}: message {place + 1}", error.what, MEND))
            continue
        ids.add(message.id)
        messages.append(message)
    return messages, problems


def _message(item: Record, place: int, time: datetime, taken: Collection[str]) -> Message:
    message_id = optional_text(item, "id") or f"message-{place}-{digest(item)}"
    if message_id in taken:
        raise UnreadableRecord(f"its id {message_id[:80]!r} appears twice")
    role = text_in(item, "role")
    if role not in _ROLES:
        raise UnreadableRecord(f"its role is {role[:40]!r}, not one of {', '.join(_ROLES)}")
    metadata = item.get("metadata")
    success = item.get("tool_success")
    if success is not None and not isinstance(success, bool):
        raise UnreadableRecord(f"tool_success is {named_kind(success)}, not true or false")
    parts = item.get("content_parts")
    if parts is not None and not isinstance(parts, list):
        raise UnreadableRecord(f"content_parts is {named_kind(parts)}, not a list")
    native = {name: value for name, value in item.items() if name not in _IN_FIELDS and value not in (None, "", [], {})}
    if metadata is not None and not isinstance(metadata, dict):
        native["metadata"] = metadata
    return Message(
        id=message_id,
        role=role,
        content=optional_text(item, "content") or "",
        parts=parts or [],
        reasoning=optional_text(item, "reasoning"),
        tool_calls=read_calls(item.get("tool_calls")),
        tool_call_id=optional_text(item, "tool_call_id"),
        tool_success=success,
        created_at=time_in(item, "created_at") or time,
        metadata=metadata if isinstance(metadata, dict) else {},
        native={"format": STORE, "data": native},
    )


def _pending(record: Record) -> Question | None:
    value = record.get("pending_question")
    if value is None:
        return None
    asked = as_object(value, "pending_question")
    options = asked.get("options") or []
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise UnreadableRecord("the options of pending_question are no list of texts")
    call = text_in(asked, "tool_call_id")
    return Question(
        id=f"{call}#0",
        tool_call_id=call,
        kind=optional_text(asked, "tool_name") or "clarification",
        text=text_in(asked, "question"),
        options=options,
        allow_custom=asked.get("allow_custom") is not False,
        source=optional_text(asked, "source"),
    )


def _answers(messages: list[Message]) -> dict[str, Answered | Withdrawn]:
    answers: dict[str, Answered | Withdrawn] = {}
    for message in messages:
        if message.role != "tool" or not message.tool_call_id:
            continue
        if message.tool_success is False:
            answers[message.tool_call_id] = Withdrawn(message.tool_call_id, message.content, None)
            continue
        prefix, by = next((pair for pair in _ANSWERS if message.content.startswith(pair[0])), ("", PERSON))
        answer = message.content.removeprefix(prefix)
        answers[message.tool_call_id] = Answered(message.tool_call_id, by, answer=answer)
    return answers
