"""`python -m tests.benchmarks`: the ledger beside the bare driver, each in a process of its own, interleaved."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.store.sqlite import driver
from tests.benchmarks.figures import FULL, QUICK, figures
from tests.benchmarks.subject import Subject

COLUMNS = ("figure", "ours", "beside", "ratio", "reach", "aim")


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that nothing is off")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("--folder", type=Path, help="the disk to measure on; the system's temporary folder by default")
    options = parser.parse_args(arguments)
    scale = QUICK if options.quick else FULL
    with _progress() as advance, Subject("ours", options.folder) as ours, Subject("floor", options.folder) as floor:
        found = [figure.values for figure in figures(ours, floor, scale, advance)]
    if options.json:
        print(json.dumps({"machine": machine(), "quick": options.quick, "figures": found}, indent=2))
    else:
        print(table(found))


def machine() -> dict[str, Any]:
    """Give what the figures depend on."""
    return {
        "python": platform.python_version(),
        "sqlite": f"{driver().__name__} {driver().sqlite_version}",
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
    }


def table(found: list[dict[str, Any]]) -> str:
    """Give the figures as text, a line each."""
    lines = [COLUMNS, *(_line(figure) for figure in found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    return "\n".join([*text, "", f"Medians. {facts}."])


def _line(figure: dict[str, Any]) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"

    theirs = f"{number(figure['theirs'])} {figure['unit']} ({figure['beside']})" if figure["beside"] else ""
    ours = f"{number(figure['ours'])} {figure['unit']}"
    return (figure["figure"], ours, theirs, number(figure["ratio"]), figure["reach"], figure["aim"])


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Give what shows what is measured: on standard error, and only where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=None)
        yield lambda name: progress.update(task, description=name)


if __name__ == "__main__":
    main()
