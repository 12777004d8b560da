"""`ledger demo`: what it is all about, in one minute."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, database_url, pass_invocation, warnings_told
from ledger.cli.output import emphasised, print_lines, width
from ledger.cli.spoken_command import spoken_command

if TYPE_CHECKING:
    from ledger.cli.demo_story import Scene

__all__ = ["demo"]

DATABASE = "demo.db"
#: Prose reads badly in longer lines.
MAX_WIDTH = 80
_INDENT = "    "


@click.command(epilog=examples("ledger demo"))
@pass_invocation
def demo(invocation: Invocation) -> None:
    """See what this is about: a small story, recorded.

    An agent, a background job with a stale copy, and a person at a UI save the same support session. It goes into
    demo.db in the current folder, unless --db says otherwise; a second run adds another session.
    """
    import ledger

    if not invocation.database_named:
        invocation.database = DATABASE
    url = database_url(invocation.database)
    from ledger.cli.demo_story import Story

    with ExitStack() as opened:
        # What the library warns of is what the story tells.
        opened.enter_context(warnings_told(by=logging.NullHandler()))
        story = Story(
            opened.enter_context(ledger.open(url, writer="support-bot")),
            opened.enter_context(ledger.open(url, writer="scheduler")),
            opened.enter_context(ledger.open(url, writer="ui", authority="user")),
        )
        print_lines(_told(story.scenes(), story.session.id, invocation), paged=False)


def _told(scenes: Iterator[Scene], session_id: str, invocation: Invocation) -> Iterator[str]:
    from ledger.cli.demo_story import QUESTION

    yield emphasised("One conversation, saved by three writers who know nothing of each other")
    yield ""
    yield from _wrapped(
        f"Each step below was really taken, and recorded in {invocation.database} as session {session_id}. Where most "
        f"agents overwrite the whole session with each save, a ledger appends what changed, as the next version.",
        "",
    )
    for number, scene in enumerate(scenes, 1):
        yield ""
        yield from (emphasised(line) for line in _wrapped(f"{number}. {scene.title}", "", _INDENT[1:]))
        for line in scene.happened:
            yield from _wrapped(line, _INDENT)
        if scene.otherwise:
            for line in _wrapped(f"An overwriting store {scene.otherwise}", _INDENT):
                yield emphasised(line, "red")
    yield ""
    yield emphasised("See for yourself: who saved what, how it was at version 2, and the story:")
    for command in (
        ["log", session_id],
        ["show", f"{session_id}@2"],
        ["questions", "--explain", QUESTION.partition("#")[0], session_id],
    ):
        yield f"  {spoken_command(invocation, *command)}"


def _wrapped(text: str, indent: str, rest: str | None = None) -> list[str]:
    room = min(width(), MAX_WIDTH)
    return textwrap.wrap(text, room, initial_indent=indent, subsequent_indent=indent if rest is None else rest)
