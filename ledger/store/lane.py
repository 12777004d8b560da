"""The lane: takes submissions, decides with the domain what each becomes, and appends them in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from ledger.domain import events as e
from ledger.domain.events import Authority, Change
from ledger.domain.flights import Outcome, Submission
from ledger.domain.following import follow
from ledger.domain.payload import encode_payload
from ledger.domain.receipt import Receipt
from ledger.domain.submission import adopt_base
from ledger.domain.view import View
from ledger.errors import DamagedRecord, InvalidSession, LedgerError, SessionExists, StorageError, VersionConflict
from ledger.store.appending import Appender, new_event
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.planner import Plan, Planner
from ledger.telemetry import get_logger

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "Lane"]

_log = get_logger(__name__)

DEFAULT_MAX_EVENT_BYTES = 16 * 1024 * 1024
#: So often a save is rebased outside the write transaction before it is rebased inside it, where nobody can overtake.
OPTIMISTIC_TRIES = 5


class Lane:
    """Appends submissions. One save of a session after the other, in the order in which they come."""

    def __init__(
        self,
        database: Database,
        log: Log,
        load_view: Callable[[str, int], View],
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    ) -> None:
        self.database = database
        self.log = log
        self._planner = Planner(log)
        self._appender = Appender(log.keyring, database.dialect)
        self._load_view = load_view
        self._max_event_bytes = max_event_bytes

    def commit(self, submissions: Sequence[Submission]) -> list[Outcome]:
        """Append one event for each submission, all or none, in one transaction.

        Safe to repeat with the same submissions: what is in the log already is found there by its event id or key.

        Raises:
            LedgerError: whatever refuses one of them; then none was written. After a `StorageError` it is not known
                whether they were, and the event ids tell the next try.
        """
        try:
            return self._commit(submissions)
        except BaseException as error:
            for submission in submissions:
                submission.failed = True
                submission.ambiguous = isinstance(error, StorageError) or not isinstance(error, LedgerError)
            raise

    def _commit(self, submissions: Sequence[Submission]) -> list[Outcome]:
        for submission in submissions:
            self._resolve(submission)
        # In an order that every process has, whatever it knows of where a session came from.
        ordered = sorted(submissions, key=lambda submission: self.log.keyring.local(submission.session_id))
        plans = [plan for submission in ordered if (plan := self._planner.direct(submission))]
        outcomes: dict[int, Outcome] | None = None
        tries = 0
        if len(plans) == len(ordered):
            outcomes = self._append(plans)
        while outcomes is None:
            tries += 1
            outcomes = self._replan_and_append(ordered, inside=tries > OPTIMISTIC_TRIES)
        for submission in submissions:
            submission.outcome = outcomes[id(submission)]
            self._report(submission, submission.outcome)
        return [outcomes[id(submission)] for submission in submissions]

    def delete(
        self,
        session_id: str,
        *,
        reason: str,
        writer: str,
        authority: Authority,
        key: str | None,
        key_digest: str | None,
    ) -> bool:
        """Append a tombstone, which withdraws every pending question by name. `False` if nothing lives there."""
        with self.database.write() as connection:
            if key is not None and self._planner.keyed(connection, session_id, key, key_digest) is not None:
                return True
            head = self.log.head(connection, session_id)
            if head is None or head.deleted:
                return False
            view = self.log.view(connection, session_id, head.version)
            changes: list[Change] = [
                e.QuestionWithdrawn(question_id=question_id, reason=reason or "the session was deleted", by=writer)
                for question_id in view.pending
            ]
            changes.append(e.SessionWasDeleted(reason=reason))
            event = new_event(
                session_id,
                version=view.version + 1,
                base_version=view.version,
                event_id=uuid.uuid4().hex,
                writer=writer,
                authority=authority,
                changes=changes,
                kind="deleted",
                key=key,
            )
            payload = encode_payload(changes, key=key, key_digest=key_digest, base=view.digest)
            appended = self._appender.append(connection, view, event, payload)
            assert appended is not None  # noqa: S101 - nobody else writes inside this transaction
        _log.info("session_deleted", session_id=session_id, version=event.version, writer=writer, reason=reason)
        return True

    def fork(self, view: View, new_id: str, *, writer: str, authority: Authority) -> View:
        """Begin a session with the state of `view`, by one event that names it. Give the view of the new session.

        Raises:
            SessionExists: if the id was ever saved under.
        """
        forked = e.SessionForked(
            session_id=new_id,
            from_session_id=view.session_id,
            from_version=view.version,
            from_digest=view.digest,
            created_at=datetime.now(UTC),
        )
        event = new_event(
            new_id,
            version=1,
            base_version=0,
            event_id=uuid.uuid4().hex,
            writer=writer,
            authority=authority,
            changes=[forked],
        )
        with self.database.write() as connection:
            head = self.log.head(connection, new_id)
            # What it holds is the other session's; its log is its own, and begins here.
            begun = replace(view, version=0, digest="")
            child = None if head else self._appender.append(connection, begun, event, encode_payload([forked]))
            if child is None:
                head = head or self.log.head(connection, new_id)
                raise SessionExists(new_id, head.version if head else 1, deleted=head is not None and head.deleted)
        _log.info(
            "session_forked",
            session_id=new_id,
            version=1,
            writer=writer,
            from_session_id=view.session_id,
            from_version=view.version,
        )
        return child

    def receipt_of(self, session_id: str, key: str, key_digest: str) -> Receipt | None:
        """Give the receipt of the save that was made with this key, if there is one.

        Raises:
            IdempotencyConflict: if the key stands for other content.
        """
        with self.database.read() as connection:
            event = self._planner.keyed(connection, session_id, key, key_digest)
            return None if event is None else Receipt.of(event)

    def _append(self, plans: Sequence[Plan]) -> dict[int, Outcome] | None:
        """Append what the plans say, or nothing at all if some head has moved."""
        try:
            with self.database.write() as connection:
                return self._stage(connection, plans)
        except _HeadMoved:
            return None

    def _stage(self, connection: Connection, plans: Sequence[Plan]) -> dict[int, Outcome]:
        outcomes = {}
        for plan in plans:
            outcome = plan.settled or self._append_one(connection, plan)
            if outcome is None:
                raise _HeadMoved(plan.submission.session_id)
            outcomes[id(plan.submission)] = outcome
        return outcomes

    def _append_one(self, connection: Connection, plan: Plan) -> Outcome | None:
        submission = plan.submission
        if plan.direct and self._key_is_taken(connection, submission):
            return None
        base = submission.base
        assert base is not None  # noqa: S101 - resolved before
        event = new_event(
            submission.session_id,
            version=plan.view.version + 1,
            base_version=base.version,
            event_id=submission.event_id,
            writer=submission.writer,
            authority=submission.authority,
            changes=plan.changes,
            agreed=plan.agreed,
            key=submission.key,
            occurred_at=submission.occurred_at,
        )
        payload = encode_payload(
            plan.changes,
            key=submission.key,
            key_digest=submission.key_digest,
            occurred_at=submission.occurred_at,
            base=base.digest or None,
            agreed=plan.agreed,
        )
        if len(payload) > self._max_event_bytes:
            raise self._too_large(submission, plan.changes, len(payload))
        head = self._appender.append(connection, plan.view, event, payload, plan.content)
        if head is None:
            return None
        as_submitted = plan.direct and submission.seen is submission.content
        return Outcome(Receipt.of(event), head, plan.renamed, as_submitted, plan.theirs)

    def _key_is_taken(self, connection: Connection, submission: Submission) -> bool:
        """A retry from a copy that has not seen its own save: looked up before anything else is decided."""
        if submission.key is None:
            return False
        return self.log.version_of_key(connection, submission.session_id, submission.key) is not None

    def _too_large(self, submission: Submission, changes: Sequence[Change], size: int) -> InvalidSession:
        largest = max(changes, key=lambda change: len(encode_payload([change])))
        path = _place_of(largest, submission.content)
        return InvalidSession(
            f"the save is {size / 2**20:.1f} MiB, more than the limit of {self._max_event_bytes / 2**20:g} MiB; "
            f"keep large data elsewhere and store a reference, or open the ledger with a larger max_event_bytes",
            path=path,
            session_id=submission.session_id,
        )

    def _resolve(self, submission: Submission) -> None:
        """Give a submission its base and its changes where they depend on the log, or on a save that came before."""
        prior = submission.prior
        if prior is not None:
            self._resolve(prior)
            follow(submission, prior)
            submission.prior = None
        if submission.base is None:
            try:
                base = self._load_view(submission.session_id, submission.base_version)
            except LookupError as error:
                raise VersionConflict(
                    submission.session_id, submission.base_version, self._actual(submission.session_id), diverged=True
                ) from error
            adopt_base(submission, base)

    def _replan_and_append(self, submissions: Sequence[Submission], *, inside: bool) -> dict[int, Outcome] | None:
        if inside:
            with self.database.write() as connection:
                plans = [self._planner.plan(connection, submission) for submission in submissions]
                try:
                    return self._stage(connection, plans)
                except _HeadMoved as stuck:
                    # Nobody can have moved it in here: it is not what the events make of it.
                    raise DamagedRecord(stuck.session_id, None, "it does not fit the last event") from stuck
        with self.database.read() as connection:
            plans = [self._planner.plan(connection, submission) for submission in submissions]
        if all(plan.settled for plan in plans):
            return {id(plan.submission): plan.settled for plan in plans if plan.settled}
        return self._append(plans)

    def _actual(self, session_id: str) -> int:
        with self.database.read() as connection:
            head = self.log.head(connection, session_id)
        return 0 if head is None else head.version

    def _report(self, submission: Submission, outcome: Outcome) -> None:
        receipt = outcome.receipt
        bound = _log.bind(session_id=receipt.session_id, version=receipt.version, writer=submission.writer)
        if receipt.omissions:
            bound.warning("question_omitted", questions=list(receipt.omissions), base_version=receipt.base_version)
        if receipt.overruled:
            bound.info("change_overruled", paths=[change.path for change in receipt.overruled])
        bound.debug("session_saved", base_version=receipt.base_version, event_id=receipt.event_id)


class _HeadMoved(Exception):
    """Another save came first."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(session_id)


def _place_of(change: Any, content: Any) -> str:
    message = getattr(change, "message", None)
    if message is not None:
        for place, other in enumerate(content.messages):
            if other.id == message.id:
                return f"/messages/{place}"
    if hasattr(change, "question"):
        return f"/questions/{change.question.id}"
    if hasattr(change, "path"):
        return f"/{change.type.split('_')[0]}{change.path}"
    return f"/{change.type.removesuffix('_changed')}"
