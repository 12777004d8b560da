"""A save that was called while another one of the same session was under way is put on top of that one. Pure."""

from __future__ import annotations

from ledger.domain.apply import apply_changes
from ledger.domain.diff import diff
from ledger.domain.flights import Submission
from ledger.domain.merge import rebase
from ledger.domain.merge_questions import rename_questions
from ledger.domain.submission import adopt_base
from ledger.domain.view import View

__all__ = ["follow"]


def follow(submission: Submission, prior: Submission) -> None:
    """Give `submission` its base and changes, now that it is known what became of `prior`.

    If `prior` was stored, its head is the base. If it was not, what it would have saved goes along with this save; and
    if that is not known, this save carries the other's event id, so that the log can tell.
    """
    if submission.changes is None:
        # Both lost their base: what this one adds is what it holds more than the other did, when each was called.
        assert prior.captured is not None  # noqa: S101 - given its base first
        adopt_base(submission, prior.captured)
        submission.against = prior.captured
    onto = prior.outcome.head if prior.outcome else prior.content
    before, changes, content = submission.against, submission.changes, submission.content
    assert isinstance(before, View)  # noqa: S101 - changes are known only against a view
    assert isinstance(content, View)  # noqa: S101 - and make one
    assert changes is not None  # noqa: S101
    assert isinstance(onto, View)  # noqa: S101 - given its base first
    renamed = dict(prior.outcome.renamed) if prior.outcome else {}
    edits = rename_questions(changes, renamed)
    if before is not onto:
        # As a user: it is the same caller, and the later call is its latest word.
        edits = rebase(before, content, onto, edits, writer=submission.writer, authority="user").changes
        submission.content = content = apply_changes(onto, edits)
    if prior.outcome is not None:
        submission.base, submission.changes = onto, edits
        return
    assert prior.base is not None  # noqa: S101 - given its base first
    submission.base = prior.base
    submission.changes = diff(prior.base, content, submission.authoritative)
    if prior.ambiguous:
        submission.event_id, submission.tried = prior.event_id, prior.content
