"""Where a stale save brings what the head holds already. Pure.

A rebase leaves no trace of it in the state. But who asks later what an overwriting store would have lost has to tell it
from a fact that the writer had never seen: so the event says it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import Any

from ledger.domain.events import (
    Agreement,
    Change,
    Event,
    MessageAppended,
    MessageInserted,
    MessageRemoved,
    MessagesReordered,
)
from ledger.domain.facts import ABSENT, ORDER, fact_in, fact_of, facts_in, kind_of
from ledger.domain.merge_messages import same_but_for_stamps
from ledger.domain.parts import Message
from ledger.domain.values import join, json_equal
from ledger.domain.view import View

__all__ = ["Agreed", "agreements"]

#: So many messages are named one by one.
FEW = 16


def agreements(
    base: View, ours: View, head: View, changes: Sequence[Change], theirs: Iterable[Event]
) -> list[Agreement]:
    """Give the facts that the head changed since the writer's base, and that the writer's copy holds as the head does.

    The cost is what both sides touched, unless messages were moved on the head.

    Args:
        base: what the event will name as its base; one that is not alive stands for an empty session.
        ours: the writer's own copy, whole.
        head: what stands.
        changes: the writer's, which led from `base` to `ours`.
        theirs: the events between `base` and `head`.
    """
    if not base.alive:
        # What a constructor was given is no change, but it is in the copy.
        return _told([path for path in facts_in(ours) if _agree(ABSENT, fact_in(ours, path), head, path)], head)
    touched: set[str] = set()
    added: set[str] = set()
    removed: set[str] = set()
    reordered = False
    for change in chain.from_iterable(event.changes for event in theirs):
        touched.add(path := fact_of(change))
        if isinstance(change, MessageAppended | MessageInserted):
            added.add(path)
        elif isinstance(change, MessageRemoved):
            removed.add(path)
        reordered |= isinstance(change, MessagesReordered)
    mine = dict.fromkeys(map(fact_of, changes))
    both = [path for path in mine if path in touched and path not in ("", ORDER)]
    agreed = [path for path in both if _agree(fact_in(base, path), fact_in(ours, path), head, path)]
    # What was removed and is back stands elsewhere.
    moved = (reordered or removed & added) and not _same_order(base.messages, head.messages)
    if moved and _same_order(ours.messages, head.messages):
        agreed.append(ORDER)
    return [Agreement(path=path) for path in agreed]


def _told(agreed: Sequence[str], head: View) -> list[Agreement]:
    """Name each fact; of messages, where they are many, those that were not agreed on, if they are fewer."""
    messages = {path for path in agreed if kind_of(path) == "message"}
    if len(messages) > FEW:
        but = [message.id for message in head.messages if join("/messages", message.id) not in messages]
        if len(but) < len(messages):
            others = [Agreement(path=path) for path in agreed if path not in messages]
            return [*others, Agreement(path="/messages", but=but)]
    return [Agreement(path=path) for path in agreed]


class Agreed:
    """The facts that an event agreed on, of those that stood before it: `path in agreed`."""

    def __init__(self, event: Event) -> None:
        self._paths = {agreement.path for agreement in event.agreed if agreement.but is None}
        rests = [agreement.but for agreement in event.agreed if agreement.but is not None]
        self._but = {join("/messages", message_id) for but in rests for message_id in but} if rests else None

    def __contains__(self, path: str) -> bool:
        if path in self._paths:
            return True
        return self._but is not None and kind_of(path) == "message" and path not in self._but


def _agree(was: Any, mine: Any, head: View, path: str) -> bool:
    held = fact_in(head, path)
    if json_equal(was, held):
        return False
    # Who put the same message there at the same time as another did so at a time of its own.
    return json_equal(mine, held) or (was is ABSENT and _said_the_same(mine, held))


def _said_the_same(a: Any, b: Any) -> bool:
    return isinstance(a, Message) and isinstance(b, Message) and same_but_for_stamps(a, b)


def _same_order(a: Collection[Message], b: Collection[Message]) -> bool:
    """Whether the messages that both lists hold stand in the same order in both."""
    shared = {message.id for message in a} & {message.id for message in b}
    return [m.id for m in a if m.id in shared] == [m.id for m in b if m.id in shared]
