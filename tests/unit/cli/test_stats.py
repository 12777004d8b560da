from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests import postgres
from tests.unit.cli.conftest import Run


def test_json_counts_what_there_is(told: Callable[..., Any], recorded: Path) -> None:
    """Every number is what the recorded ledger holds."""
    found = told("stats")

    assert {
        "place": "ledger.db",
        "sessions": 3,
        "deleted_sessions": 1,
        "events": 10,
        "stale_saves": 1,
        "omissions": 1,
        "overruled": 1,
        "averted_saves": 2,
        "averted_facts": 5,
        "usage_records": 3,
        "questions": {"answered": 1, "pending": 1},
        "snapshots": 0,
        "feed": 10,
    } == {name: value for name, value in found.items() if name not in {"payload_bytes", "file_bytes", "projections"}}
    assert {"catalog": 0, "questions": 10} == found["projections"]
    assert 0 < found["payload_bytes"] < recorded.stat().st_size <= found["file_bytes"]


def test_of_a_server_it_is_the_database_that_has_a_size(run: Run, told: Callable[..., Any]) -> None:
    """There is no file to speak of."""
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    url = postgres.shared().take()
    found = told("--db", url, "stats")
    lines = run("--db", url, "stats").stdout.splitlines()
    postgres.shared().give_back(url)

    assert "file_bytes" not in found
    assert 2**20 < found["database_bytes"] < 2**30
    assert [] == [line for line in lines if line.startswith("file")]
    assert lines[-1].startswith("database  ")
    assert "iB, postgresql://" in lines[-1]


def test_text_counts_the_same(run: Run, recorded: Path) -> None:
    """A line a number, in words."""
    del recorded
    lines = run("stats").stdout.splitlines()

    assert "sessions                            3, and 1 deleted" == lines[0]
    assert "stale saves, rebased                1" in lines
    assert "facts that they would have lost     5" in lines
    assert "questions                           1 answered, 1 pending" in lines
    assert lines[-1].startswith("file  ")
    assert lines[-1].endswith("iB, ledger.db")


def test_an_empty_ledger_counts_nothing(told: Callable[..., Any], folder: Path) -> None:
    """Zero is a number: no key is missing."""
    ledger.open(f"sqlite:///{folder / 'ledger.db'}").close()
    found = told("stats")

    assert [0] * 8 == [
        found[name]
        for name in (
            "sessions", "events", "payload_bytes", "stale_saves", "omissions", "overruled",
            "averted_saves", "averted_facts",
        )
    ]  # fmt: skip
    assert {} == found["questions"]
