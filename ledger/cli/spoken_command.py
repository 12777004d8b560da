"""The command to paste: as this process was itself started, so that it works where the reader is."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from ledger.cli.invocation import DEFAULT_DATABASE, Invocation

__all__ = ["spoken_command"]


def spoken_command(invocation: Invocation, *arguments: str) -> str:
    """Give a line for a shell that runs `arguments` on the ledger of this invocation."""
    words = [*_program()]
    if invocation.database_named or invocation.database != os.environ.get("LEDGER_DB", DEFAULT_DATABASE):
        words += ["--db", invocation.database]
    return shlex.join([*words, *arguments])


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
