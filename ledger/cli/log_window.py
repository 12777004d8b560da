"""The part of a history that a log tells: read from where it begins, and what is left out is counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import click

from ledger.cli.log_filters import SaveFilter
from ledger.cli.weighing import Weighing

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.events import Event

__all__ = ["Told", "Window", "bounds"]

#: So many saves are read before the first is shown: they say how wide the columns are.
PAGE = 200


@dataclass(frozen=True, slots=True)
class Told:
    """A save, and how many facts its copy would have undone in a store that overwrites."""

    event: Event
    averted: int = 0


@dataclass(slots=True)
class Window:
    """The saves behind `after`, up to `upto`: at most the newest `limit` that are `chosen`, oldest first or not.

    `passed` counts those that were read and not chosen, and `lowest` is the oldest version that has been read.
    """

    book: Ledger
    session_id: str
    after: int
    upto: int
    chosen: SaveFilter
    limit: int | None = None
    reverse: bool = False
    passed: int = 0
    lowest: int = 0
    weighing: Weighing = field(init=False)

    def __post_init__(self) -> None:
        self.weighing = Weighing(self.book)

    def pages(self) -> Iterator[list[Told]]:
        """Give the saves in pages. Nothing is read that is not told, but for what has to be looked at to choose."""
        if self.limit is None or (not self.chosen and self.reverse):
            yield from self._walked(self.after, self.limit, reverse=self.reverse)
        elif not self.chosen:
            self.lowest = max(self.after, self.upto - self.limit) + 1
            yield from self._walked(self.lowest - 1, None, reverse=False)
        else:
            found = [told for page in self._walked(self.after, None, reverse=True) for told in page]
            yield found if self.reverse else found[::-1]

    def _walked(self, after: int, limit: int | None, *, reverse: bool) -> Iterator[list[Told]]:
        events = self.book.history(self.session_id, after=after, upto=self.upto, limit=limit, reverse=reverse)
        left = self.limit if self.chosen else None
        while (left is None or left > 0) and (page := list(islice(events, PAGE))):
            taken = [event for event in page if self.chosen.takes(event)]
            cut = taken if left is None else taken[:left]
            last = cut[-1] if left is not None and len(cut) == left else page[-1]
            if reverse:
                self.lowest = last.version
            self.passed += abs(last.version - page[0].version) + 1 - len(cut)
            left = None if left is None else left - len(cut)
            yield self._weighed(cut)

    def told(self, events: list[Event]) -> list[Told]:
        """Give those of some saves that are chosen, which follow on the window."""
        return self._weighed([event for event in events if self.chosen.takes(event)])

    def _weighed(self, events: list[Event]) -> list[Told]:
        counts = self.weighing.averted(events)
        return [Told(event, counts.get(event.version, 0)) for event in events]

    def notes(self) -> Iterator[str]:
        """Say what is not told; it was not read for that."""
        older = max(self.lowest - 1 - self.after, 0) if self.limit is not None else 0
        parts = []
        if self.passed:
            parts.append(f"{self.passed:,} that {'does' if self.passed == 1 else 'do'} not match")
        if older:
            looked = ", not looked at" if self.chosen else ""
            parts.append(f"{older:,} older {'one' if older == 1 else 'ones'}{looked}")
        if parts:
            yield f"Not shown: {', and '.join(parts)}."
        if self.weighing.unweighed is not None:
            yield f"Not marked: what was averted, for {self.weighing.unweighed}"


def bounds(book: Ledger, session_id: str, since: str | None, until: str | None) -> tuple[int, int]:
    """Give the versions behind which, and up to which, the saves from one revision to another are.

    Raises:
        click.UsageError: if the one is behind the other.
        VersionNotFound: if there is no such revision.
        InvalidRevision: if one is no revision at all.
    """
    first = 1 if since is None else _first(book, session_id, since)
    last = book.locate(session_id).version if until is None else _last(book, session_id, until)
    if since is not None and until is not None and first > last and not _in_order(since, until):
        raise click.UsageError(f"--since {since} is behind --until {until}: nothing is between them")
    return first - 1, last


def _in_order(since: str, until: str) -> bool:
    """Whether both are times, the earlier first: that nothing was saved between them is no mistake."""
    from ledger.domain.revisions import AtTime, parse_revision

    begin, end = parse_revision(since), parse_revision(until)
    return isinstance(begin, AtTime) and isinstance(end, AtTime) and begin.time <= end.time


def _first(book: Ledger, session_id: str, since: str) -> int:
    from ledger.domain.revisions import AtTime, parse_revision
    from ledger.errors import VersionNotFound

    revision = parse_revision(since)
    if not isinstance(revision, AtTime):
        place = book.locate(session_id, since)
        return place.version if place.session_id == session_id else 1
    try:
        # What was saved at that very time is from then on, too.
        place = book.locate(session_id, revision.time - timedelta(microseconds=1))
    except VersionNotFound:
        return 1
    return place.version + 1 if place.session_id == session_id else 1


def _last(book: Ledger, session_id: str, until: str) -> int:
    from ledger.domain.revisions import AtTime, parse_revision
    from ledger.errors import VersionNotFound

    try:
        place = book.locate(session_id, until)
    except VersionNotFound:
        if isinstance(parse_revision(until), AtTime):
            return 0
        raise
    return place.version if place.session_id == session_id else 0
