import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger.cli.doctor import projections_finding
from ledger.store.sqlite import driver
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_verify import tamper

CHECKS = ["driver", "file", "permissions", "disk", "schema", "journal", "guards", "integrity", "projections"]


def found_by(told: Callable[..., Any], exits: int = 0) -> dict[str, dict[str, str]]:
    """Give what `doctor` found, by check."""
    return {finding["check"]: finding for finding in told("doctor", exits=exits)}


def test_a_healthy_ledger_is_ok_in_every_check(run: Run, told: Callable[..., Any], recorded: Path) -> None:
    """One line a check, which a newcomer reads as: all is well."""
    del recorded
    run("rebuild")
    lines = run("doctor").stdout.splitlines()

    assert CHECKS == [line[6:].partition(":")[0] for line in lines]
    assert {"OK"} == {line[:4].strip() for line in lines if "disk" not in line and "driver" not in line}
    assert CHECKS == list(found_by(told))


def test_the_driver_is_named_with_its_version(told: Callable[..., Any], recorded: Path) -> None:
    """Which SQLite is in use decides whether a known defect can strike."""
    del recorded

    assert driver().sqlite_version in found_by(told)["driver"]["detail"]


def test_dropped_guards_fail(told: Callable[..., Any], recorded: Path) -> None:
    """Triggers that are gone mean that somebody could have changed the record."""
    tamper(recorded)
    found = found_by(told, exits=1)["guards"]

    assert "FAIL" == found["status"]
    assert "events_refuse_update" in found["detail"]


def test_a_guard_that_does_nothing_fails(told: Callable[..., Any], recorded: Path) -> None:
    """A harmless trigger of the same name is no guard."""
    raw = driver().connect(str(recorded))
    raw.execute("DROP TRIGGER events_refuse_update")
    raw.execute("CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN SELECT 1; END")
    raw.commit()
    raw.close()

    assert "FAIL" == found_by(told, exits=1)["guards"]["status"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_others_can_read_is_warned_of(told: Callable[..., Any], recorded: Path) -> None:
    """Transcripts hold secrets; a warning says how to close the file, and is no failure."""
    recorded.chmod(0o644)
    found = found_by(told)["permissions"]

    assert "WARN" == found["status"]
    assert "chmod 600 ledger.db" in found["detail"]


def test_a_projection_that_lags_a_little_is_fine(told: Callable[..., Any], recorded: Path) -> None:
    """It catches up when it is next read, and doctor says how far that is."""
    told("sessions")
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.append("support-1", ledger.Message.user("More"))
    found = found_by(told)["projections"]

    assert "OK" == found["status"]
    assert "catalog is 1 behind, questions is 11 behind" in found["detail"]


def test_a_projection_that_lags_far_is_warned_of() -> None:
    """Somebody would wait for it; the command that makes it up to date is named."""
    found = projections_finding({"feed": 30_000, "catalog_position": 10, "questions_position": 30_000})

    assert "WARN" == found.status
    assert "catalog is 29,990 behind; run `ledger rebuild`" in found.detail


def test_damaged_pages_fail(told: Callable[..., Any], recorded: Path) -> None:
    """A file that SQLite finds broken is told as such, and never as a traceback."""
    content = bytearray(recorded.read_bytes())
    for page in range(8192, len(content), 4096):
        content[page : page + 64] = b"\xff" * 64
    recorded.write_bytes(content)

    assert "FAIL" in {finding["status"] for finding in told("doctor", exits=1)}


def test_what_is_no_ledger_fails_in_one_sentence(run: Run, folder: Path) -> None:
    """Doctor looks at what is there, says what is wrong with it, and stops."""
    (folder / "ledger.db").write_text("not a database, but a text file that is long enough to be read\n" * 50)
    last = run("doctor", exits=1).stdout.splitlines()[-1]

    assert last.startswith("FAIL  ledger: ledger.db is not a ledger")


def test_a_missing_ledger_is_no_matter_for_a_doctor(run: Run) -> None:
    """As every reading command: exit code 5, and nothing is created."""
    assert "no ledger at ledger.db" in run("doctor", exits=5).stderr
