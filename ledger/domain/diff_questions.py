"""The changes between two sets of questions: what was asked, what was resolved and how, what is missing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Change
from ledger.domain.parts import Question, QuestionStatus
from ledger.domain.submitted import checked_object, checked_question
from ledger.domain.values import join, json_equal, plain
from ledger.errors import InvalidSession

__all__ = ["diff_questions"]


def diff_questions(before: Mapping[str, Question], after: Mapping[Any, Any]) -> Iterable[Change]:
    """Give the changes between two sets of questions: all that were asked first, so that each can be resolved."""
    if not checked_object(after, "/questions") and not before:
        return ()  # most sessions have none
    return _diff_questions(before, after)


def _diff_questions(before: Mapping[str, Question], after: Mapping[Any, Any]) -> Iterator[Change]:
    asked: list[Change] = []
    resolved: list[Change] = []
    touched = [item for item in after.items() if before.get(item[0]) is not item[1]]
    for key, question in touched:
        checked_question(key, question, _path(key))
    for key, question in touched:
        old = before.get(key)
        if old is None:
            asked.append(e.QuestionAsked(question=_as_asked(question)))
        elif not old.asks_the_same(question) or old.supersedes != question.supersedes:
            raise InvalidSession("a question's text cannot change; ask another that supersedes it", path=_path(key))
        resolved += _transitions(old or _as_asked(question), question, after)
    yield from asked
    yield from resolved
    for key, old in before.items():
        if old.is_pending and key not in after:
            yield e.QuestionOmitted(question_id=key)


def _path(key: Any) -> str:
    return join("/questions", str(key))


def _as_asked(question: Question) -> Question:
    return question.model_copy(
        update={"status": QuestionStatus.PENDING, "answer": None, "resolved_by": None, "reason": None}
    )


def _transitions(old: Question, new: Question, all_after: Mapping[Any, Any]) -> Iterator[Change]:
    if old == new:
        return
    status = old.status
    if status is QuestionStatus.LOST and new.status is not QuestionStatus.LOST:
        yield e.QuestionRecovered(question_id=new.id)
        status = QuestionStatus.PENDING
    if status is not QuestionStatus.PENDING:
        raise InvalidSession(f"the question is {status} already; its outcome cannot be changed", path=_path(new.id))
    said = {name for name in _OUTCOME if not json_equal(getattr(new, name), None)}
    if not said <= _SAYS[new.status]:
        names = " and ".join(sorted(said - _SAYS[new.status]))
        raise InvalidSession(
            f"a question that is {new.status} has no {names}; use answer(), withdraw() or expire()", path=_path(new.id)
        )
    if new.status is not QuestionStatus.PENDING:
        yield _resolution(new, all_after)


def _resolution(question: Question, all_after: Mapping[Any, Any]) -> Change:
    match question.status:
        case QuestionStatus.ANSWERED:
            answer = plain(question.answer, f"{_path(question.id)}/answer")
            return e.QuestionAnswered(question_id=question.id, answer=answer, by=question.resolved_by)
        case QuestionStatus.WITHDRAWN:
            return e.QuestionWithdrawn(question_id=question.id, reason=question.reason, by=question.resolved_by)
        case QuestionStatus.EXPIRED:
            return e.QuestionExpired(question_id=question.id, by=question.resolved_by)
        case QuestionStatus.SUPERSEDED:
            for other in all_after.values():
                if other.supersedes == question.id:
                    return e.QuestionSuperseded(question_id=question.id, superseded_by=other.id)
            raise InvalidSession("the question is superseded, but none supersedes it", path=_path(question.id))
    return e.QuestionLost(question_id=question.id)


#: What a resolution can say, and which says what.
_OUTCOME = ("answer", "reason", "resolved_by")
_SAYS: dict[QuestionStatus, set[str]] = {
    QuestionStatus.PENDING: set(),
    QuestionStatus.ANSWERED: {"answer", "resolved_by"},
    QuestionStatus.WITHDRAWN: {"reason", "resolved_by"},
    QuestionStatus.SUPERSEDED: set(),
    QuestionStatus.EXPIRED: {"resolved_by"},
    QuestionStatus.LOST: set(),
}
