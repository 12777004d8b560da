"""Several processes save to one file at once, on one session and on sessions of their own."""

from itertools import groupby
from pathlib import Path

import pytest

import ledger
from tests.process.checker import check
from tests.process.work import MODEL, url_of
from tests.process.zygote import Zygote

TURNS = 60


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize("shared", [True, False], ids=["one session", "sessions of their own"])
@pytest.mark.parametrize("afresh", [True, False], ids=["loading each time", "from a copy of their own"])
def test_what_processes_save_at_once_is_all_there(
    zygote: Zygote, path: Path, processes: int, *, shared: bool, afresh: bool
) -> None:
    """Nothing is lost, nobody meets a locked database, and each writer's turns stand in the order of its saves."""
    ledger.open(url_of(path)).close()
    workers = [
        zygote.start(
            "tests.process.work:save_turns",
            url=url_of(path),
            writer=f"writer {number}",
            sessions=["shared"] if shared else [f"session {number}"],
            turns=TURNS,
            afresh=afresh,
        )
        for number in range(processes)
    ]
    said = [report for worker in workers for report in worker.finish() if "version" in report]

    assert len(said) == processes * TURNS
    check(path, said)


def test_processes_that_share_a_session_do_take_turns(zygote: Zygote, path: Path) -> None:
    """The test above is about saves that meet: in the log of a shared session the writers alternate, and some of them
    saved from a base that was not the head any more.
    """
    ledger.open(url_of(path)).close()
    workers = [
        zygote.start("tests.process.work:save_turns", url=url_of(path), writer=name, sessions=["s1"], turns=TURNS)
        for name in ("agent", "scheduler")
    ]
    for worker in workers:
        worker.finish()
    with ledger.open(url_of(path), create=False) as book:
        events = list(book.history("s1"))

    assert len(list(groupby(event.writer for event in events))) > 2
    assert any(event.base_version < event.version - 1 for event in events)


def test_readers_of_another_process_see_whole_saves_only(zygote: Zygote, path: Path) -> None:
    """While one process saves, another one reads: every state that it sees is one that was saved."""
    with ledger.open(url_of(path)) as book:
        book.save(ledger.Session.new("s1", MODEL))
        worker = zygote.start(
            "tests.process.work:save_turns", url=url_of(path), writer="agent", sessions=["s1"], turns=TURNS
        )
        seen = 0
        while seen < TURNS:
            session = book.load("s1")
            seen = session.state.get("agent", 0)

            assert (4 * seen, seen) == (len(session.messages), len(session.questions))
            assert session.version == seen + 1
        worker.finish()
