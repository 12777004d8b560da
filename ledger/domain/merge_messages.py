"""The message rows of the merge table: three lists in, the merged list out. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.domain.parts import Message
from ledger.domain.values import json_equal

__all__ = ["MergedMessages", "merge_messages", "same_but_for_stamps"]


@dataclass(slots=True)
class MergedMessages:
    """The merged list, and what gave way on either side.

    `whole` names the messages that stand with the writer's metadata too; of every other, the metadata is the head's.
    """

    messages: list[Message] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    overruled_ours: list[tuple[str, Any]] = field(default_factory=list)
    overruled_theirs: list[str] = field(default_factory=list)


def merge_messages(
    base: Sequence[Message],
    ours: Sequence[Message],
    head: Sequence[Message],
    *,
    edited: Collection[str] = (),
    reordered: bool = False,
) -> MergedMessages:
    """Merge what the writer made of `base` with what the head has become since.

    Args:
        base: what the writer had loaded.
        ours: what it saves.
        head: what stands.
        edited: the messages whose metadata the writer changed, which counts as a revision where one was removed.
        reordered: whether the writer changed the order of what it had loaded.
    """
    merged = MergedMessages()
    was = {message.id: message for message in base}
    mine = {message.id: message for message in ours}
    theirs = {message.id: message for message in head}
    result: dict[str, Message] = {}
    for message in head:
        kept = _stand(was.get(message.id), mine.get(message.id), message, merged)
        if kept is not None:
            result[message.id] = kept
    returning = {
        message.id: message
        for message in ours
        if message.id not in theirs
        and (message.id not in was or not _same_core(was[message.id], message) or message.id in edited)
    }
    for message_id in returning:
        merged.whole.add(message_id)
        if message_id in was:
            merged.overruled_theirs.append(message_id)
    known = {**result, **returning}
    if reordered:
        order = _writer_order(ours, head, known)
    else:
        order = _head_order(ours, [m.id for m in head if m.id in result], returning, was)
    merged.messages = [known[message_id] for message_id in order]
    return merged


def _stand(was: Message | None, mine: Message | None, theirs: Message, merged: MergedMessages) -> Message | None:
    """Give what stands of a message that the head holds, or `None` where the writer's removal stands."""
    if mine is None:
        if was is None or was == theirs:
            return None if was is not None else theirs
        merged.overruled_ours.append((theirs.id, None))
        return theirs
    if was is None:
        if mine != theirs and not same_but_for_stamps(mine, theirs):
            merged.overruled_theirs.append(theirs.id)
            merged.whole.add(theirs.id)
            return mine
        return theirs
    if _same_core(was, mine):
        return theirs
    if not _same_core(was, theirs) and not _same_core(mine, theirs):
        merged.overruled_theirs.append(theirs.id)
    return mine.model_copy(update={"metadata": theirs.metadata})


def _same_core(a: Message, b: Message) -> bool:
    """Whether two messages say the same but for their metadata, which merges by path."""
    return a is b or all(
        json_equal(value, b.__dict__[name]) for name, value in a.__dict__.items() if name != "metadata"
    )


def same_but_for_stamps(a: Message, b: Message) -> bool:
    """Whether two messages of one id differ in nothing but when each writer's copy was made."""
    return all(json_equal(value, b.__dict__[name]) for name, value in a.__dict__.items() if name != "created_at")


def _head_order(
    ours: Sequence[Message], order: list[str], returning: dict[str, Message], was: dict[str, Message]
) -> list[str]:
    """The head's order; what the writer inserted stands behind its nearest surviving predecessor."""
    placed = _back_in_place(ours, order, returning, was)
    last_known = max((place for place, message in enumerate(ours) if message.id in was), default=-1)
    present = set(placed)
    behind: dict[str | None, list[str]] = {}
    appended: list[str] = []
    anchor: str | None = None
    for place, message in enumerate(ours):
        if message.id in present:
            anchor = message.id if message.id in was else anchor
        elif message.id in returning:
            (appended if place > last_known else behind.setdefault(anchor, [])).append(message.id)
    merged: list[str] = []
    anchor = None
    for message_id in placed:
        # Runs go behind what the head inserted at the same place: theirs first.
        if message_id in was:
            merged += behind.pop(anchor, ())
            anchor = message_id
        merged.append(message_id)
    return merged + behind.pop(anchor, []) + appended


def _back_in_place(
    ours: Sequence[Message], order: list[str], returning: dict[str, Message], was: dict[str, Message]
) -> list[str]:
    """The head's order, with what it had removed and the writer revised right behind its nearest predecessor."""
    present = set(order)
    behind: dict[str | None, list[str]] = {}
    anchor: str | None = None
    for message in ours:
        if message.id in was and message.id in returning:
            behind.setdefault(anchor, []).append(message.id)
        elif message.id in was and message.id in present:
            anchor = message.id
    if not behind:
        return order
    placed = behind.pop(None, [])
    for message_id in order:
        placed.append(message_id)
        placed += behind.pop(message_id, ())
    return placed


def _writer_order(ours: Sequence[Message], head: Sequence[Message], known: dict[str, Message]) -> list[str]:
    """The writer's order over the ids that it knew, every other one behind its predecessor in the head."""
    order = [message.id for message in ours if message.id in known]
    placed = set(order)
    behind: dict[str | None, list[str]] = {}
    anchor: str | None = None
    for message in head:
        if message.id in placed:
            anchor = message.id
        elif message.id in known:
            behind.setdefault(anchor, []).append(message.id)
    merged = behind.pop(None, [])
    for message_id in order:
        merged.append(message_id)
        merged += behind.pop(message_id, ())
    return merged
