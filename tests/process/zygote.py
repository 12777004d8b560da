"""A warm process to fork workers from, so that starting one that can be killed takes milliseconds and not a second.

It has imported the ledger and opened none: what it forks begins like a process that has just started. Workers are
functions that are named as `"module:function"`; they are called with a `Report`, and with the arguments given to
`start`. `python -m tests.process.zygote` is the warm process itself.
"""

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Report", "Worker", "Zygote"]

#: Imported before the first fork, also what an open ledger imports only when it needs it.
WARM = (
    "ledger.wiring",
    "projections.read_side",
    "alembic.command",
    "alembic.config",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
    "ledger.store.postgres",
    "tests.process.work",
    "tests.process.victims",
)
#: A write of so many bytes into a pipe is whole or absent, whenever its writer is killed.
ATOMIC = 4096


class Report:
    """A worker's line to the test: what it says is kept by the system from the moment on that it was said."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, **values: Any) -> None:
        """Say one thing."""
        line = json.dumps(values).encode() + b"\n"
        assert len(line) <= ATOMIC, f"a report of {len(line)} bytes could arrive torn"
        os.write(self._descriptor, line)


class Worker:
    """A worker process, as the test sees it."""

    def __init__(self, zygote: "Zygote", pid: int, descriptor: int) -> None:
        self.pid = pid
        self._zygote = zygote
        self._descriptor = descriptor
        self._unread = b""
        self._said: list[dict[str, Any]] = []
        self._ended = False

    def hear(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Give the next report, or `None` if none comes within `timeout` seconds, or the worker ended."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._said and not self._ended:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return None
            if select.select([self._descriptor], [], [], left)[0]:
                self._read()
        return self._said.pop(0) if self._said else None

    def hear_for(self, seconds: float) -> list[dict[str, Any]]:
        """Give all that is reported in so many seconds, or until the worker ends."""
        until = time.monotonic() + seconds
        heard = []
        while (report := self.hear(max(until - time.monotonic(), 0))) is not None:
            heard.append(report)
        return heard

    def kill(self) -> list[dict[str, Any]]:
        """End the worker with SIGKILL, and give what it reported before."""
        self._zygote.ask(kill=self.pid)
        return self._rest()

    def end(self) -> list[dict[str, Any]]:
        """Wait for the end of the worker, however it comes, and give what it reported."""
        said = self._rest()
        self._zygote.ask(wait=self.pid)
        return said

    def finish(self) -> list[dict[str, Any]]:
        """Wait for the end of the worker, and give what it reported.

        Raises:
            AssertionError: if it failed, with its traceback.
        """
        said = self._rest()
        status = self._zygote.ask(wait=self.pid)["status"]
        failures = [report["failed"] for report in said if "failed" in report]
        assert not failures, f"the worker failed:\n{failures[0]}"
        assert status == 0, f"the worker ended with {status}"
        return said

    def _rest(self) -> list[dict[str, Any]]:
        while not self._ended:
            self._read()
        said, self._said = self._said, []
        return said

    def _read(self) -> None:
        data = os.read(self._descriptor, 1 << 16)
        if not data:
            self._ended = True
            os.close(self._descriptor)
        *lines, self._unread = (self._unread + data).split(b"\n")
        self._said.extend(json.loads(line) for line in lines)


class Zygote:
    """The warm process, from the test's side. A context manager: leaving it ends every worker."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        root = Path(__file__).parents[2]
        command = [sys.executable, "-m", "tests.process.zygote", str(theirs.fileno())]
        self._process = subprocess.Popen(command, cwd=root, pass_fds=[theirs.fileno()])
        theirs.close()
        self._socket = ours

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.wait()

    def start(self, target: str, **arguments: Any) -> Worker:
        """Fork a worker that calls ``target(report, **arguments)``."""
        reading, writing = os.pipe()
        answer = self.ask([writing], start=target, arguments=arguments)
        os.close(writing)
        return Worker(self, answer["pid"], reading)

    def ask(self, descriptors: list[int] | None = None, **request: Any) -> dict[str, Any]:
        """Have the warm process do something; workers are its children, so it alone can kill and await them."""
        socket.send_fds(self._socket, [json.dumps(request).encode()], descriptors or [])
        answer = self._socket.recv(1 << 16)
        assert answer, "the warm process is gone"
        return dict(json.loads(answer))


def _serve(connection: socket.socket) -> None:
    for module in WARM:
        importlib.import_module(module)
    children: set[int] = set()
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 1)
        if not message:
            break
        request = json.loads(message)
        if "start" in request:
            pid = os.fork()
            if pid == 0:
                connection.close()
                _work(descriptors[0], request["start"], request["arguments"])
            os.close(descriptors[0])
            children.add(pid)
            answer = {"pid": pid}
        else:
            pid = request.get("kill") or request["wait"]
            if "kill" in request:
                os.kill(pid, signal.SIGKILL)
            answer = {"status": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}
            children.remove(pid)
        connection.sendall(json.dumps(answer).encode())
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _work(descriptor: int, target: str, arguments: dict[str, Any]) -> None:
    report = Report(descriptor)
    try:
        module, _, function = target.partition(":")
        getattr(importlib.import_module(module), function)(report, **arguments)
    except BaseException:  # noqa: BLE001 - it is the test's to judge
        report(failed=traceback.format_exc()[-3000:])
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
