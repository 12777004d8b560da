"""What a save takes from a session at the call, and how the session is brought to the merged head afterwards. Pure.

A session can change while its save is under way, and several saves of one session can be under way at once. Each save
is a `Submission`; they settle in the order of their calls:

- a save that succeeded becomes the session's base, and whatever was edited since is rebased on it and stays unsaved;
- a save that was refused leaves the session, its base and its edits as they were;
- a save whose outcome is not known (the connection broke, the caller was cancelled) is kept as the session's `attempt`:
  the next save carries the same event id, so that the log can tell whether it was stored.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger.domain.apply import apply_changes
from ledger.domain.diff import diff
from ledger.domain.events import Authority, Change
from ledger.domain.flights import Outcome, Submission
from ledger.domain.merge import rebase
from ledger.domain.merge_questions import rename_questions
from ledger.domain.omission import OnOmission
from ledger.domain.parts import Message
from ledger.domain.payload import content_digest
from ledger.domain.session import Session, reborn, tracking_of
from ledger.domain.submitted import checked_id, checked_scalars
from ledger.domain.values import plain
from ledger.domain.view import State, View
from ledger.errors import InvalidSession

#: The chain writes the length of the name in 16 bits.
MAX_WRITER_BYTES = 65_535

__all__ = ["abandon", "adopt_base", "settle", "submit", "unsettled"]


def submit(
    session: Session,
    *,
    writer: str,
    authority: Authority,
    authoritative: frozenset[str] = frozenset(),
    key: str | None = None,
    expected_version: int | None = None,
    occurred_at: datetime | None = None,
    on_omission: OnOmission = "keep",
    must_create: bool = False,
    call: str = "save",
    arguments: list[Change] | None = None,
) -> Submission:
    """Take what the caller submits, now, and note on the session that it is under way.

    Args:
        session: as the caller has it; it may change on while the save is under way.
        writer: who saves.
        authority: as what.
        authoritative: the metadata keys whose changes carry the authoritative mark.
        key: makes a retry of this save safe.
        expected_version: refuse, instead of rebasing, unless this is both the base and the head.
        occurred_at: when it happened, in the history that it is imported from.
        on_omission: what becomes of a pending question that the session no longer holds.
        must_create: refuse if the session lives.
        call: the verb that was called; a key stands for one verb.
        arguments: what a retry with the same key is compared with, where it is not the submitted changes.

    Raises:
        InvalidSession: if something cannot be stored, naming it. The session is as it was.
    """
    tracking = tracking_of(session)
    try:
        checked_id(session.id, "/id")
        _check_writer(writer)
        if key is not None:
            checked_id(key, "/key", "key")
    except InvalidSession as error:
        error.session_id = session.id
        raise
    if occurred_at is not None and occurred_at.tzinfo is None:
        raise InvalidSession("the time has no zone", path="/occurred_at", session_id=session.id)
    prior = tracking.flights[-1] if tracking.flights else None
    attempt = tracking.attempt if prior is None else None
    against = prior.seen if prior else tracking.base
    content: State
    changes: list[Change] | None
    if isinstance(against, View):
        if not against.alive:
            _check_constructed(against)
        changes = diff(against, session, authoritative)
        content = apply_changes(against, changes) if changes else against
    else:
        # The base is in the log, and reading it is the writer's to do.
        changes, content = None, session.model_copy()
    defaulted = frozenset(tracking.defaulted)
    submission = Submission(
        session_id=session.id,
        base=tracking.base,
        base_version=session.version,
        content=content,
        changes=changes,
        event_id=attempt.event_id if attempt else uuid.uuid4().hex,
        writer=writer,
        authority=authority,
        key=key,
        expected_version=expected_version,
        occurred_at=occurred_at,
        on_omission=on_omission,
        must_create=must_create,
        authoritative=authoritative,
        defaulted=defaulted,
        tried=attempt.content if attempt else None,
        prior=prior,
        against=against,
        seen=content,
    )
    if key is not None:
        if arguments is not None:
            submission.key_digest = content_digest(call, arguments)
        elif changes is not None:
            submission.key_digest = _digest_of(tracking.settled, key, call, changes, defaulted)
    tracking.flights.append(submission)
    return submission


def _check_writer(writer: str) -> None:
    if len(checked_id(writer, "/writer", "writer").encode()) > MAX_WRITER_BYTES:
        raise InvalidSession(f"the writer's name is longer than {MAX_WRITER_BYTES} bytes", path="/writer")


def _check_constructed(base: View) -> None:
    """Check what a constructor was given: a creation stores it, though it counts as no change."""
    try:
        checked_scalars(base)
        plain(base.summary, "/summary")
    except InvalidSession as error:
        error.session_id = base.session_id
        raise


def _digest_of(
    settled: tuple[str, str] | None, key: str, call: str, changes: list[Change], defaulted: frozenset[str]
) -> str:
    if not changes and settled is not None and settled[0] == key:
        return settled[1]  # the same object, unchanged, with the key that it was saved with: a retry
    return content_digest(call, changes, defaulted)


def adopt_base(submission: Submission, base: View) -> None:
    """Give a submission the base that its session had lost, and find its changes from there."""
    if not base.alive and isinstance(submission.content, Session):
        # Only a fresh session stands on a tombstone; of the life that ended there, it has nothing.
        base = reborn(submission.content, base)
    changes = diff(base, submission.content, submission.authoritative)
    submission.base, submission.changes = base, changes
    if submission.seen is submission.content:
        submission.seen = None
    submission.content = submission.captured = apply_changes(base, changes)
    submission.seen = submission.seen or submission.content
    if submission.key is not None and submission.key_digest is None:
        submission.key_digest = content_digest("save", changes, submission.defaulted)


def settle(session: Session, submission: Submission, outcome: Outcome) -> None:
    """Bring `session` to the head that its save has made, in place; edits made since are rebased on top, unsaved."""
    tracking = tracking_of(session)
    if submission in tracking.flights:
        place = tracking.flights.index(submission)
        later = tracking.flights[place + 1 :]
        del tracking.flights[: place + 1]
    else:
        later = list(tracking.flights)
    tracking.attempt = None
    if tracking.base is not None and outcome.head.version < tracking.base.version and not later:
        return  # a later save of the same session has settled already
    seen = submission.seen
    assert isinstance(seen, View)  # noqa: S101 - the writer resolved it before it could succeed
    head = outcome.head
    if outcome.as_submitted and session.questions.keys() == head.questions.keys():
        tracking.base = head
        _stamp(session, head)
    else:
        target = _rebased(seen, head, session, outcome.renamed, submission)
        tracking.base = head
        _become(session, target)
        _stamp(session, head)
    for other in later:
        if isinstance(other.seen, View):
            other.seen = _rebased(seen, head, other.seen, outcome.renamed, other)
    tracking.defaulted -= head.questions.keys()
    if submission.key is not None and submission.key_digest is not None:
        tracking.settled = (submission.key, submission.key_digest)


def _rebased(seen: View, head: View, now: State, renamed: Mapping[str, str], submission: Submission) -> View:
    edits = rename_questions(diff(seen, now, submission.authoritative), dict(renamed))
    if not edits:
        return head
    ours = apply_changes(seen, diff(seen, now, submission.authoritative))
    # As a user: what was edited here is the caller's latest word, whatever it will be saved as.
    merged = rebase(seen, ours, head, edits, writer=submission.writer, authority="user")
    return apply_changes(head, merged.changes)


def abandon(session: Session, submission: Submission, *, ambiguous: bool) -> None:
    """Note that a save failed: the session stays as it is. One that may be in the log all the same is remembered."""
    tracking = tracking_of(session)
    submission.ambiguous = ambiguous
    if submission not in tracking.flights:
        return
    if submission.found is not None:
        submission.seen = submission.tried
        settle(session, submission, submission.found)
    else:
        tracking.flights.remove(submission)
    if ambiguous:
        tracking.attempt = submission


def unsettled(session: Session) -> str | None:
    """Give the event id of a save of this session whose outcome is not known, if there is one."""
    attempt = tracking_of(session).attempt
    return attempt.event_id if attempt else None


def _stamp(session: Session, head: View) -> None:
    session.__dict__.update(
        version=head.version,
        metadata_version=head.metadata_version,
        created_at=head.created_at,
        updated_at=head.updated_at,
        forked_from=None if head.forked_from is None else dict(head.forked_from),
    )


def _become(session: Session, target: View) -> None:
    """Make the session hold what `target` holds, keeping its containers and all in them that need not change."""
    for name in ("title", "pinned", "model", "parent_session_id", "root_session_id"):
        session.__dict__[name] = getattr(target, name)
    session.__dict__["summary"] = _patched(session.summary, target.summary)
    messages: list[Message] = session.messages
    if len(messages) != len(target.messages) or any(
        mine is not theirs for mine, theirs in zip(messages, target.messages, strict=True)
    ):
        messages[:] = target.messages
    if list(session.questions.items()) != list(target.questions.items()):
        asked = dict(session.questions)
        session.questions.clear()
        for key, question in target.questions.items():
            session.questions[key] = asked[key] if asked.get(key) == question else question
    _patched(session.metadata, target.metadata)
    _patched(session.state, target.state)


def _patched(present: Any, target: Any) -> Any:
    """Give `target` as the caller's own JSON: `present` changed in place as far as it goes, a copy beyond."""
    if isinstance(present, dict) and isinstance(target, dict):
        for key in present.keys() - target.keys():
            del present[key]
        for key, value in target.items():
            present[key] = _patched(present[key], value) if key in present else plain(value, "")
        return present
    if isinstance(present, list) and isinstance(target, list):
        kept = min(len(present), len(target))
        present[:kept] = [_patched(*pair) for pair in zip(present, target, strict=False)]
        present[kept:] = plain(target[kept:], "")
        return present
    if type(present) is type(target) and present == target:
        return present
    return plain(target, "")
