"""The rows of the merge table for `metadata`, `state` and a message's `metadata`: changes by JSON Pointer. Pure.

Disjoint paths both stand; the same path, or one above the other, is a conflict, which the later save wins unless the
field is authoritative and a user had set it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Authority, Change
from ledger.domain.overruling import Overruling
from ledger.domain.parts import Message
from ledger.domain.touches import BY_PATH, EXTENDING, REMOVING, Met, Touch, Touches, document_of
from ledger.domain.values import join, json_equal, split
from ledger.domain.view import View

__all__ = ["DocumentMerge"]

_NOWHERE = object()


@dataclass(slots=True)
class DocumentMerge:
    """Gives a writer's changes by path as changes to be made on the head, and what gave way as records."""

    views: tuple[View, View, View]  # the writer's base, what it saves, and the head
    touches: Touches
    overruling: Overruling
    authority: Authority
    _by_id: dict[int, dict[str, Message]] = field(default_factory=dict)

    def changes(self, changes: Sequence[Change], *, restored: Collection[str] = ()) -> Iterator[Change]:
        """Give what becomes of each change by path; the others are passed over.

        Args:
            changes: the writer's.
            restored: the messages that came back whole, with the writer's metadata.
        """
        for change in changes:
            if isinstance(change, BY_PATH):
                message_id = getattr(change, "message_id", None)
                if message_id is None or (message_id not in restored and message_id in self._messages(self.views[2])):
                    yield from self._one(change, *(self._root(view, change) for view in self.views))

    def _root(self, view: View, change: Any) -> Any:
        message_id = getattr(change, "message_id", None)
        if message_id is None:
            return view.state if document_of(change) == "/state" else view.metadata
        message = self._messages(view).get(message_id)
        return message.metadata if message else {}

    def _messages(self, view: View) -> dict[str, Message]:
        known = self._by_id.get(id(view))
        if known is None:
            known = self._by_id[id(view)] = {message.id: message for message in view.messages}
        return known

    def _one(self, change: Any, base: Any, ours: Any, head: Any) -> Iterator[Change]:
        document = document_of(change)
        met = self.touches.meeting(document, change.path)
        if not met or (met.only_grew and not met.below and isinstance(change, EXTENDING)):
            yield change  # nobody else was there; or the list grew on both sides: theirs, then the writer's
            return
        if isinstance(change, REMOVING):
            yield from self._decide(change, document, base, head, _NOWHERE, met)
            return
        value = _at(ours, change.path) if isinstance(change, EXTENDING) else change.value
        for path, leaf in _leaves(change.path, value, _at(base, change.path), _at(head, change.path)):
            inner = met if path == change.path else self.touches.meeting(document, path)
            yield from self._decide(_as_set(change, path, leaf), document, base, head, leaf, inner)

    def _decide(  # noqa: PLR0917 - what one decision weighs, flat
        self, change: Any, document: str, base: Any, head: Any, value: Any, met: Met
    ) -> Iterator[Change]:
        path = f"{document}{change.path}"
        stands = _at(head, change.path)
        if getattr(change, "authoritative", False) and self._yields(met):
            if not _same(stands, value):
                yield self.overruling.of_writer(path, None if value is _NOWHERE else value)
            return
        if not (value is _NOWHERE and stands is _NOWHERE):
            yield change
        for touch in met.all():
            gone = _lost(touch, path, value, _at(base, change.path))
            if gone is not None:
                yield self.overruling.of_head(touch, *gone)

    def _yields(self, met: Met) -> bool:
        return self.authority == "runtime" and any(touch.authority == "user" for touch in met.latest())


def _lost(touch: Touch, path: str, value: Any, was: Any) -> tuple[str, Any] | None:
    """Give what of a head's change does not hold once the writer's `value` stands at `path`, as path and value."""
    whole = (touch.path, touch.value)
    if touch.extends:
        return whole
    if not path.startswith(f"{touch.path}/"):
        inside = value if touch.path == path else _at(value, touch.path[len(path) :])
        return None if _same(inside, _NOWHERE if touch.removes else touch.value) else whole
    if touch.removes:
        return None if value is _NOWHERE else whole
    theirs = _at(touch.value, path[len(touch.path) :])
    if theirs is _NOWHERE and was is _NOWHERE and _is_inside_object(touch.value, path[len(touch.path) :]):
        return None  # they had put an object there, without this key, which the base did not have either: disjoint
    if _same(theirs, value):
        return None
    return whole if theirs is _NOWHERE else (path, theirs)


def _leaves(path: str, value: Any, was: Any, stands: Any) -> Iterator[tuple[str, Any]]:
    """Give what setting `value` at `path` sets: where both sides have put an object there, only its own keys."""
    if not (isinstance(value, dict) and isinstance(stands, dict)) or isinstance(was, dict):
        yield path, value
        return
    for key, item in value.items():
        yield from _leaves(join(path, key), item, _NOWHERE, stands.get(key, _NOWHERE))


def _at(root: Any, pointer: str) -> Any:
    node = root
    for key in split(pointer):
        node = node.get(key, _NOWHERE) if isinstance(node, dict) else _NOWHERE
    return node


def _is_inside_object(root: Any, pointer: str) -> bool:
    """Whether the nearest thing above `pointer` that exists in `root` is an object, and not a value in its way."""
    node = root
    for key in split(pointer):
        if not isinstance(node, dict):
            return False
        if key not in node:
            return True
        node = node[key]
    return True


def _same(a: Any, b: Any) -> bool:
    if a is _NOWHERE or b is _NOWHERE:
        return a is b
    return json_equal(a, b)


def _as_set(change: Any, path: str, value: Any) -> Change:
    if isinstance(change, e.MetadataSet | e.MetadataExtended):
        return e.MetadataSet(path=path, value=value, authoritative=change.authoritative)
    if isinstance(change, e.StateSet | e.StateExtended):
        return e.StateSet(path=path, value=value)
    return e.MessageMetadataSet(message_id=change.message_id, path=path, value=value)
