"""The questions: the life of every clarification, from the save that asked it to the one that ended it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, bindparam, delete, func, insert, or_, select, update

from ledger.domain import events as e
from ledger.domain.events import Event
from ledger.domain.origins import origin_of
from ledger.domain.parts import Question, QuestionStatus
from ledger.domain.question_changes import ENDS, Ending
from ledger.domain.records import AskedIn, Omission, OverruledSave, QuestionRecord, StaleSave
from ledger.domain.unseen import brought, contradicted
from ledger.domain.values import thaw
from ledger.errors import DamagedRecord
from ledger.store.log import Log
from ledger.store.moments import microseconds, moment
from ledger.store.tables import questions
from projections.runner import Page, ViewAt

__all__ = ["Questions"]

_OPEN: dict[str, Any] = {
    "status": "pending", "resolved_version": None, "resolved_base_version": None, "resolved_at": None,
    "resolved_by": None, "resolved_writer": None, "reason": None, "answer": None,
}  # fmt: skip


class Questions:
    """Records what happened to each question. An id that is asked again in a later life is a record of its own."""

    name = "questions"
    revision = 2
    tables: tuple[Table, ...] = (questions,)

    def __init__(self, log: Log, view_at: ViewAt) -> None:
        self._log = log
        self._view_at = view_at

    def clear(self, connection: Connection) -> None:
        """Forget every record."""
        connection.execute(delete(questions))

    def take(self, connection: Connection, page: Page) -> None:
        """Follow the questions through a page of events."""
        for uid, event in page:
            if event.is_stale:
                # Before its own changes: what it saw is older than what stood before it.
                self._avert(connection, uid, event)
            if origin_of(event.version, event.changes) is not None:
                for question_id in self._view_at(connection, event.session_id, event.version).pending:
                    self._inherit(connection, uid, event.session_id, question_id)
            for change in event.changes:
                self._follow(connection, uid, event, change)

    def _follow(self, connection: Connection, uid: bytes, event: Event, change: e.Change) -> None:
        if isinstance(change, e.QuestionAsked):
            self._ask(connection, uid, event, change.question)
        elif isinstance(change, e.QuestionOmitted):
            self._omit(connection, uid, event, change.question_id)
        elif isinstance(change, e.QuestionRecovered):
            self._recover(connection, uid, event, change.question_id)
        elif isinstance(change, e.ChangeOverruled):
            self._overrule(connection, uid, event, change)
        elif isinstance(change, Ending):
            self._end(connection, uid, event, change)

    def _ask(self, connection: Connection, uid: bytes, event: Event, question: Question) -> None:
        row = {
            "session_uid": uid,
            "question_id": question.id,
            "asked_version": event.version,
            "session_id": event.session_id,
            "question": question.model_dump_json(),
            "asked_at": self._log.effective_time(connection, event.session_id, event.version),
            "asked_by": event.writer,
            "changed_version": event.version,
            "standings": json.dumps([[event.version, _OPEN["status"]]]),
            "omissions": "[]",
            "averted": "[]",
            "overruled": "[]",
        }
        connection.execute(insert(questions), row | _OPEN)

    def _inherit(
        self,
        connection: Connection,
        uid: bytes,
        session_id: str,
        question_id: str,
        standing: QuestionStatus = QuestionStatus.PENDING,
    ) -> None:
        """Begin the record of a question that was asked before a fork: open there, and asked by whom it was asked."""
        asked = self._asking(connection, session_id, question_id)
        here = {"session_id": asked["session_id"], "version": asked["asked_version"]}
        row = {
            "session_uid": uid,
            "question_id": question_id,
            "asked_version": 1,
            "session_id": session_id,
            "question": asked["question"],
            "asked_at": asked["asked_at"],
            "asked_by": asked["asked_by"],
            "asked_in": asked["asked_in"] or json.dumps(here, ensure_ascii=False),
            "changed_version": 1,
            "standings": json.dumps([[1, str(standing)]]),
            "omissions": "[]",
            "averted": "[]",
            "overruled": "[]",
        }
        connection.execute(insert(questions), row | _OPEN)

    def _asking(self, connection: Connection, session_id: str, question_id: str) -> RowMapping:
        """Give the nearest record of a question in the sessions that a fork came from."""
        for origin in self._log.ancestry(connection, session_id):
            query = (
                select(questions)
                .where(
                    questions.c.session_uid == self._log.uid(connection, origin.from_session_id),
                    questions.c.question_id == question_id,
                    questions.c.asked_version <= origin.from_version,
                )
                .order_by(questions.c.asked_version.desc())
                .limit(1)
            )
            found = connection.execute(query).mappings().one_or_none()
            if found is not None:
                return found
        raise DamagedRecord(session_id, 1, f"it holds question {question_id}, which nobody asked")

    def _recover(self, connection: Connection, uid: bytes, event: Event, question_id: str) -> None:
        if self._latest(connection, uid, question_id) is None:
            # It had been lost before the fork, which therefore began without a record of it.
            self._inherit(connection, uid, event.session_id, question_id, QuestionStatus.LOST)
        self._stand(connection, uid, event, question_id, _OPEN)

    def _end(self, connection: Connection, uid: bytes, event: Event, change: Any) -> None:
        values = {
            "status": str(ENDS[type(change)]),
            "resolved_version": event.version,
            "resolved_base_version": event.base_version,
            "resolved_at": self._log.effective_time(connection, event.session_id, event.version),
            "resolved_by": getattr(change, "by", None) or event.writer,
            "resolved_writer": event.writer,
            "reason": getattr(change, "reason", None),
            "answer": json.dumps(change.answer, ensure_ascii=False) if isinstance(change, e.QuestionAnswered) else None,
        }
        self._stand(connection, uid, event, change.question_id, values)

    def _stand(
        self, connection: Connection, uid: bytes, event: Event, question_id: str, values: dict[str, Any]
    ) -> None:
        self._set(connection, uid, question_id, values | {"changed_version": event.version})
        self._note(connection, uid, question_id, "standings", [event.version, values["status"]])

    def _omit(self, connection: Connection, uid: bytes, event: Event, question_id: str) -> None:
        self._note(connection, uid, question_id, "omissions", _save(event))

    def _overrule(self, connection: Connection, uid: bytes, event: Event, change: e.ChangeOverruled) -> None:
        question_id = contradicted(change)
        if question_id is not None:
            self._note(connection, uid, question_id, "overruled", _save(event) | {"value": thaw(change.value)})

    def _note(self, connection: Connection, uid: bytes, question_id: str, column: str, entry: Any) -> None:
        """Add to a list of the latest question of that id; one that could not be asked has no record to add to."""
        noted = connection.execute(
            select(questions.c[column]).where(
                questions.c.session_uid == uid,
                questions.c.question_id == question_id,
                questions.c.asked_version == self._latest(connection, uid, question_id),
            )
        ).scalar_one_or_none()
        if noted is not None:
            self._set(connection, uid, question_id, {column: _with(noted, entry)})

    def _avert(self, connection: Connection, uid: bytes, event: Event) -> None:
        """Note a stale save with each question that it had not seen as it stood: one query, where there are none."""
        unseen = select(
            questions.c.question_id, questions.c.asked_version, questions.c.averted, questions.c.standings
        ).where(questions.c.session_uid == uid, questions.c.changed_version > event.base_version)
        if not event.base_version:
            # A session made anew had seen nothing, and has to do with the current life alone.
            unseen = unseen.where(
                questions.c.asked_version > self._log.last_tombstone(connection, event.session_id, event.version - 1)
            )
        rows = connection.execute(unseen).all()
        held = brought(event) if rows else frozenset()
        entry = _save(event)
        noted = [
            {"id": question_id, "asked": asked, "noted": _with(averted, entry)}
            for question_id, asked, averted, standings in rows
            if question_id not in held and _differs(json.loads(standings), event.base_version)
        ]
        if noted:
            connection.execute(_AVERTED, [row | {"uid": uid} for row in noted])

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
        self,
        connection: Connection,
        *,
        session_id: str | None = None,
        status: str | None = None,
        writer: str | None = None,
        text: str | None = None,
        open_for: timedelta | None = None,
    ) -> list[QuestionRecord]:
        """Give the records, in the order in which they were asked; the filters are those of `Ledger.questions`."""
        query = select(questions)
        if session_id is not None:
            query = query.where(questions.c.session_id == session_id)
        if status is not None:
            query = query.where(questions.c.status == status)
        if writer is not None:
            names = (questions.c.asked_by, questions.c.resolved_by, questions.c.resolved_writer)
            query = query.where(or_(*(name == writer for name in names)))
        if open_for is not None:
            end = func.coalesce(questions.c.resolved_at, microseconds(datetime.now(UTC)))
            query = query.where(end - questions.c.asked_at >= open_for // timedelta(microseconds=1))
        query = query.order_by(
            questions.c.asked_at, questions.c.session_id, questions.c.asked_version, questions.c.question_id
        )
        found = [_record(row) for row in connection.execute(query).mappings().all()]
        return found if text is None else [record for record in found if _says(record, text.casefold())]


_AVERTED = (
    update(questions)
    .where(
        questions.c.session_uid == bindparam("uid"),
        questions.c.question_id == bindparam("id"),
        questions.c.asked_version == bindparam("asked"),
    )
    .values(averted=bindparam("noted"))
)


def _save(event: Event) -> dict[str, Any]:
    return {"version": event.version, "writer": event.writer, "base_version": event.base_version}


def _with(noted: str, entry: Any) -> str:
    return json.dumps([*json.loads(noted), entry], ensure_ascii=False)


def _differs(standings: list[tuple[int, str]], base_version: int) -> bool:
    """Whether it stood otherwise at the base: one that was lost and found again in between stands as it did."""
    seen = [status for since, status in standings if since <= base_version]
    return not seen or seen[-1] != standings[-1][1]


def _says(record: QuestionRecord, text: str) -> bool:
    answer = record.answer if isinstance(record.answer, str) else json.dumps(record.answer, ensure_ascii=False)
    answered = answer if record.status == QuestionStatus.ANSWERED else None
    return any(text in said.casefold() for said in (record.text, record.header, record.reason, answered) if said)


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
        asked_in=None if row["asked_in"] is None else AskedIn(**json.loads(row["asked_in"])),
        resolved_version=row["resolved_version"],
        resolved_base_version=row["resolved_base_version"],
        resolved_at=None if resolved_at is None else moment(resolved_at),
        resolved_by=row["resolved_by"],
        resolved_writer=row["resolved_writer"],
        reason=row["reason"],
        answer=None if row["answer"] is None else json.loads(row["answer"]),
        omissions=tuple(Omission(**save) for save in json.loads(row["omissions"])),
        averted=tuple(StaleSave(**save) for save in json.loads(row["averted"])),
        overruled=tuple(OverruledSave(**save) for save in json.loads(row["overruled"])),
    )
