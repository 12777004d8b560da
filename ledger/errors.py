"""Everything that the ledger raises on purpose.

    LedgerError
    ├── SessionNotFound        (also LookupError)
    │   └── SessionDeleted
    ├── VersionNotFound        (also LookupError)
    ├── QuestionNotFound       (also LookupError)
    ├── SessionExists
    │   └── SessionDiverged
    ├── VersionConflict
    ├── IdempotencyConflict
    ├── QuestionOmittedError
    ├── QuestionNotPending
    ├── InvalidSession         (also ValueError)
    ├── InvalidArgument        (also ValueError)
    ├── InvalidRevision        (also ValueError)
    ├── InvalidRange           (also ValueError)
    ├── InvalidExport          (also ValueError)
    ├── InvalidRedaction       (also ValueError)
    ├── UnknownChange
    ├── UnknownProjection      (also ValueError)
    ├── UnsavedWork
    ├── FrameworkMissing       (also ImportError)
    └── StorageError
        ├── SchemaOutOfDate
        ├── LedgerMissing
        └── DamagedRecord

Every error keeps the values it speaks of as attributes, and where a command would help, its message names it.
"""

from __future__ import annotations

import reprlib
from typing import Any

from ledger.shell_words import spoken

__all__ = [
    "DamagedRecord",
    "FrameworkMissing",
    "IdempotencyConflict",
    "InvalidArgument",
    "InvalidExport",
    "InvalidRange",
    "InvalidRedaction",
    "InvalidRevision",
    "InvalidSession",
    "LedgerError",
    "LedgerMissing",
    "QuestionNotFound",
    "QuestionNotPending",
    "QuestionOmittedError",
    "SchemaOutOfDate",
    "SessionDeleted",
    "SessionDiverged",
    "SessionExists",
    "SessionNotFound",
    "StorageError",
    "UnknownChange",
    "UnknownProjection",
    "UnsavedWork",
    "VersionConflict",
    "VersionNotFound",
]


def _revive(kind: type[LedgerError], message: str, values: dict[str, Any]) -> LedgerError:
    error = kind.__new__(kind, message)
    Exception.__init__(error, message)
    error.__dict__.update(values)
    return error


class LedgerError(Exception):
    """The root of the tree: catch it to catch everything that the ledger refuses or fails to do."""

    def __reduce__(self) -> tuple[Any, ...]:
        # The constructors take values, not the message, so the default way of pickling would call them wrongly.
        return _revive, (type(self), self.args[0] if self.args else "", dict(self.__dict__))


