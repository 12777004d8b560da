"""Usage totals: the sums of the token-usage log, which is a log of its own beside the events."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, update

from ledger.domain.records import UsageTotals
from ledger.store.tables import sessions, usage_records, usage_totals
from ledger.store.upserts import inserting

__all__ = ["Usage"]


class Usage:
    """Adds up usage records, each once; a session's line says up to which of its records it counts."""

    name = "usage"
    tables: tuple[Table, ...] = (usage_totals,)

    def clear(self, connection: Connection) -> None:
        """Forget every sum."""
        connection.execute(delete(usage_totals))

    def behind(self, connection: Connection) -> list[bytes]:
        """Give the sessions that have records which are not counted yet."""
        last = (
            select(usage_records.c.session_uid, func.max(usage_records.c.number).label("number"))
            .group_by(usage_records.c.session_uid)
            .subquery()
        )
        query = (
            select(last.c.session_uid)
            .outerjoin(usage_totals, usage_totals.c.session_uid == last.c.session_uid)
            .where(func.coalesce(usage_totals.c.number, 0) < last.c.number)
        )
        return [bytes(uid) for uid in connection.execute(query).scalars()]

    def take(self, connection: Connection, uid: bytes) -> None:
        """Count the records of one session that are not counted yet."""
        begun = inserting(usage_totals, connection.dialect).values(session_uid=uid, number=0, totals="{}")
        connection.execute(begun.on_conflict_do_nothing())
        this = usage_totals.c.session_uid == uid
        line = connection.execute(select(usage_totals).where(this).with_for_update()).one()
        number, totals = line.number, json.loads(line.totals)
        records = connection.execute(
            select(usage_records.c.number, usage_records.c.body)
            .where(usage_records.c.session_uid == uid, usage_records.c.number > number)
            .order_by(usage_records.c.number)
        ).all()
        for number, body in records:  # noqa: B007 - the last number is the line's
            add(totals, json.loads(body))
        values = {"number": number, "totals": json.dumps(totals, ensure_ascii=False)}
        connection.execute(update(usage_totals).where(this).values(values))

    def totals(self, connection: Connection, session_id: str | None, uid: bytes | None) -> UsageTotals:
        """Give the sums of one session, or of all."""
        query = select(usage_totals.c.number, usage_totals.c.totals)
        if uid is not None:
            query = query.where(usage_totals.c.session_uid == uid)
        records, totals = 0, dict[str, int | float]()
        for number, body in connection.execute(query).all():
            records += number
            for name, value in json.loads(body).items():
                totals[name] = totals.get(name, 0) + value
        return UsageTotals(session_id=session_id, records=records, totals=totals)

    def by_session(self, connection: Connection) -> list[UsageTotals]:
        """Give the sums session by session, in the order of their ids."""
        query = (
            select(sessions.c.session_id, usage_totals.c.number, usage_totals.c.totals)
            .join(sessions, sessions.c.session_uid == usage_totals.c.session_uid)
            .order_by(sessions.c.session_id)
        )
        return [
            UsageTotals(session_id=session_id, records=number, totals=json.loads(body))
            for session_id, number, body in connection.execute(query).all()
        ]


def add(totals: dict[str, int | float], record: dict[str, Any]) -> None:
    """Add every number of a record to the totals, under its name."""
    for name, value in _numbers(record):
        totals[name] = totals.get(name, 0) + value


def _numbers(record: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, int | float]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", value
