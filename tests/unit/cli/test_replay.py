"""`ledger replay`: the saves of a range, told one after the other, with the values that somebody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.cli.replay import LONGEST_WAIT_S
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("recorded")

Told = Callable[..., Any]


def versions(steps: list[dict[str, Any]]) -> list[int]:
    """Give the versions that JSON tells of."""
    return [step["version"] for step in steps]


def test_steps_are_told_as_the_log_tells_saves(run: Run) -> None:
    """Who knows one output knows the other."""
    assert run("log", "support-1", "--full").stdout == run("replay", "support-1").stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("support-1",), [1, 2, 3, 4, 5, 6]),
        (("support-1@3",), [1, 2, 3]),
        (("support-1@q:call_1#0",), [1, 2]),
        (("support-1", "2..4"), [2, 3, 4]),
        (("support-1", "5.."), [5, 6]),
        (("support-1", "..2"), [1, 2]),
        (("support-1", ".."), [1, 2, 3, 4, 5, 6]),
        (("support-1", "-1.."), [5, 6]),
        (("support-1", "-3..-2"), [3, 4]),
        (("support-1", "q:call_1#0..3"), [2, 3]),
        (("support-1", "key:k1..2"), [1, 2]),
        (("supp", "1..1"), None),
    ],
)
def test_a_range_is_two_revisions(run: Run, told: Told, arguments: tuple[str, ...], expected: list[int] | None) -> None:
    """Any form that names a revision, also one that begins with a minus; an end that is left out is the session's."""
    if expected is None:
        assert "support-1\n  support-2" in run("replay", *arguments, exits=2).stderr
    else:
        assert expected == versions(told("replay", *arguments))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("support-1", "4..2"), 2, "from revision 4 (version 4) to revision 2 (version 2)"),
        (("support-1", "4"), 2, "'4' is no range of revisions: write A..B, A.. or ..B"),
        (("support-1", "soon..later"), 2, "is no range of revisions"),
        (("support-1@3", "1..2"), 2, "not both"),
        (("support-1", "1..9"), 3, "no revision 9"),
        (("support-1", "q:none.."), 3, "no revision q:none"),
        (("nobody",), 3, "there is no session 'nobody'"),
        (("support-1", "--spede"), 2, "No such option '--spede'"),
        (("support-1", "--speed", "0"), 2, "a number above 0"),
        (("support-1", "--speed", "nan"), 2, "a number above 0"),
        (("support-1", "--speed", "1", "--json"), 2, "--speed and --json do not go together"),
        (("support-1", "--step"), 2, "--step waits for a key, so it takes a terminal"),
        (("support-1", "--watch", "a b"), 2, "  a b\n    ^"),
        (("support-1", "--watch", "title", "--watch", "foo(@)"), 2, "there is no function foo()"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], code: int, says: str) -> None:
    """In clear words, before anything is printed."""
    ran = run("replay", *arguments, exits=code)

    assert says in ran.stderr.replace("Error: ", "")
    assert "" == ran.stdout


def test_a_watched_value_is_marked_where_a_save_changed_it(run: Run) -> None:
    """The value after each save; where the range begins, it is compared with what was there before."""
    lines = run("replay", "support-1", "2..4", "--watch", "length(messages)", "--watch", "title").stdout.splitlines()

    assert [
        "    length(messages) = 1",
        "    title = null",
        "    length(messages) = 1",
        '  * title = "Deployment" (was null)',
        "  * length(messages) = 2 (was 1)",
        '    title = "Deployment"',
    ] == [line for line in lines if " = " in line and "metadata" not in line and "overruled" not in line]


def test_a_value_that_there_is_not_says_why(run: Run, told: Told) -> None:
    """And the replay goes on; in JSON it is null."""
    text = run("replay", "support-1", "2..3", "--watch", "length(title)").stdout

    assert "    length(title) = no value: length() takes string or array or object, not null\n" in text
    assert "  * length(title) = 10 (was no value: length() takes" in text
    assert [None, 10] == [
        step["values"]["length(title)"] for step in told("replay", "support-1", "2..3", "--watch", "length(title)")
    ]


def test_around_a_deletion_a_value_is_null(told: Told) -> None:
    """There is no session to look at."""
    steps = told("replay", "gone-1", "--watch", "model", "--watch", "length(messages)")

    assert [{"model": "gpt-5", "length(messages)": 0}, {"model": None, "length(messages)": None}] == [
        step["values"] for step in steps
    ]


def test_values_stand_in_json_only_where_they_were_asked_for(told: Told) -> None:
    """A step is a save as the log has it, and whose it is."""
    saves, steps = told("log", "support-1"), told("replay", "support-1")

    assert [{"session_id": "support-1", **save} for save in saves] == steps


def test_as_recorded_the_waits_are_those_between_the_saves(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Divided by the speed, and never so long that somebody falls asleep; a clock that ran back waits for nothing."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    shown = run("replay", "support-1", "--speed", "1000").stdout

    assert run("log", "support-1", "--full").stdout == shown
    # Version 2 was saved as of a year later, so that all the others lie before it.
    assert [LONGEST_WAIT_S] == waits


def test_its_help_says_that_it_calls_no_model(run: Run) -> None:
    """Nobody need fear that looking costs tokens, or runs a tool again."""
    assert "it never calls a model, runs no tool" in " ".join(run("replay", "--help").stdout.split())
