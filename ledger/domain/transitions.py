"""The life of one question, save by save: what became of it, and what would have without the ledger. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple, cast

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ledger.domain import events as e
from ledger.domain.events import Authority, Change, Event
from ledger.domain.parts import QuestionStatus
from ledger.domain.question_changes import ENDS
from ledger.domain.unseen import brought, contradicted
from ledger.domain.values import json_equal, thaw

__all__ = ["Course", "Transition", "TransitionKind"]

TransitionKind = Literal[
    "asked", "answered", "withdrawn", "superseded", "expired", "lost", "recovered",
    "omitted", "overruled", "averted", "forked",
]  # fmt: skip


class Transition(BaseModel):
    """One thing that a save did to a question, or would have done to it in a store that overwrites.

    The first seven kinds change where the question stands. `omitted`: the save no longer held it and gave no reason, so
    it stays pending. `overruled`: the save brought something else for it, which did not stand. `averted`: the save came
    from a copy that held the question otherwise, or not at all, and overwriting would have made that so for all.
    `forked`: a session that began as a copy of another one took the question along; what comes before has the
    `session_id` of that one.

    `at` is the effective time. `by` is who is named beside the writer. `detail` is the text of what was asked, the
    answer, the reason, the id of the question that took its place, the value that was overruled, or, for `averted`, the
    status that the stale copy held, null where it did not have the question at all.
    """

    model_config = ConfigDict(frozen=True)

    session_id: str
    kind: TransitionKind
    version: int
    writer: str
    authority: Authority = "runtime"
    base_version: int
    at: AwareDatetime
    by: str | None = None
    detail: Any = None

    @property
    def is_stale(self) -> bool:
        """Whether the writer had not seen the save before this one."""
        return self.base_version < self.version - 1


class _Standing(NamedTuple):
    """Where a question stands: what two copies of it can differ in."""

    text: str
    status: QuestionStatus
    answer: Any = None
    reason: str | None = None
    by: str | None = None


class _Move(NamedTuple):
    """What a change did to the question; `standing` is where it stands since, if that is another place."""

    kind: TransitionKind
    standing: _Standing | None = None
    by: str | None = None
    detail: Any = None


class Course:
    """Follows one question through the events of a session, each of which is taken once, in order.

    Events that do not speak of the question, are not stale, and begin no life may be left out. Of a fork, the events of
    its parent come first, up to the join.
    """

    def __init__(self, question_id: str) -> None:
        self._question_id = question_id
        #: Where it stood since which version, in the present life of the session.
        self._standings: list[tuple[int, _Standing]] = []

    def take(self, event: Event, at: datetime) -> list[Transition]:
        """Give what `event`, whose effective time is `at`, did to the question."""
        before = self._standing_at(event.version)
        moves: list[_Move] = []
        for change in event.changes:
            if isinstance(change, e.SessionCreated):
                before = None
                self._standings.clear()
            elif (move := self._move(change)) is not None:
                moves.append(move)
                if move.standing is not None:
                    self._standings.append((event.version, move.standing))
        if before is not None and event.is_stale and self._question_id not in brought(event):
            held = self._standing_at(event.base_version)
            if not json_equal(held, before):
                moves.append(_Move("averted", detail=None if held is None else str(held.status)))
        return [self._transition(move, event, at) for move in moves]

    def _standing_at(self, version: int) -> _Standing | None:
        return next((standing for since, standing in reversed(self._standings) if since <= version), None)

    def _move(self, change: Change) -> _Move | None:
        match change:
            case e.SessionForked():
                return self._forked(change)
            case e.QuestionAsked(question=question) if question.id == self._question_id:
                return _Move("asked", _Standing(question.text, question.status), detail=question.text)
            case e.ChangeOverruled() if contradicted(change) == self._question_id:
                return _Move("overruled", detail=change.value)
            case e.QuestionOmitted(question_id=self._question_id):
                return _Move("omitted")
            case _ if getattr(change, "question_id", None) == self._question_id:
                return self._resolved(change)
        return None

    def _forked(self, change: e.SessionForked) -> _Move | None:
        if not self._standings:
            return None
        # Versions begin anew in the fork, and all of its writers have the question from its first one on.
        standing = self._standings[-1][1]
        self._standings.clear()
        return _Move("forked", standing, detail=str(change.place))

    def _resolved(self, change: Any) -> _Move:
        status = ENDS.get(type(change), QuestionStatus.PENDING)
        kind = "recovered" if status is QuestionStatus.PENDING else cast("TransitionKind", status.value)
        answer, reason, by = (getattr(change, name, None) for name in ("answer", "reason", "by"))
        text = self._standings[-1][1].text if self._standings else ""
        detail = getattr(change, "superseded_by", reason if answer is None else answer)
        return _Move(kind, _Standing(text, status, answer, reason, by), by, detail)

    def _transition(self, move: _Move, event: Event, at: datetime) -> Transition:
        return Transition(
            session_id=event.session_id,
            kind=move.kind,
            version=event.version,
            writer=event.writer,
            authority=event.authority,
            base_version=event.base_version,
            at=at,
            by=move.by,
            detail=thaw(move.detail),
        )
