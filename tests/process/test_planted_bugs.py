"""The harness proves itself: bugs that lose, double or tear something are planted, and each of them is caught."""

import random
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import LedgerError, Session, SessionRepository
from projections.session_view import SessionViews
from projections.snapshot_body import decode_view
from tests.postgres import Server
from tests.process.bare import bare, is_server
from tests.process.checker import faults
from tests.process.history import faults_of, operations_of
from tests.process.planting import BUGS, TURNS
from tests.process.planting_on_server import SERVER_BUGS
from tests.process.test_histories import SESSIONS, logs_of
from tests.process.whole import examine
from tests.process.work import save_turns, url_of
from tests.process.zygote import Zygote

PROCESSES = 2
#: What runs beside the clients, with the same bug in it.
READ_SIDE = "tests.process.victims:work_over_and_over"
HARMLESS = [name for name in BUGS if name.startswith("nothing is wrong")]


def found_with(bug: str, zygote: Zygote, url: str, chance: random.Random) -> list[str]:
    """Let workers work with a bug planted, and give what the checkers find afterwards."""
    planting, bugs = ("planting_on_server", SERVER_BUGS) if is_server(url) else ("planting", BUGS)
    planted = bugs[bug]
    ledger.open(url).close()
    if planted.prepare is not None:
        save_turns(lambda **_: None, url, "before", ["before"], 2)
        with bare(url) as tables:
            planted.prepare(tables)
    arguments: list[dict[str, Any]]
    if planted.target == TURNS:
        arguments = [{"writer": f"writer {number}", "sessions": ["s1", "s2"], "turns": 20} for number in range(2)]
    else:
        arguments = [
            {
                "names": [f"client {process}-{number}" for number in range(3)],
                "sessions": SESSIONS,
                "seed": chance.randrange(2**32),
                "calls": 14,
            }
            for process in range(PROCESSES)
        ]
    sequencer = zygote.start(
        f"tests.process.{planting}:work", bug=bug, instead=READ_SIDE, url=url, writer="sequencer", sessions=[]
    )
    workers = [zygote.start(f"tests.process.{planting}:work", bug=bug, url=url, **each) for each in arguments]
    reports = [report for worker in workers for report in worker.end()]
    sequencer.kill()
    failed = [f"a worker failed: {report['failed']}" for report in reports if "failed" in report]
    try:
        if planted.target == TURNS:
            return failed + faults(url, reports)
        found, histories = examine(url)
    except LedgerError as error:
        return [*failed, f"the ledger cannot be read: {error}"]
    logs = {session_id: log for session_id, log in logs_of(histories).items() if session_id != "before"}
    return failed + found + faults_of(operations_of(reports), logs)


@pytest.mark.parametrize("bug", sorted(BUGS.keys() - HARMLESS))
def test_a_planted_bug_is_caught(bug: str, zygote: Zygote, path: Path, chance: random.Random) -> None:
    """Whichever it is, what clients and the ledger tell afterwards gives it away, not only that somebody failed."""
    found = found_with(bug, zygote, url_of(path), chance)

    assert [fault for fault in found if not fault.startswith("a worker failed")], found


@pytest.mark.parametrize("bug", HARMLESS)
def test_nothing_is_caught_where_nothing_is_planted(
    bug: str, zygote: Zygote, path: Path, chance: random.Random
) -> None:
    """The same work without a bug, also where replies are lost, leaves nothing to be found."""
    assert found_with(bug, zygote, url_of(path), chance) == []


@pytest.mark.parametrize("bug", sorted(SERVER_BUGS.keys() - HARMLESS))
def test_a_bug_planted_on_a_server_is_caught(bug: str, zygote: Zygote, server: Server, chance: random.Random) -> None:
    """The same where many commit at once, and a sequencer orders what was committed."""
    found = found_with(bug, zygote, server.new_database(), chance)

    assert [fault for fault in found if not fault.startswith("a worker failed")], found


def test_nothing_is_caught_on_a_server_where_nothing_is_planted(
    zygote: Zygote, server: Server, chance: random.Random
) -> None:
    """The same work without a bug."""
    assert found_with("nothing is wrong", zygote, server.new_database(), chance) == []


def read_model(path: Path) -> list[dict[str, Any]]:
    """Make a ledger of one session with a snapshot in its middle."""
    said: list[dict[str, Any]] = []
    save_turns(lambda **report: said.append(report), url_of(path), "agent", ["s1"], 4)
    with ledger.open(url_of(path)) as book:
        book.snapshot("s1")
    save_turns(lambda **report: said.append(report), url_of(path), "agent", ["s1"], 4)
    return said


def test_a_stale_snapshot_that_is_trusted_is_caught(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that takes the newest snapshot for the head gives itself away."""
    said = read_model(path)
    honest = SessionViews.view

    def trusting(self: SessionViews, session_id: str, version: int | None = None, **keywords: Any) -> Any:
        with bare(path) as tables:
            snapshots = tables.rows("SELECT body FROM snapshots ORDER BY version DESC LIMIT 1")
        return decode_view(snapshots[0][0]) if version is None else honest(self, session_id, version, **keywords)

    assert faults(path, said) == []
    with bare(path) as tables:
        tables.run("DELETE FROM snapshots WHERE version = (SELECT max(version) FROM snapshots)")
        assert tables.rows("SELECT count(*) FROM snapshots") == [(1,)]
    monkeypatch.setattr(SessionViews, "view", trusting)
    assert faults(path, said)


def test_a_cache_that_is_trusted_is_caught(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reconciliation that does not look at the head gives itself away."""
    said = read_model(path)
    honest = SessionRepository.load_merged

    async def trusting(self: SessionRepository, session_id: str) -> Session | None:
        return self.cache.get(session_id) or await honest(self, session_id)

    monkeypatch.setattr(SessionRepository, "load_merged", trusting)
    assert faults(path, said)
