"""What a submission becomes, with the log at hand: found, refused, rebased, or appended as it is. It writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from ledger.domain import events as e
from ledger.domain.agreeing import agreements
from ledger.domain.apply import fold
from ledger.domain.events import Agreement, Change, Event
from ledger.domain.flights import Outcome, Submission
from ledger.domain.following import resume
from ledger.domain.merge import rebase
from ledger.domain.omission import guard, omitted
from ledger.domain.receipt import Receipt
from ledger.domain.view import View
from ledger.errors import IdempotencyConflict, SessionDeleted, SessionExists, VersionConflict
from ledger.store.log import Head, Log

__all__ = ["Plan", "Planner"]


@dataclass(slots=True)
class Plan:
    """What one submission becomes: an event on `view`, or a save that the log holds already."""

    submission: Submission
    view: View
    changes: Sequence[Change] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    direct: bool = False
    content: View | None = None
    theirs: Sequence[Event] = ()
    agreed: Sequence[Agreement] = ()
    settled: Outcome | None = None


class Planner:
    """Decides what becomes of a submission. Reads in the transaction of the connection that it is given."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def direct(self, submission: Submission) -> Plan | None:
        """Plan for the common case, without reading anything: the base is still the head."""
        base = _base_of(submission)
        if submission.tried is not None and not submission.sought:
            return None  # what the log holds under this id, if anything, may be an earlier content
        if submission.expected_version not in (None, base.version):
            return None
        if submission.must_create and base.version and base.alive:
            return None
        if submission.on_omission == "raise" and omitted(submission.changes or []):
            return None  # only a question that is still pending at the head is missed
        return self._on(submission, base, submission.changes or [], direct=True)

    def plan(self, connection: Connection, submission: Submission) -> Plan:
        """Plan with the log at hand: find what was stored before, refuse what must be refused, rebase the rest."""
        session_id = submission.session_id
        base = _base_of(submission)
        head = self.log.head(connection, session_id)
        if submission.key is not None:
            event = self.keyed(connection, session_id, submission.key, submission.key_digest)
            if event is not None:
                return self._already(connection, submission, event, head)
        if head is None:
            submission.sought = True
            if base.version:
                raise VersionConflict(session_id, base.version, 0, diverged=True)
            if submission.expected_version:
                raise VersionConflict(session_id, submission.expected_version, 0)
            return self._on(submission, base, submission.changes or [], direct=True)
        found = self.log.version_of_event(connection, session_id, submission.event_id, after=base.version)
        if found is not None:
            plan = self._after_found(connection, submission, found, head)
            if plan is not None:
                return plan
            base = _base_of(submission)
        submission.sought = True
        self._check(connection, submission, base, head)
        if base.version == head.version:
            return self._on(submission, base, submission.changes or [], direct=True)
        if head.deleted:
            return self._on(submission, self._tombstone(connection, submission, head), submission.changes or [])
        return self._rebased(connection, submission, base, head)

    def _on(
        self,
        submission: Submission,
        view: View,
        changes: Sequence[Change],
        renamed: dict[str, str] | None = None,
        *,
        direct: bool = False,
    ) -> Plan:
        guarded = guard(submission.session_id, changes, submission.on_omission)
        # What was submitted is what will stand, unless the guard turned an omission into a loss.
        content = submission.content if direct and guarded == changes else None
        if not view.alive:
            guarded.insert(0, _created(submission, view))
        return Plan(
            submission,
            view,
            guarded,
            renamed or {},
            direct=direct,
            content=content if isinstance(content, View) else None,
        )

    def _check(self, connection: Connection, submission: Submission, base: View, head: Head) -> None:
        session_id = submission.session_id
        if head.deleted and head.version != base.version:
            if not (submission.must_create and base.version == 0):
                raise SessionDeleted(session_id, head.version)
        elif 0 < base.version < head.tombstone:
            raise SessionDeleted(session_id, head.tombstone)
        if submission.must_create and not head.deleted:
            raise SessionExists(session_id, head.version)
        known = not base.version or self.log.digest(connection, session_id, base.version) == base.digest
        expected = submission.expected_version
        if not known or (expected is not None and not expected == base.version == head.version):
            last = self.log.events(connection, session_id, after=head.version - 1, limit=1)
            wanted = base.version if not known or expected is None or expected == head.version else expected
            raise VersionConflict(session_id, wanted, head.version, last[0].writer, diverged=not known)

    def _tombstone(self, connection: Connection, submission: Submission, head: Head) -> View:
        """Give the base of a session that is created anew: the tombstone, with what the constructor was given."""
        base = _base_of(submission)
        buried = self.log.view(connection, submission.session_id, head.version)
        submission.base = replace(
            base,
            version=head.version,
            digest=head.digest,
            metadata_version=buried.metadata_version,
            updated_at=buried.updated_at,
        )
        return submission.base

    def _rebased(self, connection: Connection, submission: Submission, base: View, head: Head) -> Plan:
        content = submission.content
        assert isinstance(content, View)  # noqa: S101 - resolved before
        session_id = submission.session_id
        if base.alive:
            theirs = list(self.log.walk(connection, session_id, after=base.version, upto=head.version))
            view = fold(base, theirs)
        else:
            # A fresh session over one that lives: it sees the current life only, from its beginning.
            theirs = list(self.log.walk(connection, session_id, after=head.life - 1, upto=head.version))
            if head.life == 1:
                theirs = [*self.log.inherited(connection, session_id), *theirs]
            view = self.log.view(connection, session_id, head.version)
        rebased = rebase(
            base,
            content,
            view,
            submission.changes or [],
            theirs,
            writer=submission.writer,
            authority=submission.authority,
            defaulted=submission.defaulted,
        )
        plan = self._on(submission, view, rebased.changes, dict(rebased.renamed))
        plan.theirs = theirs
        plan.agreed = agreements(base, content, view, submission.changes or [], theirs)
        return plan

    def keyed(self, connection: Connection, session_id: str, key: str, key_digest: str | None) -> Event | None:
        """Give the event that was saved with this key, if there is one.

        Raises:
            IdempotencyConflict: if the key stands for other content.
        """
        version = self.log.version_of_key(connection, session_id, key)
        if version is None:
            return None
        if self.log.payload(connection, session_id, version).key_digest != key_digest:
            raise IdempotencyConflict(session_id, key, version)
        return self.log.events(connection, session_id, after=version - 1, limit=1)[0]

    def _already(self, connection: Connection, submission: Submission, event: Event, head: Head | None) -> Plan:
        assert head is not None  # noqa: S101 - an event has a head
        # A later life is not this save's: what it knows ends with its own event.
        same_life = not head.deleted and head.life <= event.version
        view = self.log.view(connection, submission.session_id, head.version if same_life else event.version)
        # What was submitted is in the head already, so none of it counts as an edit to be rebased on it.
        theirs = self._of_others(connection, submission, event, view.version)
        return Plan(submission, view, settled=Outcome(Receipt.of(event), view, theirs=theirs))

    def _of_others(self, connection: Connection, submission: Submission, own: Event, upto: int) -> list[Event]:
        after = max(_base_of(submission).version, own.base_version)
        events = self.log.walk(connection, submission.session_id, after=after, upto=upto)
        inherited = [] if after else self.log.inherited(connection, submission.session_id)
        return [*inherited, *(event for event in events if event.version != own.version)]

    def _after_found(self, connection: Connection, submission: Submission, version: int, head: Head) -> Plan | None:
        """The earlier try is in the log: it is the base now. `None` if edits made since are still to be saved."""
        event = self.log.events(connection, submission.session_id, after=version - 1, limit=1)[0]
        stored = self.log.view(connection, submission.session_id, version)
        theirs = self._of_others(connection, submission, event, version)
        if resume(submission, Outcome(Receipt.of(event), stored, theirs=theirs)):
            return None
        return self._already(connection, submission, event, head)


def _base_of(submission: Submission) -> View:
    assert submission.base is not None  # noqa: S101 - the lane gave it one
    return submission.base


def _created(submission: Submission, view: View) -> e.SessionCreated:
    assert view.created_at is not None  # noqa: S101 - every constructor sets it
    return e.SessionCreated(
        session_id=submission.session_id,
        title=view.title,
        pinned=view.pinned,
        model=view.model,
        summary=view.summary,
        parent_session_id=view.parent_session_id,
        root_session_id=view.root_session_id,
        created_at=view.created_at,
    )