class SessionNotFound(LedgerError, LookupError):
    """No session of that id was ever saved here."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        super().__init__(f"there is no session {session_id!r}; `ledger sessions` lists those there are")


class VersionNotFound(LedgerError, LookupError):
    """The session exists, that revision of it does not."""

    def __init__(
        self, session_id: str, revision: object, head: int, why: str = "", *, before: tuple[str, int] | None = None
    ) -> None:
        self.session_id = session_id
        self.revision = revision
        self.head = head
        #: In a fork, where the state is that was asked for: a session that it came from, and its version.
        self.before = before
        if before is not None:
            why = "it is a fork, and what came before is {}@{}".format(*before)
        reason = f" ({why})" if why else ""
        super().__init__(
            f"session {session_id} has no revision {revision}{reason}; its head is version {head}, "
            f"`ledger log {spoken(session_id)}` lists them all"
        )


class QuestionNotFound(LedgerError, LookupError):
    """No save of the session ever asked a question of that id."""

    def __init__(self, session_id: str, question_id: str) -> None:
        self.session_id = session_id
        self.question_id = question_id
        super().__init__(
            f"session {session_id} never asked a question {question_id!r}; "
            f"`ledger questions {spoken(session_id)}` lists those that it asked"
        )


class SessionExists(LedgerError):
    """The id is taken: by a session that lives, or, for what begins a log of its own, by one that was deleted."""

    def __init__(self, session_id: str, version: int, *, deleted: bool = False) -> None:
        self.session_id, self.version = session_id, version
        self.deleted = deleted
        super().__init__(
            f"session {session_id} was deleted at version {version}, and its log stays; choose another id"
            if deleted
            else f"session {session_id} exists already, at version {version}; load it to go on with it"
        )


class SessionDiverged(SessionExists):
    """The id is taken by a session with another past than the one that was to be imported; nothing of it was."""

    def __init__(self, session_id: str, version: int, *, origin: str, held: str) -> None:
        self.session_id = session_id
        self.version = version
        self.origin, self.held = origin, held
        other = "of another origin" if origin != held else "whose past is another one"
        Exception.__init__(
            self,
            f"session {session_id} exists already, at version {version}, and is one {other}; "
            f"nothing of it was imported, take it into a ledger of its own to compare the two",
        )


class SessionDeleted(SessionNotFound):
    """The session was deleted, so nothing of that id is found; what was saved before still loads with ``at=``."""

    def __init__(self, session_id: str, version: int) -> None:
        self.session_id = session_id
        self.version = version
        Exception.__init__(
            self,
            f"session {session_id} was deleted at version {version}; version {version - 1} still loads "
            f"(`ledger show {spoken(f'{session_id}@{version - 1}')}`), and `create` starts it anew",
        )


class VersionConflict(LedgerError):
    """The head is not where the caller demanded it, or the caller's base is not in this ledger's past."""

    def __init__(
        self, session_id: str, expected: int, actual: int, writer: str | None = None, *, diverged: bool = False
    ) -> None:
        self.session_id = session_id
        self.expected, self.actual, self.writer = expected, actual, writer
        self.diverged = diverged
        by = f" (last saved by {writer})" if writer else ""
        if diverged:
            message = (
                f"session {session_id} has diverged: version {expected} as it was loaded is not in this ledger, "
                f"whose head is version {actual}{by}; load it again and redo the edit"
            )
        else:
            message = f"session {session_id} is at version {actual}, not {expected}{by}; load it again and retry"
        super().__init__(message)


class IdempotencyConflict(LedgerError):
    """The key was used before, for other content."""

    def __init__(self, session_id: str, key: str, version: int) -> None:
        self.session_id, self.key, self.version = session_id, key, version
        super().__init__(
            f"key {key!r} of session {session_id} already stands for version {version}, whose content differs; "
            f"`ledger show {spoken(f'{session_id}@{version}')}` shows it; use a new key for new content"
        )


class QuestionOmittedError(LedgerError):
    """The saved session no longer holds pending questions and says nothing of why (``on_omission="raise"``)."""

    def __init__(self, session_id: str, question_ids: tuple[str, ...]) -> None:
        self.session_id = session_id
        self.question_ids = question_ids
        names = ", ".join(question_ids)
        super().__init__(
            f"session {session_id} would lose pending question {names}: answer, withdraw or expire it, "
            f"or load the session again"
        )


class QuestionNotPending(LedgerError):
    """The question is not open: resolved before, or never asked here."""

    def __init__(self, session_id: str, question: str, status: str | None, detail: str = "") -> None:
        self.session_id, self.question, self.status = session_id, question, status
        found = detail or (f"it is {status}" if status else "no such question was asked")
        super().__init__(f"question {question} of session {session_id} is not pending: {found}")


class InvalidSession(LedgerError, ValueError):
    """What was to be saved cannot be stored; nothing was written. ``path`` is a JSON Pointer into the session."""

    def __init__(self, problem: str, *, path: str = "", session_id: str | None = None) -> None:
        self.problem = problem
        self.path = path
        self.session_id = session_id
        super().__init__(problem)

    def __str__(self) -> str:
        where = f"session {self.session_id}" if self.session_id is not None else "session"
        at = f" at {self.path}" if self.path else ""
        return f"{where} cannot be saved{at}: {self.problem}; nothing was written"


class InvalidArgument(LedgerError, ValueError):
    """A call was given what means nothing there: text for a number, a word that is none of those known."""

    def __init__(self, name: str, value: object, problem: str) -> None:
        self.name = name
        self.value = value
        self.problem = problem
        super().__init__(f"{name} cannot be {reprlib.repr(value)}: {problem}")


class InvalidRevision(LedgerError, ValueError):
    """Not a way to name a revision."""

    def __init__(self, revision: object, problem: str) -> None:
        self.revision = revision
        self.problem = problem
        super().__init__(
            f'{revision!r} does not name a revision: {problem}; use a version ("12"), a distance from the head ("-1"), '
            f'an ISO time with its zone, "q:QUESTION" or "key:KEY"'
        )


class InvalidRange(LedgerError, ValueError):
    """A range ends before it begins. `first` and `last` are the versions that the two revisions name."""

    def __init__(self, session_id: str, start: object, stop: object, first: int, last: int) -> None:
        self.session_id = session_id
        self.start, self.stop = start, stop
        self.first, self.last = first, last
        begins = "the beginning" if start is None else f"revision {start}"
        ends = "the head" if stop is None else f"revision {stop}"
        super().__init__(
            f"no save of session {session_id} lies from {begins} (version {first}) to {ends} (version {last}): a "
            f"range goes forwards, and `ledger log {spoken(session_id)}` lists the versions"
        )


class InvalidExport(LedgerError, ValueError):
    """What was to be imported is no export of a ledger, or not as it was written; nothing of it was."""

    def __init__(
        self,
        problem: str,
        *,
        line: int,
        session_id: str | None = None,
        version: int | None = None,
        hint: str = "",
        source: str = "",
    ) -> None:
        self.problem = problem
        self.source, self.line = source, line
        self.session_id, self.version = session_id, version
        self.hint = hint or "ask whoever sent it for a new export"
        where = f"{source}:{line}" if source else f"line {line}"
        if session_id is not None:
            where += f", session {session_id}" + (f", version {version}" if version is not None else "")
        super().__init__(f"{where}: {problem}; nothing of it was imported, {self.hint}")

    def of(self, source: str) -> InvalidExport:
        """Give the same error, of a source that has a name."""
        told: dict[str, Any] = {"session_id": self.session_id, "version": self.version, "hint": self.hint}
        return InvalidExport(self.problem, line=self.line, source=source, **told)


class InvalidRedaction(LedgerError, ValueError):
    """Not a path to something that an export can blank."""

    def __init__(self, path: object, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(
            f"{path!r} cannot be blanked: {problem}; name it like /messages/*/content, /title or /metadata/email"
        )


class UnknownChange(LedgerError):
    """An event of a newer release: it is never skipped, since what it did would be missing from the state."""

    def __init__(self, change: str, session_id: str = "", version: int = 0) -> None:
        self.change = change
        self.session_id = session_id
        self.version = version
        where = f" in version {version} of session {session_id}" if session_id else ""
        super().__init__(f"this release does not know the change {change!r}{where}; upgrade sessionledger to read it")


class UnknownProjection(LedgerError, ValueError):
    """There is no projection of that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        self.known = known
        super().__init__(f"there is no projection {name!r}; there are {', '.join(known)}")


