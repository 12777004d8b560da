"""A question that is known already, asked in a session. Pure."""

from __future__ import annotations

from ledger.domain.parts import Question
from ledger.domain.session import Session

__all__ = ["ask_as"]


def ask_as(session: Session, question: Question, *, index: int | None = None) -> Question:
    """Ask a question as it was asked elsewhere; without an index it takes the next free one of its call."""
    return session.ask(
        question.tool_call_id,
        question.text,
        options=question.options,
        kind=question.kind,
        allow_custom=question.allow_custom,
        multiple=question.multiple,
        header=question.header,
        index=index,
        source=question.source,
    )
