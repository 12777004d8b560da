"""The figures as tables: the same rows for a terminal and for the documentation."""

from collections.abc import Iterator
from typing import Any

__all__ = ["COMPARED", "ENGINES", "NAMES", "PEERS", "Rows", "compared", "faster", "machine_line", "table", "targets"]

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
NAMES = {
    "ours": "sessionledger",
    "floor": "the floor (bare driver)",
    "eventsourcing": "Python `eventsourcing`",
    "openai-agents": "OpenAI Agents `SQLAlchemySession`",
    "adk": "ADK `DatabaseSessionService`",
    "langgraph": "LangGraph checkpointer",
}
PEERS = tuple(name for name in NAMES if name not in {"ours", "floor"})

#: Up to so many times as good is no better: the noise is larger.
ALIKE = 1.05

Rows = list[tuple[str, ...]]
Document = dict[str, Any]

#: What the systems are compared by: figure, which of its lengths, the heading, whether more is better.
COMPARED: tuple[tuple[str, int, str, bool], ...] = (
    ("save", 0, "one save, {turns} turns there", False),
    ("save", -1, "one save, {turns} turns there", False),
    ("together", -1, "{turns} writers at once", True),
    ("load", -1, "cold load of {turns} turns", False),
    ("size", -1, "database after {turns} turns", False),
    ("added", -1, "a turn adds there", False),
)


def table(document: Document) -> str:
    """Give all of it as text for a terminal."""
    parts = []
    for engine, systems in document["systems"].items():
        parts.append(f"{ENGINES[engine]}: medians, and in parentheses their ratio to the floor")
        parts.append(_aligned(compared(document, engine)))
        parts += [
            f"skipped: {_bare(NAMES[name])}: {each['absent']}" for name, each in systems.items() if "absent" in each
        ]
        if rows := targets(document, engine):
            parts += ["", f"{ENGINES[engine]}: the ledger beside what it has to reach", _aligned(rows)]
        parts.append("")
    if document["quick"]:
        parts.append("A quick run: it shows that nothing is off, and no more.")
    return "\n".join([*parts, machine_line(document)])


def machine_line(document: Document) -> str:
    """Give what the figures depend on in one sentence."""
    return ", ".join(f"{name} {value}" for name, value in document["machine"].items()) + "."


def compared(document: Document, engine: str) -> Rows:
    """Give the rows of the table of all systems on one engine, the heading first."""
    columns = [(figure, heading) for figure, heading, _ in _compared(document, engine)]
    rows: Rows = [("", *(heading for _, heading in columns))]
    for name, shown in NAMES.items():
        facts = document["systems"][engine].get(name)
        if facts is not None and "absent" not in facts:
            rows.append((shown, *(_cell(figure, name) for figure, _ in columns)))
    return rows


def faster(document: Document, engine: str) -> list[str]:
    """Say, figure by figure, which peers do better than the ledger: whoever reads the table should not have to look."""
    lines = []
    for figure, heading, more in _compared(document, engine):
        ours = figure["systems"].get("ours", {})
        if "median" not in ours:
            continue
        better: dict[str, float] = {}
        for name in PEERS:
            theirs = figure["systems"].get(name, {})
            if "median" in theirs:
                # Both beside the floor in the same rounds, where there are rounds.
                by = "ratio" if ours["ratio"] and theirs["ratio"] else "median"
                ratio = theirs[by] / ours[by] if more else ours[by] / theirs[by]
                better |= {name: ratio} if ratio > ALIKE else {}
        told = ", ".join(f"{NAMES[name]} ({_number(ratio)} times)" for name, ratio in better.items())
        lines.append(f"{heading}: {told or 'none'}")
    return lines


def _compared(document: Document, engine: str) -> Iterator[tuple[dict[str, Any], str, bool]]:
    for name, place, heading, more in COMPARED:
        found = [
            each
            for each in document["figures"]
            # The far length is the ledger's and the floor's alone.
            if (each["figure"], each["engine"]) == (name, engine) and each["turns"] != document["scale"]["far"]
        ]
        if found:
            yield found[place], heading.format(turns=f"{found[place]['turns']:,}"), more


