"""What a save takes from a session at the call, and how the session is brought to the merged head afterwards. Pure.

A session can change while its save is under way, and several saves of one session can be under way at once. Each save
is a `Submission`; they settle in the order of their calls:

- a save that succeeded becomes the session's base, and whatever was edited since is rebased on it and stays unsaved;
- a save that was refused leaves the session, its base and its edits as they were;
- a save whose outcome is not known (the connection broke, the caller was cancelled) is kept as the session's `attempt`:
  the next save carries the same event id, so that the log can tell whether it was stored.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import count

from ledger.domain.apply import apply_changes
from ledger.domain.carryover import Carried, carry_over
from ledger.domain.diff import diff
from ledger.domain.diff_messages import diff_messages
from ledger.domain.events import Authority, Change
from ledger.domain.flights import Outcome, Submission
from ledger.domain.in_place import become, stamp
from ledger.domain.messages import Messages
from ledger.domain.omission import OnOmission, omitted
from ledger.domain.payload import content_digest
from ledger.domain.session import Session, reborn, tracking_of
from ledger.domain.submitted import check_keywords, checked_id, checked_object, checked_question, checked_scalars
from ledger.domain.values import join, plain
from ledger.domain.view import View
from ledger.errors import InvalidSession
from ledger.randomness import random_id

__all__ = ["abandon", "adopt_base", "captured", "settle", "submit", "unsettled"]


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
        check_keywords(
            writer=writer,
            authority=authority,
            key=key,
            occurred_at=occurred_at,
            expected_version=expected_version,
            on_omission=on_omission,
        )
    except InvalidSession as error:
        error.session_id = session.id
        raise
    _catch_up(session)
    prior = tracking.flights[-1] if tracking.flights else None
    attempt = tracking.attempt if prior is None else None
    against = prior.seen if prior else tracking.base
    changes: list[Change] | None
    if against is None:
        # The base is in the log, and reading it is the writer's to do.
        changes, content = None, captured(session)
    else:
        if not against.alive:
            _check_constructed(against)
        changes = diff(against, session, authoritative)
        content = apply_changes(against, changes) if changes else against
    defaulted = frozenset(tracking.defaulted)
    submission = Submission(
        session_id=session.id,
        base=tracking.base,
        base_version=session.version,
        content=content,
        changes=changes,
        event_id=attempt.event_id if attempt else random_id(),
        writer=writer,
        authority=authority,
        key=key,
        expected_version=expected_version,
        occurred_at=occurred_at,
        on_omission=on_omission,
        must_create=must_create,
        authoritative=authoritative,
        defaulted=defaulted,
        tried=attempt.seen if attempt else None,
        tried_omitted=omitted(attempt.changes or ()) if attempt else (),
        kept=attempt.kept if attempt else False,
        prior=prior,
        against=against,
        seen=content,
        records=() if prior else tuple(tracking.overruled),
    )
    if key is not None:
        if arguments is not None:
            submission.key_digest = content_digest(call, arguments)
        elif changes is not None:
            submission.key_digest = _digest_of(tracking.settled, key, call, changes, defaulted)
    if changes is not None:
        changes += submission.records
    tracking.flights.append(submission)
    return submission


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


def captured(session: Session) -> View:
    """Give all that a session holds, checked and copied: what is submitted where there is nothing to compare it with.

    Raises:
        InvalidSession: if something cannot be stored, naming it.
    """
    try:
        title, pinned, model, summary, parent, root = checked_scalars(session)
        for _ in diff_messages((), session.messages):
            pass  # it checks each of them
        for key, question in checked_object(session.questions, "/questions").items():
            checked_question(key, question, join("/questions", str(key)))
        return View(
            session_id=session.id,
            version=session.version,
            alive=True,
            created_at=session.created_at,
            updated_at=session.updated_at,
            title=title,
            pinned=pinned,
            model=model,
            summary=plain(summary, "/summary"),
            parent_session_id=parent,
            root_session_id=root,
            messages=Messages(session.messages),
            questions=dict(session.questions),
            metadata=plain(checked_object(session.metadata, "/metadata"), "/metadata"),
            state=plain(checked_object(session.state, "/state"), "/state"),
        )
    except InvalidSession as error:
        error.session_id = session.id
        raise


def adopt_base(submission: Submission, base: View) -> None:
    """Give a submission the base that its session had lost, and find its changes from there."""
    content = submission.content
    if not base.alive:
        # Only a fresh session stands on a tombstone; of the life that ended there, it has nothing.
        base = reborn(content, base)
    content = _apart(content, base, submission)
    changes = diff(base, content, submission.authoritative)
    if submission.key is not None and submission.key_digest is None:
        submission.key_digest = content_digest("save", changes, submission.defaulted)
    submission.base, submission.changes = base, [*changes, *submission.records]
    submission.content = apply_changes(base, changes)


def _apart(content: View, base: View, submission: Submission) -> View:
    """Move the questions whose defaulted index met one of the base that the session had dropped."""
    questions = dict(content.questions)
    for question_id in submission.defaulted & base.questions.keys() & questions.keys():
        question = questions[question_id]
        if not question.asks_the_same(base.questions[question_id]):
            taken = base.questions.keys() | questions.keys()
            call = question.tool_call_id
            index = next(index for index in count(question.index) if f"{call}#{index}" not in taken)
            moved = question.model_copy(update={"id": f"{call}#{index}", "index": index})
            questions[moved.id] = moved
            del questions[question_id]
            submission.defaulted |= {moved.id}
    return replace(content, questions=questions)


def settle(session: Session, submission: Submission, outcome: Outcome) -> None:
    """Bring `session` to the head that its save has made, in place; edits made since are rebased on top, unsaved.

    Edits that could not be saved as they are cannot be rebased either. Then the session stays as it is, and its next
    save finds this one in the log.
    """
    tracking = tracking_of(session)
    if submission not in tracking.flights:
        return  # a later save of the same session has settled already
    place = tracking.flights.index(submission)
    later = tracking.flights[place + 1 :]
    del tracking.flights[: place + 1]
    tracking.attempt = None
    tracking.overruled = [record for record in tracking.overruled if record not in submission.records]
    if submission.key is not None and submission.key_digest is not None:
        tracking.settled = (submission.key, submission.key_digest)
    head = outcome.head
    if not (outcome.as_submitted and session.questions.keys() == head.questions.keys()):
        try:
            edits = diff(_seen(later[-1] if later else submission), session, submission.authoritative)
        except InvalidSession:
            tracking.attempt = submission
            return
        _bring_up(session, submission, later, outcome, edits)
    tracking.base = head
    tracking.defaulted -= head.questions.keys()
    stamp(session, head)


def _bring_up(
    session: Session, submission: Submission, later: list[Submission], outcome: Outcome, edits: list[Change]
) -> None:
    """Put what came after a save on top of its head: first what later saves took, then `edits`, which none has taken.

    Each on top of the one before, so that a question that moves for the one has moved for all that follow.
    """
    tracking = tracking_of(session)
    before, onto = _seen(submission), outcome.head
    for other in later:
        seen = _seen(other)
        carried = _carried(other, diff(before, seen, other.authoritative), before, seen, onto, outcome)
        before, other.seen = seen, carried.view
        onto = carried.view
        tracking.defaulted |= carried.defaulted
    if edits:
        carried = _carried(submission, edits, before, apply_changes(before, edits), onto, outcome)
        onto = carried.view
        tracking.overruled += carried.overruled
        tracking.defaulted |= carried.defaulted
    become(session, onto)


def _seen(submission: Submission) -> View:
    assert submission.seen is not None  # noqa: S101 - whoever submitted saw something
    return submission.seen


def _carried(  # noqa: PLR0917 - the three states of a three-way merge, and who merges
    submission: Submission, edits: list[Change], before: View, now: View, onto: View, outcome: Outcome
) -> Carried:
    writer, authority = submission.writer, submission.authority
    return carry_over(edits, before, now, onto, outcome.theirs, writer=writer, authority=authority)


def abandon(session: Session, submission: Submission, *, ambiguous: bool) -> None:
    """Note that a save failed: the session stays as it is. One that may be in the log all the same is remembered."""
    tracking = tracking_of(session)
    submission.ambiguous = ambiguous
    if submission not in tracking.flights:
        return
    _catch_up(session, submission)
    if submission.found is not None:
        # The earlier try was stored; what this one would have added to it is unsaved.
        submission.seen = submission.tried
        settle(session, submission, submission.found)
        submission.seen = submission.content
    else:
        tracking.flights.remove(submission)
    if ambiguous and (submission.tried is None or submission.sought) and not submission.kept:
        # Else the id may still stand for what was tried before, and that try stays the one to look for.
        tracking.attempt = submission


def _catch_up(session: Session, upto: Submission | None = None) -> None:
    """Settle what became known of earlier saves whose callers did not wait for it."""
    for flight in list(tracking_of(session).flights):
        if flight is upto:
            return
        if flight.outcome is not None:
            settle(session, flight, flight.outcome)
        elif flight.failed or (upto is not None and upto.failed):
            # The writer takes them in order: what it passed over, it will not take.
            abandon(session, flight, ambiguous=flight.ambiguous)
        else:
            return


def unsettled(session: Session) -> str | None:
    """Give the event id of a save of this session whose outcome is not known, if there is one."""
    attempt = tracking_of(session).attempt
    return attempt.event_id if attempt else None
