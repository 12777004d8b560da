"""An event-sourced ledger of agent sessions: nothing saved is ever overwritten, no clarification is lost.

    import ledger
    from ledger import Message, Session

    with ledger.open("sqlite:///ledger.db", writer="support-bot") as book:
        session = Session.new("s1", model="gpt-5")
        session.add_message(Message.user("Deploy it"))
        book.save(session)

Names are loaded when they are first used, so that `import ledger` itself takes next to no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger.asyncbook import AsyncLedger
    from ledger.book import Ledger
    from ledger.cache import SessionCache
    from ledger.domain.averted import Averted, Loss
    from ledger.domain.blame import Blame
    from ledger.domain.events import ChangeOverruled, Event
    from ledger.domain.parts import Message, Option, Question, QuestionStatus, ToolCall
    from ledger.domain.receipt import Receipt
    from ledger.domain.records import (
        AskedIn,
        FeedItem,
        Imported,
        ImportedSession,
        Omission,
        OverruledSave,
        Problem,
        QuestionRecord,
        Redaction,
        SessionSummary,
        StaleSave,
        UsageTotals,
        Verification,
        WorkReport,
    )
    from ledger.domain.revisions import Place
    from ledger.domain.session import Session
    from ledger.domain.session_diff import (
        MessageDiff,
        MessagesDiff,
        PathDiff,
        QuestionDiff,
        QuestionsDiff,
        SessionDiff,
        ValueDiff,
    )
    from ledger.domain.steps import Step
    from ledger.domain.transitions import Transition
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
    from ledger.repository import Persistence, SessionRepository, Storage
    from ledger.wiring import open_async
    from ledger.wiring import open_ledger as open

__all__ = [
    "AskedIn",
    "AsyncLedger",
    "Averted",
    "Blame",
    "ChangeOverruled",
    "DamagedRecord",
    "Event",
    "FeedItem",
    "FrameworkMissing",
    "IdempotencyConflict",
    "Imported",
    "ImportedSession",
    "InvalidArgument",
    "InvalidExport",
    "InvalidRange",
    "InvalidRedaction",
    "InvalidRevision",
    "InvalidSession",
    "Ledger",
    "LedgerError",
    "LedgerMissing",
    "Loss",
    "Message",
    "MessageDiff",
    "MessagesDiff",
    "Omission",
    "Option",
    "OverruledSave",
    "PathDiff",
    "Persistence",
    "Place",
    "Problem",
    "Question",
    "QuestionDiff",
    "QuestionNotFound",
    "QuestionNotPending",
    "QuestionOmittedError",
    "QuestionRecord",
    "QuestionStatus",
    "QuestionsDiff",
    "Receipt",
    "Redaction",
    "SchemaOutOfDate",
    "Session",
    "SessionCache",
    "SessionDeleted",
    "SessionDiff",
    "SessionDiverged",
    "SessionExists",
    "SessionNotFound",
    "SessionRepository",
    "SessionSummary",
    "StaleSave",
    "Step",
    "Storage",
    "StorageError",
    "ToolCall",
    "Transition",
    "UnknownChange",
    "UnknownProjection",
    "UnsavedWork",
    "UsageTotals",
    "ValueDiff",
    "Verification",
    "VersionConflict",
    "VersionNotFound",
    "WorkReport",
    "__version__",
    "open",
    "open_async",
]

__version__ = "0.1.0"

_HOMES = {
    "AskedIn": "ledger.domain.records",
    "AsyncLedger": "ledger.asyncbook",
    "Averted": "ledger.domain.averted",
    "Blame": "ledger.domain.blame",
    "ChangeOverruled": "ledger.domain.events",
    "Event": "ledger.domain.events",
    "FeedItem": "ledger.domain.records",
    "Imported": "ledger.domain.records",
    "ImportedSession": "ledger.domain.records",
    "Ledger": "ledger.book",
    "Loss": "ledger.domain.averted",
    "Message": "ledger.domain.parts",
    "MessageDiff": "ledger.domain.session_diff",
    "MessagesDiff": "ledger.domain.session_diff",
    "Omission": "ledger.domain.records",
    "Option": "ledger.domain.parts",
    "OverruledSave": "ledger.domain.records",
    "PathDiff": "ledger.domain.session_diff",
    "Persistence": "ledger.repository",
    "Place": "ledger.domain.revisions",
    "Problem": "ledger.domain.records",
    "Question": "ledger.domain.parts",
    "QuestionDiff": "ledger.domain.session_diff",
    "QuestionRecord": "ledger.domain.records",
    "QuestionStatus": "ledger.domain.parts",
    "QuestionsDiff": "ledger.domain.session_diff",
    "Receipt": "ledger.domain.receipt",
    "Redaction": "ledger.domain.records",
    "Session": "ledger.domain.session",
    "SessionCache": "ledger.cache",
    "SessionDiff": "ledger.domain.session_diff",
    "SessionRepository": "ledger.repository",
    "SessionSummary": "ledger.domain.records",
    "StaleSave": "ledger.domain.records",
    "Step": "ledger.domain.steps",
    "Storage": "ledger.repository",
    "ToolCall": "ledger.domain.parts",
    "Transition": "ledger.domain.transitions",
    "UsageTotals": "ledger.domain.records",
    "ValueDiff": "ledger.domain.session_diff",
    "Verification": "ledger.domain.records",
    "WorkReport": "ledger.domain.records",
    "open_async": "ledger.wiring",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ledger' has no attribute {name!r}")
    if name == "open":
        value = importlib.import_module("ledger.wiring").open_ledger
    else:
        # What has no home of its own here is an error, and those live in one file.
        value = getattr(importlib.import_module(_HOMES.get(name, "ledger.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
