"""The catalog: one line a session, newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, insert, or_, select

from ledger.domain import events as e
from ledger.domain.events import Event
from ledger.domain.origins import origin_of
from ledger.domain.question_changes import Ending
from ledger.domain.records import SessionSummary
from ledger.store.moments import microseconds, moment
from ledger.store.tables import catalog
from projections.runner import Page, ViewAt

__all__ = ["Catalog"]


class Catalog:
    """Counts what a list of sessions shows, without folding any of them."""

    name = "catalog"
    revision = 1
    tables: tuple[Table, ...] = (catalog,)

    def __init__(self, view_at: ViewAt) -> None:
        self._view_at = view_at

    def clear(self, connection: Connection) -> None:
        """Forget every line."""
        connection.execute(delete(catalog))

    def take(self, connection: Connection, page: Page) -> None:
        """Count a page of events."""
        uids = {uid for uid, _ in page}
        known = connection.execute(select(catalog).where(catalog.c.session_uid.in_(uids))).mappings()
        lines: dict[bytes, dict[str, Any]] = {bytes(row["session_uid"]): dict(row) for row in known}
        for uid, event in page:
            line = self._line_of_fork(connection, uid, event) or lines.get(uid)
            lines[uid] = _count(line, uid, event)
        connection.execute(delete(catalog).where(catalog.c.session_uid.in_(uids)))
        connection.execute(insert(catalog), list(lines.values()))

    def _line_of_fork(self, connection: Connection, uid: bytes, event: Event) -> dict[str, Any] | None:
        """Give the line that a fork begins with: what it holds of the session that it was forked from is counted."""
        if origin_of(event.version, event.changes) is None:
            return None
        view = self._view_at(connection, event.session_id, event.version)
        return _line(uid, event.session_id) | {
            "title": view.title,
            "model": view.model,
            "messages": len(view.messages),
            "pending_questions": len(view.pending),
            "parent_session_id": view.parent_session_id,
            "created_at": microseconds(view.created_at or event.recorded_at),
        }

    def sessions(
        self,
        connection: Connection,
        *,
        pending: bool | None = None,
        prefix: str | None = None,
        parent: str | None = None,
        before: SessionSummary | None = None,
        limit: int | None = None,
    ) -> list[SessionSummary]:
        """Give the sessions that live, newest first; equal times by id, so that a cursor never skips one."""
        query = select(catalog).where(catalog.c.alive)
        if pending is not None:
            query = query.where(catalog.c.pending_questions > 0 if pending else catalog.c.pending_questions == 0)
        if prefix:
            # A range and not LIKE: case counts, and the index serves it.
            query = query.where(catalog.c.session_id >= prefix, catalog.c.session_id < prefix + "\U0010ffff")
        if parent is not None:
            query = query.where(catalog.c.parent_session_id == parent)
        if before is not None:
            time = microseconds(before.updated_at)
            query = query.where(
                or_(catalog.c.updated_at < time, (catalog.c.updated_at == time) & (catalog.c.session_id > before.id))
            )
        query = query.order_by(catalog.c.updated_at.desc(), catalog.c.session_id)
        if limit is not None:
            query = query.limit(limit)
        return [_summary(row) for row in connection.execute(query).mappings().all()]


def _line(uid: bytes, session_id: str) -> dict[str, Any]:
    return {
        "session_uid": uid, "session_id": session_id, "title": None, "model": "", "messages": 0,
        "pending_questions": 0, "parent_session_id": None, "created_at": 0, "updated_at": 0, "alive": True,
    }  # fmt: skip


def _count(line: dict[str, Any] | None, uid: bytes, event: Event) -> dict[str, Any]:
    line = line or _line(uid, event.session_id)
    raw = microseconds(event.occurred_at or event.recorded_at)
    line |= {
        "version": event.version,
        "alive": event.kind != "deleted",
        "updated_at": raw if event.version == 1 else max(raw, line["updated_at"]),
    }
    for change in event.changes:
        match change:
            case e.SessionCreated():
                line |= {
                    "title": change.title,
                    "model": change.model,
                    "parent_session_id": change.parent_session_id,
                    "messages": 0,
                    "pending_questions": 0,
                    "created_at": microseconds(change.created_at),
                }
            case e.TitleChanged():
                line["title"] = change.title
            case e.ModelChanged():
                line["model"] = change.model
            case e.ParentChanged():
                line["parent_session_id"] = change.parent_session_id
            case e.MessageAppended() | e.MessageInserted():
                line["messages"] += 1
            case e.MessageRemoved():
                line["messages"] -= 1
            case e.QuestionAsked() | e.QuestionRecovered():
                line["pending_questions"] += 1
            case _ if isinstance(change, Ending):
                line["pending_questions"] -= 1
    return line


def _summary(row: RowMapping) -> SessionSummary:
    times: dict[str, datetime] = {name: moment(row[name]) for name in ("created_at", "updated_at")}
    return SessionSummary(
        id=row["session_id"],
        title=row["title"],
        model=row["model"],
        version=row["version"],
        messages=row["messages"],
        pending_questions=row["pending_questions"],
        **times,
    )
