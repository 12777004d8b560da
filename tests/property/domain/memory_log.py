"""A log in memory that takes submissions by the rules of the design's section 5.1, with faults on demand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from ledger.domain.apply import apply, fold
from ledger.domain.events import Change, Event, SessionCreated
from ledger.domain.flights import Outcome, Submission
from ledger.domain.following import follow, resume
from ledger.domain.merge import rebase
from ledger.domain.omission import guard
from ledger.domain.payload import decode_payload, encode_payload
from ledger.domain.receipt import Receipt
from ledger.domain.session import Session, session_of
from ledger.domain.submission import abandon, adopt_base, settle, submit
from ledger.domain.view import View
from ledger.errors import StorageError

Fault = Literal["early", "late", "unanswered", "cancelled"]

START = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryLog:
    """The events of one session. What is appended goes through the stored text, as in a real log."""

    def __init__(self) -> None:
        self.views = [View("s")]
        self.events: list[Event] = []

    @property
    def head(self) -> View:
        return self.views[-1]

    def load(self) -> Session:
        return session_of(self.head)

    def save(self, session: Session, fault: Fault | None = None, writer: str = "w", authority: str = "runtime") -> None:
        """Submit, commit and settle, or abandon."""
        submission = submit(session, writer=writer, authority=authority)  # type: ignore[arg-type]
        self.finish(session, submission, fault)

    def finish(self, session: Session, submission: Submission, fault: Fault | None = None) -> None:
        """Commit what was submitted, and do what a face does with the result."""
        try:
            submission.outcome = self._commit(submission, fault)
        except StorageError:
            submission.failed = submission.ambiguous = True
            abandon(session, submission, ambiguous=True)
            return
        if fault != "cancelled":
            settle(session, submission, submission.outcome)

    def _commit(self, submission: Submission, fault: Fault | None) -> Outcome:
        if fault == "early":
            raise StorageError("the database cannot be reached")
        self._resolve(submission)
        outcome = self._plan(submission, fault)
        if fault == "unanswered":
            raise StorageError("the reply was lost")
        return outcome

    def _resolve(self, submission: Submission) -> None:
        prior = submission.prior
        if prior is not None:
            self._resolve(prior)
            follow(submission, prior)
            submission.prior = None
        if submission.base is None:
            adopt_base(submission, self.views[submission.base_version])

    def _plan(self, submission: Submission, fault: Fault | None) -> Outcome:
        base = submission.base
        assert base is not None
        if base.version == self.head.version and (submission.tried is None or submission.sought):
            return self._append(submission, submission.changes or [], fault, direct=True)
        found = [event for event in self.events[base.version :] if event.event_id == submission.event_id]
        if found:
            outcome = self._after_found(submission, found[0])
            if outcome is not None:
                return outcome
            base = submission.base
            assert base is not None
        submission.sought = True
        theirs = self.events[base.version :]
        if not theirs:
            return self._append(submission, submission.changes or [], fault, direct=True)
        rebased = rebase(
            base,
            submission.content,
            self.head,
            submission.changes or [],
            theirs,
            writer=submission.writer,
            authority=submission.authority,
            defaulted=submission.defaulted,
        )
        return self._append(submission, rebased.changes, fault, theirs=theirs)

    def _after_found(self, submission: Submission, event: Event) -> Outcome | None:
        assert submission.base is not None
        between = [other for other in self.events[submission.base.version :] if other is not event]
        stored = self.views[event.version]
        earlier = [other for other in between if other.version < event.version]
        if resume(submission, Outcome(Receipt.of(event), stored, theirs=earlier)):
            return None
        return Outcome(Receipt.of(event), self.head, theirs=between)

    def _append(
        self,
        submission: Submission,
        changes: list[Change],
        fault: Fault | None,
        *,
        direct: bool = False,
        theirs: list[Event] | None = None,
    ) -> Outcome:
        if fault == "late":
            raise StorageError("the database broke")
        changes = guard("s", changes, submission.on_omission)
        assert submission.base is not None
        if not self.head.alive:
            created = submission.base.created_at or START
            changes = [SessionCreated(session_id="s", model=submission.base.model, created_at=created), *changes]
        version = self.head.version + 1
        event = Event(
            session_id="s",
            version=version,
            base_version=submission.base.version,
            event_id=submission.event_id,
            recorded_at=START + timedelta(seconds=version),
            writer=submission.writer,
            authority=submission.authority,
            changes=decode_payload(encode_payload(changes)).changes,
            digest=f"digest {version}",
        )
        self.events.append(event)
        self.views.append(apply(self.head, event))
        as_submitted = direct and submission.seen is submission.content
        return Outcome(Receipt.of(event), self.head, {}, as_submitted, theirs or ())

    def replayed(self) -> View:
        """Give the head as the fold of all events from the beginning."""
        return fold(View("s"), self.events)
