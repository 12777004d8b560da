"""Which change touched which place of a session, and by whom: what a rebase needs to know of the head's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Authority, Change, Event
from ledger.domain.values import join, split

__all__ = ["BY_PATH", "EXTENDING", "REMOVING", "Met", "Touch", "Touches", "document_of", "path_of"]

EXTENDING = (e.MetadataExtended, e.StateExtended, e.MessageMetadataExtended)
REMOVING = (e.MetadataRemoved, e.StateRemoved, e.MessageMetadataRemoved)
BY_PATH = (*EXTENDING, *REMOVING, e.MetadataSet, e.StateSet, e.MessageMetadataSet)
_REPLACING_MESSAGE = (e.SessionCreated, e.MessageAppended, e.MessageInserted, e.MessageRemoved)


@dataclass(frozen=True, slots=True)
class Touch:
    """A change that the head's events made at one path, and that no later one of theirs undid."""

    path: str
    value: Any
    writer: str
    version: int
    authority: Authority
    extends: bool = False
    removes: bool = False


def document_of(change: Any) -> str:
    """Give the JSON document (`/state`, `/metadata`, a message's) that a change by path is made in."""
    message_id = getattr(change, "message_id", None)
    if message_id is not None:
        return f"{join('/messages', message_id)}/metadata"
    return "/state" if change.type.startswith("state") else "/metadata"


def path_of(change: Change) -> tuple[str, Any]:
    """Give the place that a change touches, as a JSON Pointer into the session, and the value that it puts there.

    A removal gives null; a change that touches no place of its own (a record, a question) gives an empty path.
    """
    place = _PLACES.get(type(change))
    return ("", None) if place is None else place(change)


def _by_path(change: Any) -> tuple[str, Any]:
    value = getattr(change, "value", getattr(change, "values", None))
    return f"{document_of(change)}{change.path}", value


def _parents(change: e.ParentChanged) -> tuple[str, Any]:
    both = {"parent_session_id": change.parent_session_id, "root_session_id": change.root_session_id}
    return "/parent_session_id", both


_PLACES: dict[type[Any], Callable[[Any], tuple[str, Any]]] = {
    e.TitleChanged: lambda change: ("/title", change.title),
    e.PinnedChanged: lambda change: ("/pinned", change.pinned),
    e.ModelChanged: lambda change: ("/model", change.model),
    e.SummaryChanged: lambda change: ("/summary", change.summary),
    e.ParentChanged: _parents,
    **dict.fromkeys(BY_PATH, _by_path),
    e.MessageAppended: lambda change: (join("/messages", change.message.id), change.message),
    e.MessageInserted: lambda change: (join("/messages", change.message.id), change.message),
    e.MessageRevised: lambda change: (join("/messages", change.message.id), change.message),
    e.MessageRemoved: lambda change: (join("/messages", change.message_id), None),
    e.MessagesReordered: lambda change: ("/messages", change.order),
}


@dataclass(slots=True)
class Met:
    """What a path meets in one document.

    `here` holds what made the value at the path what it is: the last change at it or above it, and what extended the
    list since. `below` holds the same for every place inside the value.
    """

    here: list[Touch] = field(default_factory=list)
    below: list[list[Touch]] = field(default_factory=list)
    #: Whether all that happened is that the base's list grew.
    only_grew: bool = False

    def __bool__(self) -> bool:
        return bool(self.here or self.below)

    def latest(self) -> Iterator[Touch]:
        """Give the last change to each field that the path covers: whose authority counts."""
        yield from self.here[-1:]
        for touches in self.below:
            yield touches[-1]

    def all(self) -> Iterator[Touch]:
        """Give every touch."""
        yield from self.here
        for touches in self.below:
            yield from touches


@dataclass(slots=True)
class _Node:
    touches: list[Touch] = field(default_factory=list)
    children: dict[str, _Node] = field(default_factory=dict)

    def take(self, keys: list[str], touch: Touch) -> None:
        node = self
        for key in keys:
            node = node.children.setdefault(key, _Node())
        if touch.extends:
            node.touches.append(touch)
        else:
            # What stood here, and all in it, gave way when this came.
            node.touches, node.children = [touch], {}

    def met(self, keys: list[str]) -> Met:
        node, above = self, self.touches
        for key in keys:
            above = node.touches or above
            child = node.children.get(key)
            if child is None:
                return Met(here=above)
            node = child
        replaced = bool(node.touches) and not node.touches[0].extends
        return Met(
            here=node.touches if replaced else [*above, *node.touches],
            below=list(node.inside()),
            only_grew=bool(node.touches) and not replaced and not above,
        )

    def inside(self) -> Iterator[list[Touch]]:
        for child in self.children.values():
            if child.touches:
                yield child.touches
            yield from child.inside()


class Touches:
    """The places that events touched. The events are read when something is first asked for."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events
        self._whole: dict[str, Touch] | None = None
        self._documents: dict[str, _Node] = {}

    def last(self, path: str) -> Touch | None:
        """Give the last change at exactly this path: a field, a message as a whole, or the order of the messages."""
        return self._index().get(path)

    def meeting(self, document: str, pointer: str) -> Met:
        """Give what `pointer` meets in `document`: what was changed there, above it, and below it."""
        self._index()
        node = self._documents.get(document)
        return Met() if node is None else node.met(split(pointer))

    def _index(self) -> dict[str, Touch]:
        if self._whole is None:
            self._whole = {}
            for event in self._events:
                for change in event.changes:
                    self._note(self._whole, change, event)
        return self._whole

    def _note(self, whole: dict[str, Touch], change: Change, event: Event) -> None:
        path, value = path_of(change)
        if isinstance(change, e.SessionCreated):
            whole.clear()
            self._documents.clear()
        if not path:
            return
        extends = isinstance(change, EXTENDING)
        removes = isinstance(change, (*REMOVING, e.MessageRemoved))
        touch = Touch(path, value, event.writer, event.version, event.authority, extends, removes)
        if isinstance(change, BY_PATH):
            self._documents.setdefault(document_of(change), _Node()).take(split(change.path), touch)
            return
        whole[path] = touch
        if isinstance(change, _REPLACING_MESSAGE):
            self._documents.pop(f"{path}/metadata", None)
