"""The facts of a session, followed event by event: what each holds, and which save wrote it. Pure.

One pass over a history costs what its events change. What a fact held before is remembered only while somebody still
needs it, a span at a time: from a version that a stale save names as its base, to that save.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ledger.domain import events as e
from ledger.domain.apply import Draft
from ledger.domain.document import Document
from ledger.domain.events import Authority, Event
from ledger.domain.facts import ABSENT, FIELDS, ORDER, fact_in, fact_of, facts_in, field_in
from ledger.domain.values import join, json_equal, split
from ledger.domain.view import View

__all__ = ["Changed", "Trace", "Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """The save that wrote a fact; of a fork's parent, where it was written there. `at` is its effective time."""

    session_id: str
    version: int
    writer: str
    authority: Authority
    at: datetime
    base_version: int


class Changed(NamedTuple):
    """A fact that holds something else than at an earlier version; `written` is unknown of what the pass began with."""

    path: str
    was: Any
    held: Any
    written: Written | None


@dataclass(slots=True)
class _Span:
    """What the facts that changed since `base` held there; `order` is that of the ids before the first that moved."""

    base: int
    until: int
    was: dict[str, Any] = field(default_factory=dict)
    order: tuple[str, ...] | None = None

    def absorb(self, later: _Span) -> None:
        for path, was in later.was.items():
            self.was.setdefault(path, was)
        self.order = later.order if self.order is None else self.order


class Trace:
    """Goes through a history. `held` are the facts as they stand, `written` the saves that wrote them, removals too."""

    def __init__(self, start: View) -> None:
        self._draft = Draft(start)
        self.held: dict[str, Any] = {path: fact_in(start, path) for path in facts_in(start)}
        self.written: dict[str, Written] = {}
        self._spans: list[_Span] = []

    @property
    def version(self) -> int:
        """The version that has been reached."""
        return int(self._draft.fields["version"])

    @property
    def effective_at(self) -> datetime:
        """The effective time of that version."""
        at: datetime = self._draft.fields["updated_at"]
        return at

    def view(self) -> View:
        """Give the state that has been reached."""
        return self._draft.view()

    def order(self) -> tuple[str, ...]:
        """Give the ids of the messages in their order."""
        return tuple(message.id for message in self._draft.messages.messages())

    def remember(self, until: int) -> None:
        """Remember from here on what facts held at this version, as far as `until`."""
        self._spans.append(_Span(self.version, until))

    def forget(self) -> None:
        """Let go of what only the versions reached so far needed."""
        needed: list[_Span] = []
        for span in self._spans:
            if span.until > self.version:
                needed.append(span)
            elif needed:
                needed[-1].absorb(span)
        self._spans = needed

    def take(self, event: Event) -> None:
        """Take in the next event."""
        if any(isinstance(change, e.SessionCreated) for change in event.changes):
            # Of the life before, this one has nothing.
            self.held.clear()
            self.written.clear()
            self._spans.clear()
            touched = dict.fromkeys(FIELDS)
        else:
            touched = {}
        touched |= dict.fromkeys(map(fact_of, event.changes))
        touched.pop("", None)
        moves = any(isinstance(change, e.MessageRemoved | e.MessagesReordered) for change in event.changes)
        span = self._spans[-1] if self._spans else None
        if moves and span is not None and span.order is None:
            span.order = self.order()
        # What stood before is remembered: it must not be changed in place.
        self._draft.metadata = Document(self._draft.metadata.root)
        self._draft.state = Document(self._draft.state.root)
        self._draft.take(event)
        written = Written(
            event.session_id, event.version, event.writer, event.authority, self.effective_at, event.base_version
        )
        for path in touched:
            self._note(path, written, span)

    def _note(self, path: str, written: Written, span: _Span | None) -> None:
        if path == ORDER:
            self.written[ORDER] = written
            return
        was, now = self.held.get(path, ABSENT), self._now(path)
        if json_equal(was, now):
            return
        if now is ABSENT:
            del self.held[path]
        else:
            self.held[path] = now
            if was is ABSENT and path in self.written and path.startswith("/messages/"):
                self.written[ORDER] = written  # it was removed, and may stand elsewhere now
        self.written[path] = written
        if span is not None:
            span.was.setdefault(path, was)

    def _now(self, path: str) -> Any:
        draft = self._draft
        if path in FIELDS:
            return field_in(draft.fields.__getitem__, path)
        _, kind, key = path.split("/")
        (key,) = split(f"/{key}")
        match kind:
            case "messages":
                message = draft.messages.find(key)
                return ABSENT if message is None else message
            case "questions":
                return draft.questions.get(key, ABSENT)
            case "metadata":
                return draft.metadata.root.get(key, ABSENT)
            case _:
                return draft.state.root.get(key, ABSENT)

    def since(self, base: int) -> Iterator[Changed]:
        """Give the facts that changed since a version that was to be remembered, or that this life has not seen."""
        if base < self._draft.fields["life_version"]:
            yield from (Changed(path, ABSENT, held, self.written.get(path)) for path, held in self.held.items())
            return
        was: dict[str, Any] = {}
        order: tuple[str, ...] | None = None
        for span in reversed(self._spans):
            if span.base >= base:
                was.update(span.was)
                order = order if span.order is None else span.order
        for path, value in was.items():
            held = self.held.get(path, ABSENT)
            if not json_equal(value, held):
                yield Changed(path, value, held, self.written.get(path))
        if order is not None:
            yield from self._moved(order, was)

    def _moved(self, order: tuple[str, ...], was: dict[str, Any]) -> Iterator[Changed]:
        """Tell it if the messages that stood there at the base, and still do, stand in another order now."""
        then = [
            message_id
            for message_id in order
            if (path := join("/messages", message_id)) in self.held and was.get(path) is not ABSENT
        ]
        both = set(then)
        now = [message_id for message_id in self.order() if message_id in both]
        if then != now:
            yield Changed(ORDER, then, now, self.written.get(ORDER))
