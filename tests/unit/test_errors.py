"""What the ledger raises: one tree, values as attributes, a message that says what to do next."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

from ledger import errors
from ledger.errors import (
    DamagedRecord,
    FrameworkMissing,
    IdempotencyConflict,
    InvalidArgument,
    InvalidExport,
    InvalidRange,
    InvalidRedaction,
    InvalidRevision,
    InvalidSession,
    LedgerError,
    LedgerMissing,
    QuestionNotFound,
    QuestionNotPending,
    QuestionOmittedError,
    SchemaOutOfDate,
    SessionDeleted,
    SessionDiverged,
    SessionExists,
    SessionNotFound,
    StorageError,
    UnknownChange,
    UnknownProjection,
    UnsavedWork,
    VersionConflict,
    VersionNotFound,
)

EXAMPLES: list[LedgerError] = [
    SessionNotFound("s1"),
    VersionNotFound("s1", "q:x", 7, "no such question"),
    QuestionNotFound("s1", "call_1#0"),
    SessionExists("s1", 3),
    SessionDiverged("s1", 3, origin="0a" * 16, held="0b" * 16),
    SessionDiverged("s1", 3, origin="0a" * 16, held="0a" * 16),
    SessionDeleted("s1", 9),
    VersionConflict("s1", 11, 14, "ui"),
    VersionConflict("s1", 20, 14, diverged=True),
    IdempotencyConflict("s1", "k", 3),
    QuestionOmittedError("s1", ("a#0", "b#0")),
    QuestionNotPending("s1", "a#0", "answered"),
    QuestionNotPending("s1", "a#0", None),
    InvalidSession("nan is not JSON", path="/state/x", session_id="s1"),
    InvalidArgument("status", "opn", "it is none of pending, answered"),
    InvalidRevision("soon", "it is neither a number nor a time"),
    InvalidRange("s1", "q:a#0", None, 9, 7),
    InvalidExport("it is empty", line=1),
    InvalidExport("its key was altered", line=3, session_id="s1", version=1, hint="ask again", source="s1.jsonl"),
    InvalidRedaction("/mood", "it is nothing of a session"),
    UnknownChange("mood_changed", "s1", 4),
    UnknownProjection("sesions", ("sessions", "usage")),
    UnsavedWork("s1", 100),
    FrameworkMissing("google-adk", "adk"),
    StorageError("the disk is full", "free some space"),
    StorageError("the disk is full", ""),
    SchemaOutOfDate("ledger.db", "0001", "0002"),
    SchemaOutOfDate("ledger.db", "0003", "0002"),
    SchemaOutOfDate("ledger.db", None, "0002"),
    LedgerMissing("ledger.db"),
    DamagedRecord("s1", 4, "its payload does not parse"),
]


def kinds() -> list[type[LedgerError]]:
    """Give every error that the module exports."""
    return [getattr(errors, name) for name in errors.__all__]


def test_every_error_has_an_example_here() -> None:
    """Whoever adds one says what it looks like."""
    assert {kind for kind in kinds() if kind is not LedgerError} == {type(example) for example in EXAMPLES}


def test_the_drawn_tree_is_the_real_one() -> None:
    """The docstring of the module is what people read first."""
    drawn: dict[str, str] = {}
    above = ["LedgerError"]
    for indent, name in re.findall(r"^    ([│ ]*)[├└]── (\w+)", errors.__doc__ or "", re.MULTILINE):
        depth = len(indent) // 4 + 1
        drawn[name] = above[depth - 1]
        above[depth:] = [name]

    assert {kind.__name__: kind.__bases__[0].__name__ for kind in kinds() if kind is not LedgerError} == drawn


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (SessionNotFound, LookupError),
        (VersionNotFound, LookupError),
        (QuestionNotFound, LookupError),
        (InvalidSession, ValueError),
        (InvalidRange, ValueError),
        (InvalidRevision, ValueError),
        (UnknownProjection, ValueError),
    ],
)
def test_some_are_what_python_calls_them_too(kind: type, also: type) -> None:
    """So that code that knows nothing of the ledger catches them where it expects them."""
    assert issubclass(kind, also)
    assert issubclass(kind, LedgerError)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_error_survives_the_way_to_another_process(example: LedgerError) -> None:
    """Pickled or copied: the same kind, the same words, the same values."""
    for revived in (pickle.loads(pickle.dumps(example)), copy.copy(example), copy.deepcopy(example)):  # noqa: S301
        assert type(example) is type(revived)
        assert (str(example), vars(example)) == (str(revived), vars(revived))


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (SessionNotFound("s1"), "there is no session 's1'; `ledger sessions` lists those there are"),
        (
            VersionNotFound("s1", 9, 7),
            "session s1 has no revision 9; its head is version 7, `ledger log s1` lists them all",
        ),
        (
            QuestionNotFound("s1", "a#0"),
            "session s1 never asked a question 'a#0'; `ledger questions s1` lists those that it asked",
        ),
        (SessionDeleted("s1", 9), "session s1 was deleted at version 9; version 8 still loads (`ledger show s1@8`)"),
        (VersionConflict("s1", 11, 14, "ui"), "session s1 is at version 14, not 11 (last saved by ui)"),
        (VersionConflict("s1", 20, 14, diverged=True), "session s1 has diverged"),
        (QuestionOmittedError("s1", ("a#0",)), "would lose pending question a#0: answer, withdraw or expire it"),
        (QuestionNotPending("s1", "a#0", "expired"), "question a#0 of session s1 is not pending: it is expired"),
        (QuestionNotPending("s1", "a#0", None), "no such question was asked"),
        (InvalidSession("nan is not JSON", path="/x"), "session cannot be saved at /x: nan is not JSON; nothing was"),
        (
            InvalidRange("s1", 9, 7, 9, 7),
            "no save of session s1 lies from revision 9 (version 9) to revision 7 (version 7): a range goes forwards",
        ),
        (InvalidRange("s1", 9, None, 9, 7), "from revision 9 (version 9) to the head (version 7)"),
        (InvalidRange("s1", None, 9, 1, 7), "from the beginning (version 1) to revision 9 (version 7)"),
        (UnknownChange("mood_changed", "s1", 4), "'mood_changed' in version 4 of session s1; upgrade sessionledger"),
        (UnsavedWork("s1", 9), "`ledger doctor`"),
        (FrameworkMissing("google-adk", "adk"), "pip install 'sessionledger[adk]'"),
        (StorageError("it failed"), "it failed; run `ledger doctor`"),
        (StorageError("it failed", ""), "it failed"),
        (
            SchemaOutOfDate("x.db", "0001", "0002"),
            "x.db has schema 0001, this release needs 0002; run `ledger mig",
        ),
        (SchemaOutOfDate("x.db", "0003", "0002"), "newer than this release's 0002; upgrade sessionledger"),
        (SchemaOutOfDate("x.db", None, "0002"), "x.db holds no ledger schema"),
        (LedgerMissing("x.db"), "no ledger at x.db"),
        (DamagedRecord("s1", 4, "it is missing"), "version 4 of session s1 is damaged: it is missing; run `ledger ver"),
    ],
    ids=lambda value: "" if isinstance(value, LedgerError) else value,
)
def test_a_message_says_what_happened_and_what_to_do(error: LedgerError, says: str) -> None:
    """What was expected, what was found, and the next command to run."""
    assert says in str(error)


def test_the_values_are_attributes() -> None:
    """Whoever handles an error does not parse its message."""
    conflict = VersionConflict("s1", 11, 14, "ui")

    assert ("s1", 11, 14, "ui", False) == (
        conflict.session_id,
        conflict.expected,
        conflict.actual,
        conflict.writer,
        conflict.diverged,
    )
