import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger.store.sqlite import driver
from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY


def tamper(file: Path, *statements: str) -> None:
    """Change a ledger behind its back, its guards dropped first."""
    raw = driver().connect(str(file))
    for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        raw.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        raw.execute(statement)
    raw.commit()
    raw.close()


def test_a_whole_record_is_clean(run: Run, told: Callable[..., Any], recorded: Path) -> None:
    """Nothing found: exit code 0, in words and as JSON."""
    del recorded

    assert "Whole: 10 events of 4 sessions, every hash matches.\n" == run("verify").stdout
    assert {"ok": True, "sessions": 4, "events": 10, "problems": [], "redacted": []} == told("verify")
    assert "Whole: 6 events of 1 session, every hash matches.\n" == run("verify", "support-1").stdout


def test_what_was_altered_is_named(run: Run, told: Callable[..., Any], recorded: Path) -> None:
    """Session, version and what is wrong, and exit code 1, with `--json` too."""
    tamper(recorded, "UPDATE payloads SET body = replace(body, 'Deploy it', 'Delete it')")

    assert (
        "session support-1, version 1: its payload was altered: the digest does not match\n"
        "1 problem in 10 events of 4 sessions.\n"
    ) == run("verify", exits=1).stdout
    assert [
        {"session_id": "support-1", "version": 1, "what": "its payload was altered: the digest does not match"}
    ] == told("verify", exits=1)["problems"]
    run("verify", "support-1", exits=1)
    run("verify", "support-2")


def test_a_session_without_a_head_is_still_looked_at(run: Run, recorded: Path) -> None:
    """Whoever removes the head of a session does not make it unknown to `verify`."""
    tamper(recorded, "DELETE FROM heads")

    assert "its head is missing" in run("verify", "support-1", exits=1).stdout
    run("verify", NOBODY, exits=3)


def test_receipts_show_a_tail_that_was_cut_off(run: Run, recorded: Path, folder: Path) -> None:
    """A receipt kept elsewhere is evidence: each line is what `save` returned, and the newest of a session counts."""
    receipts = folder / "receipts.jsonl"
    with ledger.open(f"sqlite:///{recorded}") as book, receipts.open("w", encoding="utf-8") as lines:
        for _ in range(2):
            print(book.save(book.load("support-2")).model_dump_json(), file=lines)
    whole = run("verify", "--expect", str(receipts)).stdout
    last = json.loads(receipts.read_text(encoding="utf-8").splitlines()[-1])
    receipts.write_text(json.dumps(last | {"version": 9}) + "\n", encoding="utf-8")

    assert "Whole" in whole
    assert (
        "version 9: it is missing: a receipt for it exists" in run("verify", "--expect", str(receipts), exits=1).stdout
    )


@pytest.mark.parametrize(
    "line", ["no json", "[]", '{"session_id": "s1"}', '{"session_id": 1, "version": "2", "digest": 3}']
)
def test_what_is_no_receipt_is_named_by_its_line(run: Run, recorded: Path, line: str) -> None:
    """A file that cannot be read as receipts must not pass as one that holds none."""
    del recorded
    refused = run("verify", "--expect", "-", exits=2, given=f"\n{line}\n")

    assert "line 2" in refused.stderr
