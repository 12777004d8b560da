"""What every test starts from."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

# A shell that puts a command in the background makes it deaf to Ctrl-C, and so would be the processes that are tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A slow machine is no failure. In CI the same examples every time: a red run says what changed, not who was unlucky.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(autouse=True)
def _no_ledger_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the suite away from the ledger, the transcripts and the terminal of whoever runs it."""
    monkeypatch.delenv("LEDGER_DB", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(autouse=True)
def _logs_are_silent_again() -> Iterator[None]:
    """Capturing log events configures structlog, and from then on the examples would print them."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session", autouse=True)
def _server_ends_with_the_run() -> Iterator[None]:
    """Stop the PostgreSQL server that the tests share, if one of them has started it."""
    yield
    if "tests.postgres" in sys.modules:
        sys.modules["tests.postgres"].close_shared()


@pytest.fixture(scope="session")
def transcripts() -> Path:
    """Give the folder of recorded transcripts, which stands beside the checkout and is not part of it."""
    folder = Path(__file__).parents[2] / "shared" / "transcripts"
    if not folder.is_dir():
        pytest.skip("the recorded transcripts (../shared/transcripts) are not on this machine")
    return folder
