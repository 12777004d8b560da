"""Which change touched which place of a session, and by whom: what a rebase needs to know of the head's events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Authority, Change, Event
from ledger.domain.parts import Part
from ledger.domain.values import join, overlaps, split
from ledger.domain.view import View

__all__ = ["Touch", "Touches", "lookup", "path_of"]

_NOWHERE = object()


@dataclass(frozen=True, slots=True)
class Touch:
    """The last change that the head's events made at one path."""

    path: str
    value: Any
    writer: str
    version: int
    authority: Authority
    extends: bool = False
    removes: bool = False


def path_of(change: Change) -> tuple[str, Any]:
    """Give the place that a change touches, as a JSON Pointer into the session, and the value that it puts there.

    A removal gives null; a change that touches no place of its own (a record) gives an empty path.
    """
    place = _PLACES.get(type(change))
    return ("", None) if place is None else place(change)


def _in(document: str) -> Callable[[Any], tuple[str, Any]]:
    return lambda change: (f"{document}{change.path}", _put(change))


def _in_message(change: Any) -> tuple[str, Any]:
    return f"{join('/messages', change.message_id)}/metadata{change.path}", _put(change)


def _message(change: Any) -> tuple[str, Any]:
    return join("/messages", change.message.id), change.message.model_dump(mode="json")


def _put(change: Any) -> Any:
    return getattr(change, "value", getattr(change, "values", None))


_PLACES: dict[type[Any], Callable[[Any], tuple[str, Any]]] = {
    e.TitleChanged: lambda change: ("/title", change.title),
    e.PinnedChanged: lambda change: ("/pinned", change.pinned),
    e.ModelChanged: lambda change: ("/model", change.model),
    e.SummaryChanged: lambda change: ("/summary", change.summary),
    e.ParentChanged: lambda change: ("/parent_session_id", change.parent_session_id),
    **dict.fromkeys((e.MetadataSet, e.MetadataRemoved, e.MetadataExtended), _in("/metadata")),
    **dict.fromkeys((e.StateSet, e.StateRemoved, e.StateExtended), _in("/state")),
    **dict.fromkeys((e.MessageMetadataSet, e.MessageMetadataRemoved, e.MessageMetadataExtended), _in_message),
    **dict.fromkeys((e.MessageAppended, e.MessageInserted, e.MessageRevised), _message),
    e.MessageRemoved: lambda change: (join("/messages", change.message_id), None),
    e.MessagesReordered: lambda change: ("/messages", list(change.order)),
}


class Touches:
    """The places that events touched. The events are read when something is first asked for."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events
        self._by_path: dict[str, Touch] | None = None

    def _index(self) -> dict[str, Touch]:
        if self._by_path is None:
            self._by_path = {}
            for event in self._events:
                for change in event.changes:
                    path, value = path_of(change)
                    if path:
                        self._note(path, value, change, event)
        return self._by_path

    def _note(self, path: str, value: Any, change: Change, event: Event) -> None:
        assert self._by_path is not None  # noqa: S101 - set by the only caller
        extends = isinstance(change, e.MetadataExtended | e.StateExtended | e.MessageMetadataExtended)
        before = self._by_path.get(path)
        if extends and before is not None and not before.extends:
            extends = False  # the list was replaced before it grew: it is no longer the base's list with an end
        removes = isinstance(change, e.MetadataRemoved | e.StateRemoved | e.MessageMetadataRemoved | e.MessageRemoved)
        self._by_path[path] = Touch(path, value, event.writer, event.version, event.authority, extends, removes)

    def last(self, path: str) -> Touch | None:
        """Give the last change at exactly this path."""
        return self._index().get(path)

    def overlapping(self, path: str) -> list[Touch]:
        """Give the last change at each path that is this one, or lies above or below it, within one document."""
        return [
            touch
            for other, touch in self._index().items()
            if overlaps(path, other) and (other.count("/") > 1 or other == path) and not _is_message(other)
        ]


def _is_message(path: str) -> bool:
    return path.startswith("/messages") and "/metadata/" not in path


def lookup(root: Any, path: str, default: Any = None) -> Any:
    """Give what `path` points at in a view or in JSON, or `default` where it points nowhere."""
    node = root
    for token in split(path):
        if isinstance(node, View):
            node = getattr(node, token)
        elif isinstance(node, Mapping):
            node = node.get(token, _NOWHERE)
        elif isinstance(node, tuple):
            node = next((message for message in node if message.id == token), _NOWHERE)
        elif isinstance(node, Part):
            node = getattr(node, token)
        else:
            return default
        if node is _NOWHERE:
            return default
    return node
