"""`python -m tests.benchmarks.plots DATA FOLDER`: save time and database size against the length of the history.

It runs with the Python of the peers, where matplotlib is.
"""

import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator


def _bytes(value: float) -> str:
    for size, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "KB")):
        if value >= size:
            return f"{value / size:g} {name}"
    return f"{value:g} bytes"


#: Colours that people who see few colours tell apart (Okabe and Ito), a mark each for those who see none, and the name.
STYLES: dict[str, tuple[str, str, str]] = {
    "ours": ("#D55E00", "o", "sessionledger"),
    "floor": ("#555555", "", "bare driver"),
    "eventsourcing": ("#0072B2", "s", "eventsourcing"),
    "openai-agents": ("#009E73", "^", "OpenAI Agents"),
    "adk": ("#CC79A7", "D", "ADK"),
    "langgraph": ("#000000", "v", "LangGraph"),
    "json": ("#555555", "", "the JSON itself"),
}
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
#: A plot: the file, the figure, its title, and how a value of its axis reads.
PLOTS: tuple[tuple[str, str, str, Callable[[float], str]], ...] = (
    ("save-time.svg", "save", "Time of one save", lambda value: f"{value:g} ms"),
    ("database-size.svg", "size", "Size of the database", _bytes),
)
#: Labels at the ends of the lines stand so far apart at least, as a part of the axis.
APART = 0.062


def main() -> None:
    """Draw both."""
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    # The same figures give the same file; text stays text, so that it can be read and searched.
    mpl.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9, "axes.titlesize": 10})
    for file, figure, title, reads in PLOTS:
        _draw(document, figure, title, reads).savefig(Path(sys.argv[2]) / file, metadata={"Date": None})


def _draw(document: dict[str, Any], name: str, title: str, reads: Callable[[float], str]) -> Figure:
    engines = [engine for engine in ENGINES if engine in document["systems"]]
    drawn = Figure(figsize=(4.3 * len(engines), 3.7), layout="constrained")
    axes = drawn.subplots(1, len(engines), sharey=True, squeeze=False)[0]
    for axis, engine in zip(axes, engines, strict=True):
        figures = [each for each in document["figures"] if (each["figure"], each["engine"]) == (name, engine)]
        axis.set(xscale="log", yscale="log", title=f"{title}, {ENGINES[engine]}", xlabel="turns in the session")
        ends = {system: _line(axis, figures, system) for system in STYLES}
        _decorate(axis, reads, sorted({each["turns"] for each in figures}))
        _label(axis, {system: end for system, end in ends.items() if end is not None})
    return drawn


def _line(axis: Axes, figures: list[dict[str, Any]], system: str) -> tuple[float, float] | None:
    """Draw one system, and give where its line ends."""
    if (system == "floor" and figures and figures[0]["beside"] != "floor") or not figures:
        return None  # as large as the JSON, whose line it would hide
    points = [
        (each["turns"], each["systems"][system]["median"])
        for each in figures
        if "median" in each["systems"].get(system, {})
    ]
    if not points:
        return None
    colour, mark, _ = STYLES[system]
    bare = system in {"floor", "json"}
    axis.plot(
        *zip(*points, strict=True),
        color=colour,
        marker=mark,
        markersize=4,
        linewidth=2.2 if system == "ours" else 1.2,
        linestyle="--" if bare else "-",
        zorder=3 if system == "ours" else 2,
    )
    return points[-1]


def _decorate(axis: Axes, reads: Callable[[float], str], turns: list[int]) -> None:
    axis.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: reads(value)))
    axis.yaxis.set_tick_params(labelleft=True)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticks(turns, [f"{each:,}" for each in turns], fontsize=7.5)


def _label(axis: Axes, ends: dict[str, tuple[float, float]]) -> None:
    """Write each name at the end of its line, and push apart those that would stand on one another."""
    places = {
        name: float(axis.transAxes.inverted().transform(axis.transData.transform(end))[1]) for name, end in ends.items()
    }
    for _ in range(100):
        order = sorted(places, key=lambda name: places[name])
        for lower, upper in pairwise(order):
            lacking = APART - (places[upper] - places[lower])
            if lacking > 0:
                places[lower] -= lacking / 2
                places[upper] += lacking / 2
    for name, height in places.items():
        colour, _, text = STYLES[name]
        axis.annotate(
            text,
            xy=ends[name],
            xycoords="data",
            xytext=(1.03, height),
            textcoords="axes fraction",
            color=colour,
            fontweight="bold" if name == "ours" else "normal",
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "color": colour,
                "linewidth": 0.5,
                "shrinkA": 1,
                "shrinkB": 2,
                "relpos": (0, 0.5),
            },
        )


if __name__ == "__main__":
    main()
