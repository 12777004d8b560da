"""The questions: the life of every clarification, from the save that asked it to the one that ended it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, func, insert, select, update

from ledger.domain import events as e
from ledger.domain.events import Event
from ledger.domain.parts import Question, QuestionStatus
from ledger.domain.records import Omission, QuestionRecord
from ledger.store.moments import moment
from ledger.store.tables import events, questions
from projections.runner import Page

__all__ = ["Questions"]

_ENDS: dict[type[Any], QuestionStatus] = {
    e.QuestionAnswered: QuestionStatus.ANSWERED,
    e.QuestionWithdrawn: QuestionStatus.WITHDRAWN,
    e.QuestionSuperseded: QuestionStatus.SUPERSEDED,
    e.QuestionExpired: QuestionStatus.EXPIRED,
    e.QuestionLost: QuestionStatus.LOST,
}
_OPEN: dict[str, Any] = {
    "status": "pending", "resolved_version": None, "resolved_base_version": None, "resolved_at": None,
    "resolved_by": None, "reason": None, "answer": None,
}  # fmt: skip


class Questions:
    """Records what happened to each question. An id that is asked again in a later life is a record of its own."""

    name = "questions"
    revision = 2
    tables: tuple[Table, ...] = (questions,)

    def clear(self, connection: Connection) -> None:
        """Forget every record."""
        connection.execute(delete(questions))

    def take(self, connection: Connection, page: Page) -> None:
        """Follow the questions through a page of events."""
        for uid, event in page:
            for change in event.changes:
                if isinstance(change, e.QuestionAsked):
                    self._ask(connection, uid, event, change.question)
                elif isinstance(change, e.QuestionOmitted):
                    self._omit(connection, uid, event, change.question_id)
                elif isinstance(change, e.QuestionRecovered):
                    self._set(connection, uid, change.question_id, _OPEN)
                elif type(change) in _ENDS:
                    self._end(connection, uid, event, change)

    def _ask(self, connection: Connection, uid: bytes, event: Event, question: Question) -> None:
        row = {
            "session_uid": uid,
            "question_id": question.id,
            "asked_version": event.version,
            "session_id": event.session_id,
            "question": question.model_dump_json(),
            "asked_at": _effective(connection, uid, event.version),
            "asked_by": event.writer,
            "omissions": "[]",
            "averted": "[]",
        }
        connection.execute(insert(questions), row | _OPEN)

    def _end(self, connection: Connection, uid: bytes, event: Event, change: Any) -> None:
        values = {
            "status": str(_ENDS[type(change)]),
            "resolved_version": event.version,
            "resolved_base_version": event.base_version,
            "resolved_at": _effective(connection, uid, event.version),
            "resolved_by": getattr(change, "by", None) or event.writer,
            "reason": getattr(change, "reason", None),
            "answer": json.dumps(change.answer, ensure_ascii=False) if isinstance(change, e.QuestionAnswered) else None,
        }
        self._set(connection, uid, change.question_id, values)

    def _omit(self, connection: Connection, uid: bytes, event: Event, question_id: str) -> None:
        latest = self._latest(connection, uid, question_id)
        row = connection.execute(
            select(questions.c.omissions).where(
                questions.c.session_uid == uid,
                questions.c.question_id == question_id,
                questions.c.asked_version == latest,
            )
        ).scalar_one()
        omission = {"version": event.version, "writer": event.writer, "base_version": event.base_version}
        self._set(connection, uid, question_id, {"omissions": json.dumps([*json.loads(row), omission])})

    def _set(self, connection: Connection, uid: bytes, question_id: str, values: dict[str, Any]) -> None:
        connection.execute(
            update(questions)
            .where(
                questions.c.session_uid == uid,
                questions.c.question_id == question_id,
                questions.c.asked_version == self._latest(connection, uid, question_id),
            )
            .values(**values)
        )

    def _latest(self, connection: Connection, uid: bytes, question_id: str) -> int | None:
        latest = select(func.max(questions.c.asked_version)).where(
            questions.c.session_uid == uid, questions.c.question_id == question_id
        )
        version: int | None = connection.execute(latest).scalar_one()
        return version

    def records(
        self, connection: Connection, *, session_id: str | None = None, status: str | None = None
    ) -> list[QuestionRecord]:
        """Give the records, in the order in which they were asked."""
        query = select(questions)
        if session_id is not None:
            query = query.where(questions.c.session_id == session_id)
        if status is not None:
            query = query.where(questions.c.status == status)
        query = query.order_by(
            questions.c.asked_at, questions.c.session_id, questions.c.asked_version, questions.c.question_id
        )
        return [_record(row) for row in connection.execute(query).mappings().all()]


def _effective(connection: Connection, uid: bytes, version: int) -> int:
    """The effective time of a version: its own, or an earlier one's that is later, since times never run backwards."""
    latest = func.max(func.coalesce(events.c.occurred_at, events.c.recorded_at))
    return int(
        connection.execute(select(latest).where(events.c.session_uid == uid, events.c.version <= version)).scalar_one()
    )


def _record(row: RowMapping) -> QuestionRecord:
    question = Question.model_validate_json(row["question"])
    resolved_at = row["resolved_at"]
    return QuestionRecord(
        session_id=row["session_id"],
        id=question.id,
        tool_call_id=question.tool_call_id,
        kind=question.kind,
        header=question.header,
        text=question.text,
        options=list(question.options),
        multiple=question.multiple,
        status=row["status"],
        asked_version=row["asked_version"],
        asked_at=moment(row["asked_at"]),
        asked_by=row["asked_by"],
        resolved_version=row["resolved_version"],
        resolved_base_version=row["resolved_base_version"],
        resolved_at=None if resolved_at is None else moment(resolved_at),
        resolved_by=row["resolved_by"],
        reason=row["reason"],
        answer=None if row["answer"] is None else json.loads(row["answer"]),
        omissions=tuple(Omission(**omission) for omission in json.loads(row["omissions"])),
    )
