"""The command line, run in this process on a recorded ledger."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ledger.cli.commands import commands
from tests.unit.cli.recorded import record

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("recorded") / "ledger.db"
    record(f"sqlite:///{file}")
    return file.read_bytes()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty working directory, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


@pytest.fixture
def recorded(folder: Path, _recorded: bytes) -> Path:
    """Give a copy of the recorded ledger, as `ledger.db` of the working directory."""
    file = folder / "ledger.db"
    file.write_bytes(_recorded)
    file.chmod(0o600)
    return file


@pytest.fixture
def run(folder: Path) -> Run:
    """Give a function that runs the command line and expects an exit code, which is 0 unless told."""
    del folder

    def run(*arguments: str, exits: int = 0, given: str | None = None) -> Result:
        result = CliRunner().invoke(commands, arguments, input=given)

        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert exits == result.exit_code, result.output

        return result

    return run


@pytest.fixture
def told(run: Run) -> Callable[..., Any]:
    """Give a function that runs a reading command with `--json` and parses what it prints."""

    def told(*arguments: str, exits: int = 0) -> Any:
        return json.loads(run(*arguments, "--json", exits=exits).stdout)

    return told
