"""What a reader says: the steps of a recorded history, what it had to refuse, and what it passed over. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.domain.events import Authority
from ledger.domain.parts import Message, Question

__all__ = [
    "Answered",
    "Asked",
    "CopyTaken",
    "Described",
    "Happening",
    "ImportProblem",
    "Item",
    "ModelNamed",
    "Opening",
    "Said",
    "Skipped",
    "StateMerged",
    "Step",
    "Summarised",
    "Titled",
    "Usage",
    "Withdrawn",
]


@dataclass(frozen=True, slots=True)
class Said:
    """A message was appended."""

    message: Message


@dataclass(frozen=True, slots=True)
class Asked:
    """A question was asked; it is still pending."""

    question: Question


@dataclass(frozen=True, slots=True)
class Answered:
    """A tool call came back with answers; nothing happens if it carried no question.

    `answers` are by the question's text, and a question of the call that is not among them was left without one. Where
    the record does not tell them apart, `answers` is `None` and `answer` is what came back for all of them.
    """

    tool_call_id: str
    by: str | None
    answers: Mapping[str, Any] | None = None
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A tool call was rejected or interrupted; nothing happens if it carried no question."""

    tool_call_id: str
    reason: str
    by: str | None


@dataclass(frozen=True, slots=True)
class Titled:
    """The recorder named the session. A title that a person gave it in the ledger stays."""

    title: str
    source: str


@dataclass(frozen=True, slots=True)
class Described:
    """What the recorder noted of the session; keys of its metadata."""

    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelNamed:
    """The model that spoke."""

    model: str


@dataclass(frozen=True, slots=True)
class Summarised:
    """The conversation so far was condensed."""

    summary: Any


@dataclass(frozen=True, slots=True)
class StateMerged:
    """Values were put into the state, each in the place of what stood under its key."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CopyTaken:
    """A store wrote the whole session anew: whatever the copy no longer holds is gone from that store.

    `pending` is the one question that the copy waits for; `answers` what its tool messages say, by tool call.
    """

    messages: tuple[Message, ...]
    title: str | None
    pinned: bool
    model: str
    summary: Any
    metadata: Mapping[str, Any]
    details: Mapping[str, Any]
    pending: Question | None
    answers: Mapping[str, Answered | Withdrawn]


Happening = Said | Asked | Answered | Withdrawn | Titled | Described | ModelNamed | Summarised | StateMerged | CopyTaken


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session is made with, if this step is its first."""

    model: str = ""
    parent_session_id: str | None = None
    root_session_id: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens that a model call cost, under a key of its own, so that no call is counted twice."""

    key: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to one session: what becomes one save.

    `key` names the step for ever: a session that has it is past it. `slot`, where a format's steps carry no ids of
    their own, is how the key begins for every step that stands at this number of a run: a session that has another key
    which begins so is another run. `place` is where the step stands in its source, for people.
    """

    session_id: str
    key: str
    place: str
    happenings: tuple[Happening, ...]
    writer: str
    authority: Authority = "runtime"
    occurred_at: datetime | None = None
    opening: Opening = Opening()
    usage: tuple[Usage, ...] = ()
    slot: str | None = None


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """Something that was not imported, in one sentence: where, what, and what to do next."""

    place: str
    what: str
    next: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.next}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that is no part of a conversation, by its type."""

    kind: str


Item = Step | ImportProblem | Skipped
