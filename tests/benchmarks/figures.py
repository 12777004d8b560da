"""What is measured: each figure on every system by turns, in one run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.subject import Subject
from tests.benchmarks.turns import json_of, turn

__all__ = ["FULL", "GROUPS", "QUICK", "Figure", "Scale", "checkpoints", "figures"]

TRANSCRIPT = Path(__file__).parents[3] / "shared" / "transcripts" / "claude_code_long.jsonl"
#: What can be measured on its own.
GROUPS = ("save", "load", "together", "merged", "import", "langgraph")
#: Up to here a session is grown anew for each round, so that what the rounds save does not lengthen it much.
SHORT = 30
#: While a session grows it is loaded so often, so that what a system stores in order to load faster is counted.
LOAD_EVERY = 100
#: So many turns more show what a turn adds.
ADDED = 30
#: A system that is so slow saves fewer turns a round.
ENOUGH_S = 0.3
#: How long a round of many writers should take; a shorter one measures the clock.
TOGETHER_S = 0.5


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is done: enough for a figure that one may quote, or enough to see that nothing is off."""

    #: The lengths of history at which every system saves; those that are quoted get more rounds.
    lengths: tuple[int, ...]
    quoted: tuple[int, ...]
    #: And the one at which the ledger must save as at the shortest.
    far: int
    loaded: int
    rounds: int
    rounds_between: int
    rounds_together: int
    saves: int
    writers: int = 64
    longest_together: int = 32


FULL = Scale(
    lengths=(10, 30, 100, 300, 1000),
    quoted=(10, 1000),
    far=2500,
    loaded=1000,
    rounds=15,
    rounds_between=5,
    rounds_together=7,
    saves=10,
)
QUICK = Scale(
    lengths=(10, 100),
    quoted=(10, 100),
    far=300,
    loaded=100,
    rounds=3,
    rounds_between=3,
    rounds_together=2,
    saves=4,
    longest_together=4,
)


@dataclass(slots=True)
class Figure:
    """One figure of every system that was measured, as medians, and as ratios to one of them.

    A ratio is the median of those of the rounds: a machine that is busy for a while slows all that run in a round.
    """

    name: str
    engine: str
    turns: int
    unit: str
    beside: str = "floor"
    found: dict[str, list[float]] = field(default_factory=dict)
    #: What happened to those that give no figure.
    instead: dict[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, Any]:
        """The figure as JSON."""
        return {
            "figure": self.name,
            "engine": self.engine,
            "turns": self.turns,
            "unit": self.unit,
            "beside": self.beside,
            "systems": {name: self._of(name) for name in (*self.found, *self.instead)},
        }

    def _of(self, name: str) -> dict[str, Any]:
        if name in self.instead:
            return {"instead": self.instead[name]}
        pairs = zip(self.found[name], self.found.get(self.beside, []), strict=False)
        ratios = [one / other for one, other in pairs]
        return {
            "median": _rounded(median(self.found[name])),
            "ratio": _rounded(median(ratios)) if ratios else None,
            "rounds": len(self.found[name]),
        }


def figures(
    engine: str, subjects: Sequence[Subject], scale: Scale, groups: Sequence[str], advance: Callable[[str], None]
) -> Iterator[Figure]:
    """Measure the groups on one engine, and give each figure as it is done.

    Args:
        engine: what all of them run on.
        subjects: the systems; those called "ours" and "floor" have figures that the others have not.
        scale: how much to do.
        groups: of `GROUPS`.
        advance: called with what is measured next.
    """
    run = _Run(engine, {subject.name: subject for subject in subjects}, scale, groups, advance)
    yield from run.by_length()
    for group, measure in (("together", run.together), ("merged", run.merged), ("import", run.imported)):
        if group in groups:
            yield from measure()


def checkpoints(ours: Subject, theirs: Subject, scale: Scale, advance: Callable[[str], None]) -> Iterator[Figure]:
    """Measure LangGraph's checkpoints in the ledger beside its own SQLite saver, in pairs: a put a turn.

    Args:
        ours: the ledger's saver.
        theirs: LangGraph's own.
        scale: how much to do.
        advance: called with what is measured next.
    """
    subjects = {"ours": ours, "langgraph": theirs}
    run = _Run("sqlite", subjects, scale, ("langgraph",), advance)
    turns = scale.loaded
    before = {name: subject.do("size") for name, subject in subjects.items()}
    for name, subject in subjects.items():
        advance(f"{name} grows to {turns:,} turns")
        subject.do("grow", session="grown", turns=turns)
    grown = {name: (subject.do("size") - before[name]) / turns for name, subject in subjects.items()}
    for beside in ("json", "langgraph"):
        figure = run.figure(f"checkpoint size beside {beside}", turns, "bytes a turn", beside)
        figure.found = {"json": [_json_size(range(turns)) / turns], **{name: [size] for name, size in grown.items()}}
        yield figure
    for length in (scale.lengths[0], turns):
        for subject in subjects.values():
            subject.do("grow", session=f"of {length}", turns=length)
        puts = {name: _putting(subject, length, scale.saves) for name, subject in subjects.items()}
        yield run.rounds(run.figure("put", length, "ms", "langgraph"), scale.rounds_between, puts)


