"""What happens when a command cannot do what it was asked: one sentence on standard error, and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from ledger.cli.exit_codes import INTERRUPTED, OK, STORAGE, exit_code_of
from ledger.cli.invocation import Invocation
from ledger.cli.output import readable
from ledger.cli.spoken_command import addressed
from ledger.errors import LedgerError

__all__ = ["Interrupted", "explained", "until_nobody_reads"]


class Interrupted(click.ClickException):
    """Someone pressed Ctrl-C."""

    exit_code = INTERRUPTED


def explained(command: Callable[[], int | None], invocation: Invocation, *, as_json: bool) -> int:
    """Run a command and give its exit code; what it raises on purpose is told, and never as a traceback.

    Args:
        command: gives an exit code of its own, or nothing.
        invocation: whose ledger it is about, which the commands that an error names have to be about too.
        as_json: tell it as one JSON object: `error`, `message`, and the values that the error carries.
    """

    def tell(error: Exception, code: int) -> int:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        return _tell(error, addressed(invocation, message), code, as_json=as_json)

    try:
        return command() or OK
    except click.Abort:
        return tell(Interrupted("interrupted"), INTERRUPTED)
    except click.ClickException as error:
        return tell(error, error.exit_code)
    except LedgerError as error:
        return tell(error, exit_code_of(error))
    except OSError as error:
        # Not the database, whose errors are LedgerErrors: a file that was named, or where the output goes.
        return tell(click.ClickException(_reason(error)), STORAGE)


def _tell(error: Exception, message: str, code: int, *, as_json: bool) -> int:
    with until_nobody_reads():
        if as_json:
            told = {"error": type(error).__name__, "message": message, **_values(error)}
            click.echo(json.dumps(told, ensure_ascii=True, default=str), err=True)
        else:
            if isinstance(error, click.UsageError) and error.ctx is not None:
                _show_usage(error.ctx)
            click.echo(f"Error: {readable(message)}", err=True)
    return code


def _show_usage(context: click.Context) -> None:
    click.echo(context.get_usage(), err=True)
    if context.command.get_help_option(context) is not None:
        click.echo(f"Try '{context.command_path} --help' for help.\n", err=True)


def _reason(error: OSError) -> str:
    what = f"{error.filename} cannot be used" if error.filename else "the output cannot be written"
    return f"{what}: {error.strerror or error}"


def _values(error: Exception) -> dict[str, Any]:
    hidden = {"message", "ctx", "cmd", "param", "param_hint", "show_color", "hint"}
    return {name: value for name, value in vars(error).items() if name not in hidden}


@contextmanager
def until_nobody_reads() -> Iterator[None]:
    """Let whoever reads the output stop reading, as `head` does: what is left to say is said to nobody."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes both once more when it ends, and would complain.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream, own in ((sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__)):
            if own is not None and stream is own:
                os.dup2(nowhere, own.fileno())
        os.close(nowhere)
