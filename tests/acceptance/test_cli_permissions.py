"""What the command says of a ledger that is closed to whoever runs it."""

import json
from pathlib import Path

import pytest

from tests.acceptance.cli_process import bound_by_permissions, run
from tests.unit.cli.recorded import record


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a recorded ledger."""
    path = tmp_path / "ledger.db"
    record(f"sqlite:///{path}")
    return path


def test_a_read_only_file_can_be_read(file: Path) -> None:
    """Whoever may only read reads everything; whoever wants to save is told, and nothing changes."""
    bound = bound_by_permissions()
    run("sessions", folder=file.parent)
    file.chmod(0o400)
    before = file.read_bytes()

    assert "support-1" in run("sessions", folder=file.parent, before=bound).stdout
    assert "Deploy it" in run("log", "support-1", folder=file.parent, before=bound).stdout
    assert "Whole" in run("verify", folder=file.parent, before=bound).stdout
    assert "cannot be written" in run("doctor", folder=file.parent, before=bound).stdout
    assert "is read-only" in run("--db", "ledger.db", "demo", folder=file.parent, before=bound, exits=5).stderr
    assert "is read-only" in run("rebuild", folder=file.parent, before=bound, exits=5).stderr
    assert before == file.read_bytes()


def test_read_models_that_were_never_built_are_read_from_a_read_only_file(file: Path) -> None:
    """A list that cannot be brought up to date in place is brought up to date beside it: it is never simply empty."""
    bound = bound_by_permissions()
    file.chmod(0o400)
    before = file.read_bytes()
    sessions = json.loads(run("sessions", "--json", folder=file.parent, before=bound).stdout)
    questions = json.loads(run("questions", "--json", folder=file.parent, before=bound).stdout)
    usage = json.loads(run("usage", "--json", folder=file.parent, before=bound).stdout)
    file.chmod(0o600)

    assert before == file.read_bytes()
    assert json.loads(run("sessions", "--json", folder=file.parent).stdout) == sessions != []
    assert json.loads(run("questions", "--json", folder=file.parent).stdout) == questions != []
    assert json.loads(run("usage", "--json", folder=file.parent).stdout) == usage != []


def test_a_read_only_folder_takes_no_ledger(tmp_path: Path) -> None:
    """The sentence names the path and what to look at."""
    bound = bound_by_permissions()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    ran = run("--db", str(closed / "ledger.db"), "migrate", folder=tmp_path, before=bound, exits=5)

    assert f"{closed}/ledger.db cannot be created: Permission denied; check the folder" in ran.stderr


def test_a_file_that_is_closed_to_the_user_is_named(file: Path) -> None:
    """It is there, and that is all one may know."""
    bound = bound_by_permissions()
    file.chmod(0)

    assert "cannot be read by this user" in run("sessions", folder=file.parent, before=bound, exits=5).stderr
