"""A stale writer's changes, rebased on the head: the table of the design's section 5.3, row by row. Pure.

Whatever does not stand is returned as `ChangeOverruled`, so that the event records it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.domain import events as e
from ledger.domain.diff import diff_messages
from ledger.domain.events import Authority, Change, Event
from ledger.domain.merge_messages import merge_messages
from ledger.domain.merge_questions import merge_questions
from ledger.domain.touches import Touch, Touches, lookup, path_of
from ledger.domain.values import json_equal
from ledger.domain.view import View

__all__ = ["Rebased", "rebase"]

_MESSAGE_LIST = (e.MessageAppended, e.MessageInserted, e.MessageRevised, e.MessageRemoved, e.MessagesReordered)
_SCALARS = (e.TitleChanged, e.PinnedChanged, e.ModelChanged, e.SummaryChanged, e.ParentChanged)
_DOCUMENT_PARTS = ("Set", "Removed", "Extended")


@dataclass(frozen=True, slots=True)
class Rebased:
    """What of a writer's changes stands on the head, what was overruled, and how its questions were renamed."""

    changes: list[Change]
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def overruled(self) -> tuple[e.ChangeOverruled, ...]:
        """What did not stand, of either side."""
        return tuple(change for change in self.changes if isinstance(change, e.ChangeOverruled))


def rebase(
    base: View,
    ours: View,
    head: View,
    changes: Sequence[Change],
    theirs: Iterable[Event] = (),
    *,
    writer: str = "unknown",
    authority: Authority = "runtime",
    defaulted: Collection[str] = (),
) -> Rebased:
    """Give `changes`, made on `base`, as changes to be made on `head`.

    Args:
        base: what the writer had loaded.
        ours: `base` with `changes` made in it.
        head: `base` with `theirs` made in it.
        changes: the writer's.
        theirs: the events after `base`, in order; they say who is overruled.
        writer: who saves.
        authority: as what; between a `user` and a `runtime` that changed one authoritative field, the `user` stands.
        defaulted: the ids of questions whose index was not chosen by the caller, and may move.

    Returns:
        The changes that lead from `head` to the merged state, the overruled ones among them as records.
    """
    merge = _Merge(base, ours, head, Touches(theirs), writer, authority)
    out = list(merge.scalars(changes))
    out += merge.messages(changes)
    questions, renamed = merge_questions(
        head, ours, changes, writer=writer, version=head.version + 1, defaulted=defaulted
    )
    out += questions
    out += merge.documents(changes)
    # One event records one overruled value once, however many of the writer's changes met it.
    seen: list[Change] = []
    for change in out:
        if not isinstance(change, e.ChangeOverruled) or change not in seen:
            seen.append(change)
    return Rebased(seen, renamed)


