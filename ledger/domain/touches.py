"""Which change touched which place of a session, and by whom: what a rebase needs to know of the head's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Authority, Change, Event
from ledger.domain.parts import Part
from ledger.domain.values import overlaps, split
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


def path_of(change: Change) -> tuple[str, Any]:  # noqa: PLR0911 - one line a kind of change
    """Give the place that a change touches, as a JSON Pointer into the session, and the value that it puts there.

    A removal gives null; a change that touches no place of its own (a record) gives an empty path.
    """
    match change:
        case e.TitleChanged():
            return "/title", change.title
        case e.PinnedChanged():
            return "/pinned", change.pinned
        case e.ModelChanged():
            return "/model", change.model
        case e.SummaryChanged():
            return "/summary", change.summary
        case e.ParentChanged():
            return "/parent_session_id", change.parent_session_id
        case e.MetadataSet() | e.MetadataRemoved() | e.MetadataExtended():
            return f"/metadata{change.path}", _put(change)
        case e.StateSet() | e.StateRemoved() | e.StateExtended():
            return f"/state{change.path}", _put(change)
        case e.MessageMetadataSet() | e.MessageMetadataRemoved() | e.MessageMetadataExtended():
            return f"/messages/{_token(change.message_id)}/metadata{change.path}", _put(change)
        case e.MessageAppended() | e.MessageInserted() | e.MessageRevised():
            return f"/messages/{_token(change.message.id)}", change.message.model_dump(mode="json")
        case e.MessageRemoved():
            return f"/messages/{_token(change.message_id)}", None
        case e.MessagesReordered():
            return "/messages", list(change.order)
        case _:
            return "", None


def _put(change: Any) -> Any:
    return getattr(change, "value", getattr(change, "values", None))


def _token(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1")


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
