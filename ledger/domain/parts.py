"""The frozen parts of a session: messages, tool calls, questions and their options."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, NoReturn, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from ledger.domain.frozen import copy_json, freeze, no_items, no_members
from ledger.domain.values import json_equal
from ledger.randomness import random_id

__all__ = [
    "Constructed",
    "JsonArray",
    "JsonObject",
    "JsonValue",
    "Message",
    "Option",
    "Part",
    "Question",
    "QuestionStatus",
    "ToolCall",
    "made",
]


class _Json:
    """Teach pydantic to take JSON as it comes from text, and to copy it where it comes from Python."""

    def __init__(self, kind: type | None) -> None:
        self.kind = kind

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        anything = core_schema.any_schema()
        from_json: CoreSchema = anything
        if self.kind is dict:
            from_json = core_schema.dict_schema(core_schema.str_schema(), anything)
        elif self.kind is list:
            from_json = core_schema.list_schema(anything)
        return core_schema.json_or_python_schema(
            json_schema=from_json, python_schema=core_schema.no_info_plain_validator_function(self._take)
        )

    def _take(self, value: Any) -> Any:
        if self.kind is dict and not isinstance(value, dict):
            raise PydanticCustomError("json_type", "Input should be a JSON object", {})
        if self.kind is list and not isinstance(value, list | tuple):
            raise PydanticCustomError("json_type", "Input should be a JSON array", {})
        try:
            return copy_json(value)
        except RecursionError:
            raise PydanticCustomError("json_depth", "Input is nested too deeply, or holds itself", {}) from None


JsonObject = Annotated[dict[str, Any], _Json(dict)]
JsonArray = Annotated[list[Any], _Json(list)]
JsonValue = Annotated[Any, _Json(None)]


class _FrozenOnRead:
    """A field whose JSON turns read-only when someone first looks at it: most of what is loaded is never looked at."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, part: Part | None, owner: type[Part]) -> Any:
        if part is None:
            raise AttributeError(self.name)
        fields = part.__dict__
        try:
            value = fields[self.name]
        except KeyError:
            raise AttributeError(self.name) from None
        kind = type(value)
        if kind is dict or kind is list or kind is tuple:
            value = fields[self.name] = freeze(value)
        return value

    def __set__(self, part: Part, value: Any) -> NoReturn:
        part.__setattr__(self.name, value)
        raise AssertionError


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return random_id()


P = TypeVar("P", bound=BaseModel)
_new = object.__new__
# What a model has beside its fields' values: pydantic keeps it in slots.
_set_fields, _set_told, _set_extra, _set_private = (
    BaseModel.__dict__[name].__set__
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)


def made(kind: type[P], fields: dict[str, Any], told: set[str]) -> P:
    """Give a model of fields that were checked before: all of them, in order. It keeps the two containers."""
    # As pydantic's own `model_construct` does it, without looking for aliases and defaults.
    model = _new(kind)
    _set_fields(model, fields)
    _set_told(model, told)
    _set_extra(model, None)
    _set_private(model, None)
    return model


class Constructed(BaseModel):
    """A model that is made at once of values that nobody checks, if all of them are given in their order."""

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:  # type: ignore[override]  # as pydantic's own
        """Make a model of values that are not checked, as pydantic's own does."""
        if list(values) == list(cls.model_fields):
            return made(cls, values, set(values) if _fields_set is None else _fields_set)
        return super().model_construct(_fields_set, **values)