@dataclass(slots=True)
class _Merge:
    base: View
    ours: View
    head: View
    touches: Touches
    writer: str
    authority: Authority
    restored: set[str] = field(default_factory=set)

    def overrule_writer(self, path: str, value: Any) -> e.ChangeOverruled:
        return e.ChangeOverruled(
            side="writer", writer=self.writer, version=self.head.version + 1, path=path, value=value
        )

    def overrule_head(self, touch: Touch) -> e.ChangeOverruled:
        return e.ChangeOverruled(
            side="head", writer=touch.writer, version=touch.version, path=touch.path, value=touch.value
        )

    def yields(self, met: Iterable[Touch]) -> bool:
        """Whether the writer gives way: a runtime to a user, on what only one of them can have."""
        return self.authority == "runtime" and any(touch.authority == "user" for touch in met)

    def scalars(self, changes: Iterable[Change]) -> Iterator[Change]:
        for change in changes:
            if not isinstance(change, _SCALARS):
                continue
            path, value = path_of(change)
            touch = self.touches.last(path)
            if touch is None:
                yield change
            elif getattr(change, "authoritative", False) and self.yields([touch]):
                if not json_equal(touch.value, value):
                    yield self.overrule_writer(path, value)
            else:
                yield change
                if not json_equal(touch.value, value):
                    yield self.overrule_head(touch)

    def documents(self, changes: Iterable[Change]) -> Iterator[Change]:
        for change in changes:
            if not type(change).__name__.endswith(_DOCUMENT_PARTS) or not hasattr(change, "path"):
                continue
            if getattr(change, "message_id", None) is not None and not self._message_stands(change):
                continue
            yield from self._by_path(change)

    def _message_stands(self, change: Any) -> bool:
        # A message that came back with the writer's revision came back whole.
        if change.message_id in self.restored:
            return False
        return any(message.id == change.message_id for message in self.head.messages)

    def _by_path(self, change: Any) -> Iterator[Change]:
        path, value = path_of(change)
        met = self.touches.overlapping(path)
        if not met:
            yield change
            return
        if isinstance(change, _EXTENDING):
            if all(touch.extends and touch.path == path for touch in met):
                yield change  # theirs, then the writer's
                return
            value = lookup(self.ours, path)
            change = _as_set(change, value)
        if getattr(change, "authoritative", False) and self.yields(met):
            yield self.overrule_writer(path, value)
            return
        removed = value is None and isinstance(change, _REMOVING)
        if not (removed and lookup(self.head, path, _NOWHERE) is _NOWHERE):
            yield change
        for touch in met:
            if not self._survives(touch, path, value, removed=removed):
                yield self.overrule_head(touch)

    def _survives(self, touch: Touch, path: str, value: Any, *, removed: bool) -> bool:
        """Whether what the head had put there still holds once the writer's value stands at `path`."""
        if touch.extends:
            return False
        if touch.path == path or touch.path.startswith(f"{path}/"):
            below = _NOWHERE if removed else lookup(value, touch.path[len(path) :], _NOWHERE)
            return below is _NOWHERE if touch.removes else below is not _NOWHERE and json_equal(below, touch.value)
        if touch.removes:
            return removed
        inside = lookup(touch.value, path[len(touch.path) :], _NOWHERE)
        return inside is _NOWHERE if removed else inside is not _NOWHERE and json_equal(inside, value)

    def messages(self, changes: Sequence[Change]) -> Iterator[Change]:
        mine = [change for change in changes if isinstance(change, _MESSAGE_LIST)]
        edited = {change.message_id for change in changes if hasattr(change, "path") and hasattr(change, "message_id")}
        present = {message.id for message in self.head.messages}
        if not mine and edited <= present:
            return
        appended = [change for change in mine if isinstance(change, e.MessageAppended)]
        only_new = len(appended) == len(mine) and not any(change.message.id in present for change in appended)
        if only_new and edited <= present:
            yield from mine
            return
        reordered = any(isinstance(change, e.MessagesReordered) for change in mine)
        merged = merge_messages(
            self.base.messages, self.ours.messages, self.head.messages, edited=edited, reordered=reordered
        )
        self.restored |= merged.whole
        yield from diff_messages(self.head.messages, merged.messages)
        for message_id, lost in merged.overruled_ours:
            yield self.overrule_writer(f"/messages/{message_id}", lost)
        for message_id in merged.overruled_theirs:
            touch = self.touches.last(f"/messages/{message_id}")
            if touch is not None:
                yield self.overrule_head(touch)
        order = self.touches.last("/messages")
        if reordered and order is not None:
            yield self.overrule_head(order)


_NOWHERE = object()
_EXTENDING = (e.MetadataExtended, e.StateExtended, e.MessageMetadataExtended)
_REMOVING = (e.MetadataRemoved, e.StateRemoved, e.MessageMetadataRemoved)


def _as_set(change: Any, value: Any) -> Change:
    if isinstance(change, e.MetadataExtended):
        return e.MetadataSet(path=change.path, value=value, authoritative=change.authoritative)
    if isinstance(change, e.StateExtended):
        return e.StateSet(path=change.path, value=value)
    return e.MessageMetadataSet(message_id=change.message_id, path=change.path, value=value)
