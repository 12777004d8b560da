"""One warm process serves every test of this folder; each test has a ledger of its own."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

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
