"""The command to paste: as this process was itself started, so that it works where the reader is."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.cli.invocation import DEFAULT_DATABASE, Invocation
from ledger.shell_words import quoted

__all__ = ["addressed", "spoken_command"]


def spoken_command(invocation: Invocation, command: str, *options: str, named: Sequence[str] = ()) -> str:
    """Give a line for a shell that runs a command on the ledger of this invocation.

    Args:
        invocation: whose ledger it is about.
        command: its name.
        options: with their values.
        named: the sessions and files, whatever they are called.
    """
    words = [*_program(), *_ledger(invocation)]
    # An id that begins like an option is none behind a `--`, and then nothing is.
    dashed = any(name.startswith("-") for name in named)
    words += [command, *options, "--", *named] if dashed else [command, *named, *options]
    return " ".join(map(quoted, words))


def addressed(invocation: Invocation, message: str) -> str:
    """Give a message whose commands, in backticks, name the ledger that this invocation is about."""
    command = " ".join(map(quoted, ["ledger", *_ledger(invocation)]))
    return re.sub(r"(?<=`)ledger(?= )|(?<=\| )ledger(?= import)", lambda _: command, message)


def _ledger(invocation: Invocation) -> list[str]:
    """Give the option that names the ledger, where neither the environment nor the default does."""
    if invocation.database_named or invocation.database != os.environ.get("LEDGER_DB", DEFAULT_DATABASE):
        return ["--db", invocation.database]
    return []


def _program() -> list[str]:
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return [_found(Path(sys.executable)), "-m", "ledger"]
    return [_found(started) if started.name in {"ledger", "sessionledger"} else "ledger"]


def _found(program: Path) -> str:
    """Give its bare name where that is enough, else its path, from here where it lies below."""
    known = shutil.which(program.name)
    if known is not None and Path(known).absolute() == program.absolute():
        return program.name
    try:
        return str(program.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(program)
