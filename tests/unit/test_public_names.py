"""`ledger` is the one module that users import from."""

import subprocess
import sys
from types import ModuleType

import ledger

# What others import: a contract with those who use it.
CONTRACT = [
    "AsyncLedger",
    "Event",
    "FeedItem",
    "IdempotencyConflict",
    "InvalidSession",
    "Ledger",
    "LedgerError",
    "Message",
    "Question",
    "QuestionNotPending",
    "QuestionOmittedError",
    "QuestionRecord",
    "Receipt",
    "SchemaOutOfDate",
    "Session",
    "SessionCache",
    "SessionDeleted",
    "SessionExists",
    "SessionNotFound",
    "SessionRepository",
    "SessionSummary",
    "Step",
    "StorageError",
    "ToolCall",
    "UnknownChange",
    "Verification",
    "VersionConflict",
    "VersionNotFound",
    "open",
    "open_async",
]


def test_every_promised_name_is_there() -> None:
    """A user never imports from anywhere but `ledger`."""
    assert [] == [name for name in CONTRACT if name not in ledger.__all__]


def test_names_are_sorted_and_told_once() -> None:
    """A reader finds a name at its place in the list."""
    assert sorted(set(ledger.__all__)) == list(ledger.__all__)


def test_all_is_exactly_what_is_exported() -> None:
    """What `dir` and `*` show is what `__all__` says: no module, no import of ours leaks out."""
    shown = {name for name in dir(ledger) if not name.startswith("_")}
    modules = {name for name in shown if isinstance(getattr(ledger, name), ModuleType)}

    assert set(ledger.__all__) == (shown - modules) | {name for name in ledger.__all__ if name.startswith("__")}
    assert {f"ledger.{name}" for name in modules} <= set(sys.modules)


def test_star_gives_every_name() -> None:
    """Each lazy name resolves, in an interpreter where nothing of it is loaded yet."""
    program = "before = set(globals())\nfrom ledger import *\nprint(*sorted(set(globals()) - before - {'before'}))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert set(ledger.__all__) == set(ran.stdout.split())


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A lazy module answers a mistyped name as any other does."""
    assert not hasattr(ledger, "Legder")
