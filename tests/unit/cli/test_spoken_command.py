import sys
from pathlib import Path

import pytest

from ledger.cli.invocation import Invocation
from ledger.cli.spoken_command import addressed, spoken_command


@pytest.fixture
def bin_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of commands that is not on the path."""
    place = folder / ".venv" / "bin"
    place.mkdir(parents=True)
    program = place / "ledger"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    monkeypatch.setenv("PATH", str(folder))
    return place


def test_a_command_off_the_path_is_spoken_with_its_folder(bin_folder: Path) -> None:
    """After `make demo` nobody has activated the environment, and what is to be pasted works all the same."""
    del bin_folder

    assert ".venv/bin/ledger sessions" == spoken_command(Invocation(), "sessions")


def test_a_command_on_the_path_is_spoken_by_its_name(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As most people call it."""
    monkeypatch.setenv("PATH", str(bin_folder))

    assert "ledger sessions" == spoken_command(Invocation(), "sessions")


def test_a_module_is_spoken_as_one(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Who started `python -m ledger` gets that back."""
    monkeypatch.setattr(sys, "argv", [str(folder / "ledger" / "__main__.py")])

    assert spoken_command(Invocation(), "log", named=["s1"]).endswith(" -m ledger log s1")


def test_the_ledger_is_named_where_it_was_named(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment or the default says need not be said; a strange name is quoted for the shell."""
    monkeypatch.setenv("PATH", str(bin_folder))
    monkeypatch.setenv("LEDGER_DB", "mine.db")

    assert "ledger log s1" == spoken_command(Invocation("mine.db"), "log", named=["s1"])
    assert "ledger --db 'my demo.db' log 's 1'" == spoken_command(Invocation("my demo.db"), "log", named=["s 1"])
    assert "ledger --db mine.db log s1" == spoken_command(
        Invocation("mine.db", database_named=True), "log", named=["s1"]
    )


def test_what_is_named_is_never_an_option(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The session stands first, where the help has it, unless it is called like an option."""
    monkeypatch.setenv("PATH", str(bin_folder))

    assert "ledger log s1 -n 1" == spoken_command(Invocation(), "log", "-n", "1", named=["s1"])
    assert "ledger log -n 1 -- --json" == spoken_command(Invocation(), "log", "-n", "1", named=["--json"])
    assert "ledger diff -- a@1 -b@2" == spoken_command(Invocation(), "diff", named=["a@1", "-b@2"])


def test_the_commands_of_a_message_are_about_the_same_ledger() -> None:
    """Who named a ledger can paste the command that an error names; what only looks like one stays."""
    message = "run `ledger log s1`, or `zcat a.gz | ledger import -`; the ledger is `ledger_1`"
    named = Invocation("my demo.db", database_named=True)

    assert message == addressed(Invocation(), message)
    assert (
        "run `ledger --db 'my demo.db' log s1`, or `zcat a.gz | ledger --db 'my demo.db' import -`; "
        "the ledger is `ledger_1`" == addressed(named, message)
    )
