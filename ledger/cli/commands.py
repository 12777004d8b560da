"""The command group: the global options, and the commands in the order in which a newcomer meets them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import click
from click.core import ParameterSource

import ledger
from ledger.cli.averted import averted
from ledger.cli.bisect import bisect
from ledger.cli.blame import blame
from ledger.cli.demo import demo
from ledger.cli.diff import diff
from ledger.cli.doctor import doctor
from ledger.cli.examples import examples
from ledger.cli.exporting import export
from ledger.cli.failures import Interrupted, explained, until_nobody_reads
from ledger.cli.follow import follow
from ledger.cli.fork import fork
from ledger.cli.importing import import_
from ledger.cli.invocation import DEFAULT_DATABASE, Invocation
from ledger.cli.log import log
from ledger.cli.migrate import migrate
from ledger.cli.questions import questions
from ledger.cli.rebuild import rebuild
from ledger.cli.replay import replay
from ledger.cli.roles import roles
from ledger.cli.sessions import sessions
from ledger.cli.show import show
from ledger.cli.stats import stats
from ledger.cli.usage import usage
from ledger.cli.verify import verify
from ledger.cli.work import work

__all__ = ["SECTIONS", "commands"]

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Record": (demo, import_, export, fork),
    "Read and explain": (sessions, log, follow, show, diff, replay, bisect, blame, questions, averted, usage),
    "Keep healthy": (verify, rebuild, work, stats, doctor, migrate, roles),
}


class Commands(click.Group):
    """A group that exits as `exit_codes` says, and tells its commands in sections."""

    def main(  # type: ignore[override]  # click's overloads speak of standalone_mode, which is settled here
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run the command line, and exit with what came of it."""
        arguments = list(sys.argv[1:] if args is None else args)
        extra["standalone_mode"] = False
        run, invocation = super().main, Invocation()
        code = explained(
            lambda: run(arguments, prog_name, obj=invocation, **extra), invocation, as_json="--json" in _own(arguments)
        )
        sys.exit(code)

    def make_context(self, *args: Any, **keywords: Any) -> click.Context:
        """Read the global options; ``--help`` and ``--version`` answer here."""
        with until_nobody_reads():
            return super().make_context(*args, **keywords)
        raise click.exceptions.Exit

    def invoke(self, ctx: click.Context) -> int:
        """Run the command."""
        try:
            with until_nobody_reads():
                super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None
        return ctx.ensure_object(Invocation).exit_code

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of the help."""
        del ctx
        return [str(command.name) for section in SECTIONS.values() for command in section]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, a section at a time."""
        del ctx
        longest = max(len(str(command.name)) for section in SECTIONS.values() for command in section)
        for title, section in SECTIONS.items():
            with formatter.section(title):
                room = formatter.width - longest - 6
                formatter.write_dl(
                    [(str(command.name).ljust(longest), command.get_short_help_str(room)) for command in section]
                )


def _own(arguments: list[str]) -> list[str]:
    """Leave out what belongs to a command that this one is to run."""
    return list(takewhile(lambda argument: argument != "--", arguments))


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples("ledger demo", "ledger import ~/.claude/projects", "ledger questions --status pending"),
)
@click.option(
    "--db",
    "database",
    metavar="URL",
    envvar="LEDGER_DB",
    default=DEFAULT_DATABASE,
    show_default=True,
    show_envvar=True,
    help="The ledger: a database URL, or the path of a file.",
)
@click.version_option(ledger.__version__, prog_name="sessionledger", message="%(prog)s %(version)s")
@click.pass_context
def commands(context: click.Context, database: str) -> None:
    """A ledger of agent sessions: every save is kept, no clarification is lost, any past state loads.

    A SESSION may be shortened to a unique beginning of 4 characters or more. A past state is written SESSION@REV:
    s1@12, s1@-1 (one before the newest), s1@2026-02-10T21:55:43Z, s1@q:QUESTION (the save that asked it).
    """
    named = context.get_parameter_source("database") is ParameterSource.COMMANDLINE
    invocation = context.ensure_object(Invocation)
    invocation.database, invocation.database_named = database, named
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _section in SECTIONS.values():
    for _command in _section:
        commands.add_command(_command)
