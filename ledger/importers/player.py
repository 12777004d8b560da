"""One session after the other, brought forward by its steps and saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger.domain.session import Session
from ledger.errors import IdempotencyConflict, InvalidSession, SessionDeleted, SessionNotFound
from ledger.importers.play import play
from ledger.importers.records import MEND
from ledger.importers.report import ImportReport
from ledger.importers.steps import CopyTaken, ImportProblem, Item, Skipped, Step
from ledger.shell_words import spoken
from ledger.telemetry import get_logger

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Player"]

_log = get_logger(__name__)


@dataclass(slots=True)
class _Known:
    """What the ledger has of a session: keys and their versions, the latest version of them, the slots that are taken.

    `counted` are the keys that are in the report already: the copies of a session repeat its messages.
    """

    keys: dict[str, int]
    latest: int
    slots: set[str]
    counted: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, keys: dict[str, int]) -> _Known:
        return cls(keys, max(keys.values(), default=0), {key.rpartition(":")[0] + ":" for key in keys})

    @property
    def is_imported(self) -> bool:
        return any(key.startswith("import:") for key in self.keys)


class Player:
    """Knows which steps the ledger has, holds the sessions that are being written, and counts into the report.

    What it holds of sessions lasts until `forget`: an import of thousands of files holds those of one.
    """

    def __init__(self, book: Ledger, report: ImportReport) -> None:
        self._book = book
        self._report = report
        self._known: dict[str, _Known] = {}
        self._sessions: dict[str, Session] = {}
        #: Sessions of which nothing more is taken: deleted here, or another run than this one.
        self._closed: set[str] = set()
        self._seen: set[str] = set()

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
        return self._of(session_id).keys

    def forget(self) -> None:
        """Let go of the sessions."""
        self._known.clear()
        self._sessions.clear()
        self._closed.clear()

    def _note(self, step: Step) -> bool:
        """Count a step's session, and say whether the step itself has not been counted yet."""
        if step.session_id not in self._seen:
            self._seen.add(step.session_id)
            self._report.session_ids.append(step.session_id)
        counted = self._of(step.session_id).counted
        is_new = step.key not in counted
        counted.add(step.key)
        return is_new

    def _of(self, session_id: str) -> _Known:
        known = self._known.get(session_id)
        if known is None:
            known = self._known[session_id] = _Known.of(dict(self._book.keys(session_id)))
        return known

    def _take(self, step: Step) -> ImportProblem | None:
        known = self._of(step.session_id)
        if step.key in known.keys:
            self._report.skipped += self._note(step)
            if known.keys[step.key] == known.latest:
                # The import that saved it may have been interrupted right behind it.
                return self._record_usage(step)
        elif step.slot is not None and step.slot in known.slots:
            self._closed.add(step.session_id)
            what = f"session {step.session_id} is there already, and goes on otherwise from here"
            return ImportProblem(step.place, what, 'give this run an "id" of its own, or rename its file')
        else:
            problem = self._save(step, known)
            if problem is not None:
                return problem
            problem = self._record_usage(step)
            self._report.usage_records += len(step.usage) if problem is None else 0
            return problem
        return None

    def _save(self, step: Step, known: _Known) -> ImportProblem | None:
        session = self._sessions.get(step.session_id) or self._load(step)
        if session.version and not known.is_imported:
            self._closed.add(step.session_id)
            what = f"session {step.session_id} is there already, and did not come from an import"
            return ImportProblem(step.place, what, "import into another ledger: `--db` names one")
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
            known.keys[step.key] = error.version
            what = f"session {step.session_id} has another version of it, saved meanwhile as version {error.version}"
            return ImportProblem(
                step.place, what, f"`ledger show {spoken(f'{step.session_id}@{error.version}')}` shows it"
            )
        except SessionDeleted as error:
            self._closed.add(step.session_id)
            what = f"session {step.session_id} was deleted at version {error.version}, and nothing more of it is taken"
            return ImportProblem(
                step.place, what, f"`ledger show {spoken(f'{step.session_id}@{error.version - 1}')}` shows it as it was"
            )
        self._note(step)
        self._sessions[step.session_id] = session
        known.keys[step.key] = receipt.version
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

    def _record_usage(self, step: Step) -> ImportProblem | None:
        for usage in step.usage:
            try:
                self._book.record_usage(step.session_id, usage.record, key=usage.key)
            except IdempotencyConflict:
                # Counted from another file that holds the same call.
                _log.debug("usage_counted_before", session_id=step.session_id, key=usage.key)
            except InvalidSession as error:
                return ImportProblem(step.place, f"its token counts cannot be stored: {error.problem}", MEND)
        return None
