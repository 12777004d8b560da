import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

CHAT = {"id": "run-1", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}


@pytest.fixture
def chat(folder: Path) -> Path:
    """Give a chat run as JSON lines."""
    file = folder / "chat.jsonl"
    file.write_text(json.dumps(CHAT) + "\n", encoding="utf-8")
    return file


def test_it_says_what_was_found_and_what_to_do_next(run: Run, chat: Path) -> None:
    """The sentence is the data; the warning and the hint go to standard error."""
    result = run("import", str(chat))

    assert "1 session, 2 saves, no questions\n" == result.stdout
    assert "Transcripts can hold passwords and keys" in result.stderr
    assert result.stderr.endswith(" log run-1\n")
    assert "user: Hi" in run("log", "run-1").stdout


def test_a_second_import_adds_nothing(run: Run, chat: Path) -> None:
    """It says so, and does not warn again."""
    run("import", str(chat))
    again = run("import", str(chat))

    assert "0 new saves (2 there already)" in again.stdout
    assert "passwords" not in again.stderr


def test_standard_input_is_a_source(run: Run, told: Callable[..., Any]) -> None:
    """`-` reads what is piped in."""
    run("import", "-", given=json.dumps(CHAT))

    assert 1 == len(told("sessions"))


def test_a_bad_line_is_named_and_the_rest_is_imported(run: Run, chat: Path) -> None:
    """The line, what is wrong with it, and what to do; the exit code is 1."""
    with chat.open("a", encoding="utf-8") as lines:
        print("{broken", file=lines)
        print(json.dumps(CHAT | {"id": "run-2"}), file=lines)
    result = run("import", str(chat), exits=1)

    assert f"Not imported: {chat}:2: " in result.stderr
    assert "2 sessions, 4 saves" in result.stdout


def test_json_reports_the_same(told: Callable[..., Any], chat: Path) -> None:
    """A script learns what was found, and what was refused, as values."""
    with chat.open("a", encoding="utf-8") as lines:
        print("{broken", file=lines)
    report = told("import", str(chat), exits=1)

    assert (["run-1"], 2, 0) == (report["sessions"], report["saves"], report["skipped"])
    assert [{"place", "what", "next"}] == [set(problem) for problem in report["problems"]]


def test_a_thousand_problems_are_not_all_told(run: Run, folder: Path) -> None:
    """The first ones are named, the others counted."""
    (folder / "bad.jsonl").write_text(json.dumps(CHAT) + "\n" + "{broken\n" * 1000, encoding="utf-8")
    lines = run("import", "bad.jsonl", exits=1).stderr.splitlines()

    assert "Not imported: 950 more" in lines
    assert len(lines) < 60


def test_a_mistyped_path_creates_no_ledger(run: Run, folder: Path, chat: Path) -> None:
    """If one of the paths does not exist, nothing is imported, and the exit code is 2."""
    result = run("import", str(chat), "chatt.jsonl", exits=2)

    assert "there is no file chatt.jsonl" in result.stderr
    assert not (folder / "ledger.db").exists()


def test_without_a_file_it_suggests_the_transcripts_of_claude_code(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the folder and the command, and imports nothing on its own."""
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    (folder / ".claude" / "projects").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(folder))
    result = run("import", exits=2)

    assert f"import {folder / '.claude' / 'projects'}" in result.stderr
    assert not (folder / "ledger.db").exists()


def test_without_a_file_and_without_transcripts_it_says_what_it_takes(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody without Claude Code learns what to name."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(folder / "none"))

    assert "name a file or a folder" in run("import", exits=2).stderr


@pytest.mark.parametrize("name", ["", "~nobody-of-that-name/x.jsonl"])
def test_a_name_that_names_nothing_imports_nothing(run: Run, folder: Path, name: str) -> None:
    """An unset variable is not the current folder, and a home of nobody is no file."""
    (folder / "run.json").write_text("[]")
    refused = run("import", name, exits=2).stderr

    assert "there is no file" in refused
    assert not (folder / "ledger.db").exists()


def test_a_compressed_file_says_how_to_import_it(run: Run, folder: Path) -> None:
    """With the command that does it, for this file and this ledger."""
    (folder / "my run.jsonl.gz").write_bytes(gzip.compress(b"{}\n"))
    refused = run("--db", "mine.db", "import", "my run.jsonl.gz", exits=1).stderr

    assert "it is compressed; `zcat 'my run.jsonl.gz' | ledger --db mine.db import -` takes in what is" in refused
