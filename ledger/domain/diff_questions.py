"""The changes between two sets of questions: what was asked, what was resolved and how, what is missing. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Change
from ledger.domain.parts import Question, QuestionStatus
from ledger.domain.submitted import checked_object, checked_question
from ledger.domain.values import join, json_equal, plain
from ledger.errors import InvalidSession

__all__ = ["diff_questions"]


def diff_questions(before: Mapping[str, Question], after: Mapping[Any, Any]) -> Iterator[Change]:
    """Give the changes between two sets of questions: all that were asked first, so that each can be resolved."""
    asked: list[Change] = []
    resolved: list[Change] = []
    for key, question in checked_object(after, "/questions").items():
        path = join("/questions", str(key))
        old = before.get(key) if isinstance(key, str) else None
        if old is question:
            continue
        checked_question(key, question, path)
        if old is None:
            asked.append(e.QuestionAsked(question=_as_asked(question)))
        elif not old.asks_the_same(question) or old.index != question.index:
            raise InvalidSession("a question's text cannot change; ask another that supersedes it", path=path)
        resolved += _transitions(old or _as_asked(question), question, after, path)
    yield from asked
    yield from resolved
    for key, old in before.items():
        if old.is_pending and key not in after:
            yield e.QuestionOmitted(question_id=key)


def _as_asked(question: Question) -> Question:
    return question.model_copy(
        update={"status": QuestionStatus.PENDING, "answer": None, "resolved_by": None, "reason": None}
    )


def _transitions(old: Question, new: Question, all_after: Mapping[Any, Any], path: str) -> Iterator[Change]:
    if old == new:
        return
    status = old.status
    if status is QuestionStatus.LOST and new.status is not QuestionStatus.LOST:
        yield e.QuestionRecovered(question_id=new.id)
        status = QuestionStatus.PENDING
    if status is not QuestionStatus.PENDING:
        raise InvalidSession(f"the question is {status} already; its outcome cannot be changed", path=path)
    if new.status is not QuestionStatus.PENDING:
        yield _resolution(new, all_after, path)
    elif not json_equal(new.answer, None) or new.resolved_by is not None or new.reason is not None:
        raise InvalidSession("a pending question has no answer; use answer(), withdraw() or expire()", path=path)


def _resolution(question: Question, all_after: Mapping[Any, Any], path: str) -> Change:
    match question.status:
        case QuestionStatus.ANSWERED:
            answer = plain(question.answer, f"{path}/answer")
            return e.QuestionAnswered(question_id=question.id, answer=answer, by=question.resolved_by)
        case QuestionStatus.WITHDRAWN:
            return e.QuestionWithdrawn(question_id=question.id, reason=question.reason, by=question.resolved_by)
        case QuestionStatus.EXPIRED:
            return e.QuestionExpired(question_id=question.id, by=question.resolved_by)
        case QuestionStatus.SUPERSEDED:
            for other in all_after.values():
                if other.supersedes == question.id:
                    return e.QuestionSuperseded(question_id=question.id, superseded_by=other.id)
            raise InvalidSession("the question is superseded, but none supersedes it", path=path)
    return e.QuestionLost(question_id=question.id)
