"""The command as people and scripts use it: in processes of its own, through pipes, and on terminals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import ledger
from ledger import Message, Session
from tests import warm_command
from tests.acceptance.cli_process import LEDGER, on_terminal, run, screen
from tests.unit.cli.recorded import record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a recorded ledger in it."""
    record(f"sqlite:///{tmp_path / 'ledger.db'}")
    return tmp_path


def test_the_demo_ends_with_commands_that_work(tmp_path: Path) -> None:
    """A newcomer pastes the last three lines of the demo into a shell, and each shows something."""
    told = run("demo", folder=tmp_path).stdout.splitlines()

    assert ["log", "show", "questions"] == [
        word for line in told[-3:] for word in line.split() if word in {"log", "show", "questions"}
    ]
    shell = os.environ | {"PATH": os.pathsep.join([str(warm_command.commands()), os.environ["PATH"]])}
    for command in told[-3:]:
        pasted = subprocess.run(  # noqa: S602 - as a shell would
            command, shell=True, cwd=tmp_path, env=shell, capture_output=True, text=True, check=True
        )
        assert pasted.stdout
        assert "" == pasted.stderr


def test_the_demo_runs_twice(tmp_path: Path) -> None:
    """The second run ends well, beside the first one's session."""
    run("demo", folder=tmp_path)
    run("demo", folder=tmp_path)

    sessions = json.loads(run("--db", "demo.db", "sessions", "--json", folder=tmp_path).stdout)
    assert ["support-1", "support-2"] == sorted(session["id"] for session in sessions)
    assert [tmp_path / "demo.db"] == list(tmp_path.iterdir())


def test_exit_codes_are_the_processes(folder: Path) -> None:
    """What a shell sees: fine, usage, not found, storage."""
    run("sessions", folder=folder, cold=True)
    run("show", folder=folder, exits=2, cold=True)
    run("show", "supp", folder=folder, exits=2)
    run("show", "nobody", folder=folder, exits=3, cold=True)
    run("show", "support-1@9", folder=folder, exits=3)
    run("--db", "none.db", "sessions", folder=folder, exits=5, cold=True)


def test_an_error_is_json_where_json_was_asked_for(folder: Path) -> None:
    """Standard output stays empty; standard error is one object."""
    ran = run("show", "support-1@9", "--json", folder=folder, exits=3)

    assert "" == ran.stdout
    assert ("VersionNotFound", 6) == (json.loads(ran.stderr)["error"], json.loads(ran.stderr)["head"])


