"""What is measured, and beside what: each figure of the design's table, in pairs that are interleaved in one run."""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.subject import Subject

__all__ = ["FULL", "QUICK", "Figure", "Scale", "figures"]

TRANSCRIPT = Path(__file__).parents[3] / "shared" / "transcripts" / "claude_code_long.jsonl"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: enough for a figure that one may quote, or enough to see that nothing is off."""

    rounds: int
    saves: int
    few: int
    many: int
    loaded: int
    writers: int
    together: int


FULL = Scale(rounds=15, saves=20, few=10, many=2500, loaded=1000, writers=64, together=8)
QUICK = Scale(rounds=3, saves=10, few=10, many=300, loaded=200, writers=64, together=2)


@dataclass(slots=True)
class Figure:
    """One line of the table: ours beside something else as medians, and their ratio beside the one to reach.

    The ratio is the median of those of the pairs: a machine that is busy for a while slows both sides of a pair.
    """

    name: str
    beside: str
    unit: str
    reach: str = ""
    aim: str = ""
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The figure as JSON."""
        ratios = [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=False)]
        return {
            "figure": self.name,
            "beside": self.beside,
            "unit": self.unit,
            "ours": median(self.ours),
            "theirs": median(self.theirs) if self.theirs else None,
            "ratio": median(ratios) if ratios else None,
            "reach": self.reach,
            "aim": self.aim,
            "rounds": len(self.ours),
        }


def figures(ours: Subject, floor: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    """Measure everything, and give each figure as it is done.

    Args:
        ours: the ledger.
        floor: the bare driver.
        scale: how much to do.
        advance: called with what is measured next.
    """
    for measure in (_saves, _saves_together, _loads, _growth, _load_merged, _import):
        yield from measure(ours, floor, scale, advance)


def _pairs(figure: Figure, rounds: int, ours: Callable[[], list[float]], theirs: Callable[[], list[float]]) -> Figure:
    """Measure both sides by turns, so that what else the machine does meets both alike."""
    for number in range(rounds):
        for side in (figure.ours, figure.theirs)[:: 1 if number % 2 else -1]:
            side.append(median((ours if side is figure.ours else theirs)()))
    return figure


def _saves(ours: Subject, floor: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    for turns in (scale.few, scale.many):
        advance(f"a save at {turns:,} turns")
        session = f"of {turns}"
        for subject in (ours, floor):
            subject.do("grow", session=session, turns=turns)
        yield _pairs(
            Figure(f"one save, {turns:,} turns there", "floor", "ms", "<= 1.8", "1.3"),
            scale.rounds,
            lambda: _ms(ours.do("save", session=session, count=scale.saves)),  # noqa: B023 - called in this turn of the loop
            lambda: _ms(floor.do("save", session=session, count=scale.saves)),  # noqa: B023 - as above
        )


def _saves_together(ours: Subject, floor: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    advance(f"{scale.writers} writers at once")
    turns = scale.writers * scale.together

    def rate(subject: Subject) -> list[float]:
        (seconds,) = subject.do("save_together", writers=scale.writers, turns=scale.together)
        return [turns / seconds]

    yield _pairs(
        Figure(f"{scale.writers} async writers, a session each", "floor, one writer", "turns/s", ">= 2.5", "4"),
        scale.rounds,
        lambda: rate(ours),
        lambda: rate(floor),
    )


def _loads(ours: Subject, floor: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    turns = scale.loaded
    for subject in (ours, floor):
        subject.do("grow", session="whole", turns=turns)
        subject.do("grow", session="half", turns=turns // 2)
    ours.do("grow", session="kept", turns=turns)
    advance("a cold load")
    yield _pairs(
        Figure(f"cold load of {turns:,} turns", "floor", "ms", "<= 1.8", "1"),
        scale.rounds,
        lambda: _ms(ours.do("load", session="whole", count=1)),
        lambda: _ms(floor.do("load", session="whole", count=1)),
    )
    advance("a load from a snapshot")
    yield _pairs(
        Figure("  the same from a snapshot of the head", "floor", "ms"),
        scale.rounds,
        lambda: _ms(ours.do("load_from_snapshot", session="kept", count=1)),
        lambda: _ms(floor.do("load", session="whole", count=1)),
    )
    advance("a load of the middle version")
    yield _pairs(
        Figure(f"load at version {turns // 2:,} of {turns:,}", "a cold load of that size", "ms", "<= 1.5", "1"),
        scale.rounds,
        lambda: _ms(ours.do("load", session="whole", version=turns // 2, count=1)),
        lambda: _ms(ours.do("load", session="half", count=1)),
    )


def _growth(ours: Subject, floor: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    advance("the growth of the database")
    figure = Figure("database growth a turn", "the JSON of a turn", "bytes", "<= 1.4", "0.5")
    figure.ours = ours.do("bytes_on_disk", turns=scale.loaded)
    figure.theirs = floor.do("bytes_of_json", turns=scale.loaded)
    yield figure


def _load_merged(ours: Subject, floor: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    del floor
    if importlib.util.find_spec("ledger.repository") is None:
        return
    advance("load_merged where nothing changed")
    yield _pairs(
        Figure(f"load_merged, {scale.loaded:,} turns, nothing changed", "the cold load", "ms", "<= 0.0125"),
        scale.rounds,
        lambda: _ms(ours.do("load_merged", session="whole", count=50)),
        lambda: _ms(ours.do("load", session="whole", count=1)),
    )
    yield _pairs(
        Figure(f"load_merged, {scale.many:,} turns", f"at {scale.few} turns", "ms", "about 1"),
        scale.rounds,
        lambda: _ms(ours.do("load_merged", session=f"of {scale.many}", count=50)),
        lambda: _ms(ours.do("load_merged", session=f"of {scale.few}", count=50)),
    )


def _import(ours: Subject, floor: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    del floor, scale
    if not TRANSCRIPT.is_file():
        return
    advance("the import of a long transcript")
    seconds, saves = ours.do("import_file", file=str(TRANSCRIPT))
    yield Figure(f"import of {TRANSCRIPT.name}", "", "s", ours=[seconds])
    yield Figure("  a save of it", "", "ms", ours=[1000 * seconds / saves])


def _ms(seconds: list[float]) -> list[float]:
    return [1000 * each for each in seconds]
