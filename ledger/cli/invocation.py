"""One run of the command line: which ledger it is about, how it speaks, and what it will exit with."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.exit_codes import OK
from ledger.cli.output import readable

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["DEFAULT_DATABASE", "Invocation", "database_url", "json_lines_option", "json_option", "pass_invocation"]

DEFAULT_DATABASE = "sqlite:///ledger.db"


@dataclass(slots=True)
class Invocation:
    """What the global options said.

    `database_named` tells whether ``--db`` stood on the command line: that outweighs a command's own choice.
    """

    database: str = DEFAULT_DATABASE
    database_named: bool = False
    as_json: bool = False
    exit_code: int = OK

    @contextmanager
    def book(self, *, create: bool = False) -> Iterator[Ledger]:
        """Open the ledger for as long as a command works with it.

        Raises:
            StorageError: if it cannot be opened, or there is none and `create` is false.
        """
        # Here, since it takes SQLAlchemy with it: `ledger --help` does without.
        import ledger

        with warnings_told(as_json=self.as_json), ledger.open(database_url(self.database), create=create) as book:
            yield book


pass_invocation = click.make_pass_decorator(Invocation)


def database_url(named: str) -> str:
    """Give the URL of a database that was named by its URL, or by the path of its file.

    >>> database_url("demo.db")
    'sqlite:///demo.db'
    """
    if "://" in named:
        return named
    # Not by pathlib, which raises where it is nobody's home.
    path = str(Path(os.path.expanduser(named)))  # noqa: PTH111
    return "sqlite:///" + path.replace("%", "%25").replace("?", "%3F")


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` to a command that reads."""
    return _json_option(command, "Print one JSON document.")


def json_lines_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` to a command that tells things as they come, so that no document would ever end."""
    return _json_option(command, "Print one JSON object a line, as each comes.")


def _json_option(command: Callable[..., Any], told: str) -> Callable[..., Any]:

    def remember(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
        if value:
            context.find_object(Invocation).as_json = True  # type: ignore[union-attr]  # the group made it

    return click.option("--json", "as_json", is_flag=True, expose_value=False, callback=remember, help=told)(command)


@contextmanager
def warnings_told(*, as_json: bool = False, by: logging.Handler | None = None) -> Iterator[None]:
    """Put the library's warnings on standard error, a line each, for as long as this lasts.

    What it logs as an error, it also raises, and that is told once.

    Args:
        as_json: each as a JSON object.
        by: another way to tell them.
    """
    telling = by or _Telling(as_json=as_json)
    loggers = [logging.getLogger(name) for name in ("ledger", "projections")]
    for logger in loggers:
        logger.addHandler(telling)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(telling)
            logger.propagate = True


class _Telling(logging.Handler):
    def __init__(self, *, as_json: bool) -> None:
        super().__init__(logging.WARNING)
        self._as_json = as_json

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno > logging.WARNING:
            return
        message = record.getMessage()
        click.echo(json.dumps({"warning": message}) if self._as_json else f"Warning: {readable(message)}", err=True)
