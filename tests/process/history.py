"""Whether what many clients did at once can be told as one story: the rules of a log that each of them saw a part of.

Every write of a client appends one message to a session, whose id (its *mark*) nobody else uses, so a session's log is
a list of marks. What a client invoked, when, and what it was told and when, is an `Operation`. It is ambiguous if it
was told nothing: its process was killed, or the storage failed and it gave up.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

__all__ = ["Entry", "Operation", "faults_of", "operations_of", "told_by"]

#: Past every moment of a history: no answer came.
NEVER = 2**63


@dataclass(frozen=True)
class Entry:
    """An event, as the rules see it."""

    mark: str
    base_version: int
    digest: str
    key: str | None = None


@dataclass(frozen=True)
class Operation:
    """What one client asked for, from the moment that it did to the moment that it was answered, if it ever was."""

    name: str
    kind: Literal["save", "guarded", "keyed", "pair", "read"]
    sessions: tuple[str, ...]
    invoked: int
    responded: int = NEVER
    outcome: Literal["done", "refused", "unknown"] = "unknown"
    #: What a write was given, or a read saw, of each session.
    versions: tuple[int, ...] = ()
    digests: tuple[str, ...] = ()
    #: Of a guarded save: the version that it allowed. Of a refused one: the version that it was told of.
    expected: int = 0
    key: str | None = None
    #: Of a read: the digest of all marks that it saw, in their order.
    seen: str = ""

    @property
    def writes(self) -> bool:
        """Whether it was to append anything."""
        return self.kind != "read"


def told_by(marks: Sequence[str]) -> str:
    """Give the digest of marks in their order, by which a read tells what it saw."""
    return sha256("".join(f"{mark}\n" for mark in marks).encode()).hexdigest()


def operations_of(reports: Iterable[Mapping[str, Any]]) -> list[Operation]:
    """Put together what clients reported: `invoke` when they asked, `respond` when they were answered."""
    asked: dict[str, dict[str, Any]] = {}
    for report in reports:
        told: dict[str, Any] = {
            each: tuple(value) if isinstance(value, list) else value for each, value in report.items()
        }
        if "invoke" in told:
            name = str(told.pop("invoke"))
            asked[name] = {**told, "name": name}
        elif "respond" in told:
            asked[str(told.pop("respond"))].update(told)
    return [Operation(**each) for each in asked.values()]


def faults_of(operations: Sequence[Operation], logs: Mapping[str, Sequence[Entry]]) -> list[str]:
    """Give each way in which no single story explains both the log and what the clients were told."""
    found = list(_faults_of_marks(operations, logs))
    for session_id in {session_id for operation in operations for session_id in operation.sessions}:
        told = _Told(session_id, logs.get(session_id, ()), operations)
        found += (f"session {session_id}: {fault}" for fault in told.faults())
    found += _faults_of_keys(operations, logs)
    found += _faults_of_pairs(operations, logs)
    return found


def _faults_of_marks(operations: Sequence[Operation], logs: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    """What is in the log was asked for, and is there once; what was refused is not there."""
    asked = {(session_id, operation.name): operation for operation in operations for session_id in operation.sessions}
    for session_id, entries in logs.items():
        for mark, count in Counter(entry.mark for entry in entries).items():
            operation = asked.get((session_id, mark))
            if operation is None or not operation.writes:
                yield f"session {session_id}: {mark} is in the log, but nobody asked for it"
            elif operation.outcome == "refused":
                yield f"session {session_id}: {mark} was refused, but is in the log"
            if count > 1:
                yield f"session {session_id}: {mark} is in the log {count} times"


@dataclass
class _Told:
    """One session, and what was said of it."""

    session_id: str
    log: Sequence[Entry]
    operations: Sequence[Operation]
    place: dict[str, int] = field(init=False)
    prefixes: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.operations = [each for each in self.operations if self.session_id in each.sessions]
        self.place = {entry.mark: version for version, entry in enumerate(self.log, 1)}
        digest = sha256()
        self.prefixes = [digest.hexdigest()]
        for entry in self.log:
            digest.update(f"{entry.mark}\n".encode())
            self.prefixes.append(digest.hexdigest())

    def faults(self) -> Iterator[str]:
        for operation in self.operations:
            if operation.outcome == "done":
                yield from self._faults_of_answer(operation)
        yield from self._faults_of_order()

    def version_told(self, operation: Operation) -> int:
        """Give the version that a client was told of this session; 0 if none."""
        if operation.outcome != "done":
            return 0
        return operation.versions[operation.sessions.index(self.session_id)]

    def _faults_of_answer(self, operation: Operation) -> Iterator[str]:
        version = self.version_told(operation)
        if version > len(self.log):
            yield f"{operation.name} was told of version {version}, and the log ends at {len(self.log)}"
        elif not operation.writes:
            if operation.seen != self.prefixes[version]:
                yield f"{operation.name} read something else than the first {version} events"
        else:
            entry = self.log[version - 1]
            if entry.mark != operation.name and operation.kind != "keyed":
                yield f"{operation.name} was told that it is version {version}, which is {entry.mark}"
            if entry.digest != operation.digests[operation.sessions.index(self.session_id)]:
                yield f"{operation.name} was told another digest of version {version} than the log's"
            if operation.kind == "guarded" and (version - 1, version - 1) != (operation.expected, entry.base_version):
                yield f"{operation.name} allowed version {operation.expected} alone, and was saved as {version}"

    def _faults_of_order(self) -> Iterator[str]:
        """What was invoked after an answer comes after what was answered: nobody reads or writes the past."""
        at_least = self._known_at_call()
        for operation in self.operations:
            known, by = at_least[operation.name]
            place = self.place.get(operation.name)
            if operation.outcome == "refused":
                if operation.expected < known:
                    yield f"{operation.name} was refused for {operation.expected} after {by} was told {known}"
            elif operation.writes:
                if place is not None and place <= known:
                    yield f"{operation.name} is version {place}, but began after {by} was told {known}"
            elif operation.outcome == "done" and self.version_told(operation) < known:
                yield f"{operation.name} read {self.version_told(operation)} after {by} was told {known}"

    def _known_at_call(self) -> dict[str, tuple[int, str]]:
        """Give, for each operation, the highest version that anyone had been told of when it was invoked, and whom."""
        moments: list[tuple[int, bool, Operation]] = []
        for operation in self.operations:
            moments.append((operation.invoked, True, operation))
            if operation.outcome == "done":
                moments.append((operation.responded, False, operation))
        known, by = 0, ""
        at_least: dict[str, tuple[int, str]] = {}
        for _, begins, operation in sorted(moments, key=lambda each: each[:2]):
            if begins:
                at_least[operation.name] = (known, by)
            elif self.version_told(operation) > known:
                known, by = self.version_told(operation), operation.name
        return at_least


def _faults_of_keys(operations: Sequence[Operation], logs: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    """A key stands for one event, whoever used it and how often, and everyone was told of the same one."""
    for session_id, entries in logs.items():
        for key, count in Counter(entry.key for entry in entries if entry.key is not None).items():
            if count > 1:
                yield f"session {session_id}: key {key} stands for {count} events"
    for operation in operations:
        if operation.kind == "keyed" and operation.outcome == "done":
            (session_id,), (version,) = operation.sessions, operation.versions
            entries = logs.get(session_id, ())
            if version <= len(entries) and entries[version - 1].key != operation.key:
                yield f"session {session_id}: {operation.name} was told of version {version}, of another key"


def _faults_of_pairs(operations: Sequence[Operation], logs: Mapping[str, Sequence[Entry]]) -> Iterator[str]:
    """What was saved together is in every log or in none."""
    marks = {session_id: {entry.mark for entry in entries} for session_id, entries in logs.items()}
    for operation in operations:
        if operation.kind == "pair":
            present = [operation.name in marks.get(session_id, ()) for session_id in operation.sessions]
            if any(present) and not all(present):
                yield f"{operation.name} is in one of {operation.sessions} only"
