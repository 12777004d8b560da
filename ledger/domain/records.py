"""The rows of the read models, as users see them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from ledger.domain.events import Event
from ledger.domain.parts import Option, QuestionStatus

__all__ = [
    "AskedIn",
    "FeedItem",
    "Imported",
    "ImportedSession",
    "Omission",
    "OverruledSave",
    "Problem",
    "QuestionRecord",
    "Redaction",
    "SessionSummary",
    "StaleSave",
    "UsageTotals",
    "Verification",
    "WorkReport",
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class SessionSummary(_Record):
    """A line of the catalog. `messages` and `pending_questions` are counts."""

    id: str
    title: str | None
    model: str
    version: int
    messages: int
    pending_questions: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class Omission(_Record):
    """A save whose session no longer held the question, and that said nothing of why."""

    version: int
    writer: str
    base_version: int


class StaleSave(_Record):
    """A save whose writer had loaded `base_version`, and had not seen what others had saved since."""

    version: int
    writer: str
    base_version: int


class OverruledSave(StaleSave):
    """A stale save that said something else of the question; `value` is what it said, and it did not stand."""

    value: Any = None


class AskedIn(_Record):
    """Where a question was asked that a fork took over: a session, and its version."""

    session_id: str
    version: int


class QuestionRecord(_Record):
    """The life of one clarification: who asked it, and how, when and by whom it ended. Times are effective times.

    `averted` are the stale saves that had not seen the question, or its end: a store that overwrites would have dropped
    it there, or undone its answer. `overruled` are those of them that said something else of it, say another answer.

    A fork has a record of its own for each question that was open where it was forked: `asked_version` is then 1, and
    `asked_in` says where it was asked; when and by whom is told of there.
    """

    session_id: str
    id: str
    tool_call_id: str
    kind: str
    header: str | None
    text: str
    options: list[Option]
    multiple: bool
    status: QuestionStatus
    asked_version: int
    asked_at: AwareDatetime
    asked_by: str
    asked_in: AskedIn | None = None
    resolved_version: int | None = None
    resolved_base_version: int | None = None
    resolved_at: AwareDatetime | None = None
    resolved_by: str | None = None
    resolved_writer: str | None = None
    reason: str | None = None
    answer: Any = None
    omissions: tuple[Omission, ...] = ()
    averted: tuple[StaleSave, ...] = ()
    overruled: tuple[OverruledSave, ...] = ()

    def open_for(self, now: datetime) -> timedelta:
        """Give how long it was open, or has been by `now` if it still is; never less than nothing."""
        return max((self.resolved_at or now) - self.asked_at, timedelta())


class FeedItem(_Record):
    """An event at its place in the one order of all sessions: positions are dense, and start at 1."""

    position: int
    session_id: str
    event: Event


class UsageTotals(_Record):
    """The sums of the token-usage log: of one session, or of all where `session_id` is null.

    `totals` adds up every number that the records hold, by name; inside nested objects the names are joined by dots.
    """

    session_id: str | None
    records: int = 0
    totals: dict[str, int | float] = Field(default_factory=dict)


class Problem(_Record):
    """One thing that `verify` found: of which session and version, and what is wrong."""

    session_id: str | None
    version: int | None
    what: str

    def __str__(self) -> str:
        where = f"session {self.session_id}" if self.session_id is not None else "the feed"
        return f"{where}, version {self.version}: {self.what}" if self.version is not None else f"{where}: {self.what}"


class Redaction(_Record):
    """A save of an imported session whose payload lost something when it was exported, and at which paths."""

    session_id: str
    version: int
    paths: tuple[str, ...]


class Verification(_Record):
    """The result of `verify`: whole if `problems` is empty.

    Of a payload in `redacted` the chain still holds the place, the time and the writer, and vouches for nothing in it.
    """

    sessions: int
    events: int
    problems: tuple[Problem, ...] = ()
    redacted: tuple[Redaction, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


class ImportedSession(_Record):
    """What became of one session of an export: `saves` were added, `skipped` were there already.

    `origin` is the id of the ledger that made it, `version` its last version in the export, and `redacted` the versions
    among those added whose payload had lost something.
    """

    session_id: str
    origin: str
    version: int
    saves: int
    skipped: int
    usage_records: int = 0
    redacted: tuple[int, ...] = ()


class Imported(_Record):
    """The result of importing an export; every hash of it was recomputed first."""

    sessions: tuple[ImportedSession, ...] = ()

    @property
    def saves(self) -> int:
        """How many saves were added."""
        return sum(session.saves for session in self.sessions)


class WorkReport(_Record):
    """What one who keeps a ledger warm has done so far."""

    #: ``working``; ``standing by``, while somebody else does; or ``waiting``, while storage is away.
    standing: Literal["working", "standing by", "waiting"] = "working"
    #: In the feed, up to which every projection has come.
    position: int = 0
    #: How many events it gave a position; on SQLite every save does that itself.
    sequenced: int = 0
    #: How many events it brought into each projection.
    projected: dict[str, int] = Field(default_factory=dict)
