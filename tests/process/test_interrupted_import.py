"""An import that is interrupted, by Ctrl-C or by a kill: what was imported stays, and the next goes on there."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ledger
from ledger import Ledger
from tests.process.work import url_of

RUNS = 20

Told = dict[str, list[tuple[int, list[str]]]]


def recording(path: Path) -> Path:
    """Make a file of recorded runs, long enough to be interrupted in the middle."""
    runs = []
    for run in range(RUNS):
        turns = [
            [
                {"role": "user", "content": f"run {run}, question {turn}"},
                {"role": "assistant", "content": f"run {run}, answer {turn}: " + "all is well " * 20},
            ]
            for turn in range(10)
        ]
        runs.append(json.dumps({"messages": [message for turn in turns for message in turn]}))
    path.write_text("\n".join(runs) + "\n")
    return path


def told(book: Ledger) -> Told:
    """Give what a ledger tells of each session, without what differs from one import to the next."""
    return {
        summary.id: [(event.version, [change.type for change in event.changes]) for event in book.history(summary.id)]
        for summary in book.sessions()
    }


def command(path: Path, file: Path) -> list[str]:
    """Give the command that imports a file."""
    return [sys.executable, "-m", "ledger", "--db", url_of(path), "import", str(file)]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """What the ledger tells after an import that nobody disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    subprocess.run(command(folder / "whole.db", recording(folder / "runs.jsonl")), check=True, capture_output=True)
    with ledger.open(url_of(folder / "whole.db"), create=False) as book:
        return told(book)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_import_that_is_interrupted_goes_on_where_it_stopped(
    path: Path, uninterrupted: Told, number: signal.Signals, exit_code: int
) -> None:
    """The ledger is whole after it, and once more imported, it holds what an import without interruption gives."""
    file = recording(path.with_name("runs.jsonl"))
    ledger.open(url_of(path)).close()
    with ledger.open(url_of(path)) as book:
        process = subprocess.Popen(command(path, file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not any(True for _ in book.feed(after=50, limit=1)):
            pass
        process.send_signal(number)
        _, error = process.communicate()
        imported = sum(1 for _ in book.feed())

        assert process.returncode == exit_code, error
        assert "Traceback" not in error
        assert 50 < imported < 20 * RUNS, "it was not interrupted in the middle"
        assert book.verify().ok

        again = subprocess.run(command(path, file), check=False, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        assert book.verify().ok
        assert told(book) == uninterrupted
        assert len(uninterrupted) == RUNS
