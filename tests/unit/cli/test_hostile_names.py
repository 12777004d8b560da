"""Ids and writers may hold anything: a reader sees what they are, and can paste what is suggested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import ledger
from ledger import Ledger, Message, Session
from tests.unit.cli.conftest import Run

LINES = "a\n1  bot\tx"
NAMES = [LINES, "-dash", "--json", "with space", "it's", "a@b", "1..3", "\x1b[31m"]
COMMANDS = ["log", "show", "diff", "replay", "blame", "questions", "averted"]


@pytest.fixture
def book(folder: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}", writer="agent") as book:
        yield book


def _record(book: Ledger, name: str) -> None:
    """Record a session of that name, by a writer of that name, with a stale save and a pending question."""
    session = Session.new(name, "gpt-5")
    session.add_message(Message.user("Deploy it"))
    book.save(session, writer=name)
    stale = book.load(name)
    session.ask(name, "Which environment?")
    book.save(session, writer=name)
    stale.add_message(Message.assistant("Soon"))
    book.save(stale, writer=name)


@pytest.mark.parametrize("command", [*COMMANDS, "sessions", "verify"])
def test_no_name_breaks_a_line(run: Run, book: Ledger, command: str) -> None:
    """A name with a line end in it writes no line of its own, in no list, table or story."""
    _record(book, LINES)
    arguments = [] if command in {"sessions", "verify"} else [LINES]
    lines = run(command, *arguments).stdout.splitlines()

    assert not [line for line in lines if re.match(r"1\s+bot", line)]


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_that_a_story_ends_with_work(run: Run, book: Ledger, name: str) -> None:
    """Each is taken by the command line as it stands there, whatever session and question are called."""
    _record(book, name)
    shown = run("questions", "--explain", f"{name}#0", "--", name).stdout
    bisected = run("bisect", "--question", f"{name}#0", "--", name).stdout
    told = [
        line.strip()
        for line in [*shown.splitlines(), bisected.splitlines()[-1]]
        if re.search(r"ledger (log|show|diff)", line)
    ]

    assert 3 == len(told)
    for line in told:
        words = shlex.split(_plain(line))
        arguments = [word for word in words[words.index("ledger") + 1 :] if word != "--follow"]
        run(*arguments)


def _plain(line: str) -> str:
    r"""Read the $'…' of bash, which `shlex` does not know."""
    return re.sub(r"\$'([^']*)'", lambda found: shlex.quote(found[1].encode().decode("unicode_escape")), line)


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_that_a_story_suggests_is_python(run: Run, book: Ledger, name: str) -> None:
    """The line can be pasted into Python, and names session and question."""
    _record(book, name)
    shown = run("questions", "--explain", f"{name}#0", "--", name).stdout
    (line,) = [line for line in shown.splitlines() if "book.answer(" in line]
    given = eval(line.strip().removeprefix("book.answer").replace("…", "..."))  # noqa: S307 - two texts and dots

    assert (name, f"{name}#0", ...) == given
