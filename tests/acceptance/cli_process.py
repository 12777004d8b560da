"""The real command in a process of its own: with pipes, on a terminal, or as somebody who may not do everything.

What only runs, and is read to its end, starts warm (`tests.warm_command`), unless a test is about how a process starts.
"""

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests import warm_command

LEDGER = [sys.executable, "-m", "ledger"]


def run(
    *arguments: str,
    folder: Path,
    exits: int = 0,
    given: str | None = None,
    env: Mapping[str, str] | None = None,
    before: tuple[str, ...] = (),
    cold: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run the command with pipes, and expect an exit code; `before` goes in front of the command line."""
    ran = subprocess.run(
        [*([*before, *LEDGER] if cold else _warm(*before)), *arguments],
        cwd=folder,
        env={**os.environ, **(env or {})},
        input="" if given is None else given,
        capture_output=True,
        text=True,
        check=False,
    )

    assert exits == ran.returncode, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr

    return ran


def _warm(*before: str) -> list[str]:
    return [str(warm_command.commands(*before) / "ledger")]


class Terminal:
    """A terminal of 80 columns and 24 lines with a command on it; `streams` says which of its outputs it is."""

    def __init__(
        self,
        *command: str,
        folder: Path,
        env: Mapping[str, str] | None = None,
        streams: str = "stdin stdout stderr",
    ) -> None:
        self._screen, own = pty.openpty()
        fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**inherited, "TERM": "xterm-256color", "PAGER": "cat", **(env or {})},
            stdin=own if "stdin" in streams else subprocess.PIPE,
            stdout=own if "stdout" in streams else subprocess.PIPE,
            stderr=own if "stderr" in streams else subprocess.PIPE,
        )
        os.close(own)

    def read(self) -> Iterator[str]:
        """Give what appears, as it appears, until the last writer has gone."""
        # Linux reports the end of a terminal as an I/O error.
        with suppress(OSError):
            while block := os.read(self._screen, 65536):
                yield block.decode(errors="replace")

    def read_until(self, text: str) -> str:
        """Wait until a text has appeared."""
        seen = ""
        for block in self.read():
            seen += block
            if text in seen:
                return seen
        raise AssertionError(f"{text!r} never appeared in {seen!r}")

    def press(self, key: str) -> None:
        """Press a key when the command waits for one: until then, a terminal forgets what was pressed."""
        while termios.tcgetattr(self._screen)[3] & termios.ICANON and self.process.poll() is None:
            time.sleep(0.005)  # nothing announces that it waits
        os.write(self._screen, key.encode())

    def close(self) -> None:
        """Leave, and end the command if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self._screen)


@contextmanager
def on_terminal(
    *arguments: str,
    folder: Path,
    env: Mapping[str, str] | None = None,
    streams: str = "stdin stdout stderr",
    cold: bool = True,
) -> Iterator[Terminal]:
    """Run the command on a terminal; what is to get a signal has to start cold."""
    terminal = Terminal(*(LEDGER if cold else _warm()), *arguments, folder=folder, env=env, streams=streams)
    try:
        yield terminal
    finally:
        terminal.close()


def screen(
    *arguments: str, folder: Path, exits: int = 0, env: Mapping[str, str] | None = None, cold: bool = False
) -> str:
    """Run the command on a terminal and give all that appeared there."""
    with on_terminal(*arguments, folder=folder, env=env, cold=cold) as terminal:
        shown = "".join(terminal.read())

        assert exits == terminal.process.wait(), shown

    return shown


def bound_by_permissions() -> tuple[str, ...]:
    """Give what to put before a command so that modes of files bind it; a root user is not bound by them otherwise."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root is bound by no permissions, and setpriv is not here to change that")
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
