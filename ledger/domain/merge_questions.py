"""The question rows of the merge table: the first resolution stands, an open question stays open. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Change
from ledger.domain.parts import Question, QuestionStatus
from ledger.domain.values import join, json_equal
from ledger.domain.view import View

__all__ = ["merge_questions", "next_index", "rename_questions"]

_RESOLUTIONS: dict[type[Any], QuestionStatus] = {
    e.QuestionAnswered: QuestionStatus.ANSWERED,
    e.QuestionWithdrawn: QuestionStatus.WITHDRAWN,
    e.QuestionSuperseded: QuestionStatus.SUPERSEDED,
    e.QuestionExpired: QuestionStatus.EXPIRED,
}


def next_index(tool_call_id: str, taken: Collection[str], start: int = 0) -> int:
    """Give the lowest index from `start` at which the tool call carries no question yet."""
    index = start
    while f"{tool_call_id}#{index}" in taken:
        index += 1
    return index


def merge_questions(
    head: View, ours: View, changes: Sequence[Change], *, writer: str, version: int, defaulted: Collection[str]
) -> tuple[list[Change], dict[str, str]]:
    """Give the writer's question changes as they stand on `head`, and the ids of its questions that had to move."""
    out: list[Change] = []
    present: dict[str, Question] = dict(head.questions)
    renamed: dict[str, str] = {}
    refused: set[str] = set()

    def overrule(question_id: str, value: Any) -> None:
        path = join("/questions", question_id)
        out.append(e.ChangeOverruled(side="writer", writer=writer, version=version, path=path, value=value))

    for asked in (change for change in changes if isinstance(change, e.QuestionAsked)):
        question = asked.question
        standing = present.get(question.id)
        if standing is None:
            pass
        elif standing.asks_the_same(question):
            continue
        elif question.id in defaulted:
            taken = present.keys() | ours.questions.keys()
            index = next_index(question.tool_call_id, taken, question.index)
            moved = question.model_copy(update={"index": index, "id": f"{question.tool_call_id}#{index}"})
            renamed[question.id] = moved.id
            question = moved
        else:
            refused.add(question.id)
            overrule(question.id, question.model_dump(mode="json"))
            continue
        present[question.id] = question
        out.append(e.QuestionAsked(question=question))
    _point_at_renamed(out, renamed, present)
    for change in changes:
        question_id = getattr(change, "question_id", None)
        if question_id is None:
            continue
        if question_id in refused:
            overrule(question_id, _outcome(change))
            continue
        _settle(_renamed(change, renamed), present, out, overrule)
    return out, renamed


def _settle(change: Any, present: dict[str, Question], out: list[Change], overrule: Any) -> None:
    question = present.get(change.question_id)
    if question is None:
        return
    status = _RESOLUTIONS.get(type(change))
    if isinstance(change, e.QuestionOmitted | e.QuestionLost):
        if question.is_pending:
            out.append(change)
    elif isinstance(change, e.QuestionRecovered):
        if question.status is QuestionStatus.LOST:
            present[question.id] = question.model_copy(update={"status": QuestionStatus.PENDING})
            out.append(change)
    elif status is None:
        return
    elif question.status in (QuestionStatus.PENDING, QuestionStatus.LOST):
        if question.status is QuestionStatus.LOST:
            out.append(e.QuestionRecovered(question_id=question.id))
        present[question.id] = question.model_copy(update={"status": status})
        out.append(change)
    elif not _agrees(question, status, change):
        overrule(question.id, _outcome(change))


def _agrees(question: Question, status: QuestionStatus, change: Any) -> bool:
    if question.status is not status:
        return False
    return status is not QuestionStatus.ANSWERED or json_equal(question.answer, change.answer)


def _outcome(change: Any) -> dict[str, Any]:
    fields = change.model_dump(mode="json", exclude={"type", "question_id"})
    status = _RESOLUTIONS.get(type(change))
    return {"status": str(status) if status else change.type, **fields}


def _point_at_renamed(out: list[Change], renamed: dict[str, str], present: dict[str, Question]) -> None:
    """A question that supersedes one which moved names it by its new id."""
    for place, change in enumerate(out):
        if isinstance(change, e.QuestionAsked) and change.question.supersedes in renamed:
            new = change.question.model_copy(update={"supersedes": renamed[change.question.supersedes]})
            out[place] = e.QuestionAsked(question=new)
            present[new.id] = new


def _renamed(change: Any, renamed: dict[str, str]) -> Any:
    update = {}
    if change.question_id in renamed:
        update["question_id"] = renamed[change.question_id]
    if isinstance(change, e.QuestionSuperseded) and change.superseded_by in renamed:
        update["superseded_by"] = renamed[change.superseded_by]
    return change.model_copy(update=update) if update else change


def rename_questions(changes: Sequence[Change], renamed: dict[str, str]) -> list[Change]:
    """Give `changes` with every mention of a question that moved pointing at where it moved to."""
    if not renamed:
        return list(changes)
    return [_renamed(change, renamed) if hasattr(change, "question_id") else change for change in changes]
