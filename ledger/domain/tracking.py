"""What a session remembers of the log, beside what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ledger.domain.events import ChangeOverruled
from ledger.domain.flights import Submission
from ledger.domain.view import View

__all__ = ["Tracking"]


@dataclass(slots=True)
class Tracking:
    """Where a session comes from, and what became of its saves.

    `base` is what it was loaded from, or `None` where it was lost on the way (JSON, pickle). `flights` are its saves
    under way, in the order of their calls; `attempt` is a save whose outcome is not known. `defaulted` are the
    questions whose index was not chosen. `settled` is the last key that it was saved with, and the content that it
    stood for. `overruled` are edits that gave way when a save settled, and are yet to be recorded.
    """

    base: View | None = None
    flights: list[Submission] = field(default_factory=list)
    attempt: Submission | None = None
    defaulted: set[str] = field(default_factory=set)
    settled: tuple[str, str] | None = None
    overruled: list[ChangeOverruled] = field(default_factory=list)

    def views(self) -> Iterator[View]:
        """Give the states that the log may hold: the base, the saves under way, and one of unknown outcome."""
        known = [self.base, *(flight.seen for flight in self.flights), self.attempt.seen if self.attempt else None]
        yield from (view for view in known if view is not None)

    def copy(self) -> Tracking:
        """Give an independent copy; a save under way stays the original's, and the copy remembers its event id."""
        attempt = self.flights[-1] if self.flights and not self.flights[-1].kept else self.attempt
        if attempt is not None:
            attempt = replace(attempt)  # what the original becomes when its saves settle is nothing to the copy
        return Tracking(self.base, [], attempt, set(self.defaulted), self.settled, list(self.overruled))
