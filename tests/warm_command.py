"""The `ledger` command without its start: a process that has imported all of it forks itself for each run.

Starting Python and importing what a command needs takes ten times as long as most commands do. What runs is a process
of its own all the same: with its arguments, its folder, its environment, its pipes or terminal, and its exit code. How
a command starts is for those tests to show that start `python -m ledger`.

`python -m tests.warm_command` is the process that is forked. Signals that are sent to a run do not reach the command.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import shlex
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.held_folder import HeldFolder

__all__ = ["commands"]

ROOT = Path(__file__).parents[1]
#: What commands import when they need it, beside the modules of `ledger.cli`.
WARM = ("ledger.wiring", "ledger.importers", "projections.read_side", "jmespath", "rich.progress", "rich.table")

#: Takes its place in the shell: hands over all that a process has, waits, and ends as the command did.
_RUN = """\
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as warm:
    warm.connect({address!r})
    socket.send_fds(warm, [json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()], [0, 1, 2])
    warm.shutdown(socket.SHUT_WR)
    ended = int(warm.recv(16) or 70)
if ended < 0:
    os.kill(os.getpid(), -ended)
os._exit(ended)
"""


@functools.cache
def commands(*before: str) -> Path:
    """Give a folder that holds `ledger` and `sessionledger`, which run warm for as long as this process lives.

    `before` goes in front of the command line of the process that is forked, and so binds all that it forks. Where no
    process can be forked, the commands are those of the installation.
    """
    if not hasattr(os, "fork"):
        return Path(sys.executable).parent
    held = HeldFolder("ledger-warm-")
    address = held.path / "socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(address))
    listener.listen()
    inherited = [listener.fileno(), held.descriptor]
    warm = subprocess.Popen(
        [*before, sys.executable, "-m", "tests.warm_command", str(listener.fileno())],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=inherited, start_new_session=True,
    )  # fmt: skip
    listener.close()
    # They are called from the last to the first: the folder goes when nobody can be asked any more.
    atexit.register(held.remove)
    atexit.register(warm.communicate)
    run = held.path / "run.py"
    run.write_text(_RUN.format(address=str(address)), encoding="utf-8")
    for name in ("ledger", "sessionledger"):
        command = held.path / name
        command.write_text(
            f'#!/bin/sh\nexec {shlex.join([sys.executable, "-IS", str(run), name])} "$@"\n', encoding="utf-8"
        )
        command.chmod(0o755)
    return held.path


def _became_the_command(listener: socket.socket) -> bool:
    """Fork for each run that is asked for, until whoever started this has ended; tell the fork from it."""
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        runner = os.fork()
        if runner == 0:
            listener.close()
            command = os.fork()
            if command == 0:
                _take_over(connection)
                return True
            _, status = os.waitpid(command, 0)
            connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        connection.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    return False


def _take_over(connection: socket.socket) -> None:
    """Take over what a process is given when it starts."""
    request, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    while more := connection.recv(1 << 20):
        request += more
    connection.close()
    for ours, theirs in enumerate(descriptors):
        os.dup2(theirs, ours)
        os.close(theirs)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]  # the process's own stream
    sys.argv, folder, environment = json.loads(request)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


if __name__ == "__main__":
    from ledger import cli
    from ledger.cli.main import main

    for warm in (*WARM, *(f"ledger.cli.{module.name}" for module in pkgutil.iter_modules(cli.__path__))):
        importlib.import_module(warm)
    # What is frozen is not walked by a collection, so the forks go on sharing its memory.
    gc.freeze()
    if _became_the_command(socket.socket(fileno=int(sys.argv[1]))):
        # Nothing shows that this was a module: usage and hints speak of `ledger`.
        __package__ = ""
        main()
