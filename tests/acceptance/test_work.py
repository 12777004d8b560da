"""`ledger work`: several copies at once, ended by signals, and killed."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ledger
from ledger import Message
from tests.acceptance.cli_process import LEDGER, run
from tests.unit.cli.recorded import record

#: How many saves `record` makes.
RECORDED = 10
LONG_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a recorded `ledger.db`."""
    record(f"sqlite:///{tmp_path / 'ledger.db'}")
    return tmp_path


@contextmanager
def working(*options: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Keep the ledger of a folder warm."""
    with subprocess.Popen(
        [*LEDGER, "work", *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    """Wait for the next thing that it says of its work."""
    assert process.stderr is not None
    return process.stderr.readline()


def await_positions(book: ledger.Ledger, position: int) -> None:
    """Wait until every projection stands there, without bringing any of them up to date."""
    until = time.monotonic() + LONG_S
    while {position} != {book.facts()[f"{name}_position"] for name in ("catalog", "questions")}:
        assert time.monotonic() < until, book.facts()
        time.sleep(0.01)  # nothing announces it to those who do not follow


def test_it_catches_up_and_ends(folder: Path) -> None:
    """With `--once`: it does what there is to do, says what that was, and the second time there is nothing."""
    assert (
        "Projections are at position 10; catalog took 10 events, questions 10.\n"
        == run("work", "--once", folder=folder).stdout
    )
    assert {
        "standing": "working", "position": 10, "sequenced": 0, "projected": {"catalog": 0, "questions": 0}
    } == json.loads(run("work", "--once", "--json", folder=folder).stdout)  # fmt: skip
    run("--db", "nothing.db", "work", folder=folder, exits=5)


@pytest.mark.parametrize(("number", "exits"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_after_the_page(folder: Path, number: signal.Signals, exits: int) -> None:
    """It says what it did, on standard output, and leaves no traceback."""
    with working(folder=folder) as process:
        assert "At work. Projections are at position 10; catalog took 10 events, questions 10.\n" == heard(process)
        process.send_signal(number)
        said, complaint = process.communicate(timeout=LONG_S)

        assert (exits, "") == (process.returncode, complaint)
        assert "Projections are at position 10; catalog took 10 events, questions 10.\n" == said


def test_another_copy_goes_on_where_one_is_killed(folder: Path) -> None:
    """The saves of before and after are all in the projections, each once, and the ledger is whole."""
    with (
        ledger.open(f"sqlite:///{folder / 'ledger.db'}", writer="ui") as book,
        working("--json", folder=folder) as first,
        working("--json", folder=folder) as second,
    ):
        for process in (first, second):
            assert json.loads(heard(process))["note"].startswith("At work. Projections are at position")
        position = RECORDED
        for killed in (None, first):
            if killed is not None:
                killed.kill()
            for _ in range(3):
                book.append("support-2", Message.user("One more"))
                position += 1
                await_positions(book, position)
        second.send_signal(signal.SIGTERM)
        said, _ = second.communicate(timeout=LONG_S)

        assert 0 == second.returncode
        assert position == json.loads(said)["position"]
        assert book.verify().ok
        assert 6 == next(summary.messages for summary in book.sessions() if summary.id == "support-2")
