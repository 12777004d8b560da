"""ADK's own session services, and ours: what the same calls are made on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from google.adk.events import Event, EventActions
from google.adk.sessions import BaseSessionService, DatabaseSessionService, InMemorySessionService, Session
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types

from ledger.adapters.adk import LedgerSessionService

__all__ = [
    "OTHERS",
    "WHO",
    "Opens",
    "answers",
    "asks",
    "call",
    "event",
    "in_database",
    "in_memory",
    "says",
    "texts",
    "there",
]

Opens = Callable[[Path], AbstractAsyncContextManager[BaseSessionService]]

#: Whose session it is, where that does not matter.
WHO: dict[str, Any] = {"app_name": "shop", "user_id": "ann"}


@asynccontextmanager
async def in_memory(_: Path) -> AsyncIterator[BaseSessionService]:
    """Give ADK's service for tests."""
    yield InMemorySessionService()


@asynccontextmanager
async def in_database(folder: Path) -> AsyncIterator[BaseSessionService]:
    """Give ADK's service for databases."""
    async with DatabaseSessionService(f"sqlite+aiosqlite:///{folder / 'theirs.db'}") as service:
        yield service


@asynccontextmanager
async def in_file(folder: Path) -> AsyncIterator[BaseSessionService]:
    """Give ADK's service for a file, which its commands use."""
    service = SqliteSessionService(str(folder / "file.db"))
    yield service
    await service.close()


OTHERS: dict[str, Opens] = {"memory": in_memory, "database": in_database, "file": in_file}


def event(author: str = "agent", *parts: types.Part, **fields: Any) -> Event:
    """Make an event of these parts."""
    content = types.Content(role="user" if author == "user" else "model", parts=list(parts)) if parts else None
    delta = fields.pop("delta", None)
    if delta is not None:
        fields["actions"] = EventActions(state_delta=delta)
    return Event(author=author, invocation_id=fields.pop("invocation_id", "turn-1"), content=content, **fields)


def says(text: str, author: str = "user", **fields: Any) -> Event:
    """Make an event that says something."""
    return event(author, types.Part(text=text), **fields)


def call(call_id: str, name: str, **arguments: Any) -> types.Part:
    """Make a part that calls a tool."""
    return types.Part(function_call=types.FunctionCall(id=call_id, name=name, args=arguments))


def asks(call_id: str, name: str = "ask_user", **arguments: Any) -> Event:
    """Make an event that calls a tool which takes long."""
    return event("agent", call(call_id, name, **arguments), long_running_tool_ids={call_id})


def answers(call_id: str, name: str = "ask_user", *, author: str = "user", **response: Any) -> Event:
    """Make an event that brings what a call came back with."""
    return event(
        author,
        types.Part(function_response=types.FunctionResponse(id=call_id, name=name, response=response)),
    )


async def there(service: BaseSessionService, session_id: str = "s1", **keywords: Any) -> Session:
    """Give a session that has to be there."""
    found = await service.get_session(**{**WHO, "session_id": session_id, **keywords})
    assert found is not None
    return found


def texts(session: Session) -> list[str]:
    """Give what was said in a session."""
    return [
        part.text or "" for each in session.events if each.content for part in each.content.parts or () if part.text
    ]


def ours(url: str) -> LedgerSessionService:
    """Give our service."""
    return LedgerSessionService(url)
