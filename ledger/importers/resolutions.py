"""Questions of imported histories, resolved by what a tool call came back with. Pure."""

from __future__ import annotations

from ledger.domain.parts import QuestionStatus
from ledger.domain.session import Session
from ledger.importers.steps import Answered, Withdrawn

__all__ = ["LEFT_OUT", "resolve"]

LEFT_OUT = "the call came back without an answer to it"

_OPEN = (QuestionStatus.PENDING, QuestionStatus.LOST)


def resolve(session: Session, outcome: Answered | Withdrawn) -> int:
    """Resolve the open questions of a tool call. One that was lost is found again first: its answer did come.

    Returns:
        how many were found again.
    """
    recovered = 0
    for question in list(session.questions.values()):
        if question.tool_call_id != outcome.tool_call_id or question.status not in _OPEN:
            continue
        if question.status is QuestionStatus.LOST:
            session.recover(question)
            recovered += 1
        if isinstance(outcome, Withdrawn):
            session.withdraw(question.id, outcome.reason, outcome.by)
        elif outcome.answers is None:
            session.answer(question.id, outcome.answer, outcome.by)
        elif question.text in outcome.answers:
            session.answer(question.id, outcome.answers[question.text], outcome.by)
        else:
            session.withdraw(question.id, LEFT_OUT, outcome.by)
    return recovered
