"""Counts what a log holds, for `stats`, and finds the ids that it knows."""

from __future__ import annotations

from sqlalchemy import Connection, case, func, or_, select

from ledger.domain.events import ChangeOverruled, QuestionOmitted
from ledger.domain.payload import decode_payload
from ledger.errors import UnknownChange
from ledger.store.columns import BODY, BODY_SIZE, IS_STALE, PAYLOAD_OF
from ledger.store.session_keys import is_storable
from ledger.store.tables import events, heads, payloads, sessions, usage_records

__all__ = ["session_ids", "take_census"]


def take_census(connection: Connection) -> dict[str, int]:
    """Count sessions, events and their bytes, and the saves that were stale, left out a question, or were overruled.

    It reads every row of the log once. A record that does not parse is `verify`'s to name, and counts as what its
    columns say.
    """
    stale = func.sum(case((IS_STALE, 1), else_=0))
    saved, stale_saves = connection.execute(select(func.count(), func.coalesce(stale, 0)).select_from(events)).one()
    living = func.sum(case((heads.c.tombstone < heads.c.version, 1), else_=0))
    known, alive = connection.execute(select(func.count(), func.coalesce(living, 0)).select_from(heads)).one()
    size = func.sum(BODY_SIZE)
    omissions, overruled = _rebased(connection)
    return {
        "sessions": int(alive),
        "deleted_sessions": int(known - alive),
        "events": int(saved),
        "payload_bytes": int(connection.execute(select(func.coalesce(size, 0))).scalar_one()),
        "stale_saves": int(stale_saves),
        "omissions": omissions,
        "overruled": overruled,
        "usage_records": int(connection.execute(select(func.count()).select_from(usage_records)).scalar_one()),
    }


def _rebased(connection: Connection) -> tuple[int, int]:
    """Count what saves left out, and what was overruled: only payloads that could speak of it are parsed."""
    telling = (
        select(BODY.label("body"), events.c.schema_version)
        .join(events, PAYLOAD_OF)
        .where(
            or_(
                payloads.c.body.contains('"question_omitted"', autoescape=True),
                payloads.c.body.contains('"change_overruled"', autoescape=True),
            )
        )
    )
    omissions = overruled = 0
    for row in connection.execute(telling):
        try:
            changes = decode_payload(bytes(row.body), row.schema_version).changes
        except (UnknownChange, TypeError, ValueError):
            continue  # as said above: `verify` names it
        omissions += sum(isinstance(change, QuestionOmitted) for change in changes)
        overruled += sum(isinstance(change, ChangeOverruled) for change in changes)
    return omissions, overruled


def session_ids(connection: Connection, prefix: str, limit: int | None = None) -> list[str]:
    """Give the ids that begin so and were ever saved under, deleted sessions included, in the order of the ids."""
    if not is_storable(prefix):
        return []
    # A range and not LIKE: case counts, and the index serves it.
    query = select(sessions.c.session_id).where(sessions.c.session_id >= prefix)
    if prefix:
        query = query.where(sessions.c.session_id < prefix + "\U0010ffff")
    return list(connection.execute(query.order_by(sessions.c.session_id).limit(limit)).scalars())
