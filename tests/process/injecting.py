"""Faults at the system calls of a worker, injected by strace: the K-th of a kind fails, or is the worker's last.

strace counts the calls of each thread by itself, so `when` is the K-th call of whichever thread comes to it.
"""

import ctypes
import fcntl
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.process.zygote import Worker

__all__ = ["CALLS", "Gate", "Strace", "allow_tracing", "strace_or_skip", "wait_at"]

#: How SQLite writes, and how it makes what it wrote last.
CALLS = ("pwrite64", "pwritev", "fdatasync", "fsync", "ftruncate", "fallocate", "unlink")
#: Lets any process trace this one, where the system would let only its parents (PR_SET_PTRACER, PR_SET_PTRACER_ANY).
_PR_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1)


def allow_tracing() -> None:
    """Let strace attach to this process, which is not its child."""
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)


class Gate:
    """Holds workers up where they `wait_at` it, until it is opened."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def open(self) -> None:
        """Let everyone through."""
        self._file.close()


def wait_at(path: str) -> None:
    """Wait, in a worker, until a gate is opened."""
    with Path(path).open() as shut:
        fcntl.flock(shut, fcntl.LOCK_SH)


class Strace:
    """strace at a worker, attached when this is entered and detached when it is left, if the worker still lives.

    Args:
        worker: what to trace.
        injected: the fault in strace's words, such as ``fdatasync:error=EIO:when=3``; none by default.
        log: where each call is written to.
    """

    def __init__(self, worker: Worker, injected: str | None = None, log: Path | None = None) -> None:
        calls = ",".join(CALLS) if injected is None else injected.partition(":")[0]
        command = ["strace", "-f", "-p", str(worker.pid), "-e", f"trace={calls}", "-o", str(log or "/dev/null")]
        self._command = command if injected is None else [*command, "-e", f"inject={injected}"]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        said = self._process.stderr.readline()
        assert "attached" in said, f"strace did not attach: {said}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.detach()

    def detach(self) -> None:
        """Let the worker go on alone, if it has not ended."""
        if self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGINT)
        self._process.communicate()


def calls_in(log: Path) -> Counter[str]:
    """Give, of each kind of call, how often the thread made it that made it most often."""
    counts = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
    most: Counter[str] = Counter()
    for (_, call), count in counts.items():
        most[call] = max(most[call], count)
    return most


def strace_or_skip() -> None:
    """Skip the test, loudly, where strace is not installed or may not trace."""
    missing = "the faults at each system call were NOT injected"
    strace = shutil.which("strace")
    if sys.platform != "linux" or strace is None:
        pytest.skip(f"strace is not installed; {missing}")
    tried = subprocess.run(
        [strace, "-e", "inject=fsync:error=EIO", sys.executable, "-c", ""], check=False, capture_output=True, text=True
    )
    if tried.returncode:
        pytest.skip(f"strace may not trace here ({tried.stderr.strip().splitlines()[-1]}); {missing}")
