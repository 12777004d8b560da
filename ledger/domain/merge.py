"""A stale writer's changes, rebased on the head: the table of the design's section 5.3, row by row. Pure.

Whatever does not stand is returned as `ChangeOverruled`, so that the event records it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.domain import events as e
from ledger.domain.diff_messages import diff_messages
from ledger.domain.events import Authority, Change, Event
from ledger.domain.merge_documents import DocumentMerge
from ledger.domain.merge_messages import merge_messages
from ledger.domain.merge_questions import merge_questions
from ledger.domain.overruling import Overruling
from ledger.domain.touches import Touches, path_of
from ledger.domain.values import join, json_equal
from ledger.domain.view import View

__all__ = ["Rebased", "rebase"]

_MESSAGE_LIST = (e.MessageAppended, e.MessageInserted, e.MessageRevised, e.MessageRemoved, e.MessagesReordered)
_SCALARS = (e.TitleChanged, e.PinnedChanged, e.ModelChanged, e.SummaryChanged, e.ParentChanged)
_MESSAGE_METADATA = (e.MessageMetadataSet, e.MessageMetadataRemoved, e.MessageMetadataExtended)


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
    moved: Mapping[str, str] = {},
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
        moved: where questions that the writer knows by one id stand under another on `head`.

    Returns:
        The changes that lead from `head` to the merged state, the overruled ones among them as records.
    """
    touches = Touches(theirs)
    overruling = Overruling(writer, head.version + 1)
    out = list(_merge_scalars(changes, touches, overruling, authority))
    messages, restored = _merge_message_list(base, ours, head, changes, touches, overruling)
    out += messages
    questions, renamed = merge_questions(head, ours, changes, overruling, defaulted=defaulted, moved=moved)
    out += questions
    documents = DocumentMerge((base, ours, head), touches, overruling, authority)
    out += documents.changes(changes, restored=restored)
    # What an earlier rebase of the same edits overruled is recorded with them.
    out += (change for change in changes if isinstance(change, e.ChangeOverruled))
    return Rebased(_once(out), renamed)


def _merge_scalars(
    changes: Iterable[Change], touches: Touches, overruling: Overruling, authority: Authority
) -> Iterator[Change]:
    for change in changes:
        if not isinstance(change, _SCALARS):
            continue
        path, value = path_of(change)
        touch = touches.last(path)
        agrees = touch is None or json_equal(touch.value, value)
        gives_way = getattr(change, "authoritative", False) and authority == "runtime"
        if touch is not None and gives_way and touch.authority == "user":
            if not agrees:
                yield overruling.of_writer(path, value)
            continue
        yield change
        if touch is not None and not agrees:
            yield overruling.of_head(touch)


def _merge_message_list(  # noqa: PLR0917 - the three states, and whom to record
    base: View, ours: View, head: View, changes: Sequence[Change], touches: Touches, overruling: Overruling
) -> tuple[list[Change], set[str]]:
    """Give the changes to the list of messages, and the ids of those that came back whole."""
    mine = [change for change in changes if isinstance(change, _MESSAGE_LIST)]
    edited = {change.message_id for change in changes if isinstance(change, _MESSAGE_METADATA)}
    present = {message.id for message in head.messages}
    appended = [change for change in mine if isinstance(change, e.MessageAppended)]
    only_new = len(appended) == len(mine) and not any(change.message.id in present for change in appended)
    if only_new and edited <= present:
        return list(mine), set()
    reordered = any(isinstance(change, e.MessagesReordered) for change in mine)
    merged = merge_messages(base.messages, ours.messages, head.messages, edited=edited, reordered=reordered)
    out = list(diff_messages(head.messages, merged.messages))
    out += (overruling.of_writer(join("/messages", message_id), lost) for message_id, lost in merged.overruled_ours)
    for message_id in merged.overruled_theirs:
        touch = touches.last(join("/messages", message_id))
        if touch is not None:
            out.append(overruling.of_head(touch))
    order = touches.last("/messages")
    if order is not None and any(isinstance(change, e.MessagesReordered) for change in out):
        out.append(overruling.of_head(order))
    return out, merged.whole


def _once(changes: Iterable[Change]) -> list[Change]:
    """One event records one overruled value once, however many of the writer's changes met it."""
    out: list[Change] = []
    seen: dict[tuple[str, str, int, str], list[Any]] = {}
    for change in changes:
        if isinstance(change, e.ChangeOverruled):
            values = seen.setdefault((change.side, change.writer, change.version, change.path), [])
            if any(json_equal(change.value, value) for value in values):
                continue
            values.append(change.value)
        out.append(change)
    return out
