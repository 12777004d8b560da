"""The databases of the contract, for adapters: each of them is to do the same on every one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

import ledger
from ledger import Ledger
from tests.contract.conftest import backend, tmp_path, url

if TYPE_CHECKING:
    from ledger.adapters.langgraph import LedgerSaver
    from ledger.adapters.openai_agents import LedgerSession
    from tests.adapters.openai_scripted import OpenSession

__all__ = ["backend", "book", "open_session", "saver", "session", "tmp_path", "url"]


@pytest.fixture
async def open_session(url: str) -> AsyncIterator[OpenSession]:
    """Give a way to make sessions of the OpenAI Agents SDK on the test's database; all are closed in the end."""
    from ledger.adapters.openai_agents import LedgerSession

    opened: list[LedgerSession] = []

    def open_session(session_id: str = "s1", **fields: Any) -> LedgerSession:
        opened.append(LedgerSession(session_id, url, **fields))
        return opened[-1]

    yield open_session
    for session in opened:
        await session.aclose()


@pytest.fixture
def session(open_session: OpenSession) -> LedgerSession:
    """Give one without items."""
    return open_session()


@pytest.fixture
def book(url: str) -> Iterator[Ledger]:
    """Give an open ledger on the test's database."""
    with ledger.open(url) as opened:
        yield opened


@pytest.fixture
def saver(book: Ledger) -> LedgerSaver:
    """Give LangGraph's saver on that ledger."""
    from ledger.adapters.langgraph import LedgerSaver

    return LedgerSaver(book)
