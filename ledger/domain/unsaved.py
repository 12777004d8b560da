"""Work that is not in the log yet, kept as it was submitted. Pure.

Each save that storage refused is kept as a `Kept`: a copy of what was submitted, from its own base and under its own
event id. It is repeated as it is until it is stored, so that it becomes one event, whoever stores it.

A session that carries such work says so by its `attempt`, whose `prior` is the kept save before it: a line of event
ids, newest first. Where the log holds one of them, it holds the content that is noted beside it, and so all before it.
That is certain of what one caller saved time after time. What several callers saved is only `Joined` to be shown:
there the newer may be in the log and the older not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ledger.domain.apply import apply_changes
from ledger.domain.copies import own
from ledger.domain.diff import diff
from ledger.domain.events import Authority
from ledger.domain.flights import Submission
from ledger.domain.session import Session, reborn, tracking_of
from ledger.domain.submission import captured
from ledger.domain.view import View
from ledger.randomness import random_id

__all__ = [
    "Joined",
    "Kept",
    "begin_anew",
    "carried_ids",
    "contained_ids",
    "content_of",
    "has_edits",
    "is_joined",
    "keep",
    "resumed",
    "unsettled_line",
]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A save that storage could not take: what was submitted, from its base, under its event id. Never changed.

    `replaces` is the event id of the kept save in whose place it comes.
    """

    event_id: str
    session: Session
    keywords: Mapping[str, Any] = field(default_factory=dict)
    replaces: str | None = None


class Joined(Submission):
    """A kept save as it is shown on top of another caller's."""

    __slots__ = ()


def unsettled_line(attempt: Submission | None) -> Iterator[Submission]:
    """Give an unsettled save and those before it, newest first."""
    while attempt is not None:
        yield attempt
        attempt = attempt.prior


def _unsettled(session: Session) -> Iterator[Submission]:
    tracking = tracking_of(session)
    for flight in reversed(tracking.flights):
        yield from unsettled_line(flight)
    yield from unsettled_line(tracking.attempt)


def carried_ids(session: Session) -> frozenset[str]:
    """Give the event ids of all unsettled saves whose content is in `session`."""
    return frozenset(each.event_id for each in _unsettled(session))


def contained_ids(session: Session) -> frozenset[str]:
    """Give the event ids whose content is in the log for certain once `session` is saved."""
    ids = []
    for each in _unsettled(session):
        if isinstance(each, Joined):
            break
        ids.append(each.event_id)
    return frozenset(ids)


def is_joined(session: Session) -> bool:
    """Tell whether `session` holds unsaved work of several callers."""
    return any(isinstance(each, Joined) for each in _unsettled(session))


def has_edits(session: Session) -> bool:
    """Tell whether a session holds more than its base.

    Raises:
        InvalidSession: if what it holds cannot be stored.
    """
    base = tracking_of(session).base
    return base is not None and base.version == session.version and bool(diff(base, session))


def content_of(session: Session) -> View:
    """Give all that a session holds, checked, as a state on top of its base."""
    base = tracking_of(session).base
    if base is None:
        return captured(session)
    changes = diff(base, session)
    return apply_changes(base, changes) if changes else base


def keep(
    session: Session,
    taken: Session,
    keywords: Mapping[str, Any],
    *,
    kept: Collection[str] = (),
    replacing: str | None = None,
) -> Kept | None:
    """Keep a save that storage has just refused, and note its event id on `session`, so that both settle one event.

    Args:
        session: the caller's, which may have been edited since the call.
        taken: a copy of it from before the call.
        keywords: those of the save, to repeat it with.
        kept: the event ids of what is kept of this session already.
        replacing: the one of them in whose place it comes, where its content stands on that one anyway.

    Returns:
        What to repeat, or `None` if just this is kept already.

    Raises:
        InvalidSession: if it cannot be stored.
    """
    mine, tracking = tracking_of(session), tracking_of(taken)
    if mine.base is tracking.base:
        tracking.attempt = None if mine.attempt is None else replace(mine.attempt)
    else:
        # A save called before has settled meanwhile, and the session stands on a newer base.
        taken = own(session)
        tracking = tracking_of(taken)
    attempt = tracking.attempt
    repeated = attempt is not None and attempt.seen is not None and not diff(attempt.seen, taken)
    if repeated and attempt is not None and attempt.event_id in kept:
        return None
    trail = _trail(taken, keywords, attempt, repeated=repeated)
    replaces = None
    if replacing is not None and trail.prior is not None and trail.prior.event_id == replacing:
        trail.prior, replaces = trail.prior.prior, replacing
    tracking.attempt = trail
    mine.attempt = replace(trail)
    return Kept(trail.event_id, taken, dict(keywords), replaces)


def _trail(taken: Session, keywords: Mapping[str, Any], attempt: Submission | None, *, repeated: bool) -> Submission:
    """Give what is remembered of a kept save: its event id stands for this content, and for no other."""
    base = tracking_of(taken).base
    content = content_of(taken)
    authority: Authority = keywords.get("authority") or (attempt.authority if attempt else "runtime")
    return Submission(
        session_id=taken.id,
        base=base,
        base_version=taken.version,
        content=content,
        changes=None if base is None else diff(base, taken),
        event_id=attempt.event_id if attempt and repeated else random_id(),
        writer=keywords.get("writer") or (attempt.writer if attempt else "unknown"),
        authority=authority,
        authoritative=attempt.authoritative if attempt else frozenset(),
        prior=attempt.prior if attempt and repeated else attempt,
        kept=True,
        ambiguous=True,
        seen=content,
    )


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
    line = list(unsettled_line(tracking_of(session).attempt))
    ids = frozenset(waiting)
    oldest = max((place for place, each in enumerate(line) if each.event_id in ids), default=None)
    if oldest is None:
        return line[0] if line else None
    return line[min(oldest + 1, len(line) - 1)]
