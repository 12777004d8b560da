"""One warm process serves every test of this folder; each test has a ledger of its own."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.postgres import Server
from tests.process.soaking import Figures
from tests.process.zygote import Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Give the process that workers are forked from."""
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork(), which the killed workers are started with")
    with Zygote() as warm:
        yield warm


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the test's ledger is, or will be."""
    return tmp_path / "ledger.db"


@pytest.fixture
def chance() -> random.Random:
    """The moments of the kills; of a failing test, the seed is printed, though the system's own timing is not ours."""
    seed = int(os.environ.get("LEDGER_TEST_SEED", random.randrange(2**32)))
    print(f"LEDGER_TEST_SEED={seed}")  # noqa: T201 - pytest shows it where a test fails
    return random.Random(seed)


@pytest.fixture
def soaking(request: pytest.FixtureRequest) -> Iterator[Figures]:
    """Give what counts what a test goes through; of a long run, it says how far it is, and the figures at the end."""
    long_run = request.node.get_closest_marker("soak") is not None
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    capture = request.config.pluginmanager.get_plugin("capturemanager")

    def say(line: str) -> None:
        if long_run and reporter is not None and capture is not None:
            with capture.global_and_fixture_disabled():
                reporter.ensure_newline()
                reporter.write_line(line)

    figures = Figures(request.node.name, say)
    yield figures
    figures.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Give a server of this folder's own, which waits for the disk as one that matters does."""
    missing = postgres.why_not()
    if missing is not None:
        pytest.skip(f"{missing}; nothing of a server was tested here")
    with Server() as running:
        yield running
