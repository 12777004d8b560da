"""Finds the saves whose writers had not seen, or left out, what stood: without decoding any of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, or_, select

from ledger.store.columns import IS_STALE
from ledger.store.log import Log
from ledger.store.tables import events, heads, payloads, sessions

__all__ = ["sessions_at_risk", "stale_saves"]

# A text that only quotes it is found too; the pass over that session then finds nothing.
_LEFT_OUT = or_(
    payloads.c.body.contains('"question_omitted"', autoescape=True),
    payloads.c.body.contains('"question_lost"', autoescape=True),
)


def sessions_at_risk(connection: Connection, log: Log, session_id: str | None = None) -> list[tuple[str, int]]:
    """Give the sessions that have a stale save or one that left out a question, by id, each with its head's version.

    Stale saves are told by the columns of the envelopes. For what was left out the text of the payloads is searched.

    Args:
        connection: in a reading transaction.
        log: which knows the keys of sessions.
        session_id: only this one.
    """
    of_stale: Any = select(events.c.session_uid).where(IS_STALE)
    of_left_out: Any = select(payloads.c.session_uid).where(_LEFT_OUT)
    if session_id is not None:
        uid = log.uid(connection, session_id)
        of_stale = of_stale.where(events.c.session_uid == uid)
        of_left_out = of_left_out.where(payloads.c.session_uid == uid)
    query = (
        select(sessions.c.session_id, heads.c.version)
        .join(heads, heads.c.session_uid == sessions.c.session_uid)
        .where(sessions.c.session_uid.in_(of_stale.union(of_left_out)))
        .order_by(sessions.c.session_id)
    )
    return [(row.session_id, int(row.version)) for row in connection.execute(query)]


def stale_saves(connection: Connection, log: Log, session_id: str, *, first: int = 1, last: int) -> dict[int, int]:
    """Give the stale saves of a session from `first` to `last`, in order, each with the version that it had loaded."""
    within = and_(
        events.c.session_uid == log.uid(connection, session_id), events.c.version >= first, events.c.version <= last
    )
    query = select(events.c.version, events.c.base_version).where(within, IS_STALE).order_by(events.c.version)
    return {int(row.version): int(row.base_version) for row in connection.execute(query)}
