import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.test_verify import tamper


def test_the_story_is_recorded_as_it_is_told(run: Run, told: Callable[..., Any]) -> None:
    """What the demo claims is what the log says: stale, overruled, left out, answered."""
    run("demo")
    events = told("--db", "demo.db", "log", "support-1")
    kinds = [{change["type"] for change in event["changes"]} for event in events]

    assert ["support-bot", "support-bot", "scheduler", "ui", "scheduler", "support-bot", "ui"] == [
        event["writer"] for event in events
    ]
    assert [0, 1, 1, 3, 3, 5, 6] == [event["base_version"] for event in events]
    assert "question_asked" in kinds[1]
    assert "change_overruled" in kinds[4]
    assert "question_omitted" in kinds[5]
    assert "question_answered" in kinds[6]
    assert told("--db", "demo.db", "verify")["ok"]


def test_a_newcomer_reads_it_on_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider, and nothing but the story is printed; a command is as long as the path of the program."""
    monkeypatch.setattr("sys.argv", ["ledger"])
    result = run("demo")

    assert [] == [line for line in result.stdout.splitlines() if len(line) > 80]
    assert "" == result.stderr


def test_the_story_tells_what_an_overwriting_store_would_have_lost(run: Run) -> None:
    """Its point is made in the output itself."""
    shown = " ".join(run("demo").stdout.split())

    assert "An overwriting store would now hold the scheduler's copy, with no question in it." in shown
    assert "the question is still pending." in shown
    assert 'So it stays "Broken coffee machine, order 4711"' in shown
    assert "7 events: every hash matches, the record is whole." in shown


def test_its_last_lines_can_be_pasted(run: Run) -> None:
    """They run as they stand there, and each answers what the line above them promises."""
    *_, log, show, explain = (
        shlex.split(line.partition("--db ")[2]) for line in run("demo").stdout.splitlines() if line.startswith("  ")
    )

    assert "stale from 1" in run("--db", *log).stdout
    assert "version 2 (the newest is 7)" in run("--db", *show).stdout
    assert "So it is answered, and nobody waits for it any more." in run("--db", *explain).stdout


def test_a_second_run_adds_a_session(run: Run, told: Callable[..., Any]) -> None:
    """Nothing of the first run is removed, not even what a user added to it."""
    run("demo")
    first = told("--db", "demo.db", "log", "support-1")
    assert "support-2" in run("demo").stdout
    assert first == told("--db", "demo.db", "log", "support-1")
    assert ["support-1", "support-2"] == sorted(line["id"] for line in told("--db", "demo.db", "sessions"))


def test_it_stays_out_of_the_ledger_that_the_environment_names(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LEDGER_DB may be in earnest; only `--db` moves the demo."""
    monkeypatch.setenv("LEDGER_DB", "earnest.db")
    run("demo")

    assert not (folder / "earnest.db").exists()
    assert (folder / "demo.db").exists()


def test_db_moves_the_demo(run: Run, folder: Path) -> None:
    """What stands on the command line is meant."""
    shown = run("--db", "mine.db", "demo").stdout

    assert (folder / "mine.db").exists()
    assert not (folder / "demo.db").exists()
    assert "--db mine.db log support-1" in shown


def test_a_file_that_is_no_ledger_is_left_alone(run: Run, folder: Path) -> None:
    """Somebody's demo.db that is something else stays what it is."""
    file = folder / "demo.db"
    file.write_text("notes\n" * 100, encoding="utf-8")
    result = run("demo", exits=5)

    assert "demo.db is not a ledger" in result.stderr
    assert "notes\n" * 100 == file.read_text(encoding="utf-8")


def test_the_story_does_not_hide_a_damaged_record(run: Run, folder: Path) -> None:
    """The last scene asks `verify`, whatever the answer."""
    run("demo")
    tamper(folder / "demo.db", "UPDATE feed SET digest = zeroblob(32)")

    assert "whole" in run("demo").stdout
    run("--db", "demo.db", "verify", exits=1)
