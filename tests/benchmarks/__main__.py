"""`python -m tests.benchmarks`: the ledger beside the bare driver and what users run instead.

Each system has a process of its own, and they take turns.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks import page
from tests.benchmarks.figures import FULL, GROUPS, QUICK, Scale, checkpoints, figures
from tests.benchmarks.machine import machine
from tests.benchmarks.subject import ROOT, Subject, SubjectAbsent
from tests.benchmarks.system import Place
from tests.benchmarks.table import PEERS, table
from tests.postgres import Server

__all__ = ["ENGINES", "main", "measure"]

ENGINES = ("sqlite", "postgresql")
#: What the tests' own server has otherwise.
DEFAULTS: dict[str, Any] = {"max_connections": 100, "shared_buffers": "128MB", "max_wal_size": "1GB"}
#: Where `make bench` installs the peers.
PEERS_ENVIRONMENT = ROOT / ".venv-bench"


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print a table; with `--write`, write the page of the documentation too."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything: to see that nothing is off")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        choices=[*GROUPS, *ENGINES, "ours", *PEERS],
        help="only this figure, engine or system, besides the floor; may be repeated: %(choices)s",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the tables")
    parser.add_argument("--write", action="store_true", help="write docs/explanation/performance.md and its plots")
    parser.add_argument(
        "--from", dest="source", type=Path, help="take the figures from such a document: measure nothing"
    )
    parser.add_argument("--folder", type=Path, help="the disk to measure on; the system's temporary folder by default")
    parser.add_argument(
        "--peers", type=Path, default=PEERS_ENVIRONMENT, help="the virtual environment that holds the peers"
    )
    options = parser.parse_args(arguments)
    if options.source is not None:
        document = json.loads(options.source.read_text(encoding="utf-8"))
    else:
        with _progress() as advance:
            scale = QUICK if options.quick else FULL
            document = measure(scale, options.only, options.folder, options.peers, advance)
    if options.write:
        page.write(document, _python(options.peers))
    print(json.dumps(document, indent=2) if options.json else table(document))


def measure(
    scale: Scale, only: list[str], folder: Path | None, peers: Path, advance: Callable[[str], None]
) -> dict[str, Any]:
    """Measure what is asked for, and give it as one JSON document.

    A system that cannot run here is left out, and standard error says why.
    """
    groups = [name for name in GROUPS if name in only] or GROUPS
    # LangGraph's checkpoints are measured on SQLite, where LangGraph's own saver needs nothing that is not installed.
    engines = [name for name in ENGINES if name in only] or (ENGINES[:1] if groups == ["langgraph"] else ENGINES)
    names = [name for name in ("ours", *PEERS) if name in only] or ["ours", *PEERS]
    document: dict[str, Any] = {
        "quick": scale != FULL,
        "scale": asdict(scale),
        "machine": {},
        "systems": {},
        "figures": [],
    }
    with tempfile.TemporaryDirectory(prefix="bench-", dir=folder) as own:
        document["machine"] = machine(Path(own))
        Path(own).chmod(0o755)  # a server does not run as root, and has to get to its data
        for engine in engines:
            with ExitStack() as stack:
                advance(f"{engine} starts")
                started, facts = _start(stack, engine, ["floor", *names], Path(own), peers)
                document["systems"][engine] = facts
                told = _told(engine, advance)
                document["figures"] += [each.values for each in figures(engine, started, scale, groups, told)]
                if "langgraph" in groups and engine == "sqlite":
                    savers = _savers(stack, Path(own))
                    document["figures"] += [each.values for each in checkpoints(*savers, scale, told)]
    return document


def _savers(stack: ExitStack, folder: Path) -> tuple[Subject, Subject]:
    """Start the ledger's saver of LangGraph's checkpoints, and LangGraph's own: both are installed with the tests."""
    started = []
    for name in ("ours on langgraph", "langgraph"):
        own = folder / "savers" / name
        own.mkdir(parents=True)
        started.append(stack.enter_context(Subject(name, Place("sqlite", own), sys.executable)))
    return started[0], started[1]


def _start(
    stack: ExitStack, engine: str, names: list[str], folder: Path, peers: Path
) -> tuple[list[Subject], dict[str, Any]]:
    """Start the systems that can run here, and give what is to be known of all."""
    server = stack.enter_context(Server(folder / "server", **DEFAULTS)) if engine == "postgresql" else None
    started, facts = [], {}
    for name in names:
        own = folder / engine / name
        own.mkdir(parents=True)
        place = Place(engine, own)
        if server is not None:
            place = Place(engine, own, str(server.folder), f"bench_{name.replace('-', '_')}")
            server.execute(f"CREATE DATABASE {place.database}")
        try:
            python = _python(peers) if name in PEERS else sys.executable
            started.append(stack.enter_context(Subject(name, place, python)))
            facts[name] = started[-1].facts
        except SubjectAbsent as absent:
            facts[name] = {"absent": str(absent)}
            print(f"SKIPPED: {name} on {engine}: {absent}", file=sys.stderr)
    return started, facts


def _python(environment: Path) -> str:
    """Give the Python of the peers' environment."""
    for each in (environment / "bin" / "python", environment / "Scripts" / "python.exe"):
        if each.exists():
            return str(each)
    raise SubjectAbsent("the peers are not installed; `make bench` does that where there is a network")


def _told(engine: str, advance: Callable[[str], None]) -> Callable[[str], None]:
    return lambda what: advance(f"{engine}: {what}")


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
