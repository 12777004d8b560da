"""The fixtures of the contract: a ledger through either face, over every backend."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.backends import BACKENDS, POSTGRESQL, Backend
from tests.contract.faces import FACES, Book, OpenBook, open_face

#: What these hold is decided in the domain or by the statements, whichever face asks: on a server once is enough.
BELOW_THE_FACES = (
    "altered_exports", "agreements", "arguments", "averted", "averted_questions", "bad_input", "blame", "damage",
    "diff", "exchange", "foreign_sessions", "fork_places", "fork_questions", "fork_record", "load_at", "omissions",
    "questions", "rebase", "redacted_sessions", "replay", "snapshots", "transitions", "verify", "views",
)  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, of a server's cases, those of the async face where a rule is decided below it."""
    left_out = [item for item in items if _is_decided_below(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _is_decided_below(item: pytest.Item) -> bool:
    values = getattr(getattr(item, "callspec", None), "params", {})
    below = item.path.stem.removeprefix("test_") in BELOW_THE_FACES
    return below and values.get("backend") is POSTGRESQL and values.get("face") == "async"


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
