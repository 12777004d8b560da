"""An open ledger for what is played onto one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import ledger
from ledger import Ledger


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened
