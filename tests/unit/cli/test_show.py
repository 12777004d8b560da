from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Message, Session
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("recorded")


def test_json_is_the_session_with_its_version(told: Callable[..., Any], recorded: Path) -> None:
    """What is printed validates as a session again, and is the one that the ledger holds."""
    document = told("show", "support-1")
    with ledger.open(f"sqlite:///{recorded}") as book:
        loaded = book.load("support-1")

    assert (6, True, "Deployment") == (document["version"], document["pinned"], document["title"])
    assert loaded == Session.model_validate(document)


@pytest.mark.parametrize(
    ("revision", "version"), [("1", 1), ("-1", 5), ("q:call_1#0", 2), ("key:k1", 1), ("2027-02-10T21:55:44Z", 6)]
)
def test_a_past_state_is_shown_as_it_was(told: Callable[..., Any], revision: str, version: int) -> None:
    """Every way to name a revision leads to the version that it means."""
    assert version == told("show", f"support-1@{revision}")["version"]


def test_text_shows_the_question_as_it_stood_when_it_was_asked(run: Run) -> None:
    """Time travel: the question is pending at version 2, and the head is named."""
    shown = run("show", "support-1@2").stdout

    assert shown.startswith("support-1  version 2 (the newest is 6)\n")
    assert (
        "Questions (1)\n"
        "  pending  call_1#0\n"
        "    Target: Which environment?\n"
        "    options: one of staging, prod\n"
    ) in shown  # fmt: skip


def test_text_shows_everything_that_a_person_asks_for(run: Run) -> None:
    """Title, pin, model, answer and who gave it, metadata, messages and tool calls, within 80 columns."""
    shown = run("show", "support-1").stdout

    assert "title    Deployment (pinned)" in shown
    assert "    answered by Ada: staging" in shown
    assert '    "urgent"' in shown
    assert '    calls deploy {"to": 1}' in shown
    assert [] == [line for line in shown.splitlines() if len(line) > 80]


def test_text_names_the_parent(run: Run) -> None:
    """A child says whose it is."""
    assert "parent   support-1" in run("show", "support-2").stdout


def test_a_deleted_session_shows_what_it_was(run: Run) -> None:
    """The error names the version that still loads, and it does."""
    refused = run("show", "gone-1", exits=3)

    assert "ledger show gone-1@1" in refused.stderr
    assert run("show", "gone-1@1").stdout.startswith("gone-1  version 1 (the newest is 2)\n")


def test_a_long_message_shows_its_beginning(run: Run, recorded: Path) -> None:
    """Megabytes from a tool do not bury the conversation; `--full` and `--json` show them."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.append("user@example.org", Message.tool("line\n" * 5000 + "the end", "call_1"))

    short = run("show", "user@example.org").stdout

    assert "… 25,007 characters in all (--full shows them)" in short
    assert len(short.splitlines()) < 40
    assert "the end" not in short
    assert "the end" in run("show", "user@example.org", "--full").stdout


def test_a_message_cannot_command_the_terminal(run: Run, recorded: Path, told: Callable[..., Any]) -> None:
    """Control characters are spelled out in text, and stay what they are in JSON."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.append("user@example.org", Message.user("\x1b[2J"))

    assert r"\x1b[2J" in run("show", "user@example.org").stdout
    assert "\x1b[2J" == told("show", "user@example.org")["messages"][0]["content"]
