"""Several processes save to one file at once, on one session and on sessions of their own."""

import fcntl
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import ledger
from tests.process.checker import Acknowledgement, check
from tests.process.work import MODEL, url_of
from tests.process.zygote import Zygote

TURNS = 40


def save_at_once(
    zygote: Zygote, path: Path, writers: Mapping[str, Sequence[str]], *, afresh: bool
) -> list[Acknowledgement]:
    """Let each writer save turns to its sessions, all from the same moment on, and give their acknowledgements."""
    ledger.open(url_of(path)).close()
    gate = path.with_name("gate")
    with gate.open("w") as shut:
        fcntl.flock(shut, fcntl.LOCK_EX)
        workers = [
            zygote.start(
                "tests.process.work:save_turns",
                url=url_of(path),
                writer=writer,
                sessions=sessions,
                turns=TURNS,
                afresh=afresh,
                gate=str(gate),
            )
            for writer, sessions in writers.items()
        ]
        for worker in workers:
            assert worker.hear() == {"ready": True}
    return [report for worker in workers for report in worker.finish()]


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize("shared", [True, False], ids=["one session", "sessions of their own"])
@pytest.mark.parametrize("afresh", [True, False], ids=["loading each time", "from a copy of their own"])
def test_what_processes_save_at_once_is_all_there(
    zygote: Zygote, path: Path, processes: int, *, shared: bool, afresh: bool
) -> None:
    """Nothing is lost, nobody meets a locked database, and each writer's turns stand in the order of its saves."""
    writers = {f"writer {number}": ["shared" if shared else f"session {number}"] for number in range(processes)}
    said = save_at_once(zygote, path, writers, afresh=afresh)

    assert sum("version" in report for report in said) == processes * TURNS
    check(path, said)


def test_processes_that_share_a_session_do_meet(zygote: Zygote, path: Path) -> None:
    """The test above is about stale writers: some of its saves were made from a base that was not the head any more."""
    save_at_once(zygote, path, {"agent": ["s1"], "scheduler": ["s1"]}, afresh=False)
    with ledger.open(url_of(path), create=False) as book:
        events = list(book.history("s1"))

    assert len(events) == 2 * TURNS
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
