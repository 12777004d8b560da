"""The changes that make the life of a clarification, from the save that asked to the one that ended it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ledger.domain.parts import JsonValue, Part, Question, QuestionStatus

__all__ = [
    "ENDS",
    "Ending",
    "QuestionAnswered",
    "QuestionAsked",
    "QuestionExpired",
    "QuestionLost",
    "QuestionOmitted",
    "QuestionRecovered",
    "QuestionSuperseded",
    "QuestionWithdrawn",
]


class QuestionAsked(Part):
    """The agent waits for a clarification."""

    type: Literal["question_asked"] = "question_asked"
    question: Question


class QuestionAnswered(Part):
    """Someone answered; nobody waits any more."""

    type: Literal["question_answered"] = "question_answered"
    question_id: str
    answer: JsonValue
    by: str | None = None
    json_fields: ClassVar = ("answer",)


class QuestionWithdrawn(Part):
    """Whoever asked no longer needs to know."""

    type: Literal["question_withdrawn"] = "question_withdrawn"
    question_id: str
    reason: str | None = None
    by: str | None = None


class QuestionSuperseded(Part):
    """Another question took its place."""

    type: Literal["question_superseded"] = "question_superseded"
    question_id: str
    superseded_by: str


class QuestionExpired(Part):
    """Its time ran out."""

    type: Literal["question_expired"] = "question_expired"
    question_id: str
    by: str | None = None


class QuestionOmitted(Part):
    """The saved session no longer held this pending question and gave no reason. It stays pending."""

    type: Literal["question_omitted"] = "question_omitted"
    question_id: str


class QuestionLost(Part):
    """In an imported history, where the other store really lost it."""

    type: Literal["question_lost"] = "question_lost"
    question_id: str


class QuestionRecovered(Part):
    """A lost question is pending again."""

    type: Literal["question_recovered"] = "question_recovered"
    question_id: str


#: The changes that end the life of a question.
Ending = QuestionAnswered | QuestionWithdrawn | QuestionSuperseded | QuestionExpired | QuestionLost
#: Where each of them leaves it.
ENDS: Mapping[type[Any], QuestionStatus] = {
    QuestionAnswered: QuestionStatus.ANSWERED,
    QuestionWithdrawn: QuestionStatus.WITHDRAWN,
    QuestionSuperseded: QuestionStatus.SUPERSEDED,
    QuestionExpired: QuestionStatus.EXPIRED,
    QuestionLost: QuestionStatus.LOST,
}
