"""Chat runs in the OpenAI format: tau-bench's lists, JSON lines of `{"messages": [...]}`, one such object. Pure.

A run is a session, each message a step. The writer is `tau-bench` or `chat`, as `runtime`, and `user` for the person's
messages. These records hold no questions apart from their text, and seldom times.

A run that says its `id` is the session of that id. Another is named after its file, its task and trial, and how it
begins: `FILE-TASK-TRIAL-DIGEST`, where the digest covers the messages up to the first of the user; the second of its
kind in a file gets `-2`. Messages carry no ids either, so the key of a step covers all messages up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger.domain.events import Authority
from ledger.domain.parts import Message
from ledger.importers.calls import read_calls
from ledger.importers.lines import Line, parse_line
from ledger.importers.records import (
    MEND,
    Record,
    UnreadableRecord,
    as_object,
    digest,
    named_kind,
    optional_text,
    text_in,
)
from ledger.importers.steps import Described, Happening, ImportProblem, Item, Opening, Said, Step, Usage

__all__ = ["read_document", "read_runs"]

PERSON = "user"

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_IDS = ("id", "session_id", "conversation_id")
_TIMES = ("created_at", "timestamp")
_IN_FIELDS = frozenset({"content", "role", "tool_call_id", "tool_calls"})
_EARLIEST, _LATEST = 0, 253_402_300_799


def read_runs(source: str, stem: str, lines: Iterable[Line]) -> Iterator[Item]:
    """Give the steps of the runs in JSON lines, a run a line."""
    naming = _Naming(stem)
    for line in lines:
        if line.is_blank:
            continue
        place = f"{source}:{line.number}"
        try:
            run = _Run.read(parse_line(line), place, naming)
        except UnreadableRecord as error:
            yield ImportProblem(place, error.what, error.hint)
        else:
            yield from run.steps()


def read_document(source: str, stem: str, document: Any) -> Iterator[Item]:
    """Give the steps of the runs in one JSON document: a run, a list of runs, or a list of messages."""
    runs = [document]
    if isinstance(document, list) and not any(isinstance(item, dict) and "role" in item for item in document):
        runs = document
    naming = _Naming(stem)
    for number, value in enumerate(runs, 1):
        place = source if len(runs) == 1 else f"{source}: run {number}"
        try:
            run = _Run.read(value, place, naming)
        except UnreadableRecord as error:
            yield ImportProblem(place, error.what, error.hint)
        else:
            yield from run.steps()


@dataclass(slots=True)
class _Naming:
    stem: str
    taken: dict[str, int] = field(default_factory=dict)

    def name(self, record: Record, messages: list[Any]) -> str:
        given = next((record[name] for name in _IDS if isinstance(record.get(name), str) and record[name]), None)
        if given is not None:
            return str(given)
        first = next(
            (at for at, item in enumerate(messages) if isinstance(item, dict) and item.get("role") == PERSON), 0
        )
        numbers = [str(record[name]) for name in ("task_id", "trial") if isinstance(record.get(name), int | str)]
        name = "-".join([self.stem, *numbers, digest(messages[: first + 1])[:8]])
        count = self.taken[name] = self.taken.get(name, 0) + 1
        return name if count == 1 else f"{name}-{count}"


@dataclass(frozen=True, slots=True)
class _Run:
    place: str
    session_id: str
    record: Record
    messages: list[Any]

    @classmethod
    def read(cls, value: Any, place: str, naming: _Naming) -> _Run:
        record = {"messages": value} if isinstance(value, list) else as_object(value, "the run")
        messages = record.get("traj", record.get("messages"))
        if not isinstance(messages, list):
            raise UnreadableRecord(f"its messages are {named_kind(messages)}, not a list")
        if not messages:
            raise UnreadableRecord("it holds no messages")
        return cls(place, naming.name(record, messages), record, messages)

    @property
    def writer(self) -> str:
        return "tau-bench" if "traj" in self.record else "chat"

    def steps(self) -> Iterator[Item]:
        model = self.record.get("model")
        opening = Opening(model=model if isinstance(model, str) else "")
        about = {name: self.record[name] for name in ("task_id", "trial") if name in self.record}
        described: tuple[Happening, ...] = (Described({"source": self.writer} | about),)
        chain = ""
        for number, item in enumerate(self.messages, 1):
            chain = digest([chain, item])
            try:
                message, writer, authority, time = self._message(item, f"{number}-{chain}")
            except UnreadableRecord as error:
                yield ImportProblem(f"{self.place}: message {number}", error.what, error.hint)
                continue
            slot = f"import:run:{number}:"
            yield Step(
                session_id=self.session_id,
                key=f"{slot}{chain}",
                place=f"{self.place}: message {number}",
                happenings=(*described, Said(message)),
                writer=writer,
                authority=authority,
                occurred_at=time,
                opening=opening,
                slot=slot,
            )
            described = ()
        if not described:
            yield from self._outcome(opening)

    def _outcome(self, opening: Opening) -> Iterator[Step]:
        """What was said of the run as a whole, once it was over."""
        known = {"messages", "traj", "model", "task_id", "trial", "usage", *_IDS}
        outcome = {name: value for name, value in self.record.items() if name not in known}
        usage = self.record.get("usage")
        spent = (Usage("import:usage", usage),) if isinstance(usage, dict) and usage else ()
        if not outcome and not spent:
            return
        yield Step(
            session_id=self.session_id,
            key=f"import:outcome:{digest([outcome, usage])}",
            place=self.place,
            happenings=(Described(outcome),),
            writer=self.writer,
            opening=opening,
            usage=spent,
        )

    def _message(self, item: Any, name: str) -> tuple[Message, str, Authority, datetime | None]:
        record = as_object(item, "it")
        role = text_in(record, "role")
        if role not in _ROLES:
            raise UnreadableRecord(f"its role is {role[:40]!r}, not one of {', '.join(_ROLES)}", MEND)
        content, parts = _content(record.get("content"))
        native = {name: value for name, value in record.items() if name not in _IN_FIELDS and value is not None}
        time = next((found for name in _TIMES if (found := _time(record.get(name))) is not None), None)
        stamped: dict[str, Any] = {} if time is None else {"created_at": time}
        message = Message(
            id=f"message-{name}",
            role=role,
            content=content,
            parts=parts,
            tool_calls=read_calls(record.get("tool_calls")),
            tool_call_id=optional_text(record, "tool_call_id"),
            native={"format": "openai-chat", "data": native} if native else None,
            **stamped,
        )
        if role == PERSON:
            return message, PERSON, "user", time
        return message, self.writer, "runtime", time


def _content(value: Any) -> tuple[str, list[Record]]:
    """Give the text of a content, and what of it is no text."""
    if value is None:
        return "", []
    if isinstance(value, str):
        return value, []
    if not isinstance(value, list):
        raise UnreadableRecord(f"content is {named_kind(value)}, neither text nor a list of parts")
    parts = [as_object(part, "a part of content") for part in value]
    texts = [part["text"] for part in parts if part.get("type") == "text" and isinstance(part.get("text"), str)]
    return "\n\n".join(texts), [part for part in parts if part.get("type") != "text"]


def _time(value: Any) -> datetime | None:
    """Give the time that a message says, if it says one; what else stands there is kept with the message."""
    if isinstance(value, int | float) and not isinstance(value, bool) and _EARLIEST < value < _LATEST:
        return datetime.fromtimestamp(value, UTC)
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None  # a time of another spelling stays with the message as it is
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
