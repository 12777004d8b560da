"""The fixtures of the contract: a ledger through either face, over every backend."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.backends import BACKENDS, Backend
from tests.contract.faces import FACES, Book, OpenBook, open_face
from tests.quick_disk import quick_disk

#: What these hold is decided in the domain or by the statements, whichever face asks: the async one asks once.
BELOW_THE_FACES = (
    "altered_exports", "agreements", "arguments", "averted", "averted_questions", "bad_input", "blame", "damage",
    "diff", "exchange", "foreign_sessions", "fork_places", "fork_questions", "fork_record", "load_at", "omissions",
    "questions", "rebase", "redacted_sessions", "replay", "snapshots", "transitions", "verify", "views",
)  # fmt: skip


#: Where the async face asks it: on the first of these that a rule is about.
ASKED_ON = ("sqlite-memory", "sqlite-file", "postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases of the async face where a rule is decided below it: the sync one asks on every backend."""
    asked: dict[str, set[str]] = {}
    for item in items:
        asked.setdefault(_rule(item), set()).add(_backend(item))
    left_out = {
        item
        for item in items
        if _is_decided_below(item) and _backend(item) != next(each for each in ASKED_ON if each in asked[_rule(item)])
    }
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def _is_decided_below(item: pytest.Item) -> bool:
    below = item.path.stem.removeprefix("test_") in BELOW_THE_FACES
    return below and _values(item).get("face") == "async" and "backend" in _values(item)


def _rule(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _backend(item: pytest.Item) -> str:
    return str(_values(item).get("backend"))


def _values(item: pytest.Item) -> dict[str, Any]:
    return dict(getattr(getattr(item, "callspec", None), "params", {}))


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Give a folder in memory, where there is room: what outlives a power cut is for the tests of processes."""
    with tempfile.TemporaryDirectory(dir=quick_disk()) as name:
        yield Path(name)


@pytest.fixture(params=BACKENDS, ids=str)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Give each database in turn."""
    chosen: Backend = request.param
    reason = chosen.why_not()
    if reason is not None:
        pytest.skip(reason)
    return chosen


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest) -> str:
    """Give each face in turn."""
    return str(request.param)


@pytest.fixture
def url(backend: Backend, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database without sessions."""
    url = backend.fresh_url(tmp_path)
    yield url
    backend.give_back(url)


@pytest.fixture
async def open_book(face: str, url: str) -> AsyncIterator[OpenBook]:
    """Give a way to open ledgers on the test's database; all are closed in the end."""
    opened: list[Book] = []

    async def open_book(**options: Any) -> Book:
        book = await open_face(face, options.pop("url", url), **{"writer": "support-bot", **options})
        opened.append(book)
        return book

    yield open_book
    for book in reversed(opened):
        await book.close()


@pytest.fixture
async def book(open_book: OpenBook) -> Book:
    """Give an open ledger on an empty database, whose writer is the support-bot."""
    return await open_book()
