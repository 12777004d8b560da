"""A save that was called while another one of the same session was under way is put on top of that one. Pure."""

from __future__ import annotations

from ledger.domain.carryover import carry_over
from ledger.domain.diff import diff
from ledger.domain.events import ChangeOverruled, QuestionOmitted
from ledger.domain.flights import Submission

__all__ = ["follow"]


def follow(submission: Submission, prior: Submission) -> None:
    """Give `submission` its base and changes, now that it is known what became of `prior`.

    If `prior` was stored, its head is the base. If it was not, what it would have saved goes along with this save; and
    if that is not known, this save carries the other's event id, so that the log can tell.
    """
    onto = prior.outcome.head if prior.outcome else prior.content
    before, edits = submission.against, submission.changes
    assert before is not None  # noqa: S101 - what the session held after `prior` was called
    assert edits is not None  # noqa: S101 - so they were found at the call
    carried = carry_over(
        edits,
        before,
        submission.content,
        onto,
        prior.outcome.theirs if prior.outcome else (),
        writer=submission.writer,
        authority=submission.authority,
    )
    if before is not onto:
        submission.content = carried.view
    if prior.outcome is not None:
        submission.base, submission.changes = onto, carried.changes
        return
    assert prior.base is not None  # noqa: S101 - given its base first
    submission.base = prior.base
    # What no comparison of the two states tells: that a question is missing, and what was overruled on the way.
    told = [change for change in carried.changes if isinstance(change, QuestionOmitted | ChangeOverruled)]
    submission.changes = [*diff(prior.base, submission.content, submission.authoritative), *told]
    if prior.ambiguous or prior.tried is not None:
        certain = prior.ambiguous and (prior.tried is None or prior.sought)
        submission.event_id, submission.tried = prior.event_id, prior.content if certain else prior.tried
