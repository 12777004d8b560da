"""The question rows of the merge table: the first resolution stands, an open question stays open. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Change
from ledger.domain.overruling import Overruling
from ledger.domain.parts import Question, QuestionStatus
from ledger.domain.question_changes import ENDS
from ledger.domain.values import join, json_equal
from ledger.domain.view import View

__all__ = ["merge_questions", "rename_questions"]


def merge_questions(
    head: View,
    ours: View,
    changes: Sequence[Change],
    overruling: Overruling,
    *,
    defaulted: Collection[str],
    moved: Mapping[str, str],
) -> tuple[list[Change], dict[str, str]]:
    """Give the writer's question changes as they stand on `head`, and the ids of its questions that had to move.

    Where one question moved before and another moves now, both are renamed at once, each from the id that the writer
    knows: one after the other, the second would be taken for the first.
    """
    merge = _QuestionMerge(head.questions, dict(head.questions), overruling, renamed=dict(moved))
    for change in changes:
        if isinstance(change, e.QuestionAsked):
            merge.ask(change.question, movable=change.question.id in defaulted, reserved=ours.questions)
    merge.name_superseded()
    for known, change in zip(changes, rename_questions(changes, merge.renamed), strict=True):
        if hasattr(known, "question_id"):
            merge.settle(change, ours.questions.get(known.question_id))
    return merge.out, merge.renamed


@dataclass(slots=True)
class _QuestionMerge:
    """`present` is what stands so far, `refused` what could not be asked, for its id asks something else already."""

    head: Mapping[str, Question]
    present: dict[str, Question]
    overruling: Overruling
    out: list[Change] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def ask(self, question: Question, *, movable: bool, reserved: Collection[str]) -> None:
        if question.id in self.renamed:
            return  # it was asked, and stands under another id
        standing = self.present.get(question.id)
        if standing is not None and not standing.asks_the_same(question):
            if not movable:
                self.refused.add(question.id)
                self.overrule(question.id, question.model_dump(mode="json"))
                return
            moved = self._moved(question, reserved)
            self.renamed[question.id] = moved.id
            question, standing = moved, self.present.get(moved.id)
        if standing is None:
            self.present[question.id] = question
            self.out.append(e.QuestionAsked(question=question))

    def _moved(self, question: Question, reserved: Collection[str]) -> Question:
        """Give the question at the next free index, or where an earlier save of the same copy has put it already."""
        index = question.index
        while True:
            index += 1
            question_id = f"{question.tool_call_id}#{index}"
            standing = self.present.get(question_id)
            if standing is not None and standing.asks_the_same(question):
                return standing
            if standing is None and question_id not in reserved:
                return question.model_copy(update={"index": index, "id": question_id})

    def name_superseded(self) -> None:
        """Let each new question name what it supersedes by the id that stands; nothing, where that was refused."""
        for place, change in enumerate(self.out):
            if isinstance(change, e.QuestionAsked) and change.question.supersedes is not None:
                old = change.question.supersedes
                new = None if old in self.refused else self.renamed.get(old, old)
                if new != old:
                    question = change.question.model_copy(update={"supersedes": new})
                    self.present[question.id] = question
                    self.out[place] = e.QuestionAsked(question=question)

    def settle(self, change: Any, mine: Question | None) -> None:
        question = self.present.get(change.question_id)
        if question is None:
            self.overrule(change.question_id, _outcome(change))  # it could not be asked, in an earlier save
            return
        stranger = mine is not None and not question.asks_the_same(mine)
        if stranger or getattr(change, "superseded_by", None) in self.refused:
            self.overrule(change.question_id, _outcome(change))
        elif isinstance(change, e.QuestionOmitted):
            if question.is_pending:
                self.out.append(change)
        elif isinstance(change, e.QuestionRecovered):
            if question.status is QuestionStatus.LOST:
                self._resolve(question, QuestionStatus.PENDING, change)
        elif question.is_pending:
            self._resolve(question, ENDS[type(change)], change)
        elif question.status is QuestionStatus.LOST and not isinstance(change, e.QuestionLost):
            self.out.append(e.QuestionRecovered(question_id=question.id))
            self._resolve(question, ENDS[type(change)], change)
        elif not self._agrees(question, change):
            self.overrule(question.id, _outcome(change))

    def _resolve(self, question: Question, status: QuestionStatus, change: Change) -> None:
        self.present[question.id] = question.model_copy(update={"status": status})
        self.out.append(change)

    def _agrees(self, question: Question, change: Any) -> bool:
        """Whether the head's resolution says all that the writer's does."""
        if question.status is not ENDS[type(change)]:
            return False
        if isinstance(change, e.QuestionSuperseded):
            successor = self.head.get(change.superseded_by)
            return successor is not None and successor.supersedes == question.id
        said = (getattr(change, "answer", None), getattr(change, "reason", None), getattr(change, "by", None))
        return json_equal(said, (question.answer, question.reason, question.resolved_by))

    def overrule(self, question_id: str, value: Any) -> None:
        self.out.append(self.overruling.of_writer(join("/questions", question_id), value))


def _outcome(change: Any) -> dict[str, Any]:
    fields = change.model_dump(mode="json", exclude={"type", "question_id"})
    status = ENDS.get(type(change))
    return {"status": str(status) if status else change.type, **fields}


def rename_questions(changes: Iterable[Change], renamed: Mapping[str, str]) -> list[Change]:
    """Give `changes` with every mention of a question that moved pointing at where it moved to."""
    return [_renamed(change, renamed) for change in changes] if renamed else list(changes)


def _renamed(change: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(change, e.QuestionAsked):
        new = renamed.get(change.question.supersedes or "")
        return (
            change if new is None else e.QuestionAsked(question=change.question.model_copy(update={"supersedes": new}))
        )
    names = ("question_id", "superseded_by")
    update = {name: new for name in names if (new := renamed.get(getattr(change, name, ""))) is not None}
    return change.model_copy(update=update) if update else change
