"""A binary search over the versions of a session: which they are, and what is told while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.output import counted
from ledger.domain.bisection import Bisection
from ledger.domain.revisions import Place
from ledger.errors import InvalidRange, SessionDeleted

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.cli.judging import Judge
    from ledger.domain.session import Session

__all__ = ["Outcome", "places_between", "search"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search came to.

    `candidates` holds the first version that differs from the good end; none where the ends agree, and several where
    all but the last of them were skipped. `before` is what was found of `previous`, the version before it, and `after`
    what was found of it; where there is no such version, of the ends.
    """

    ends: tuple[Place, Place]
    candidates: list[Place]
    previous: Place
    before: Any
    after: Any
    tested: int


def places_between(book: Ledger, session_id: str, good: str | None, bad: str | None) -> list[Place]:
    """Give every version from the good one to the bad one; in a fork, they may lie in what it was forked from.

    Raises:
        VersionNotFound: if there is no such revision.
        InvalidRange: if the bad one lies before the good one.
    """
    end = book.locate(session_id, bad)
    begin = Place(end.session_id, 1) if good is None else book.locate(session_id, good)
    spans: list[list[Place]] = []
    current = end
    while current.session_id != begin.session_id:
        spans.append([Place(current.session_id, version) for version in range(1, current.version + 1)])
        forked = book.load(current.session_id, at=1).forked_from
        if forked is None:
            raise InvalidRange(session_id, good, bad, begin.version, end.version)
        current = Place(forked["session_id"], forked["version"])
    if begin.version > current.version:
        raise InvalidRange(session_id, good, bad, begin.version, end.version)
    spans.append([Place(current.session_id, version) for version in range(begin.version, current.version + 1)])
    return [place for span in reversed(spans) for place in span]


def search(
    book: Ledger, places: list[Place], judge: Judge, *, progress: Callable[[str], None] | None = None
) -> Outcome:
    """Find the first of `places` that differs from the first of all, by loading as few of them as that takes.

    Raises:
        UsageError: if nothing can be said of an end.
    """
    found: dict[int, Any] = {}

    def verdict_on(place: int) -> bool | None:
        found[place] = judge.judge(places[place], _loaded(book, places[place]))
        return judge.verdict(found[place])

    last = len(places) - 1
    ends = places[0], places[last]
    good, bad = verdict_on(0), verdict_on(last)
    if good is None or bad is None:
        skipped = ends[good is not None]
        raise click.UsageError(f"the command skips {skipped}, an end of the search: name others by --good and --bad")
    if good is bad:
        return Outcome(ends, [], places[0], found[0], found[last], len(found))
    bisection = Bisection(len(places))
    while (place := bisection.next()) is not None:
        left, steps = bisection.left, bisection.steps
        if progress is not None:
            progress(f"{places[place]}: {counted(left, 'version')} left, about {counted(steps, 'step')}")
        verdict = verdict_on(place)
        if verdict is None:
            bisection.skip(place)
        else:
            bisection.tell(place, differs=verdict is bad)
    first = bisection.candidates[0]
    candidates = [places[candidate] for candidate in bisection.candidates]
    return Outcome(ends, candidates, places[first - 1], found[first - 1], found[bisection.candidates[-1]], len(found))


def _loaded(book: Ledger, place: Place) -> Session | None:
    try:
        return book.load(place.session_id, at=place.version)
    except SessionDeleted:
        return None
