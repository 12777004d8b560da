"""A replay as people see it: key by key on a terminal, as recorded, cut short by Ctrl-C or by a reader that left."""

import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import ledger
from ledger import Message, Session
from tests.acceptance.cli_process import LEDGER, on_terminal, run, screen

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a ledger: a session of four saves, an hour apart."""
    with ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", writer="agent") as book:
        session = Session.new("s1", model="gpt-5")
        for number in range(1, 5):
            session.add_message(Message.user(f"Line {number}"))
            book.save(session, occurred_at=NOON + timedelta(hours=number))
    return tmp_path


def test_each_key_shows_the_next_save(folder: Path) -> None:
    """A save at a time; after the last one it ends by itself."""
    with on_terminal("replay", "s1", "--step", folder=folder) as terminal:
        for number in range(1, 4):
            seen = terminal.read_until(f"version {number + 1} is next")
            assert f"Line {number}" in seen
            assert f"Line {number + 1}" not in seen
            terminal.press(" ")
        rest = "".join(terminal.read())

        assert "Line 4" in rest
        assert 0 == terminal.process.wait()


@pytest.mark.parametrize("key", ["q", "\x1b", "\x04"])
def test_q_ends_it(folder: Path, key: str) -> None:
    """So do Escape and Ctrl-D: it is no error to have seen enough."""
    with on_terminal("replay", "s1", "--step", folder=folder) as terminal:
        terminal.read_until("version 2 is next")
        terminal.press(key)
        rest = "".join(terminal.read())

        assert "Line 2" not in rest
        assert 0 == terminal.process.wait()


def test_ctrl_c_while_it_waits_for_a_key(folder: Path) -> None:
    """Interrupted, in one word, and the terminal is as it was."""
    with on_terminal("replay", "s1", "--step", folder=folder) as terminal:
        terminal.read_until("version 2 is next")
        terminal.press("\x03")
        rest = "".join(terminal.read())

        assert 130 == terminal.process.wait()
        assert "interrupted" in rest
        assert "Traceback" not in rest


def test_ctrl_c_while_it_plays(folder: Path) -> None:
    """A wait ends at once, and the ledger is whole."""
    with subprocess.Popen(
        [*LEDGER, "replay", "s1", "--speed", "0.001"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while b"Line 1" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        complaint = process.stderr.read()

        assert 130 == process.wait()
        assert b"Error: interrupted\n" == complaint
    run("verify", folder=folder)


def test_a_reader_that_left_is_no_error(folder: Path) -> None:
    """`ledger replay s1 | head -1` ends quietly, also between two saves that are played."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}") as book:
        for number in range(3):
            book.append("s1", *(Message.user(f"{number} {part} " + "x" * 200) for part in range(500)))
    for options in ((), ("--speed", "1e9"), ("--json",), ("--watch", "length(messages)")):
        with subprocess.Popen(
            [*LEDGER, "replay", "s1", *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()

            assert b"" == process.stderr.read()
            assert 0 == process.wait()


def test_on_a_terminal_lines_fit_and_changes_stand_out(folder: Path) -> None:
    """80 columns, and colour for what changed; none of it where nobody wants colours."""
    shown = screen("replay", "s1", "--watch", "messages[].content", folder=folder)
    plain = screen("replay", "s1", "--watch", "messages[].content", folder=folder, env={"NO_COLOR": "1"})

    assert "\x1b[33m" in shown
    assert "\x1b" not in plain
    assert 80 >= max(map(len, plain.replace("\r", "").splitlines()))
