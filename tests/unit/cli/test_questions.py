from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY

pytestmark = pytest.mark.usefixtures("recorded")

FIELDS = [
    "session_id", "id", "tool_call_id", "kind", "header", "text", "options", "multiple", "status", "asked_version",
    "asked_at", "asked_by", "asked_in", "resolved_version", "resolved_base_version", "resolved_at", "resolved_by",
    "resolved_writer", "reason", "answer", "omissions", "averted", "overruled",
]  # fmt: skip


def test_json_has_the_fields_of_the_contract(told: Callable[..., Any]) -> None:
    """Scripts rely on these names, and on nothing beside them."""
    records = told("questions")

    assert [FIELDS] * 2 == [list(record) for record in records]


def test_json_tells_the_life_of_a_question(told: Callable[..., Any]) -> None:
    """Who asked, who left it out, who answered, each with the version."""
    (record,) = told("questions", "support-1")

    assert (2, "support-bot", 6, 5, "Ada", "staging", "answered") == tuple(
        record[name]
        for name in (
            "asked_version", "asked_by", "resolved_version", "resolved_base_version", "resolved_by", "answer", "status",
        )
    )  # fmt: skip
    assert [{"version": 5, "writer": "support-bot", "base_version": 4}] == record["omissions"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--status", "pending"), ["call_9#0"]),
        (("--status", "answered"), ["call_1#0"]),
        (("--status", "lost"), []),
        (("support-2",), ["call_9#0"]),
        (("support-1", "--status", "pending"), []),
        (("gone-1",), []),
    ],
)
def test_session_and_status_choose(told: Callable[..., Any], arguments: tuple[str, ...], expected: list[str]) -> None:
    """Nothing found is an empty list, and no error."""
    assert expected == [record["id"] for record in told("questions", *arguments)]


def test_text_tells_who_waits_for_what(run: Run) -> None:
    """A pending question says since when, and its text stands on one line."""
    lines = run("questions", "--status", "pending").stdout.splitlines()

    assert ["pending   support-2  call_9#0", "    Go on? Really?"] == lines[:2]
    assert lines[2].startswith("    asked by support-bot at 2026-02-10T21:55:43Z, version 1; waiting for ")


def test_text_tells_how_it_ended(run: Run) -> None:
    """An answered question says who left it out, and who answered what."""
    shown = run("questions", "support-1").stdout

    assert "    one of: staging, prod\n" in shown
    assert "    left out by support-bot in version 5, without a reason; it stayed pending\n" in shown
    assert "    answered by Ada at " in shown
    assert "    answer: staging\n" in shown


def test_a_withdrawn_question_tells_the_reason(run: Run, recorded: Path) -> None:
    """Why nobody waits any more is part of its life."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.update("support-2", lambda session: session.clear_pending_question("the run was cancelled"))

    assert "    reason: the run was cancelled\n" in run("questions", "support-2").stdout


def test_an_unknown_session_is_not_found(run: Run) -> None:
    """No such session is another answer than no questions."""
    run("questions", NOBODY, exits=3)
    assert "There are no lost questions.\n" == run("questions", "--status", "lost").stderr
