"""`ledger follow`, while other processes save."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger import FeedItem
from tests.acceptance.cli_process import LEDGER, run
from tests.unit.cli.recorded import record

#: How many saves `record` makes.
RECORDED = 10
SAVING = """
import ledger
from ledger import Message, Session
with ledger.open("sqlite:///ledger.db", writer="other-process") as book:
    {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a recorded `ledger.db`."""
    record(f"sqlite:///{tmp_path / 'ledger.db'}")
    return tmp_path


@contextmanager
def following(*options: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Follow the feed through a pipe."""
    with subprocess.Popen(
        [*LEDGER, "follow", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def save(folder: Path, what: str) -> None:
    """Let a process of its own save."""
    subprocess.run([sys.executable, "-c", SAVING.format(what)], cwd=folder, check=True)


def line(process: subprocess.Popen[str]) -> str:
    """Wait for a line."""
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_saves_of_others_are_told_as_they_come(folder: Path) -> None:
    """A line each, at once, though the output is a pipe; Ctrl-C ends it with 130 and without a word."""
    with following("--after", str(RECORDED - 1), folder=folder) as process:
        assert "10  user@example.org@1 support-bot: created the session" == line(process)
        save(folder, 'book.append("support-1", Message.user("One more"))')
        assert "11  support-1@7 other-process: user: One more" == line(process)
        save(folder, 'book.delete("support-1", reason="done")')
        assert "12  support-1@8 other-process: deleted the session: done" == line(process)
        process.send_signal(signal.SIGINT)

        assert ("", "") == process.communicate()
        assert 130 == process.returncode


def test_it_resumes_behind_the_last_position(folder: Path) -> None:
    """Killed at any line, and begun again behind that, it has told every save exactly once."""
    seen: list[FeedItem] = []
    for lines in (1, 4, 2):
        after = str(seen[-1].position) if seen else "0"
        with following("--after", after, "--json", folder=folder) as process:
            seen += [FeedItem.model_validate_json(line(process)) for _ in range(lines)]
    rest = run("follow", "--after", str(seen[-1].position), "--json", "--until-end", folder=folder).stdout
    seen += [FeedItem.model_validate_json(each) for each in rest.splitlines()]

    assert list(range(1, RECORDED + 1)) == [item.position for item in seen]
    assert [1, 2, 3, 4, 5, 6] == [item.event.version for item in seen if item.session_id == "support-1"]


def test_without_a_position_it_begins_now(folder: Path) -> None:
    """What was saved before is not told; `-n` ends it after so many."""
    with following("-n", "1", "--json", folder=folder) as process:
        told = None
        while told is None:  # it may not have begun when the first of these is saved
            save(folder, 'book.append("support-2", Message.user("One more"))')
            if process.poll() is not None:
                told = json.loads(line(process))
        assert told["position"] > RECORDED
        assert ("support-2", "other-process") == (told["session_id"], told["event"]["writer"])
        assert 0 == process.returncode


def test_it_ends_when_nobody_reads_though_nobody_saves(folder: Path) -> None:
    """A closed pipe is noticed without anything to say to it, and is no error."""
    with following("--after", str(RECORDED - 1), folder=folder) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, complaint = process.communicate(timeout=30)

        assert (0, "") == (process.returncode, complaint)


def test_what_cannot_be_meant_is_refused(folder: Path) -> None:
    """In a sentence, with the exit code for it."""
    complaint = run("follow", "--until-end", folder=folder, exits=2).stderr
    assert "--until-end shows nothing unless --after says where to begin: --after 0 for all of it" in complaint
    run("follow", "--after", "-1", folder=folder, exits=2)
    run("--db", "nothing.db", "follow", folder=folder, exits=5)
