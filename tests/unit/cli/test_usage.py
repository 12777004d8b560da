from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY

pytestmark = pytest.mark.usefixtures("recorded")


def test_json_ends_with_the_total(told: Callable[..., Any]) -> None:
    """A session each, then the sum of all, whose session is null."""
    assert [
        {"session_id": "support-1", "records": 2, "totals": {"input_tokens": 1234, "output_tokens": 30}},
        {"session_id": "support-2", "records": 1, "totals": {"input_tokens": 6}},
        {"session_id": None, "records": 3, "totals": {"input_tokens": 1240, "output_tokens": 30}},
    ] == told("usage")


def test_one_session_stands_alone(told: Callable[..., Any]) -> None:
    """A named session is shown without a total; one that spent nothing gives an empty list."""
    assert [{"session_id": "support-2", "records": 1, "totals": {"input_tokens": 6}}] == told("usage", "support-2")
    assert [] == told("usage", "user@example.org")


def test_table_adds_up(run: Run) -> None:
    """Each name has a column, and what a session has none of stays empty."""
    header, *lines = run("usage").stdout.splitlines()

    assert "SESSION    RECORDS  input tokens  output tokens" == header
    assert [
        ["support-1", "2", "1,234", "30"],
        ["support-2", "1", "6"],
        ["total", "3", "1,240", "30"],
    ] == [line.split() for line in lines]


def test_nothing_recorded_is_no_error(run: Run) -> None:
    """Nothing to show exits with 0; an unknown session with 3."""
    assert ("", "No token usage was recorded.\n") == (
        run("usage", "user@example.org").stdout,
        run("usage", "user@example.org").stderr,
    )
    run("usage", NOBODY, exits=3)