class UnsavedWork(LedgerError):
    """The bound of unsaved sessions that a repository keeps in memory is reached."""

    def __init__(self, session_id: str, unsaved: int) -> None:
        self.session_id = session_id
        self.unsaved = unsaved
        super().__init__(
            f"session {session_id} could not be saved, and {unsaved} unsaved sessions are already kept in memory; "
            f"bring storage back (`ledger doctor`) before you go on"
        )


class FrameworkMissing(LedgerError, ImportError):
    """An adapter was imported whose framework is not installed."""

    def __init__(self, distribution: str, extra: str) -> None:
        self.distribution = distribution
        self.extra = extra
        super().__init__(f"{distribution} is not installed: pip install 'sessionledger[{extra}]'")


class StorageError(LedgerError):
    """The database failed; the cause is chained. A save that failed so may be repeated as it is.

    `passing` tells whether that may help by itself: a server that is away comes back, a full disk does not, and of one
    that was silent until the time for it was over nobody knows (`None`).
    """

    def __init__(self, problem: str, hint: str = "run `ledger doctor`", *, passing: bool | None = False) -> None:
        self.problem = problem
        self.hint = hint
        self.passing = passing
        super().__init__(f"{problem}; {hint}" if hint else problem)


class SchemaOutOfDate(StorageError):
    """The database has another schema than this release."""

    def __init__(self, database: str, found: str | None, expected: str) -> None:
        self.database = database
        self.found = found
        self.expected = expected
        if found is None:
            problem = f"{database} holds no ledger schema"
            hint = "check the path, or run `ledger migrate` on an empty database"
        elif found > expected:
            problem = f"{database} has schema {found}, newer than this release's {expected}"
            hint = "upgrade sessionledger; `ledger migrate` does not go back"
        else:
            problem = f"{database} has schema {found}, this release needs {expected}"
            hint = "run `ledger migrate`"
        super().__init__(problem, hint)


class LedgerMissing(StorageError):
    """There is no database at that place, and the caller did not ask to create one."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(f"no ledger at {place}", "run `ledger import` or `ledger migrate` to create one")


class DamagedRecord(StorageError):
    """A stored event, or a session's head (`version` is then `None`), was altered behind the ledger's back."""

    def __init__(self, session_id: str, version: int | None, problem: str) -> None:
        self.session_id = session_id
        self.version = version
        what = "the head" if version is None else f"version {version}"
        super().__init__(
            f"{what} of session {session_id} is damaged: {problem}", f"run `ledger verify {spoken(session_id)}`"
        )
