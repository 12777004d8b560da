"""What writes: every save appends one event."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ledger import verbs
from ledger.domain.events import Authority
from ledger.domain.flights import Outcome, Submission
from ledger.domain.omission import OnOmission
from ledger.domain.parts import Message
from ledger.domain.payload import content_digest
from ledger.domain.receipt import Receipt
from ledger.domain.revisions import At
from ledger.domain.session import Session, session_of
from ledger.domain.submission import abandon, settle, submit
from ledger.domain.submitted import check_keywords, checked_id
from ledger.errors import InvalidSession, LedgerError, SessionNotFound
from ledger.explaining import Explaining
from ledger.ports import ReadSide
from ledger.replica import Replica
from ledger.store.database import Database
from ledger.store.lanes import Lanes
from ledger.store.lifecycle import Lifecycle
from ledger.store.log import Log
from ledger.store.unit import Unit
from ledger.store.usage import append_usage, checked_record

__all__ = ["Saving"]


class Saving(Explaining):
    """The writing half of the facade, on top of the reading one."""

    def __init__(
        self,
        database: Database,
        log: Log,
        reads: ReadSide,
        lanes: Lanes,
        *,
        replica: Replica | None = None,
        writer: str,
        authority: Authority,
        authoritative: Sequence[str],
    ) -> None:
        super().__init__(database, log, reads, replica)
        self.lanes = lanes
        self._lifecycle = Lifecycle(database, log, None if replica is None else replica.saw)
        self.writer = writer
        self.authority: Authority = authority
        self.authoritative = frozenset(authoritative)

    def save(
        self,
        session: Session,
        *,
        writer: str | None = None,
        authority: Authority | None = None,
        expected_version: int | None = None,
        key: str | None = None,
        occurred_at: datetime | None = None,
        on_omission: OnOmission = "keep",
        **internal: Any,
    ) -> Receipt:
        """Append what changed as one event, and bring `session` to the merged head in place.

        Atomic and durable: after it returns, the event survives a crash. A stale save is rebased on what others saved
        meanwhile; nothing that anyone saved is lost. Safe to repeat after an error: the session keeps its event id
        until the save settles, so that a save whose reply was lost is found and not made twice.

            receipt = book.save(session)
            assert receipt.version == session.version

        Args:
            session: what to save. A save without changes appends an empty event.
            writer: who saves; the ledger's writer by default.
            authority: ``"runtime"`` or ``"user"``: on a title, a pin or an authoritative metadata key the user stands.
            expected_version: refuse instead of rebasing, unless base and head are this version.
            key: makes a retry from anywhere safe: the same key with the same content gives the first receipt.
            occurred_at: when it happened, for imported histories; aware.
            on_omission: what to do with a pending question that vanished without a reason: ``"keep"`` it and record
                the omission, ``"raise"``, or ``"lose"`` it, for importers.
            **internal: how the verbs that are built on `save` pass on what they are.

        Returns:
            The receipt: version, base version, event id, digest, what was overruled and what was omitted.

        Raises:
            VersionConflict: if `expected_version` does not hold, or the base is not in this ledger's past.
            IdempotencyConflict: if the key stands for other content.
            SessionDeleted: if the session was deleted since it was loaded.
            QuestionOmittedError: for ``on_omission="raise"``.
            InvalidSession: if something in it cannot be stored; nothing was written.
            StorageError: if the database fails.
        """
        keywords: dict[str, Any] = {
            "writer": writer, "authority": authority, "expected_version": expected_version, "key": key,
            "occurred_at": occurred_at, "on_omission": on_omission, **internal,
        }  # fmt: skip
        return self._save_each([session], [keywords])[0]

    def save_all(
        self, sessions: Sequence[Session], *, expected_version: int | Mapping[str, int] | None = None, **keywords: Any
    ) -> list[Receipt]:
        """Save several sessions in one transaction, all or none; the keywords are those of `save`.

        Args:
            sessions: of different ids.
            expected_version: one version for all, or one for each id.
            **keywords: as for `save`; a `key` is each session's own.

        Raises:
            LedgerError: what `save` raises for any of them; then none was saved, and all are as they were.
        """
        return self._save_each(sessions, self.each(sessions, expected_version, keywords))

    def each(
        self, sessions: Sequence[Session], expected_version: int | Mapping[str, int] | None, keywords: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Give the keywords of a `save_all` session by session."""
        ids = [session.id for session in sessions]
        for session_id in ids:
            if ids.count(session_id) > 1:
                raise InvalidSession("it is named twice in one save_all", session_id=session_id)
        expected: Mapping[str, int | None] = (
            expected_version if isinstance(expected_version, Mapping) else dict.fromkeys(ids, expected_version)
        )
        return [{**keywords, "expected_version": expected.get(session_id)} for session_id in ids]

    def create(self, session: Session, **keywords: Any) -> Receipt:
        """Save a session that must not exist yet; allowed again after a deletion. The keywords are those of `save`.

        Raises:
            SessionExists: if a session of that id lives.
            LedgerError: what `save` raises.
        """
        return self.save(session, must_create=True, **keywords)

    def _save_each(self, sessions: Sequence[Session], keywords: Sequence[dict[str, Any]]) -> list[Receipt]:
        submissions: list[Submission] = []
        with self.lanes.turn(sessions):
            try:
                for session, words in zip(sessions, keywords, strict=True):
                    submissions.append(self.submit(session, **words))
                outcomes = self._commit(submissions)
            except BaseException as error:
                for session, submission in zip(sessions, submissions, strict=False):
                    abandon(session, submission, ambiguous=not isinstance(error, LedgerError) or submission.ambiguous)
                raise
            for session, submission, outcome in zip(sessions, submissions, outcomes, strict=True):
                settle(session, submission, outcome)
        return [outcome.receipt for outcome in outcomes]

    def submit(
        self, session: Session, *, writer: str | None = None, authority: Authority | None = None, **keywords: Any
    ) -> Submission:
        """Take what is to be saved, now; for the faces that commit it elsewhere."""
        return submit(
            session,
            writer=self.writer if writer is None else writer,
            authority=self.authority if authority is None else authority,
            authoritative=self.authoritative,
            **keywords,
        )

    def _commit(self, submissions: Sequence[Submission]) -> list[Outcome]:
        if not submissions:
            return []
        unit = Unit(submissions)
        self.lanes.run(unit)
        return unit.result()

    def update(self, session_id: str, mutate: Callable[[Session], Any], **keywords: Any) -> Receipt:
        """Load the head, apply `mutate` to it and save it, as one step that nobody can come between.

        `mutate` may run more than once, each time on a fresh session. The keywords are those of `save`, without
        `expected_version`; a `key` is looked up before anything is loaded.

            book.update("s1", lambda session: setattr(session, "title", "Deployment"), writer="ui", authority="user")

        Raises:
            SessionNotFound: if it never was; `SessionDeleted` if it lives no more.
            VersionConflict: if others saved in between each of many tries.
        """
        return verbs.driven(verbs.update(session_id, mutate, **keywords), self._take)

    def append(self, session_id: str, *messages: Message, **keywords: Any) -> Receipt:
        """Append messages to a session without loading it first; what a UI or a tool does. Keywords as for `save`."""
        return verbs.driven(verbs.append(session_id, messages, **keywords), self._take)

    def answer(
        self, session_id: str, question_id: str, answer: Any, *, by: str | None = None, **keywords: Any
    ) -> Receipt:
        """Answer a question without loading its session first. Keywords as for `save`.

        Args:
            session_id: whose question it is.
            question_id: its id, or a tool call that has one pending question.
            answer: any JSON.
            by: who answered; the writer by default.
            **keywords: as for `save`.

        Raises:
            QuestionNotPending: if it was resolved before, or never asked.
        """
        return verbs.driven(verbs.answer(session_id, question_id, answer, by=by, **keywords), self._take)

    def _take(self, step: verbs.Step) -> Any:
        match step:
            case verbs.Load(session_id):
                return self.load_to_save(session_id)
            case verbs.Save(session, keywords):
                return self.save(session, **keywords)
            case verbs.LookUp(session_id, key, key_digest):
                return self.receipt_of(session_id, key, key_digest)
            case verbs.Await(awaitable):
                if inspect.iscoroutine(awaitable):
                    awaitable.close()  # it will not run, so it need not warn that it did not
                raise TypeError("mutate is async: use AsyncLedger.update for it")

    def load_to_save(self, session_id: str) -> Session:
        """Give the session at its head as the database itself has it, and no replica."""
        return session_of(self._view(session_id, None))

    def receipt_of(self, session_id: str, key: str, key_digest: str) -> Receipt | None:
        """Give the receipt of the save that was made with this key and content, if there is one."""
        return self._lifecycle.receipt_of(session_id, key, key_digest)

    def delete(
        self,
        session_id: str,
        *,
        reason: str = "",
        writer: str | None = None,
        authority: Authority | None = None,
        key: str | None = None,
    ) -> bool:
        """Append a tombstone, which withdraws every pending question by name. Nothing is removed.

        Every copy from before gets `SessionDeleted` when it is saved; `history` and `load(at=…)` still work.

        Returns:
            Whether a session lived there. With a `key`, a repeated call gives what the first one gave.

        Raises:
            InvalidSession: if something that is said of it cannot be stored.
            IdempotencyConflict: if the key stands for something else.
        """
        writer = self.writer if writer is None else writer
        authority = self.authority if authority is None else authority
        try:
            checked_id(session_id, "/id")
            check_keywords(writer=writer, authority=authority, key=key, reason=reason)
        except InvalidSession as error:
            error.session_id = session_id
            raise
        return self._lifecycle.delete(
            session_id,
            reason=reason,
            writer=writer,
            authority=authority,
            key=key,
            key_digest=None if key is None else content_digest(f"delete:{reason}", []),
        )

    def fork(
        self,
        session_id: str,
        new_id: str,
        *,
        at: At | None = None,
        writer: str | None = None,
        authority: Authority | None = None,
    ) -> Session:
        """Begin a new session that starts from the state of another one, now or at a revision. Nothing is copied.

        One event names the session and the version that it starts from; the two go their own ways from there. Atomic
        and durable. A question that was open at that version is open in the new session too, and is answered there on
        its own. Deleting the one session does not touch the other.

            retry = book.fork("s1", "s1-retry", at="q:call_1#0")
            retry.answer("call_1#0", "production")
            book.save(retry)

        Args:
            session_id: what to start from; of a deleted session, any version at which it lived.
            new_id: of the new session; it must never have been saved under. A deleted session keeps its log, so its id
                can be created anew, but nothing can be forked onto it.
            at: a revision, as for `load`; the head by default.
            writer: who forks; the ledger's writer by default.
            authority: as what.

        Returns:
            The new session, at its version 1: `forked_from` says where it comes from.

        Raises:
            SessionExists: if `new_id` lives, or was deleted.
            SessionNotFound: if no session of `session_id` was ever saved; `SessionDeleted` if it did not live then.
            VersionNotFound: if there is no such revision.
            InvalidRevision: a `ValueError`; if `at` is no revision at all.
            InvalidSession: if `new_id`, or what is said of the fork, cannot be stored.
            StorageError: if the database fails. If the fork was stored all the same, trying again is `SessionExists`.
        """
        writer = self.writer if writer is None else writer
        authority = self.authority if authority is None else authority
        try:
            checked_id(new_id, "/id")
            check_keywords(writer=writer, authority=authority)
        except InvalidSession as error:
            error.session_id = new_id
            raise
        view = self._view(session_id, at)
        return session_of(self._lifecycle.fork(view, new_id, writer=writer, authority=authority))

    def record_usage(self, session_id: str, record: Mapping[str, Any] | str, *, key: str | None = None) -> None:
        """Append a record to the token-usage log.

        Args:
            session_id: whose tokens they were.
            record: a JSON object, or its line.
            key: makes a retry safe: the same key and record is recorded once.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            InvalidSession: if the record is no JSON object.
            IdempotencyConflict: if the key stands for another record.
        """
        body = checked_record(session_id, record, key)
        with self._database.write() as connection:
            self._log.hold(connection, session_id)
            if self._log.head(connection, session_id) is None:
                raise SessionNotFound(session_id)
            append_usage(connection, session_id, self._log.uid(connection, session_id), body, key)
