"""`ledger log --follow`, while other processes save."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.cli_process import LEDGER, on_terminal
from tests.unit.cli.recorded import record

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
    """Follow a session through a pipe."""
    with subprocess.Popen(
        [*LEDGER, "log", "support-1", "--follow", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def save(folder: Path, what: str) -> None:
    """Let a process of its own save."""
    subprocess.run([sys.executable, "-c", SAVING.format(what)], cwd=folder, check=True)


def told(process: subprocess.Popen[str], lines: int) -> list[str]:
    """Wait for lines, and give what they tell, without the time."""
    assert process.stdout is not None
    words = [process.stdout.readline().split("  ") for _ in range(lines)]
    return ["  ".join([number.strip(), *rest]).strip() for number, _, *rest in words]


def test_new_saves_are_told_as_they_come_through_a_deletion_and_into_a_new_life(folder: Path) -> None:
    """First the newest that were asked for, then each save of another process; Ctrl-C ends it with 130."""
    with following("-n", "1", folder=folder) as process:
        assert ["6  ui (user)  answered: staging (call_1#0)"] == told(process, 1)
        save(folder, 'book.append("support-1", Message.user("One more"))')
        assert ["7  other-process  user: One more"] == told(process, 1)
        save(folder, 'book.delete("support-1", reason="done")')
        save(folder, 'book.create(Session.new("support-1", model="m"))')
        assert [
            "8  other-process  deleted the session: done",
            "9  other-process  created the session",
        ] == told(process, 2)
        process.send_signal(signal.SIGINT)
        left, complaint = process.communicate()

        assert (130, "") == (process.returncode, left)
        assert "Not shown: 5 older ones.\nError: interrupted\n" == complaint


def test_only_chosen_saves_are_told(folder: Path) -> None:
    """What others do meanwhile is passed over."""
    with following("--type", "title", "--oneline", folder=folder) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("3 ui (user): titled")
        save(folder, 'book.append("support-1", Message.user("One more"))')
        save(folder, 'book.update("support-1", lambda s: setattr(s, "title", "New"), authority="user")')
        assert '8 other-process (user): titled "New"\n' == process.stdout.readline()


def test_it_ends_when_nobody_reads_though_nobody_saves(folder: Path) -> None:
    """A closed pipe is noticed without anything to say to it, and is no error."""
    with following(folder=folder) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _, complaint = process.communicate(timeout=30)

        assert (0, "") == (process.returncode, complaint)


def test_on_a_terminal_there_is_no_pager(folder: Path) -> None:
    """A pager would hold back what comes."""
    with on_terminal(
        "log", "support-1", "-f", "--full", folder=folder, env={"PAGER": "sed s/staging/paged/"}
    ) as terminal:
        assert "paged" not in terminal.read_until("staging")
        terminal.process.send_signal(signal.SIGINT)
        left = "".join(terminal.read())

        assert 130 == terminal.process.wait()
        assert "Traceback" not in left