class Part(Constructed):
    """What messages, tool calls and questions have in common: immutable at every depth, equal by typed content.

    Copies of a session share their parts. To change one, put another in its place::

        session.messages[0] = session.messages[0].model_copy(update={"content": "corrected"})
    """

    model_config = ConfigDict(extra="forbid", revalidate_instances="never")

    #: The fields whose JSON freezes when it is first read.
    json_fields: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name in cls.json_fields:
            setattr(cls, name, _FrozenOnRead(name))

    def __setattr__(self, name: str, value: Any) -> None:
        raise TypeError(
            f"a {type(self).__name__} is immutable; put a changed copy in its place: model_copy(update=...)"
        )

    def __delattr__(self, name: str) -> None:
        raise TypeError(f"a {type(self).__name__} is immutable; {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        ours, theirs = self.__dict__, other.__dict__
        return ours.keys() == theirs.keys() and all(json_equal(value, theirs[name]) for name, value in ours.items())

    def __hash__(self) -> int:
        return hash((type(self), str(self.__dict__.get("id"))))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self

    def model_copy(self, *, update: dict[str, Any] | None = None, deep: bool = False) -> Self:  # type: ignore[override]  # pydantic takes any Mapping
        """Give a copy with some fields replaced; unlike pydantic's own, the new values are checked."""
        del deep  # immutable all the way down, so deep and shallow are one
        if not update:
            return self
        fields = {name: value for name, value in self.__dict__.items() if name not in update}
        return type(self)(**fields, **update)


class ToolCall(Part):
    """A call that an assistant message makes: its `id` joins the tool message that brings the result."""

    json_fields: ClassVar[tuple[str, ...]] = ("arguments",)

    id: str
    name: str
    arguments: JsonValue = Field(default_factory=no_members)


class Message(Part):
    """One message of a conversation. `id` and `created_at` have defaults; `native` keeps a framework's own item.

    >>> Message.user("Deploy it").role
    'user'
    """

    json_fields: ClassVar[tuple[str, ...]] = ("parts", "tool_calls", "metadata", "native")

    id: str = Field(default_factory=_new_id)
    role: str
    content: str = ""
    parts: JsonArray = Field(default_factory=no_items)
    reasoning: str | None = None
    tool_calls: list[ToolCall] = Field(default_factory=no_items)
    tool_call_id: str | None = None
    tool_success: bool | None = None
    created_at: AwareDatetime = Field(default_factory=_now)
    metadata: JsonObject = Field(default_factory=no_members)
    native: JsonObject | None = None

    @classmethod
    def user(cls, content: str = "", **fields: Any) -> Self:
        """Make a message of the person whom the agent serves."""
        return cls(role="user", content=content, **fields)

    @classmethod
    def assistant(cls, content: str = "", **fields: Any) -> Self:
        """Make a message of the model, with `tool_calls=[ToolCall(...)]` where it calls tools."""
        return cls(role="assistant", content=content, **fields)

    @classmethod
    def tool(cls, content: str, tool_call_id: str, *, success: bool | None = None, **fields: Any) -> Self:
        """Make the message that brings a tool's result. It does not answer a question: `Session.answer` does."""
        if success is not None:
            fields["tool_success"] = success
        return cls(role="tool", content=content, tool_call_id=tool_call_id, **fields)

    @classmethod
    def system(cls, content: str = "", **fields: Any) -> Self:
        """Make a message of whoever set the agent up."""
        return cls(role="system", content=content, **fields)


class QuestionStatus(StrEnum):
    """Where a clarification stands. Equal to its string: ``QuestionStatus.PENDING == "pending"``."""

    PENDING = "pending"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    LOST = "lost"


class Option(Part):
    """An answer on offer. One without a description is written, and compares equal to, its bare label."""

    label: str
    description: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_label(cls, value: Any) -> Any:
        return {"label": value} if isinstance(value, str) else value

    @model_serializer
    def _as_label(self) -> str | dict[str, str]:
        if self.description is None:
            return self.label
        return {"label": self.label, "description": self.description}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.description is None and self.label == other
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(self.label)

    def __str__(self) -> str:
        return self.label


class Question(Part):
    """A clarification that the agent waits for.

    It leaves `pending` only by an answer, a withdrawal, a supersession or an expiry that the log records.
    """

    json_fields: ClassVar[tuple[str, ...]] = ("options", "answer")

    id: str
    tool_call_id: str
    index: int = Field(default=0, ge=0)
    kind: str = "clarification"
    header: str | None = None
    text: str
    options: list[Option] = Field(default_factory=no_items)
    allow_custom: bool = True
    multiple: bool = False
    source: str | None = None
    status: QuestionStatus = QuestionStatus.PENDING
    answer: JsonValue = None
    resolved_by: str | None = None
    reason: str | None = None
    supersedes: str | None = None

    @property
    def is_pending(self) -> bool:
        """Whether the agent still waits for this one."""
        return self.status is QuestionStatus.PENDING

    def asks_the_same(self, other: Question) -> bool:
        """Whether two questions ask the same thing, whatever became of them, and of what they take the place of."""
        return all(json_equal(self.__dict__[name], other.__dict__[name]) for name in _ASKED)


_ASKED = ("tool_call_id", "kind", "header", "text", "options", "allow_custom", "multiple", "source")
