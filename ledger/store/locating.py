"""Which version a revision names, in a session or in one that it was forked from. Runs in the given transaction."""

from __future__ import annotations

from typing import assert_never

from sqlalchemy import Connection

from ledger.domain.revisions import At, AtKey, AtQuestion, AtTime, AtVersion, Place, Span, parse_revision
from ledger.errors import InvalidRange, SessionNotFound, VersionNotFound
from ledger.store.log import Log

__all__ = ["line_of_descent", "locate", "spans_between"]


def locate(log: Log, connection: Connection, session_id: str, at: At | None) -> Place:
    """Give the session and version that a revision names; `None` names the head.

    In a fork, a time, a question or a key from before it names a version of the session that it came from.

    Raises:
        SessionNotFound: if no session of that id was ever saved.
        VersionNotFound: if there is no such revision. A number from before a fork is the session's own, and is none:
            the error says what the state is called that it means.
        InvalidRevision: a `ValueError`; if `at` is no revision at all.
    """
    revision = None if at is None else parse_revision(at)
    head = log.head(connection, session_id)
    if head is None:
        raise SessionNotFound(session_id)
    if revision is None:
        return Place(session_id, head.version)
    if isinstance(revision, AtVersion):
        number = revision.number if revision.number > 0 else _back_from(head.version, revision.number)
        if 1 <= number <= head.version:
            return Place(session_id, number)
        before = _before(log, connection, session_id, number) if number < 1 else None
        raise VersionNotFound(session_id, at, head.version, before=before)
    own = _found(log, connection, Place(session_id, head.version), revision)
    if own is not None:
        return own
    for origin in log.ancestry(connection, session_id):
        found = _found(log, connection, origin.place, revision)
        if found is not None:
            return found
    raise VersionNotFound(session_id, at, head.version)


def line_of_descent(log: Log, connection: Connection, place: Place) -> list[Place]:
    """Give where the history of a place goes through: its ends in the sessions that it was forked from, then it.

    The oldest is the first.
    """
    origins = list(log.ancestry(connection, place.session_id))
    return [*(origin.place for origin in reversed(origins)), place]


def spans_between(log: Log, connection: Connection, session_id: str, start: At | None, stop: At | None) -> list[Span]:
    """Give the versions from one revision to another, in order; in a fork they may begin in what it was forked from.

    By default they begin with the first version of the session that `stop` is of, and end with the head.

    Raises:
        SessionNotFound, VersionNotFound, InvalidRevision: as `locate` does.
        InvalidRange: if `stop` lies before `start`.
    """
    end = locate(log, connection, session_id, stop)
    begin = Place(end.session_id, 1) if start is None else locate(log, connection, session_id, start)
    line = line_of_descent(log, connection, end)
    ids = [place.session_id for place in line]
    if begin.session_id not in ids or (begin.session_id == end.session_id and begin.version > end.version):
        raise InvalidRange(session_id, start, stop, begin.version, end.version)
    first, *others = line[ids.index(begin.session_id) :]
    return [Span(first.session_id, begin.version, first.version), *(Span(name, 1, last) for name, last in others)]


def _back_from(head: int, number: int) -> int:
    return head + number if number < 0 else 0


def _before(log: Log, connection: Connection, session_id: str, number: int) -> Place | None:
    """Give the place that a fork counts as `number`, which is less than 1; 0 is what it was forked from."""
    for origin in log.ancestry(connection, session_id):
        number += origin.from_version
        if number >= 1:
            return Place(origin.from_session_id, number)
    return None


def _found(log: Log, connection: Connection, last: Place, revision: AtTime | AtQuestion | AtKey) -> Place | None:
    """Give the version that a revision names in one session, if it is not later than `last`."""
    session_id = last.session_id
    found: int | None
    match revision:
        case AtTime(time):
            found = log.version_at(connection, session_id, time)
            # A later version has a later time, so that of the last one is not after the one that was asked for.
            found = None if found is None else min(found, last.version)
        case AtQuestion(question_id):
            found = log.version_that_asked(connection, session_id, question_id, upto=last.version)
        case AtKey(key):
            found = log.version_of_key(connection, session_id, key)
        case _:
            assert_never(revision)
    return None if found is None or found > last.version else Place(session_id, found)
