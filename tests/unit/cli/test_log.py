from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("recorded")

FIELDS = {
    "version", "event_id", "recorded_at", "occurred_at", "writer", "authority", "base_version", "changes", "digest",
}  # fmt: skip


def test_json_has_the_fields_of_the_contract(told: Callable[..., Any]) -> None:
    """Scripts rely on these names, and on nothing beside them."""
    events = told("log", "support-1")

    assert [FIELDS] * 6 == [set(event) for event in events]
    assert "session_created" == events[0]["changes"][0]["type"]


def test_json_says_who_saved_from_which_base(told: Callable[..., Any]) -> None:
    """The evidence: writer, authority, and the version that the writer had loaded."""
    assert [
        (1, "support-bot", "runtime", 0),
        (2, "support-bot", "runtime", 1),
        (3, "ui", "user", 2),
        (4, "scheduler", "runtime", 1),
        (5, "support-bot", "runtime", 4),
        (6, "ui", "user", 5),
    ] == [
        (event["version"], event["writer"], event["authority"], event["base_version"])
        for event in told("log", "support-1")
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [1, 2, 3, 4, 5, 6]),
        (("--reverse",), [6, 5, 4, 3, 2, 1]),
        (("-n", "2"), [5, 6]),
        (("-n", "2", "-r"), [6, 5]),
        (("-n", "99"), [1, 2, 3, 4, 5, 6]),
    ],
)
def test_order_and_number_are_the_readers_choice(
    told: Callable[..., Any], options: tuple[str, ...], expected: list[int]
) -> None:
    """Oldest first unless reversed; `-n` keeps the newest, in either order."""
    assert expected == [event["version"] for event in told("log", "support-1", *options)]


def test_text_tells_what_happened_in_words(run: Run) -> None:
    """A line a save, with who and when and the stale base; below it a line a change."""
    lines = run("log", "support-1").stdout.splitlines()

    assert [
        "1  T  support-bot",
        "    created the session, model gpt-5",
        "    user: Deploy it",
        "2  T  support-bot",
        "    asked call_1#0: Which environment?",
        "3  T  ui (as user)",
        '    titled "Deployment"',
        "    pinned",
        '    metadata/tags = ["urgent"]',
        "4  T  scheduler  stale: had seen version 1",
        "    overruled in this save: /title = Job 7",
        "    assistant: calls deploy",
        "5  T  support-bot",
        "    left out call_1#0 without a reason: it stays pending",
        "6  T  ui (as user)",
        "    answered call_1#0 (by Ada): staging",
    ] == [_without_time(line) for line in lines]


def _without_time(line: str) -> str:
    """Put a T in the place of the time, which nobody knows beforehand."""
    if line.startswith(" "):
        return line
    version, _, rest = line.partition("  ")
    return f"{version}  T{rest[20:]}"


def test_text_shows_when_it_happened(run: Run) -> None:
    """An imported save shows its original time, not that of the import."""
    assert run("log", "support-2").stdout.startswith("1  2026-02-10T21:55:43Z  support-bot\n")


def test_a_deleted_session_has_its_log(run: Run) -> None:
    """Deleting is an event like any other, and removes none."""
    assert "deleted the session: asked to" in run("log", "gone-1").stdout
