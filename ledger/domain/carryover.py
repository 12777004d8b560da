"""What a caller edited on top of one state of a session, put on top of another. Pure.

This is how edits survive that were made while a save was under way: whatever that save met, they are rebased on what
came of it. As in every rebase, what does not stand is recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ledger.domain import events as e
from ledger.domain.apply import apply_changes
from ledger.domain.events import Authority, Change, Event
from ledger.domain.merge import rebase
from ledger.domain.view import View

__all__ = ["Carried", "carry_over"]


@dataclass(frozen=True, slots=True)
class Carried:
    """The edits as changes to be made on the other state, and that state with the edits made in it."""

    changes: list[Change]
    view: View
    #: The ids, as they are now, of the questions that may move again when this is rebased once more.
    defaulted: frozenset[str] = frozenset()

    @property
    def overruled(self) -> list[e.ChangeOverruled]:
        """What did not stand, of either side."""
        return [change for change in self.changes if isinstance(change, e.ChangeOverruled)]


def carry_over(
    edits: Sequence[Change],
    before: View,
    now: View,
    onto: View,
    theirs: Iterable[Event] = (),
    *,
    writer: str,
    authority: Authority,
    defaulted: Collection[str] | None = None,
) -> Carried:
    """Give `edits`, which led from `before` to `now`, as made on `onto`.

    Args:
        edits: the caller's.
        before: what the caller had in front of it.
        now: what it made of that.
        onto: what stands now.
        theirs: the events of others that `onto` holds and `before` does not.
        writer: who edited.
        authority: as what.
        defaulted: the ids of questions whose index was not chosen by the caller, and may move; by default all that the
            edits asked, for where nothing can be recorded, a question that may not move would be lost.
    """
    if defaulted is None:
        defaulted = [change.question.id for change in edits if isinstance(change, e.QuestionAsked)]
    if before is onto:
        return Carried(list(edits), now, frozenset(defaulted))
    merged = rebase(
        before,
        now,
        onto,
        edits,
        theirs,
        writer=writer,
        authority=authority,
        defaulted=defaulted,
        moved=_moved(before, onto),
    )
    still = frozenset(merged.renamed.get(question_id, question_id) for question_id in defaulted)
    return Carried(merged.changes, apply_changes(onto, merged.changes), still)


def _moved(before: View, onto: View) -> dict[str, str]:
    """Give the questions that stand under another id than the caller knows: their save met others in their places."""
    moved = {}
    for question_id, question in before.questions.items():
        there = onto.questions.get(question_id)
        if there is not None and not there.asks_the_same(question):
            new = next((other.id for other in onto.questions.values() if other.asks_the_same(question)), None)
            if new is not None:
                moved[question_id] = new
    return moved
