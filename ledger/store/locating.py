"""Which version a revision names. Runs in the transaction that it is given."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ledger.domain.revisions import AtKey, AtQuestion, AtTime, AtVersion, Place, parse_revision
from ledger.errors import SessionNotFound, VersionNotFound
from ledger.store.log import Log

__all__ = ["locate"]


def locate(log: Log, connection: Connection, session_id: str, at: int | str | datetime | None) -> Place:
    """Give the session and version that a revision names; `None` names the head.

    Raises:
        SessionNotFound: if no session of that id was ever saved.
        VersionNotFound: if there is no such revision.
        InvalidRevision: a `ValueError`; if `at` is no revision at all.
    """
    revision = None if at is None else parse_revision(at)
    head = log.head(connection, session_id)
    if head is None:
        raise SessionNotFound(session_id)
    if revision is None:
        return Place(session_id, head.version)
    found: int | None
    match revision:
        case AtVersion(number):
            found = number if number > 0 else head.version + number if number < 0 else None
        case AtTime(time):
            found = log.version_at(connection, session_id, time)
        case AtQuestion(question_id):
            found = log.version_that_asked(connection, session_id, question_id)
        case AtKey(key):
            found = log.version_of_key(connection, session_id, key)
    if found is None or not 1 <= found <= head.version:
        raise VersionNotFound(session_id, at, head.version)
    return Place(session_id, found)
