"""An export or an import that is killed: whole sessions are there, whole files, and nothing else."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ledger
from ledger import Message, Session, SessionExists
from tests.process.work import url_of
from tests.process.zygote import Report, Zygote

SESSIONS = 40
SAVES = 25


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an export of many sessions, long enough to be interrupted in the middle of one."""
    folder = tmp_path_factory.mktemp("sent")
    with ledger.open(url_of(folder / "source.db"), writer="agent") as book:
        for number in range(SESSIONS):
            session = Session.new(f"s{number:03}", "gpt-5")
            for save in range(SAVES):
                session.add_message(Message.user(f"{number}, {save}: " + "all is well " * 50))
                book.save(session)
    with ledger.open(url_of(folder / "source.db")) as book, (folder / "sent.jsonl").open("w") as file:
        file.writelines(book.export())
    return folder / "sent.jsonl"


def whole_sessions(path: Path) -> int:
    """Check that each session that is there is whole, and give how many there are."""
    with ledger.open(url_of(path)) as book:
        verification = book.verify()
        assert () == verification.problems
        assert {SAVES} >= {len(list(book.history(session_id))) for session_id in book.ids()}
        assert [summary.id for summary in book.sessions()] == book.ids()[::-1]
        return len(book.ids())


def take_in(report: Report, url: str, file: str) -> None:
    """Import a file, and say when it has begun to write."""
    begun: list[int] = []

    def progress(done: int, total: int) -> None:
        del total
        if not begun:
            report(ready=True)
        begun.append(done)

    with ledger.open(url) as book, Path(file).open("rb") as lines:
        report(saves=book.import_(lines, progress=progress).saves)


def test_an_import_that_is_killed_leaves_whole_sessions_only(
    zygote: Zygote, path: Path, sent: Path, chance: random.Random
) -> None:
    """Killed in the middle of writing, again and again, it goes on where it was, until all are there."""
    counts = [0]
    for _ in range(6):
        worker = zygote.start("tests.process.test_interrupted_exchange:take_in", url=url_of(path), file=str(sent))
        assert worker.hear() is not None
        worker.hear(chance.uniform(0, 0.05))
        worker.kill()
        counts.append(whole_sessions(path))
    ledger.open(url_of(path)).close()
    with ledger.open(url_of(path)) as book, sent.open("rb") as lines:
        book.import_(lines)

    assert sorted(counts) == counts
    assert SESSIONS == whole_sessions(path)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_export_that_is_interrupted_leaves_no_file_of_its_name(
    sent: Path, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    """Nobody takes half an export for a whole one; after Ctrl-C not even the part is left."""
    command = [sys.executable, "-m", "ledger", "--db", url_of(sent.with_name("source.db"))]
    process = subprocess.Popen(
        [*command, "export", "--all", "--redact", "/title", "-o", str(tmp_path / "out.jsonl")],
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(tmp_path.iterdir()):
        pass
    process.send_signal(number)
    _, error = process.communicate()

    assert "Traceback" not in error
    if process.returncode:  # else it was faster than we were
        assert exit_code == process.returncode, error
        assert not (tmp_path / "out.jsonl").exists()
        assert number == signal.SIGKILL or not list(tmp_path.iterdir())


def race(report: Report, url: str, file: str, creates: bool) -> None:  # noqa: FBT001 - a worker's argument
    """Create a session, or import one of the same id, when the test says so."""
    with ledger.open(url) as book:
        lines = Path(file).read_text()
        report(ready=True)
        while not Path(file).with_name("go").exists():
            pass
        try:
            if creates:
                book.create(Session.new("s000", "here"))
            else:
                book.import_(lines)
        except SessionExists:
            report(won=False)
        else:
            report(won=True)


def test_of_a_creator_and_an_import_in_two_processes_one_wins(zygote: Zygote, sent: Path, tmp_path: Path) -> None:
    """An id never means two sessions, whoever is quicker."""
    with ledger.open(url_of(sent.with_name("source.db"))) as book:
        lines = "".join(book.export("s000"))
    for attempt in range(5):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        (folder / "s.jsonl").write_text(lines)
        ledger.open(url_of(folder / "l.db")).close()
        workers = [
            zygote.start(
                "tests.process.test_interrupted_exchange:race",
                url=url_of(folder / "l.db"),
                file=str(folder / "s.jsonl"),
                creates=creates,
            )
            for creates in (True, False)
        ]
        for worker in workers:
            assert worker.hear() == {"ready": True}
        (folder / "go").touch()
        won = [report["won"] for worker in workers for report in worker.finish() if "won" in report]

        assert [False, True] == sorted(won)
        with ledger.open(url_of(folder / "l.db")) as book:
            assert ["s000"] == book.ids()
            assert () == book.verify().problems
