from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY

pytestmark = pytest.mark.usefixtures("recorded")


def test_json_has_the_fields_of_the_contract(told: Callable[..., Any]) -> None:
    """Scripts rely on these names, and on nothing beside them."""
    facts = told("blame", "support-1")

    assert [
        "path", "kind", "value", "session_id", "version", "writer", "authority", "at", "base_version",
    ] == list(facts[0])  # fmt: skip
    assert ["title", "pinned", "model", "message", "message", "question", "metadata"] == [f["kind"] for f in facts]
    assert (4, "scheduler", 1) == tuple(facts[4][name] for name in ("version", "writer", "base_version"))


def test_text_has_a_line_a_fact_in_columns(run: Run) -> None:
    """Version, time, writer, and what it holds, cut where the terminal ends."""
    lines = run("blame", "support-1").stdout.splitlines()

    assert 7 == len(lines)
    assert "3  2027-02-10T21:55:43Z  ui (user)    title: Deployment" == lines[0]
    assert lines[2].endswith("  support-bot  model: gpt-5")
    assert "4  2027-02-10T21:55:43Z  scheduler    message 2: assistant: calls deploy" == lines[4]
    assert "6  2027-02-10T21:55:43Z  ui (user)    question call_1#0: Which environment? (an…" == lines[5]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("title",), ["/title"]),
        (("/title",), ["/title"]),
        (("--questions",), ["/questions/call_1#0"]),
        (("questions",), ["/questions/call_1#0"]),
        (("/questions/call_1#0",), ["/questions/call_1#0"]),
        (("metadata",), ["/metadata/tags"]),
        (("/metadata/tags/0",), ["/metadata/tags"]),
        (("/metadata/tag",), []),
        (("parent",), []),
        (("/parent_session_id",), []),
        (("state",), []),
    ],
)
def test_a_fact_or_a_part_chooses(told: Callable[..., Any], arguments: tuple[str, ...], expected: list[str]) -> None:
    """By the name of a field, or by a pointer at a fact, into it, or above it."""
    assert expected == [fact["path"] for fact in told("blame", "support-1", *arguments)]


def test_messages_keep_their_numbers(run: Run, told: Callable[..., Any]) -> None:
    """The second message is the second, also where it alone is asked for."""
    first, second = told("blame", "support-1", "--messages")

    assert "message 2: " in run("blame", "support-1", second["path"]).stdout
    assert first["path"] not in run("blame", "support-1", second["path"]).stdout


def test_a_revision_has_its_own_writers(run: Run, told: Callable[..., Any]) -> None:
    """What came later is not told of."""
    (question,) = told("blame", "support-1@2", "--questions")

    assert ("support-bot", "pending") == (question["writer"], question["value"]["status"])
    assert "It holds nothing at /title.\n" == run("blame", "support-1@2", "title").stderr


def test_a_fork_names_the_saves_of_its_parent(run: Run, recorded: Path) -> None:
    """Where the parent wrote it, the place is in the parent."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.fork("support-1", "child")
        book.update("child", lambda session: setattr(session, "model", "m2"), writer="job")

    lines = run("blame", "child").stdout.splitlines()

    assert lines[0].startswith("support-1@3  ")
    assert lines[2].startswith("          2  ")


@pytest.mark.parametrize(
    ("arguments", "exits", "words"),
    [
        (("nothing",), 2, "'nothing' is none: a fact is one of title, pinned,"),
        (("/",), 2, "is none"),
        (("/state/",), 2, "is none"),
        (("title_session_id",), 2, "is none"),
        (("title", "--messages"), 2, "name a fact, or --messages, not both"),
        (("@",), 2, "is none"),
    ],
)
def test_what_is_no_fact_is_refused(run: Run, arguments: tuple[str, ...], exits: int, words: str) -> None:
    """The message says what there is."""
    assert words in " ".join(run("blame", "support-1", *arguments, exits=exits).stderr.split())


@pytest.mark.parametrize(("session", "exits"), [(NOBODY, 3), ("support-1@9", 3), ("gone-1", 3), ("support-1@x", 2)])
def test_what_is_not_there_has_nobody_to_blame(run: Run, session: str, exits: int) -> None:
    """Unknown, beyond the head, deleted, or no revision at all."""
    assert "" == run("blame", session, exits=exits).stdout


def test_messages_and_questions_can_be_asked_for_together(told: Callable[..., Any]) -> None:
    """Both options choose both, and nothing else."""
    messages, questions = (told("blame", "support-1", option) for option in ("--messages", "--questions"))

    assert messages + questions == told("blame", "support-1", "--messages", "--questions")
