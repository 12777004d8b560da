"""The events that can matter to the life of a question, read from the log in one pass without decoding the others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, null, or_, select

from ledger.domain.chain import KINDS
from ledger.domain.events import SCHEMA_VERSION, Event
from ledger.errors import DamagedRecord
from ledger.store.columns import BODY, IS_STALE, PAYLOAD_OF, RAW_TIME
from ledger.store.database import Database
from ledger.store.log import Log, event_of
from ledger.store.moments import moment
from ledger.store.tables import events, payloads

__all__ = ["QuestionTrail"]

#: How many events a page looks at; of most of them it takes nothing but their times.
PAGE = 2000


class QuestionTrail:
    """Reads the events of one session that speak of questions, are stale, or begin or end a life of it."""

    def __init__(self, database: Database, log: Log, session_id: str) -> None:
        self._database = database
        self._log = log
        self._session_id = session_id
        with database.read() as connection:
            self._uid = log.uid(connection, session_id)

    def events(self, first: int, last: int) -> Iterator[tuple[Event, datetime]]:
        """Give the events from `first` to `last` that can matter, with their effective times; a page at a time.

        Raises:
            DamagedRecord: if a version is missing.
        """
        with self._database.read() as connection:
            before = self._log.effective_time(connection, self._session_id, first - 1)
        latest = _EARLIEST if before is None else before
        after = first - 1
        while after < last:
            with self._database.read() as connection:
                page = self._page(connection, after, min(after + PAGE, last))
            for row in page:
                after += 1
                if row["version"] != after or row["paid"] is None:
                    raise DamagedRecord(self._session_id, after, "it is missing")
                event = None if row["body"] is None else event_of(self._session_id, row)
                if not isinstance(row["raw_time"], int):
                    raise DamagedRecord(self._session_id, after, "its time is none")
                latest = max(latest, row["raw_time"])
                if event is not None:
                    yield event, moment(latest)
            if not page:
                raise DamagedRecord(self._session_id, after + 1, "it is missing")

    def _page(self, connection: Connection, after: int, upto: int) -> list[Any]:
        query = _EVENTS.where(events.c.session_uid == self._uid, events.c.version > after, events.c.version <= upto)
        return list(connection.execute(query.order_by(events.c.version)).mappings().all())


_EARLIEST = -(2**62)
# What a rebase overrules or agrees on stands in stale saves alone; what a newer release wrote is decoded, so refused.
_MATTERS = or_(
    IS_STALE,
    events.c.version == 1,
    events.c.kind != KINDS["saved"],
    events.c.schema_version != SCHEMA_VERSION,
    payloads.c.body.contains('"question_', autoescape=True),
    payloads.c.body.contains('"session_created"', autoescape=True),
)
_EVENTS = select(
    *events.c,
    RAW_TIME.label("raw_time"),
    payloads.c.version.label("paid"),
    # As bytes, as the log reads it.
    case((_MATTERS, BODY), else_=null()).label("body"),
).outerjoin(payloads, PAYLOAD_OF)