def _putting(subject: Subject, turns: int, count: int) -> Callable[[int], float]:
    def one_round(_: int) -> float:
        return 1000 * float(median(subject.do("save", session=f"of {turns}", count=count, enough_s=ENOUGH_S)))

    return one_round


@dataclass(frozen=True, slots=True)
class _Run:
    engine: str
    subjects: dict[str, Subject]
    scale: Scale
    groups: Sequence[str]
    advance: Callable[[str], None]

    def figure(self, name: str, turns: int, unit: str, beside: str = "floor") -> Figure:
        """Begin a figure."""
        return Figure(name, self.engine, turns, unit, beside)

    def rounds(self, figure: Figure, count: int, measures: dict[str, Callable[[int], float]]) -> Figure:
        """Measure so many rounds."""
        for number in range(count):
            self.round(figure, number, count, measures)
        return figure

    def round(self, figure: Figure, number: int, count: int, measures: dict[str, Callable[[int], float]]) -> None:
        """Let all have a go, in an order that rotates: what else the machine does meets all alike."""
        names = list(measures)
        start = number % len(names)
        for name in names[start:] + names[:start]:
            if name in figure.instead:
                continue
            self.advance(f"{figure.name}, {figure.turns:,} turns, round {number + 1} of {count}: {name}")
            try:
                figure.found.setdefault(name, []).append(measures[name](number))
            except RuntimeError as error:
                figure.found.pop(name, None)
                figure.instead[name] = _last_line(error)

    def grow(self, subject: Subject, session: str, turns: int) -> None:
        """Bring a session to that many turns, with a load now and then."""
        for reached in range(0, turns, LOAD_EVERY):
            self.advance(f"{subject.name} grows to {reached:,} of {turns:,} turns")
            subject.do("grow", session=session, turns=min(reached + LOAD_EVERY, turns))
            subject.do("load", session=session)

    # --- A save, a cold load and the size, at each length of history ------------------------------------------------

    def by_length(self) -> Iterator[Figure]:
        """Grow a session to each length, and there see its size, load it, and save to it."""
        if not {"save", "load"} & set(self.groups):
            return
        lengths = self.scale.lengths if "save" in self.groups else (self.scale.loaded,)
        for turns in lengths:
            session = f"of {turns}"
            yield self._sizes(session, turns)
            if turns == self.scale.loaded and "load" in self.groups:
                yield from self._loads(session, turns)
            if "save" in self.groups:
                yield self._added(session, turns)
        if "save" in self.groups:
            yield from self._saves()

    def _sizes(self, session: str, turns: int) -> Figure:
        figure = self.figure("size", turns, "bytes", "json")
        figure.found["json"] = [_json_size(range(turns))]
        for name, subject in list(self.subjects.items()):
            try:
                before = subject.do("size")
                self.grow(subject, session, turns)
                figure.found[name] = [subject.do("size") - before]
            except RuntimeError as error:
                figure.instead[name] = _last_line(error)
                del self.subjects[name]  # whatever it did from here on would not be of that length
        return figure

    def _added(self, session: str, turns: int) -> Figure:
        figure = self.figure("added", turns, "bytes a turn", "json")
        figure.found["json"] = [_json_size(range(turns, turns + ADDED)) / ADDED]
        for name, subject in self.subjects.items():
            before = subject.do("size")
            subject.do("save", session=session, count=ADDED)
            figure.found[name] = [(subject.do("size") - before) / ADDED]
        return figure

    def _saves(self) -> list[Figure]:
        """Measure all lengths by turns too, so that they can be compared with each other."""
        scale = self.scale
        near = {name: self.subjects[name] for name in ("ours", "floor") if name in self.subjects}
        for subject in near.values():
            self.grow(subject, f"of {scale.far}", scale.far)
        found = [self.figure("save", turns, "ms") for turns in (*scale.lengths, scale.far)]
        for number in range(scale.rounds):
            for figure in found:
                quoted = figure.turns in {*scale.quoted, scale.far}
                if quoted or number % (scale.rounds // scale.rounds_between) == 0:
                    subjects = near if figure.turns == scale.far else self.subjects
                    measures = {name: self._saving(each, figure.turns) for name, each in subjects.items()}
                    self.round(figure, number, scale.rounds, measures)
        return found

    def _saving(self, subject: Subject, turns: int) -> Callable[[int], float]:
        def one_round(number: int) -> float:
            session = f"of {turns}"
            if turns <= SHORT:
                session += f", round {number}"
                subject.do("grow", session=session, turns=turns)
            times = subject.do("save", session=session, count=self.scale.saves, enough_s=ENOUGH_S)
            return 1000 * float(median(times))

        return one_round

    def _loads(self, session: str, turns: int) -> Iterator[Figure]:
        def loading(subject: Subject, session: str = session) -> Callable[[int], float]:
            return lambda _: 1000 * float(subject.do("load", session=session))

        everyone = {name: loading(each) for name, each in self.subjects.items()}
        yield self.rounds(self.figure("load", turns, "ms"), self.scale.rounds, everyone)
        ours = self.subjects.get("ours")
        if ours is None:
            return
        half = turns // 2
        self.grow(ours, "half", half)
        yield self.rounds(
            self.figure("load at the middle", turns, "ms", f"a cold load of {half:,} turns"),
            self.scale.rounds,
            {
                "ours": lambda _: 1000 * float(ours.do("load_at", session=session, at=half)),
                f"a cold load of {half:,} turns": loading(ours, "half"),
            },
        )
        self.grow(ours, "kept", turns)
        ours.do("take_snapshot", session="kept")
        yield self.rounds(
            self.figure("load from a snapshot", turns, "ms", "a cold load"),
            self.scale.rounds,
            {"ours": loading(ours, "kept"), "a cold load": loading(ours)},
        )

    # --- The others ---------------------------------------------------------------------------------------------------

    def together(self) -> Iterator[Figure]:
        """Measure many writers at once, a session each; a system that is fast saves more turns a round."""
        writers = self.scale.writers

        def measured(subject: Subject) -> Callable[[int], float]:
            turns = 1

            def rate(number: int | str, turns: int) -> float:
                label = f"together {number} {turns}"
                done = subject.do("save_together", writers=writers, turns=turns, label=label)
                if done["failures"]:
                    raise RuntimeError(_failures(done["failures"], writers))
                return writers * turns / float(done["seconds"])

            def one_round(number: int) -> float:
                nonlocal turns
                if number == 0:
                    fitting = rate("warming up", 1) * TOGETHER_S / writers
                    turns = max(1, min(round(fitting), self.scale.longest_together))
                return rate(number, turns)

            return one_round

        yield self.rounds(
            self.figure("together", writers, "turns/s"),
            self.scale.rounds_together,
            {name: measured(each) for name, each in self.subjects.items()},
        )

    def merged(self) -> Iterator[Figure]:
        """Measure how the ledger reconciles a cached session with storage where nothing has changed."""
        ours = self.subjects.get("ours")
        if ours is None:
            return
        lengths = {turns: f"merged {turns}" for turns in (self.scale.lengths[0], self.scale.loaded, self.scale.far)}
        for turns, session in lengths.items():
            self.grow(ours, session, turns)

        def merging(turns: int) -> Callable[[int], float]:
            return lambda _: 1000 * median(ours.do("load_merged", session=lengths[turns], count=50))

        loaded, few, far = self.scale.loaded, self.scale.lengths[0], self.scale.far
        yield self.rounds(
            self.figure("load_merged", loaded, "ms", "a cold load"),
            self.scale.rounds,
            {
                "ours": merging(loaded),
                "a cold load": lambda _: 1000 * float(ours.do("load", session=lengths[loaded])),
            },
        )
        yield self.rounds(
            self.figure("load_merged", far, "ms", f"at {few:,} turns"),
            self.scale.rounds,
            {"ours": merging(far), f"at {few:,} turns": merging(few)},
        )

    def imported(self) -> Iterator[Figure]:
        """Measure the import of a long transcript, where there is one beside the checkout."""
        ours = self.subjects.get("ours")
        if ours is None or not TRANSCRIPT.is_file():
            return
        self.advance("the import of a long transcript")
        seconds, saves = ours.do("import_file", file=str(TRANSCRIPT))
        figure = self.figure("import", saves, "ms a save", "")
        figure.found["ours"] = [1000 * seconds / saves]
        yield figure


def _json_size(numbers: range) -> float:
    return float(sum(len(body.encode()) for number in numbers for body in json_of(turn(number))))


def _failures(failures: dict[str, int], writers: int) -> str:
    return "; ".join(f"{count} of {writers} writers failed: {error}" for error, count in failures.items())


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def _rounded(value: float) -> float:
    """Give four digits: no figure here is better than that."""
    return float(f"{value:.4g}")
