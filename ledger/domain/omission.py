"""The clarification guard: a pending question cannot leave a session without a recorded reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ledger.domain.events import Change, QuestionLost, QuestionOmitted
from ledger.errors import QuestionOmittedError

__all__ = ["OnOmission", "guard", "omitted"]

OnOmission = Literal["keep", "raise", "lose"]


def omitted(changes: Sequence[Change]) -> tuple[str, ...]:
    """Give the ids of the questions that `changes` record as omitted."""
    return tuple([change.question_id for change in changes if type(change) is QuestionOmitted])


def guard(session_id: str, changes: Sequence[Change], on_omission: OnOmission) -> list[Change]:
    """Decide over the omissions that are left after the rebase, on questions still pending at the head.

    Args:
        session_id: for the error.
        changes: the save's, rebased.
        on_omission: ``"keep"`` records the omission and the question stays pending, ``"raise"`` refuses the save,
            ``"lose"`` records that the question was lost, for importers that replay another store's history as it was.

    Raises:
        QuestionOmittedError: for ``"raise"``, if any question was omitted.
    """
    missing = omitted(changes)
    if not missing or on_omission == "keep":
        return list(changes)
    if on_omission == "raise":
        raise QuestionOmittedError(session_id, missing)
    return [
        QuestionLost(question_id=change.question_id) if isinstance(change, QuestionOmitted) else change
        for change in changes
    ]
