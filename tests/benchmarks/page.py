"""The page of the documentation: what it says of a run is written by the run, between two marks."""

import json
import subprocess
from typing import Any

from tests.benchmarks.subject import ROOT
from tests.benchmarks.table import ENGINES, NAMES, Rows, compared, faster, machine_line, targets

__all__ = ["BEGINNING", "DATA", "END", "PAGE", "PLOTS", "block", "write"]

PAGE = ROOT / "docs" / "explanation" / "performance.md"
DATA = PAGE.with_suffix(".json")
PLOTS = {
    "save-time.svg": "How long one save takes, against the turns that the session has; both axes are logarithmic",
    "database-size.svg": "How large the database is, against the turns that the session has; both axes are logarithmic",
}
BEGINNING = "<!-- what follows is written by `make bench`: edit tests/benchmarks, not this -->"
END = "<!-- what `make bench` writes ends here -->"


def write(document: dict[str, Any], python: str) -> None:
    """Write the data, the page's block and the plots.

    Args:
        document: a run.
        python: one that has matplotlib: that of the peers.
    """
    DATA.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    subprocess.run([python, "-m", "tests.benchmarks.plots", str(DATA), str(PAGE.parent)], cwd=ROOT, check=True)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGINNING)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGINNING}\n\n{block(document)}\n\n{END}{after}", encoding="utf-8")


def block(document: dict[str, Any]) -> str:
    """Give what a run has to say, as the page holds it."""
    parts = [f"Measured on: {machine_line(document)}"]
    if document["quick"]:
        parts.append("**A quick run: it shows that nothing is off, and no more.**")
    for engine, systems in document["systems"].items():
        parts.append(f"### On {ENGINES[engine]}")
        parts.append("In parentheses: how many times the floor's figure.")
        parts.append(_table(compared(document, engine)))
        if left_out := [f"{NAMES[name]} ({facts['absent']})" for name, facts in systems.items() if "absent" in facts]:
            parts.append(f"Not measured: {'; '.join(left_out)}.")
        if lines := faster(document, engine):
            parts.append("Which of them do better than the ledger:")
            parts.append("\n".join(f"- {line}" for line in lines))
        if rows := targets(document, engine):
            parts.append("The ledger beside what it has to reach:")
            parts.append(_table(rows))
    parts += ["### How it grows", *(f"![{text}]({name})" for name, text in PLOTS.items())]
    parts += ["### How each is used", _table(_uses(document))]
    return "\n\n".join(parts)


def _uses(document: dict[str, Any]) -> Rows:
    rows: Rows = [("", "a turn is", "64 writers are", "what a commit waits for", "versions")]
    for name in NAMES:
        on = {engine: systems.get(name, {}) for engine, systems in document["systems"].items()}
        on = {engine: facts for engine, facts in on.items() if "version" in facts}
        if not on:
            continue
        first = next(iter(on.values()))
        durability = "; ".join(f"{ENGINES[engine]}: {facts['durability']}" for engine, facts in on.items())
        versions = "; ".join(f"{ENGINES[engine]}: {facts['version']}" for engine, facts in on.items())
        rows.append((NAMES[name], first["turn"], first["together"], durability, versions))
    return rows


def _table(rows: Rows) -> str:
    heading, *others = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([heading, f"|{'---|' * len(rows[0])}", *others])
