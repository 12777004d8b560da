"""What differs between two states of a session, or of two sessions, as values. `compare` finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, field_serializer

from ledger.domain.parts import JsonValue, Message, Question
from ledger.domain.revisions import Place

__all__ = [
    "MessageDiff",
    "MessagesDiff",
    "PathDiff",
    "QuestionDiff",
    "QuestionsDiff",
    "SessionDiff",
    "ValueDiff",
]


@dataclass(frozen=True, slots=True)
class ValueDiff:
    """A field that differs: what it was in `a`, and what it is in `b`."""

    before: JsonValue
    after: JsonValue


@dataclass(frozen=True, slots=True)
class PathDiff:
    """A place in `metadata` or `state` that differs; `path` is a JSON Pointer (RFC 6901).

    `kind` tells a missing value from a null: what was ``"added"`` has no `before`, what was ``"removed"`` no `after`.
    Objects are compared key by key at every depth, lists as a whole.
    """

    path: str
    kind: Literal["added", "removed", "changed"]
    before: JsonValue = None
    after: JsonValue = None


@dataclass(frozen=True, slots=True)
class MessageDiff:
    """A message that differs, or stands elsewhere; what is missing on one side has neither message nor position there.

    Positions are places in the list of messages, from 0.
    """

    id: str
    before: Message | None = None
    after: Message | None = None
    position_before: int | None = None
    position_after: int | None = None

    @property
    def message(self) -> Message:
        """The message as it is in `b`, or was in `a` if it was removed."""
        return cast("Message", self.before if self.after is None else self.after)

    @property
    def position(self) -> int:
        """Where it stands in `b`, or stood in `a` if it was removed."""
        return cast("int", self.position_before if self.after is None else self.position_after)


class _Differences(BaseModel):
    model_config = ConfigDict(frozen=True)


class MessagesDiff(_Differences):
    """Two lists of messages, aligned by id. A message can be both `revised` and `moved`.

    `moved` are as few as can be: if they, and what was added and removed, are left out, the rest is in one order in
    both states. `added`, `revised` and `moved` stand in the order of `b`, `removed` in that of `a`; `unchanged` counts
    the others.
    """

    unchanged: int = 0
    added: tuple[MessageDiff, ...] = ()
    removed: tuple[MessageDiff, ...] = ()
    revised: tuple[MessageDiff, ...] = ()
    moved: tuple[MessageDiff, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionDiff:
    """A question that differs, as it stands in `a` and in `b`; `None` where it was not asked yet."""

    id: str
    before: Question | None = None
    after: Question | None = None

    @property
    def question(self) -> Question:
        """The question as it stands in `b`, or stood in `a` if `b` does not have it."""
        return cast("Question", self.before if self.after is None else self.after)


class QuestionsDiff(_Differences):
    """The questions that differ, each in one of these.

    `asked` are those that only `b` has, whatever became of them there, and `removed` those that only `a` has, as when
    `a` is the later state. `resolved` were pending in `a` and are not in `b`, `reopened` the other way round. `changed`
    ended otherwise, or ask something else under the same id, as in two sessions.
    """

    asked: tuple[QuestionDiff, ...] = ()
    resolved: tuple[QuestionDiff, ...] = ()
    reopened: tuple[QuestionDiff, ...] = ()
    changed: tuple[QuestionDiff, ...] = ()
    removed: tuple[QuestionDiff, ...] = ()


class SessionDiff(_Differences):
    """What differs between two states: of one session, or of two, such as a fork and the session it came from.

    It says what leads from `a` to `b`. A field is `None` where both hold the same; values are compared typed, so ``1``
    and ``True`` differ. Ids, versions and times of the sessions themselves do not count.
    """

    a: Place
    b: Place
    title: ValueDiff | None = None
    pinned: ValueDiff | None = None
    model: ValueDiff | None = None
    summary: ValueDiff | None = None
    parent: ValueDiff | None = None
    root: ValueDiff | None = None
    messages: MessagesDiff = MessagesDiff()
    questions: QuestionsDiff = QuestionsDiff()
    metadata: tuple[PathDiff, ...] = ()
    state: tuple[PathDiff, ...] = ()

    @field_serializer("a", "b")
    def _named(self, place: Place) -> dict[str, Any]:
        return place._asdict()

    @property
    def fields(self) -> dict[str, ValueDiff]:
        """The fields that differ, of `title`, `pinned`, `model`, `summary`, `parent` and `root`."""
        named = {name: getattr(self, name) for name in ("title", "pinned", "model", "summary", "parent", "root")}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def stat(self) -> dict[str, int]:
        """How many things differ, by what they are: every count, also where it is 0."""
        messages = {f"messages_{kind}": len(getattr(self.messages, kind)) for kind in _MESSAGES}
        questions = {f"questions_{kind}": len(getattr(self.questions, kind)) for kind in _QUESTIONS}
        documents = {"metadata": len(self.metadata), "state": len(self.state)}
        return {"fields": len(self.fields), **messages, **questions, **documents}

    @property
    def is_empty(self) -> bool:
        """Whether both states hold the same."""
        return not any(self.stat.values())


_MESSAGES = ("added", "removed", "revised", "moved")
_QUESTIONS = ("asked", "resolved", "reopened", "changed", "removed")
