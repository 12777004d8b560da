"""The view: one state of a session, immutable, with what the fold knows about it."""

# ruff: noqa: D102 - the members of `State` mean what those of `Session` do.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ledger.domain.messages import Messages
from ledger.domain.parts import Message, Question

__all__ = ["State", "View"]


class State(Protocol):
    """What `diff` compares: a `View`, or a `Session` as its owner left it."""

    @property
    def title(self) -> str | None: ...
    @property
    def pinned(self) -> bool: ...
    @property
    def model(self) -> str: ...
    @property
    def summary(self) -> Any: ...
    @property
    def parent_session_id(self) -> str | None: ...
    @property
    def root_session_id(self) -> str | None: ...
    @property
    def messages(self) -> Sequence[Message]: ...
    @property
    def questions(self) -> Mapping[str, Question]: ...
    @property
    def metadata(self) -> Mapping[str, Any]: ...
    @property
    def state(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class View:
    """A session at one version.

    `messages`, `questions`, `metadata` and `state` are shared between the views of a session and never changed in
    place, so holding many views of one history costs what differs between them.

    `version` 0, or a version whose `alive` is false, is no session yet (or no longer): the fields then hold what a
    constructor was given, which counts as no change of the writer's.
    """

    session_id: str
    version: int = 0
    digest: str = ""
    alive: bool = False
    life_version: int = 0
    metadata_version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    title: str | None = None
    pinned: bool = False
    model: str = ""
    summary: Any = None
    parent_session_id: str | None = None
    root_session_id: str | None = None
    forked_from: Mapping[str, Any] | None = None
    messages: Messages = field(default_factory=Messages)
    questions: Mapping[str, Question] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> View:
        """Give the view of these fields, all of them; a frozen constructor would set them one by one."""
        view = object.__new__(cls)
        view.__dict__.update(fields)
        return view

    @property
    def fields(self) -> dict[str, Any]:
        """What it holds, by name."""
        return dict(self.__dict__)

    @property
    def pending(self) -> tuple[str, ...]:
        """The ids of the questions that wait for an answer, oldest first."""
        return tuple(question.id for question in self.questions.values() if question.is_pending)
