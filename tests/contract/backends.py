"""The databases that the contract holds for. One more is a line in `BACKENDS`: a name, and how to make a fresh URL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import postgres

__all__ = ["BACKENDS", "POSTGRESQL", "Backend", "in_memory", "on_durable", "on_files", "on_one_face", "on_sqlite"]


@dataclass(frozen=True, slots=True)
class Backend:
    """`fresh_url` gives the URL of a database without sessions; what is `durable` outlives the ledger on it."""

    name: str
    fresh_url: Callable[[Path], str]
    durable: bool = True
    #: Takes the database back, and may give it to the next one.
    give_back: Callable[[str], None] = lambda _: None
    #: Says why it cannot be had on this machine, if it cannot.
    why_not: Callable[[], str | None] = lambda: None

    def __str__(self) -> str:
        return self.name


POSTGRESQL = Backend(
    "postgresql",
    lambda _: postgres.shared().take(),
    give_back=lambda url: postgres.shared().give_back(url),
    why_not=postgres.why_not,
)

BACKENDS = (
    Backend("sqlite-file", lambda folder: f"sqlite:///{folder / 'ledger.db'}"),
    Backend("sqlite-memory", lambda _: "sqlite://", durable=False),
    POSTGRESQL,
)

#: For rules that take a second ledger on the same database.
on_durable = pytest.mark.parametrize("backend", [b for b in BACKENDS if b.durable], ids=str, indirect=True)

#: For rules about a file, and about what SQLite does with one.
on_files = pytest.mark.parametrize("backend", [b for b in BACKENDS if b.name == "sqlite-file"], ids=str, indirect=True)

#: For what only a database can come to that keeps what it is given, whatever a column was declared as.
on_sqlite = pytest.mark.parametrize(
    "backend", [b for b in BACKENDS if b.name.startswith("sqlite")], ids=str, indirect=True
)

#: For long tables of rules that are decided below the faces.
on_one_face = pytest.mark.parametrize("face", ["sync"], indirect=True)

#: For rules that are checked so often that a disk would be waited for.
in_memory = pytest.mark.parametrize("backend", [b for b in BACKENDS if not b.durable], ids=str, indirect=True)
