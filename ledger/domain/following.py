"""A save is put on top of an earlier one of its session: one under way, or one whose reply was lost. Pure."""

from __future__ import annotations

from dataclasses import replace

from ledger.domain.apply import apply_changes
from ledger.domain.carryover import carry_over
from ledger.domain.diff import diff
from ledger.domain.events import Change, ChangeOverruled, QuestionAsked, QuestionOmitted
from ledger.domain.flights import Outcome, Submission
from ledger.domain.omission import omitted
from ledger.domain.view import View
from ledger.randomness import random_id

__all__ = ["follow", "resume"]


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
        defaulted=submission.defaulted,
    )
    submission.defaulted |= carried.defaulted
    if before is not onto:
        submission.content = carried.view
    if prior.outcome is not None:
        submission.base, submission.changes = onto, carried.changes
        return
    assert prior.base is not None  # noqa: S101 - given its base first
    submission.base = prior.base
    submission.defaulted |= prior.defaulted
    # What no comparison of the two states tells: that a question is missing, and what was overruled on the way.
    told = [change for change in carried.changes if isinstance(change, QuestionOmitted | ChangeOverruled)]
    submission.changes = [*diff(prior.base, submission.content, submission.authoritative), *told]
    # A title that was to be changed twice is now changed once, and counts once in the metadata version.
    submission.content = apply_changes(prior.base, submission.changes)
    if prior.ambiguous or prior.tried is not None:
        certain = prior.ambiguous and (prior.tried is None or prior.sought) and not prior.kept
        submission.event_id, submission.kept = prior.event_id, prior.kept
        submission.tried = prior.content if certain else prior.tried
        submission.tried_omitted = omitted(prior.changes or ()) if certain else prior.tried_omitted


def resume(submission: Submission, stored: Outcome) -> bool:
    """Put a submission on top of its earlier try, which the log turned out to hold. False if nothing is left to save.

    What was edited since goes out under a new event id, with `stored` as its base. Questions are compared with what
    was stored, not with what was tried: there the first resolution stands, as in every rebase.
    """
    tried, content = submission.tried, submission.content
    if tried is None:
        return False
    edits = diff(replace(tried, questions=content.questions), content, submission.authoritative)
    asked_or_ended: list[Change] = []
    for change in submission.changes or ():
        known = isinstance(change, QuestionOmitted) and change.question_id in submission.tried_omitted
        if not known and (isinstance(change, QuestionAsked) or hasattr(change, "question_id")):
            asked_or_ended.append(change)
    carried = carry_over(
        [*edits, *asked_or_ended],
        replace(tried, questions=content.questions),
        content,
        stored.head,
        stored.theirs,
        writer=submission.writer,
        authority=submission.authority,
        defaulted=submission.defaulted,
    )
    # What the try itself had overruled is in its event already, and is met once more here.
    if not (edits or _ended_since(tried, content)) and all(isinstance(c, ChangeOverruled) for c in carried.changes):
        return False
    submission.found = stored
    submission.base, submission.changes, submission.content = stored.head, carried.changes, carried.view
    submission.defaulted |= carried.defaulted
    submission.event_id, submission.kept = random_id(), False
    return True


def _ended_since(tried: View, content: View) -> bool:
    """Tell whether a question that the try had left open was ended after it."""
    pending = (question for question in tried.questions.values() if question.is_pending)
    return any(not content.questions.get(question.id, question).is_pending for question in pending)
