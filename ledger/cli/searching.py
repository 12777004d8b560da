"""A binary search over the versions of a session, and what is told while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.output import counted
from ledger.domain.bisection import Bisection
from ledger.errors import SessionDeleted

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.cli.judging import Judge
    from ledger.domain.revisions import Place
    from ledger.domain.session import Session

__all__ = ["Outcome", "search"]


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
