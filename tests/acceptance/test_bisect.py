"""Who lost the question, when, and from which base: found by one command."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ledger
from ledger import Message, Session
from tests.acceptance.cli_process import LEDGER, run, screen
from tests.unit.importers.samples import BAMBOO_PENDING, bamboo, bamboo_message

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


def course(folder: Path, session_id: str) -> list[tuple[int, str, str, int]]:
    """Give version, kind, writer and base of every transition that the command tells of."""
    told = json.loads(run("bisect", session_id, "--question", "call_1#0", "--json", folder=folder).stdout)
    return [(it["version"], it["kind"], it["writer"], it["base_version"]) for it in told["transitions"]]


def test_a_stale_save_behind_a_question_is_named(tmp_path: Path) -> None:
    """An agent asks at version 11; a scheduler that had loaded version 10 saves at version 12: averted, not omitted."""
    with ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", writer="agent") as book:
        session = Session.new("s1", model="gpt-5")
        for number in range(10):
            session.add_message(Message.user(f"Line {number}"))
            book.save(session)
        stale = book.load("s1")
        session.ask("call_1", "Which environment?")
        book.save(session)
        stale.add_message(Message.system("Reminder"))
        book.save(stale, writer="scheduler")

    assert [(11, "asked", "agent", 10), (12, "averted", "scheduler", 10)] == course(tmp_path, "s1")
    text = run("bisect", "s1", "--question", "call_1#0", folder=tmp_path).stdout
    assert "Overwriting would have lost it at s1@12, a save by scheduler, which had loaded version 10." in text
    assert "omitted" not in text


def test_in_copies_of_an_overwriting_store_the_loss_is_named(tmp_path: Path) -> None:
    """The same story where it went wrong: the next copy no longer holds the question, so it was lost at version 12."""
    messages = [bamboo_message(f"m{number}", number, "user", f"Line {number}") for number in range(1, 11)]
    asking = bamboo(20, *messages, pending=BAMBOO_PENDING)
    overwritten = bamboo(30, *messages)
    for document in (asking, overwritten):
        write(tmp_path / "session.json", document)
        run("import", "session.json", folder=tmp_path)

    assert [(11, "asked", "bamboo", 10), (12, "lost", "bamboo", 11)] == course(tmp_path, "bam-1")
    text = run("bisect", "bam-1", "--question", "call_1#0", folder=tmp_path).stdout
    assert "Lost at bam-1@12 by bamboo, which had loaded version 11." in text
    assert "ledger diff bam-1@11 bam-1@12" in text
    found = json.loads(run("bisect", "bam-1", "--good", "11", "--expr", LOST, "--json", folder=tmp_path).stdout)
    assert 12 == found["version"]


LOST = "questions.*.status | contains(@, 'lost')"


def write(file: Path, document: Any) -> None:
    """Write a copy of the store over the one before it."""
    file.write_text(json.dumps(document))


def recorded(folder: Path, saves: int = 40) -> None:
    """Record a session of many saves."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}", writer="agent") as book:
        session = Session.new("s1", model="gpt-5")
        for number in range(saves):
            session.add_message(Message.user(f"Line {number} " + "x" * 100))
            book.save(session, occurred_at=NOON + timedelta(minutes=number))


def test_ctrl_c_ends_the_search_and_what_it_runs(tmp_path: Path) -> None:
    """Interrupted, in one word, while a command thinks; nothing is left behind."""
    recorded(tmp_path)
    program = "import sys, time; print('thinking', file=sys.stderr, flush=True); time.sleep(600)"
    with subprocess.Popen(
        [*LEDGER, "bisect", "s1", "--", sys.executable, "-c", program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while b"thinking" not in process.stderr.readline():
            pass
        process.send_signal(signal.SIGINT)
        complaint = process.stderr.read()

        assert 130 == process.wait()
        assert b"Error: interrupted\n" == complaint
        assert b"" == process.stdout.read()
    run("verify", folder=tmp_path)


def test_a_reader_that_left_is_no_error(tmp_path: Path) -> None:
    """`ledger bisect … | head -1` ends quietly."""
    recorded(tmp_path)
    with subprocess.Popen(
        [*LEDGER, "bisect", "s1", "--expr", "length(messages) > `9`"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()

        assert b"Traceback" not in process.stderr.read()
        assert 0 == process.wait()


def test_a_command_need_not_read_what_it_is_given(tmp_path: Path) -> None:
    """More than a pipe holds goes unread, and that is its own affair."""
    recorded(tmp_path, saves=3)
    with ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as book:
        book.append("s1", Message.user("x" * 500_000))

    assert "at both ends" in run("bisect", "s1", "--", "true", folder=tmp_path, exits=3).stderr


def test_on_a_terminal_it_fits_and_stands_out(tmp_path: Path) -> None:
    """80 columns, and bold for what was found; no colour where nobody wants it."""
    recorded(tmp_path)
    search = ("bisect", "s1", "--expr", "messages[?contains(content, `Line 33`)]")
    shown, plain = screen(*search, folder=tmp_path), screen(*search, folder=tmp_path, env={"NO_COLOR": "1"})

    assert "\x1b[1ms1@34 is the first version" in shown
    assert "\x1b" not in plain
    assert 80 >= max(len(line) for line in plain.replace("\r", "").splitlines() if "diff" not in line)