def _cell(figure: dict[str, Any], name: str) -> str:
    found = figure["systems"].get(name, {})
    if "instead" in found:
        return str(found["instead"])
    if "median" not in found:
        return "-"
    shown = _amount(found["median"], figure["unit"])
    if name == "floor" or figure["beside"] != "floor" or found["ratio"] is None:
        return shown
    return f"{shown} ({_number(found['ratio'])} x)"


# --- The ledger beside what it has to reach --------------------------------------------------------------------------


def targets(document: Document, engine: str) -> Rows:
    """Give the rows of the table of the ledger's own figures, the heading first; none where it was not measured."""
    rows: Rows = [("figure", "the ledger", "beside", "ratio", "to reach", "to aim at")]
    for figure in document["figures"]:
        ours = figure["systems"].get("ours", {})
        if figure["engine"] != engine or "median" not in ours or not _has_goal(figure, document["scale"]):
            continue
        heading, reach, aim = _GOALS[figure["figure"]]
        beside = figure["systems"].get(figure["beside"], {})
        name = _BESIDE.get(figure["beside"], figure["beside"])
        rows.append(
            (
                heading.format(turns=f"{figure['turns']:,}", half=f"{figure['turns'] // 2:,}"),
                _amount(ours["median"], figure["unit"]),
                f"{name}: {_amount(beside['median'], figure['unit'])}" if "median" in beside else name,
                _number(ours["ratio"]) if ours["ratio"] is not None else "",
                reach.get(engine, "") if figure["figure"] != "load_merged" else _reach_of_merged(figure),
                aim,
            )
        )
    return rows if len(rows) > 1 else []


_BESIDE = {"floor": "the floor", "json": "the JSON of the turns", "langgraph": "LangGraph's own saver"}


def _both(limit: str) -> dict[str, str]:
    return dict.fromkeys(ENGINES, limit)


#: By figure: the heading, the ratio to reach on each engine, and the one to aim at.
_GOALS: dict[str, tuple[str, dict[str, str], str]] = {
    "save": ("one save, {turns} turns there", _both("≤ 1.8"), "1.3"),
    "size": ("database after {turns} turns, snapshots included", _both("≤ 1.4"), "0.5"),
    "load": ("cold load of {turns} turns", _both("≤ 1.8"), "1"),
    "load at the middle": ("load at version {half} of {turns}", _both("≤ 1.5"), "1"),
    "load from a snapshot": ("load of {turns} turns from a snapshot", {}, ""),
    "together": ("{turns} async writers, a session each", {"sqlite": "≥ 2.5", "postgresql": "≥ 3"}, "4"),
    "load_merged": ("`load_merged`, {turns} turns, nothing changed", {}, ""),
    "import": ("import of a transcript of {turns} saves", {}, ""),
    "checkpoint size beside json": ("a turn of LangGraph adds, over {turns} turns in one thread", _both("≤ 3"), ""),
    "checkpoint size beside langgraph": ("the same", {}, ""),
    "put": ("one `put` of LangGraph's, {turns} turns there", {}, ""),
}


def _has_goal(figure: dict[str, Any], scale: dict[str, Any]) -> bool:
    if figure["figure"] == "save":
        return figure["turns"] in {*scale["quoted"], scale["far"]}
    if figure["figure"] == "size":
        return bool(figure["turns"] == scale["loaded"])
    return figure["figure"] in _GOALS


def _reach_of_merged(figure: dict[str, Any]) -> str:
    return "about 1" if figure["beside"].startswith("at ") else "≤ 0.0125"


# --- Text ------------------------------------------------------------------------------------------------------------


def _aligned(rows: Rows) -> str:
    bare = [tuple(map(_bare, row)) for row in rows]
    widths = [max(len(row[column]) for row in bare) for column in range(len(bare[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in bare]
    return "\n".join(lines)


def _bare(text: str) -> str:
    return text.replace("`", "")


_SIZES: tuple[tuple[float, str], ...] = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"))


def _amount(value: float, unit: str) -> str:
    if unit.startswith("bytes"):
        for size, name in _SIZES:
            if value >= size:
                return f"{_number(value / size)} {name}"
    return f"{_number(value)} {unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.0f}"
