"""What the facade needs of the read side, so that it can be handed in and need not be imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ledger.domain.records import QuestionRecord, SessionSummary, UsageTotals
from ledger.domain.view import View

__all__ = ["Progress", "ReadSide"]

#: Called with what is being worked on, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


class ReadSide(Protocol):
    """The projections of one ledger, caught up when they are asked."""

    @property
    def names(self) -> tuple[str, ...]:
        """The projections that `rebuild` knows."""

    def view(self, session_id: str, version: int | None = None, *, known: View | None = None) -> View:
        """Give the view at a version, or at the head, a deleted session's tombstone included.

        It goes on from an earlier view that is `known` already, of the session or of one that it came from, if that
        reads less; what the two share is then one object.
        """

    def snapshot(self, session_id: str) -> View:
        """Write a snapshot of the head."""

    def sessions(self, **filters: Any) -> list[SessionSummary]:
        """Give the catalog."""

    def questions(self, **filters: Any) -> list[QuestionRecord]:
        """Give the records of questions."""

    def usage(self, session_id: str | None) -> UsageTotals:
        """Give the totals of the token-usage log."""

    def usage_by_session(self) -> list[UsageTotals]:
        """Give the totals session by session."""

    def warm(self, go_on: Callable[[], bool]) -> dict[str, tuple[int, int]]:
        """Bring every projection to the end of the feed, a page at a time, as long as `go_on` says so.

        What another process is at is left to it. Gives, of each, the position where it stood, and how many events it
        was brought on.
        """

    def count_usage(self) -> None:
        """Bring the usage totals up to date."""

    def rebuild(self, name: str | None = None, progress: Progress | None = None) -> None:
        """Build one projection, or each, from the log again."""

    def facts(self) -> dict[str, int]:
        """Give how far each projection has come."""
