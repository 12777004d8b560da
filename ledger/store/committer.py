"""Takes submissions, decides with the domain what each becomes, and appends them: many in one transaction, or one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ledger.domain.events import Change
from ledger.domain.flights import Outcome, Submission
from ledger.domain.following import follow
from ledger.domain.payload import encode_payload
from ledger.domain.receipt import Receipt
from ledger.domain.submission import adopt_base
from ledger.domain.view import View
from ledger.errors import DamagedRecord, InvalidSession, StorageError, VersionConflict
from ledger.store.appending import Append, HeadMoved, Stored, append_on
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.patience import Patience
from ledger.store.planner import Plan, Planner
from ledger.store.unit import Unit
from ledger.store.wire import Wire
from ledger.telemetry import get_logger

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "Committer"]

_log = get_logger(__name__)

DEFAULT_MAX_EVENT_BYTES = 16 * 1024 * 1024
#: So often a save is rebased outside the write transaction before it is rebased inside it, where nobody can overtake.
OPTIMISTIC_TRIES = 5


class Committer:
    """Commits what one lane is given, on a connection of its own. Not safe to share between threads.

    Whatever it is given, it finishes: each unit with its outcomes, or with the error that refused it.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        load_view: Callable[[str, int], View],
        max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
        stored: Stored | None = None,
    ) -> None:
        self._database = database
        self._log = log
        self._wire = Wire(database)
        self._planner = Planner(log)
        self._load_view = load_view
        self._max_event_bytes = max_event_bytes
        self._stored = stored

    def commit(self, units: Sequence[Unit]) -> None:
        """Append one event for each submission of each unit; a unit is stored whole or not at all, and fails alone.

        Those whose base is still the head go together, in one transaction. Safe to repeat with the same submissions:
        what is in the log already is found there by its event id or key.
        """
        together: list[tuple[Unit, Append]] = []
        alone: list[Unit] = []
        for unit in units:
            try:
                append = self._direct(unit)
            except BaseException as error:  # noqa: BLE001 - it is raised where the unit is awaited
                unit.fail(error)
            else:
                if append is None:
                    alone.append(unit)
                else:
                    together.append((unit, append))
        if together:
            alone += self._commit_together(together)
        patience = Patience(self._database.patience_s)
        for unit in alone:
            self._commit_alone(unit, patience)
        for unit in units:
            self._report(unit)

    def _direct(self, unit: Unit) -> Append | None:
        """Give the event of a unit that can be appended without a look at the log; `None` if it takes one."""
        for submission in unit.submissions:
            self._resolve(submission)
        if len(unit.submissions) > 1:
            return None
        plan = self._planner.direct(unit.submissions[0])
        if plan is None:
            return None
        unit.plans = [plan]
        return self._append_of(plan)

    def _commit_together(self, together: list[tuple[Unit, Append]]) -> list[Unit]:
        """Append what units of one submission have become, and give those that have to be looked at alone."""
        together.sort(key=lambda pair: pair[1].entry.session_uid)
        appends = [append for _, append in together]
        try:
            written = self._wire.transact(
                lambda connection: self._write_any(connection, appends),
                in_one_statement=self._database.scribe.in_one_statement(appends),
            )
        except HeadMoved:
            return [unit for unit, _ in together]
        except BaseException as error:  # noqa: BLE001 - it is raised where the units are awaited
            if self._wire.rejected and len(together) > 1:
                return [unit for unit, _ in together]  # it may be the fault of one of them
            if isinstance(error, StorageError) and error.passing:
                return [unit for unit, _ in together]  # whether they are stored is found out by their event ids
            for unit, _ in together:
                unit.fail(error)
            return []
        alone = []
        for (unit, append), was_written in zip(together, written, strict=True):
            if was_written:
                unit.finish([_outcome(unit.plans[0], append)])
            else:
                alone.append(unit)
        return alone

    def _commit_alone(self, unit: Unit, patience: Patience) -> None:
        try:
            outcomes = patience.tried(lambda: self._append_together(unit)) if len(unit.submissions) > 1 else None
            tries = 0
            while outcomes is None:
                tries += 1
                inside = tries > OPTIMISTIC_TRIES
                outcomes = patience.tried(lambda: self._replan_and_append(unit, inside=inside))  # noqa: B023 - called here
        except BaseException as error:  # noqa: BLE001 - it is raised where the unit is awaited
            unit.fail(error)
        else:
            unit.finish(outcomes)

    def _append_together(self, unit: Unit) -> list[Outcome] | None:
        """Append several submissions, all or none, if every base is still the head."""
        plans = [self._planner.direct(submission) for submission in unit.submissions]
        return self._append([plan for plan in plans if plan]) if all(plans) else None

    def _replan_and_append(self, unit: Unit, *, inside: bool) -> list[Outcome] | None:
        if inside:
            with self._database.write() as connection:
                ids = [submission.session_id for submission in unit.submissions]
                for session_id in sorted(ids, key=lambda each: self._log.uid(connection, each)):
                    self._log.hold(connection, session_id)
                plans = [self._planner.plan(connection, submission) for submission in unit.submissions]
                try:
                    return self._write(connection.connection.dbapi_connection, plans)
                except HeadMoved as stuck:
                    # Nobody can have moved a head in here: it is not what the events make of it.
                    raise DamagedRecord(ids[0], None, "it does not fit the last event") from stuck
        with self._database.read() as connection:
            plans = [self._planner.plan(connection, submission) for submission in unit.submissions]
        return self._append(plans)

    def _append(self, plans: Sequence[Plan]) -> list[Outcome] | None:
        """Append what the plans say, or nothing at all if some head has moved."""
        if all(plan.settled for plan in plans):
            # It may have been found only because its commit was seen by readers before it was safe.
            self._wire.confirm()
            return [plan.settled for plan in plans if plan.settled]
        try:
            return self._wire.transact(lambda connection: self._write(connection, plans))
        except HeadMoved:
            return None

    def _write(self, connection: Any, plans: Sequence[Plan]) -> list[Outcome]:
        appends = {id(plan): self._append_of(plan) for plan in plans if plan.settled is None}
        # In an order that every process has.
        ordered = sorted(appends.values(), key=lambda append: append.entry.session_uid)
        if not all(self._database.scribe.write(connection, ordered)):
            raise HeadMoved
        return [plan.settled or _outcome(plan, appends[id(plan)]) for plan in plans]

    def _write_any(self, connection: Any, appends: Sequence[Append]) -> list[bool]:
        written = self._database.scribe.write(connection, appends)
        if not any(written):
            raise HeadMoved  # there is nothing to commit
        return written

    def _append_of(self, plan: Plan) -> Append:
        submission = plan.submission
        base = submission.base
        assert base is not None  # noqa: S101 - resolved before
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
        return append_on(
            plan.view,
            self._log.keyring,
            session_id=submission.session_id,
            base_version=base.version,
            event_id=submission.event_id,
            writer=submission.writer,
            authority=submission.authority,
            changes=plan.changes,
            payload=payload,
            # A key that turns out to be taken is looked up where the event is written, unless it was looked up before.
            key=submission.key,
            occurred_at=submission.occurred_at,
            content=plan.content,
        )

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
            under_way = prior.under_way
            if under_way is not None and under_way.start is not None:
                # In another lane, if at all: what was called before it was queued before. The event loop that is to
                # start that lane may be the one that waits for this save.
                under_way.start()
                under_way.wait()
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

    def _actual(self, session_id: str) -> int:
        with self._database.read() as connection:
            head = self._log.head(connection, session_id)
        return 0 if head is None else head.version

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()

    def _report(self, unit: Unit) -> None:
        if unit.error is not None:
            return  # its caller hears of it
        for submission, outcome in zip(unit.submissions, unit.outcomes, strict=True):
            receipt = outcome.receipt
            if self._stored is not None:
                self._stored(receipt.session_id, receipt.version)
            if receipt.omissions or receipt.overruled:
                _tell(submission.writer, receipt)
            _log.debug(
                "session_saved",
                session_id=receipt.session_id,
                version=receipt.version,
                writer=submission.writer,
                base_version=receipt.base_version,
                event_id=receipt.event_id,
            )


def _tell(writer: str, receipt: Receipt) -> None:
    """Say what someone should look at."""
    bound = {"session_id": receipt.session_id, "version": receipt.version, "writer": writer}
    if receipt.omissions:
        omitted = list(receipt.omissions)
        _log.warning("question_omitted", **bound, questions=omitted, base_version=receipt.base_version)
    if receipt.overruled:
        _log.info("change_overruled", **bound, paths=[change.path for change in receipt.overruled])


def _outcome(plan: Plan, append: Append) -> Outcome:
    submission = plan.submission
    as_submitted = plan.direct and submission.seen is submission.content
    return Outcome(append.receipt, append.after, plan.renamed, as_submitted, plan.theirs)


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
