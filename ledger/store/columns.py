"""What statements ask of the columns of the log in more than one place."""

from __future__ import annotations

from sqlalchemy import and_, func

from ledger.store.tables import events, payloads

__all__ = ["IS_STALE", "PAYLOAD_OF", "RAW_TIME"]

#: Joins each event with its payload.
PAYLOAD_OF = and_(payloads.c.session_uid == events.c.session_uid, payloads.c.version == events.c.version)
#: Whether the writer had not seen the save before this one; `Event.is_stale` says it of an event.
IS_STALE = events.c.base_version < events.c.version - 1
#: The time of an event by itself. Its effective time is the latest up to it, for times never run backwards.
RAW_TIME = func.coalesce(events.c.occurred_at, events.c.recorded_at)
