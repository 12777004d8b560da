from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("recorded")

FIELDS = ["id", "title", "model", "version", "messages", "pending_questions", "created_at", "updated_at"]


def test_json_has_the_fields_of_the_contract(told: Callable[..., Any]) -> None:
    """Scripts rely on these names, and on nothing beside them."""
    assert [FIELDS] * 3 == [list(line) for line in told("sessions")]


def test_times_are_iso_in_utc(told: Callable[..., Any]) -> None:
    """A time ends in Z, in every zone that this runs in."""
    (line,) = told("sessions", "--parent", "support-1")

    assert ("2026-02-10T21:55:43.742000Z",) * 2 == (line["created_at"], line["updated_at"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ((), ["support-1", "user@example.org", "support-2"]),
        (("--pending",), ["support-2"]),
        (("--no-pending",), ["support-1", "user@example.org"]),
        (("--parent", "support-1"), ["support-2"]),
        (("--parent", "support-2"), []),
        (("-n", "1"), ["support-1"]),
    ],
)
def test_filters_choose_from_the_living(
    told: Callable[..., Any], filters: tuple[str, ...], expected: list[str]
) -> None:
    """Newest first by what happened, not by when it was recorded; deleted sessions are not listed."""
    assert expected == [line["id"] for line in told("sessions", *filters)]


def test_table_tells_what_a_person_looks_for(run: Run) -> None:
    """The id, title, version, number of messages, and how many questions wait."""
    header, *lines = run("sessions").stdout.splitlines()

    assert ["SESSION", "TITLE", "VERSION", "MESSAGES", "PENDING", "UPDATED"] == header.split()
    assert ["support-2", "1", "0", "1", "2026-02-10T21:55:43Z"] == lines[-1].split()


def test_an_empty_ledger_is_an_empty_list(run: Run, told: Callable[..., Any], folder: Path) -> None:
    """Nothing to show is no error: exit code 0, `[]` as JSON, a word on standard error otherwise."""
    ledger.open(f"sqlite:///{folder / 'empty.db'}").close()
    told_nothing = run("--db", "empty.db", "sessions")

    assert [] == told("--db", "empty.db", "sessions")
    assert ("", "There are no sessions.\n") == (told_nothing.stdout, told_nothing.stderr)


def test_a_bare_path_and_the_environment_name_a_ledger(run: Run, recorded: Path, folder: Path) -> None:
    """`--db` outweighs LEDGER_DB, which outweighs the default; each is a URL or a path."""
    elsewhere = folder / "elsewhere.db"
    recorded.rename(elsewhere)

    assert run("--db", str(elsewhere), "sessions").stdout == run("--db", f"sqlite:///{elsewhere}", "sessions").stdout
    run("sessions", exits=5)


def test_the_environment_names_the_ledger(
    run: Run, recorded: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever works with one ledger names it once."""
    recorded.rename(folder / "elsewhere.db")
    monkeypatch.setenv("LEDGER_DB", "elsewhere.db")

    assert "support-1" in run("sessions").stdout
    run("--db", "ledger.db", "sessions", exits=5)