def test_help_loads_neither_the_database_nor_the_tables() -> None:
    """`ledger --help` answers at once: nothing that is slow to import is imported."""
    program = (
        "import sys\nfrom ledger.cli.main import main\nsys.argv = ['ledger', '--help']\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert left.code == 0\n"
        "print(sorted({'alembic', 'rich', 'sqlalchemy', 'pydantic', 'structlog', 'asyncio'} & set(sys.modules)), "
        "file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "[]\n" == ran.stderr


def test_small_commands_load_no_migrations(folder: Path) -> None:
    """A ledger of this release's schema is opened without the machinery that creates one."""
    program = (
        "import sys\nfrom ledger.cli.main import main\nsys.argv = ['ledger', 'log', 'support-1']\n"
        "try:\n    main()\nexcept SystemExit as left:\n    assert left.code == 0\n"
        "print(sorted({'alembic', 'ledger.importers'} & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)

    assert "[]\n" == ran.stderr


def test_ctrl_c_leaves_no_traceback(folder: Path) -> None:
    """Exit code 130, one word, and everything that was imported before is there."""
    chat = {"id": "run-1", "messages": [{"role": "user", "content": "Hi"}]}
    with on_terminal("import", "-", folder=folder, streams="stderr") as terminal:
        assert terminal.process.stdin is not None
        terminal.process.stdin.write(json.dumps(chat).encode() + b"\n")
        terminal.process.stdin.flush()
        terminal.read_until("Importing")
        terminal.process.send_signal(signal.SIGINT)
        left = "".join(terminal.read())

        assert 130 == terminal.process.wait()
        assert "What was imported so far is kept" in left
        assert "Error: interrupted" in left
        assert "Traceback" not in left
    run("verify", folder=folder)


@pytest.mark.parametrize(
    ("arguments", "begins"),
    [
        (("show", "support-1", "--full"), b"support-1  version 7 (the newest)\n"),
        (("export", "--all"), b'{"format":"sessionledger-export","version":1,'),
    ],
)
def test_a_reader_that_has_seen_enough_is_no_error(folder: Path, arguments: tuple[str, ...], begins: bytes) -> None:
    """`ledger show s1 | head -1` ends quietly, however much there was left to say."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}") as book:
        book.append("support-1", Message.user("line\n" * 100_000))
    with subprocess.Popen([*LEDGER, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()

        assert first.startswith(begins)
        assert b"" == complaint
        assert 0 == process.wait()


def test_verify_says_by_its_exit_code_what_nobody_reads(folder: Path) -> None:
    """A pipe that was closed hides no problem."""
    process = subprocess.Popen(
        [*LEDGER, "verify", "--expect", "-"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    receipts = "".join(
        json.dumps({"session_id": f"lost-{number}", "version": 1, "digest": "00" * 32}) + "\n" for number in range(2000)
    )
    _, complaint = process.communicate(receipts.encode())

    assert (1, b"") == (process.returncode, complaint)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
def test_an_output_that_is_full_is_told(folder: Path) -> None:
    """Whoever redirects into a full disk learns that the file is not whole."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ran = subprocess.run(
            [*LEDGER, "sessions"], cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert (5, "Error: the output cannot be written: No space left on device\n") == (ran.returncode, ran.stderr)


def test_a_terminal_gets_colours_unless_it_asked_for_none(folder: Path) -> None:
    """NO_COLOR is honoured; a pipe never gets any."""
    assert "\x1b[" in screen("log", "support-1", folder=folder, cold=True)
    assert "\x1b[" not in screen("log", "support-1", folder=folder, env={"NO_COLOR": "1"})
    assert "\x1b[" not in run("log", "support-1", folder=folder).stdout


def test_a_pager_is_only_for_terminals(folder: Path) -> None:
    """What does not fit the screen goes through $PAGER; what fits, or is piped, does not."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}") as book:
        book.append("support-2", *(Message.user(f"word {number}") for number in range(50)))
    paged = {"PAGER": "sed s/word/paged/"}

    assert "paged 49" in screen("log", "support-2", "--full", folder=folder, env=paged)
    assert "word 49" in run("log", "support-2", "--full", folder=folder, env=paged).stdout
    assert "paged" not in screen("log", "support-1", folder=folder, env={"PAGER": "sed s/staging/paged/"})


def test_lines_are_as_wide_as_the_terminal(folder: Path) -> None:
    """On 80 columns nothing is wider; long text ends in an ellipsis."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}") as book:
        book.save(Session.new("0123456789abcdef" * 4, model="gpt-5", title="A title that is rather long " * 4))
    lines = screen("sessions", folder=folder, env={"NO_COLOR": "1"}).splitlines()

    assert max(map(len, lines)) <= 80
    assert any("…" in line for line in lines)


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_progress_is_shown_on_a_terminal_alone(folder: Path, command: str) -> None:
    """A bar goes to standard error where that is a terminal, and nowhere else."""
    with on_terminal(command, folder=folder, streams="stderr") as terminal:
        bars = "".join(terminal.read())

        assert 0 == terminal.process.wait()
    assert {"verify": "Verifying", "rebuild": "catalog"}[command] in bars
    assert "" == run(command, folder=folder).stderr


def test_an_output_without_unicode_is_no_crash(folder: Path) -> None:
    """A terminal of another time shows a question mark; JSON stays whole."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}") as book:
        book.update("support-1", lambda session: setattr(session, "title", "日本"), authority="user")
    old = {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}

    assert "??" in run("sessions", folder=folder, env=old, cold=True).stdout
    titles = [line["title"] for line in json.loads(run("sessions", "--json", folder=folder, env=old, cold=True).stdout)]
    assert "日本" in titles


def test_two_commands_at_once_do_not_meet(folder: Path) -> None:
    """Importing while somebody else imports into the same file: both end well, and nothing is lost."""
    runs = []
    for number in range(2):
        messages = [{"role": "user", "content": f"{number}-{index}"} for index in range(40)]
        (folder / f"{number}.jsonl").write_text(json.dumps({"id": f"run-{number}", "messages": messages}) + "\n")
        runs.append(subprocess.Popen([*LEDGER, "import", f"{number}.jsonl"], cwd=folder, stderr=subprocess.PIPE))
    for process in runs:
        _, complaint = process.communicate()
        assert 0 == process.returncode, complaint.decode()
    assert {"run-0": 40, "run-1": 40} == {
        line["id"]: line["messages"]
        for line in json.loads(run("sessions", "--json", folder=folder).stdout)
        if line["id"].startswith("run-")
    }
    run("verify", folder=folder)


def test_recorded_transcripts_are_told(transcripts: Path, tmp_path: Path) -> None:
    """Two questions of one call: both answered, both pending at the version that asked; a second import is empty."""
    file = transcripts / "claude_code_two_questions.jsonl"
    run("import", str(file), folder=tmp_path)
    records = json.loads(run("questions", "--json", folder=tmp_path).stdout)
    asked = f"{records[0]['session_id']}@{records[0]['asked_version']}"
    shown = json.loads(run("show", asked, "--json", folder=tmp_path).stdout)
    again = run("import", str(file), folder=tmp_path)

    assert [("No rig", "answered"), ("Credo + Dialyxir + mix_audit", "answered")] == [
        (record["answer"], record["status"]) for record in records
    ]
    assert {"2026-02-10T21:55:43", "2026-02-10T21:57:59"} == {
        record[time][:19] for record in records for time in ("asked_at", "resolved_at")
    }
    assert ["pending", "pending"] == [question["status"] for question in shown["questions"].values()]
    assert "0 new saves" in again.stdout


def test_every_recorded_transcript_is_whole(transcripts: Path, tmp_path: Path) -> None:
    """A folder of real records imports, verifies, and is told on a terminal without a line that is too wide."""
    run("import", *(str(file) for file in sorted(transcripts.glob("*.json*"))), folder=tmp_path)
    (longest,) = [
        line["id"] for line in json.loads(run("sessions", "--json", folder=tmp_path).stdout) if line["version"] > 400
    ]

    assert "Whole: " in run("verify", folder=tmp_path).stdout
    for command in (
        ["log", longest],
        ["log", longest, "--full"],
        ["questions"],
        ["usage"],
        ["sessions"],
        ["stats"],
        ["doctor"],
    ):
        lines = screen(*command, folder=tmp_path, env={"NO_COLOR": "1"}).splitlines()
        assert [] == [line for line in lines if len(line) > 80 and command != ["doctor"]]


def test_the_process_runs_where_there_is_no_terminal_at_all(folder: Path) -> None:
    """Under cron or a service manager, with every stream closed or elsewhere."""
    ran = subprocess.run(
        [*LEDGER, "sessions"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items() if name not in {"TERM", "COLUMNS"}},
        check=True,
    )

    assert b"support-1" in ran.stdout
