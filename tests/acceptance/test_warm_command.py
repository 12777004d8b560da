"""What stands for the installed command where a test only runs it: who reads what it says cannot tell them apart."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import warm_command
from tests.unit.cli.recorded import record

INSTALLED = Path(sys.executable).parent / "ledger"
CHAT = json.dumps({"id": "run-1", "messages": [{"role": "user", "content": "Hi"}]}) + "\n"


@pytest.mark.parametrize(
    ("arguments", "exits"),
    [
        (["--help"], 0),
        (["shw"], 2),
        (["--db", "none.db", "sessions"], 5),
        (["show", "nobody", "--json"], 3),
        (["import", "-", "--json"], 0),
        (["verify", "--expect", "-"], 2),
        (["log", "support-1", "--full"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_says_and_exits_what_the_installed_command_does(arguments: list[str], exits: int, tmp_path: Path) -> None:
    """Arguments, folder, environment and standard input reach it; what it says and its exit code come back."""
    recorded = tmp_path / "kept.db"
    record(f"sqlite:///{recorded}")
    told = []
    for command in (INSTALLED, warm_command.commands() / "ledger"):
        folder = tmp_path / command.parent.name
        folder.mkdir()
        shutil.copy(recorded, folder)
        ran = subprocess.run(
            [command, *arguments],
            cwd=folder,
            env=os.environ | {"LEDGER_DB": "sqlite:///kept.db", "COLUMNS": "60"},
            input=CHAT,
            capture_output=True,
            text=True,
            check=False,
        )
        told.append((ran.returncode, ran.stdout, ran.stderr))

    assert told[0] == told[1]
    assert exits == told[1][0]
