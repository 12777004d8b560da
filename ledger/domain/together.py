"""Unsaved work as it is shown: caught up with what the log holds, and the work of several callers together. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from ledger.domain.apply import apply_changes
from ledger.domain.carryover import Carried, carry_over
from ledger.domain.copies import own
from ledger.domain.diff import diff
from ledger.domain.events import Event
from ledger.domain.flights import Submission
from ledger.domain.session import Session, session_of, tracking_of
from ledger.domain.unsaved import Joined, Kept, carried_ids, content_of, unsettled_line
from ledger.domain.view import View

__all__ = ["caught_up", "same_life", "together"]


def together(
    line: Iterable[Kept], head: View | None, events: Sequence[Event] = (), landed: Collection[str] = frozenset()
) -> Session | None:
    """Give a session that holds all that is kept, to be shown: on top of `head`, each as its own save would be.

    Args:
        line: what is kept, oldest first.
        head: what is known of storage, if that is more than the base of each.
        events: those that lead to `head`, as far as they are known.
        landed: the ids of further events that `head` holds.

    Returns:
        The session, or `None` if nothing of it belongs to the life that `head` is of.
    """
    shown: Session | None = None
    for kept in line:
        session, base = own(kept.session), tracking_of(kept.session).base
        if head is not None and base is not None and base.version == session.version <= head.version:
            if base.version and not same_life(base, head):
                continue
            since = [event for event in events if event.version > base.version]
            session = caught_up(session, head, since, landed=landed)
        shown = session if shown is None else _on_top(session, shown)
    return shown


def _on_top(session: Session, shown: Session) -> Session:
    tracking, others = tracking_of(session), tracking_of(shown)
    trail, newest = tracking.attempt, others.attempt
    if trail is None or newest is None:
        return session if newest is None else shown
    if newest.event_id in carried_ids(session) and session.version >= shown.version:
        return session  # it stands on all that is shown
    shared = carried_ids(shown)
    before = next((each.seen for each in unsettled_line(trail) if each.event_id in shared), tracking.base)
    if before is None and session.version == shown.version:
        before = others.base
    if before is None:
        return shown  # nobody knows what was edited in it until its save has read its base
    edits = diff(before, session, trail.authoritative)
    onto = content_of(shown)
    carried = carry_over(
        edits, before, apply_changes(before, edits), onto, writer=trail.writer, authority=trail.authority
    )
    twin = _session_at(shown, carried)
    joined = tracking_of(twin)
    joined.base = others.base
    joined.defaulted |= tracking.defaulted
    joined.attempt = Joined(**{each.name: getattr(trail, each.name) for each in fields(trail)})
    joined.attempt.base, joined.attempt.prior = joined.base, newest
    joined.attempt.content = joined.attempt.seen = carried.view
    return twin


def _session_at(session: Session, carried: Carried) -> Session:
    """Give a session that holds what was carried over, with what `session` has yet to record."""
    twin = session_of(carried.view)
    tracking, before = tracking_of(twin), tracking_of(session)
    tracking.overruled = [*before.overruled, *carried.overruled]
    tracking.defaulted = before.defaulted | carried.defaulted
    return twin


def caught_up(
    session: Session, head: View, events: Sequence[Event] = (), *, landed: Collection[str] = frozenset()
) -> Session:
    """Give `session` at `head`, with whatever it holds beyond the log on top: unsaved, and still known by its event id.

    Args:
        session: with a base, which `head` descends from; it stays as it is.
        head: where it is brought to.
        events: those between its base and `head`.
        landed: the ids of further events that `head` holds.

    Raises:
        InvalidSession: if what it holds cannot be stored.
    """
    tracking = tracking_of(session)
    before = tracking.base
    assert before is not None  # noqa: S101 - whoever calls has seen to it
    found = {event.event_id for event in events}.union(landed)
    waiting: list[Submission] = []
    for each in unsettled_line(tracking.attempt):
        if each.event_id in found and each.seen is not None:
            before = each.seen
            break
        waiting.append(each)
    mine = carried_ids(session)
    theirs = [event for event in events if event.event_id not in mine]
    attempt = tracking.attempt
    authoritative = attempt.authoritative if attempt else frozenset()
    edits = diff(before, session, authoritative)
    if not edits and not waiting:
        return session_of(head)

    def carry(changes: Sequence[Any], now: View) -> Carried:
        writer, authority = (attempt.writer, attempt.authority) if attempt else ("unknown", "runtime")
        return carry_over(
            changes, before, now, head, theirs, writer=writer, authority=authority, defaulted=tracking.defaulted
        )

    twin = _session_at(session, carry(edits, apply_changes(before, edits)))
    caught = tracking_of(twin)
    caught.base = head
    for each in reversed(waiting):
        content = carry(diff(before, each.seen, authoritative), each.seen).view if each.seen else head
        caught.attempt = replace(
            each, base=head, base_version=head.version, content=content, seen=content, prior=caught.attempt
        )
    return twin


def same_life(base: View, head: View) -> bool:
    """Tell whether `head` is alive and what was made from `base` belongs to that life, and not to a deleted one."""
    return head.alive and head.life_version <= base.version + (not base.alive)
