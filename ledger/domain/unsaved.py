"""Work that is not in the log yet: kept as it was submitted, put on top of what else is kept, caught up with the log.

Each save that storage refused is kept as a `Kept`, and repeated as it is until it is stored. The kept saves of one
session are a line: each one's content stands on the one before. A session that carries such work says so by its
`attempt`, whose `prior` is the kept save before it: where the log holds one of their event ids, it holds that content.
Pure.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.domain.apply import apply_changes
from ledger.domain.carryover import Carried, carry_over
from ledger.domain.copies import own
from ledger.domain.diff import diff
from ledger.domain.events import Authority, Event
from ledger.domain.flights import Submission
from ledger.domain.session import Session, reborn, session_of, tracking_of
from ledger.domain.submission import captured
from ledger.domain.view import View
from ledger.errors import InvalidSession

__all__ = ["Kept", "begin_anew", "carried_ids", "caught_up", "has_edits", "keep", "resumed", "same_life"]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A save that storage could not take: what was submitted, from its base, under its event id. Never changed."""

    event_id: str
    session: Session
    keywords: Mapping[str, Any] = field(default_factory=dict)


def carried_ids(session: Session) -> frozenset[str]:
    """Give the event ids of all unsettled saves whose content is in `session`."""
    tracking = tracking_of(session)
    tries = [*tracking.flights, tracking.attempt]
    return frozenset(earlier.event_id for each in tries for earlier in _line(each))


def _line(attempt: Submission | None) -> Iterator[Submission]:
    """Give an unsettled save and those before it, newest first."""
    while attempt is not None:
        yield attempt
        attempt = attempt.prior


def has_edits(session: Session) -> bool:
    """Tell whether a session holds more than its base.

    Raises:
        InvalidSession: if what it holds cannot be stored.
    """
    base = tracking_of(session).base
    return base is not None and base.version == session.version and bool(diff(base, session))


def keep(
    session: Session,
    taken: Session,
    shown: Session | None,
    keywords: Mapping[str, Any],
    *,
    replacing: bool = False,
) -> Kept | None:
    """Keep a save that storage has just refused, and note its event id on `session`, so that both settle one event.

    Args:
        session: the caller's, which may have been edited since the call.
        taken: a copy of it from before the call.
        shown: what is kept of this session already, with its newest save; `None` if nothing is.
        keywords: those of the save, to repeat it with.
        replacing: whether it takes the place of the newest that is kept, where it stands on that one anyway.

    Returns:
        What to repeat, whose session is also what is to be shown from now on; `None` if just this is kept already.

    Raises:
        InvalidSession: if it cannot be stored, or does not say from which base it comes and others' work is kept.
    """
    mine, tracking = tracking_of(session), tracking_of(taken)
    if mine.base is tracking.base:
        tracking.attempt = None if mine.attempt is None else replace(mine.attempt)
    else:
        # A save called before has settled meanwhile, and the session stands on a newer base.
        taken = own(session)
        tracking = tracking_of(taken)
    if tracking.base is None and shown is not None and shown.version == taken.version:
        tracking.base = tracking_of(shown).base
    base = tracking.base
    behind = shown is not None and base is not None and shown.version < base.version
    if shown is not None and base is not None and behind and tracking_of(shown).base is not None:
        shown = caught_up(shown, base)
    attempt = tracking.attempt
    kept_ids = frozenset() if shown is None else carried_ids(shown)
    repeated = attempt is not None and attempt.seen is not None and not diff(attempt.seen, taken)
    if repeated and attempt is not None and attempt.event_id in kept_ids:
        return None
    trail = _trail(taken, keywords, attempt, repeated=repeated)
    newest = None if shown is None else tracking_of(shown).attempt
    if replacing and newest is not None and trail.prior is not None and trail.prior.event_id == newest.event_id:
        trail.prior = newest.prior
        newest = newest.prior
    known = {each.event_id for each in _line(trail)}
    if shown is not None and newest is not None and (newest.event_id not in known or taken.version < shown.version):
        taken, trail = _on_top(taken, trail, attempt, shown, newest)
    else:
        tracking.attempt = trail
    mine.attempt = replace(trail, base=mine.base)
    newest = tracking_of(taken).attempt
    assert newest is not None  # noqa: S101 - given just now
    return Kept(newest.event_id, taken, dict(keywords))


def _content(session: Session) -> View:
    base = tracking_of(session).base
    if base is None:
        return captured(session)
    changes = diff(base, session)
    return apply_changes(base, changes) if changes else base


def _trail(taken: Session, keywords: Mapping[str, Any], attempt: Submission | None, *, repeated: bool) -> Submission:
    """Give what is remembered of a kept save: its event id stands for this content, and for no other."""
    base = tracking_of(taken).base
    content = _content(taken)
    authority: Authority = keywords.get("authority") or (attempt.authority if attempt else "runtime")
    return Submission(
        session_id=taken.id,
        base=base,
        base_version=taken.version,
        content=content,
        changes=None if base is None else diff(base, taken),
        event_id=attempt.event_id if attempt and repeated else uuid.uuid4().hex,
        writer=keywords.get("writer") or (attempt.writer if attempt else "unknown"),
        authority=authority,
        authoritative=attempt.authoritative if attempt else frozenset(),
        prior=attempt.prior if attempt and repeated else attempt,
        kept=True,
        ambiguous=True,
        seen=content,
    )


def _on_top(
    taken: Session, trail: Submission, attempt: Submission | None, shown: Session, newest: Submission
) -> tuple[Session, Submission]:
    """Put a save on top of the kept work of others. Give the joined session, and what the caller's remembers."""
    shared = carried_ids(shown)
    before = next((each.seen for each in _line(trail) if each.event_id in shared), tracking_of(taken).base)
    if before is None:
        raise InvalidSession("it does not say which version it was made from", session_id=taken.id)
    onto = _content(shown)
    edits = diff(before, taken, trail.authoritative)
    carried = carry_over(
        edits, before, apply_changes(before, edits), onto, writer=trail.writer, authority=trail.authority
    )
    event_id = uuid.uuid4().hex
    joined = _session_at(shown, carried)
    tracking = tracking_of(joined)
    tracking.base = tracking_of(shown).base
    tracking.defaulted |= tracking_of(taken).defaulted
    tracking.attempt = replace(
        trail, base=tracking.base, event_id=event_id, content=carried.view, seen=carried.view, prior=newest
    )
    return joined, replace(trail, event_id=event_id, prior=attempt)


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
    for each in _line(tracking.attempt):
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


def begin_anew(session: Session, version: int, digest: str, metadata_version: int) -> None:
    """Let a fresh session begin a new life after the deletion that `version` recorded: else its save is refused."""
    tombstone = View(session.id, version, digest, metadata_version=metadata_version, updated_at=session.updated_at)
    tracking_of(session).base = reborn(session, tombstone)
    session.__dict__.update(version=version, metadata_version=metadata_version)


def resumed(session: Session, waiting: Iterable[str]) -> Submission | None:
    """Give the unsettled save that the next save of `session` has to look for, while `waiting` are still to be stored.

    Kept saves are stored in their order, so that is the one before the oldest that waits: it was stored, if any was. If
    that is the very first, nobody knows.
    """
    line = list(_line(tracking_of(session).attempt))
    ids = frozenset(waiting)
    oldest = max((place for place, each in enumerate(line) if each.event_id in ids), default=None)
    if oldest is None:
        return line[0] if line else None
    return line[min(oldest + 1, len(line) - 1)]
