import json
import logging
from pathlib import Path

import pytest

from ledger.cli.invocation import database_url, warnings_told
from ledger.telemetry import get_logger


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("ledger.db", "sqlite:///ledger.db"),
        ("/var/ledger.db", "sqlite:////var/ledger.db"),
        ("is it 100%?.db", "sqlite:///is it 100%25%3F.db"),
        ("sqlite:///ledger.db", "sqlite:///ledger.db"),
        ("postgresql://host/db", "postgresql://host/db"),
    ],
)
def test_a_path_is_as_good_as_a_url(named: str, expected: str) -> None:
    """Who keeps a ledger in a file need not know what a URL is."""
    assert expected == database_url(named)


def test_a_home_folder_is_expanded(folder: Path) -> None:
    """A shell does not expand the ~ of an environment variable."""
    assert f"sqlite:///{folder}/l.db" == database_url("~/l.db")


def test_warnings_of_the_library_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A line a warning; what is logged as an error is raised as well, and told once."""
    with warnings_told():
        get_logger("ledger.store").warning("snapshot_dropped", session_id="s1")
        get_logger("projections").error("storage_failed")
        get_logger("ledger").info("session_saved")

    assert ("", "Warning: snapshot_dropped session_id='s1'\n") == tuple(capsys.readouterr())


def test_warnings_are_json_where_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever parses standard error finds nothing but JSON there."""
    with warnings_told(as_json=True):
        get_logger("ledger.store").warning("snapshot_dropped")

    assert {"warning": "snapshot_dropped "} == json.loads(capsys.readouterr().err)


def test_logging_is_left_as_it_was_found() -> None:
    """A program that runs a command inside its own process keeps its handlers."""
    loggers = [logging.getLogger(name) for name in ("ledger", "projections")]
    before = [(list(logger.handlers), logger.propagate) for logger in loggers]
    with warnings_told():
        pass

    assert before == [(list(logger.handlers), logger.propagate) for logger in loggers]
