"""One session after the other, brought forward by its steps and saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ledger.domain.session import Session
from ledger.errors import IdempotencyConflict, InvalidSession, SessionDeleted, SessionNotFound
from ledger.importers.play import play
from ledger.importers.records import MEND
from ledger.importers.report import ImportReport
from ledger.importers.steps import RUN, CopyTaken, ImportProblem, Item, Skipped, Step
from ledger.telemetry import get_logger

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Player"]

_log = get_logger(__name__)


class Player:
    """Knows which steps the ledger has, holds the sessions that are being written, and counts into the report.

    What it holds of sessions lasts until `forget`: an import of thousands of files holds those of one.
    """

    def __init__(self, book: Ledger, report: ImportReport) -> None:
        self._book = book
        self._report = report
        self._keys: dict[str, dict[str, int]] = {}
        self._sessions: dict[str, Session] = {}
        #: Sessions of which nothing more is taken: deleted here, or another run than this one.
        self._closed: set[str] = set()
        self._seen: set[str] = set()
        #: Keys that are in the report already: the copies of a session repeat their messages.
        self._counted: dict[str, set[str]] = {}

    def play(self, items: Iterable[Item]) -> Iterator[ImportProblem]:
        """Save what is new, and give what had to be refused."""
        for item in items:
            if isinstance(item, Skipped):
                self._report.passed_over[item.kind] += 1
            elif isinstance(item, ImportProblem):
                yield item
            elif item.session_id not in self._closed:
                problem = self._take(item)
                if problem is not None:
                    yield problem

    def keys(self, session_id: str) -> dict[str, int]:
        """Give the keys that a session has been saved with, and their versions."""
        known = self._keys.get(session_id)
        if known is None:
            known = self._keys[session_id] = dict(self._book.keys(session_id))
        return known

    def forget(self) -> None:
        """Let go of the sessions."""
        self._keys.clear()
        self._sessions.clear()
        self._closed.clear()
        self._counted.clear()

    def _note(self, step: Step) -> bool:
        """Count a step's session, and say whether the step itself has not been counted yet."""
        if step.session_id not in self._seen:
            self._seen.add(step.session_id)
            self._report.session_ids.append(step.session_id)
        counted = self._counted.setdefault(step.session_id, set())
        is_new = step.key not in counted
        counted.add(step.key)
        return is_new

    def _take(self, step: Step) -> ImportProblem | None:
        keys = self.keys(step.session_id)
        if step.key in keys:
            self._report.skipped += self._note(step)
            if keys[step.key] == max(keys.values()):
                # The import that saved it may have been interrupted right behind it.
                self._record_usage(step)
        elif step.follows is not None and step.follows != _last_of_run(keys):
            self._closed.add(step.session_id)
            what = f"session {step.session_id} is there already, and goes on otherwise from here"
            return ImportProblem(step.place, what, 'give this run an "id" of its own, or rename its file')
        else:
            problem = self._save(step, keys)
            if problem is not None:
                return problem
            self._record_usage(step)
            self._report.usage_records += len(step.usage)
        return None

    def _save(self, step: Step, keys: dict[str, int]) -> ImportProblem | None:
        session = self._sessions.get(step.session_id) or self._load(step)
        try:
            recovered = play(session, step.happenings)
            receipt = self._book.save(
                session,
                writer=step.writer,
                authority=step.authority,
                key=step.key,
                occurred_at=step.occurred_at,
                on_omission="lose" if any(isinstance(it, CopyTaken) for it in step.happenings) else "keep",
            )
        except InvalidSession as error:
            self._sessions.pop(step.session_id, None)  # it holds what was refused
            where = f" at {error.path}" if error.path else ""
            return ImportProblem(step.place, f"it cannot be stored: {error.problem}{where}", MEND)
        except IdempotencyConflict as error:
            self._sessions.pop(step.session_id, None)
            keys[step.key] = error.version
            what = f"session {step.session_id} has another version of it, saved meanwhile as version {error.version}"
            return ImportProblem(step.place, what, f"`ledger show {step.session_id}@{error.version}` shows it")
        except SessionDeleted as error:
            self._closed.add(step.session_id)
            what = f"session {step.session_id} was deleted at version {error.version}, and nothing more of it is taken"
            return ImportProblem(
                step.place, what, f"`ledger show {step.session_id}@{error.version - 1}` shows it as it was"
            )
        self._note(step)
        self._sessions[step.session_id] = session
        keys[step.key] = receipt.version
        self._report.saves += 1
        self._report.recovered += recovered
        _log.debug(
            "step_imported", session_id=step.session_id, version=receipt.version, writer=step.writer, key=step.key
        )
        return None

    def _load(self, step: Step) -> Session:
        try:
            return self._book.load(step.session_id)
        except (SessionNotFound, SessionDeleted):
            # A session that was deleted says so when this is saved.
            opening = step.opening
            return Session.new(
                step.session_id,
                opening.model,
                created_at=opening.created_at,
                parent_session_id=opening.parent_session_id,
                root_session_id=opening.root_session_id,
            )

    def _record_usage(self, step: Step) -> None:
        for usage in step.usage:
            try:
                self._book.record_usage(step.session_id, usage.record, key=usage.key)
            except IdempotencyConflict:
                # Counted from another file that holds the same call.
                _log.debug("usage_counted_before", session_id=step.session_id, key=usage.key)


def _last_of_run(keys: dict[str, int]) -> str:
    """Give the key of the latest step that stands in a row; "" if there is none."""
    return max((key for key in keys if key.startswith(RUN)), key=keys.__getitem__, default="")
