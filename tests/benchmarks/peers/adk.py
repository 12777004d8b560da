"""Google ADK: `DatabaseSessionService`, an event a message."""

import json
from importlib.metadata import version
from typing import Any

from google.adk.events import Event
from google.adk.sessions import DatabaseSessionService, Session
from google.genai import types

from tests.benchmarks.system import Place, System
from tests.benchmarks.turns import turn

__all__ = ["Adk"]

_WHOSE: dict[str, Any] = {"app_name": "support", "user_id": "customer"}


class Adk(System):
    """A runner appends each event of a conversation as it comes."""

    turn_is = "four `append_event`, one a message, a transaction each"
    together_is = "64 tasks over one `DatabaseSessionService` with its default pool"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._service: DatabaseSessionService
        self._driver = "aiosqlite" if place.engine == "sqlite" else "asyncpg"
        self._sessions: dict[str, Session] = {}

    @property
    def version(self) -> str:
        """The name and version, and the driver's."""
        return f"google-adk {version('google-adk')}, {self._driver} {version(self._driver)}"

    async def open(self) -> None:
        """Make the service and the tables."""
        self._service = DatabaseSessionService(self.place.url(self._driver))
        await self._service.prepare_tables()

    async def close(self) -> None:
        """Close the service."""
        await self._service.close()

    async def setting(self, query: str) -> str:
        """Ask a connection of the service's engine."""
        async with self._service.db_engine.connect() as connection:
            return str((await connection.exec_driver_sql(query)).scalar_one())

    async def prepare(self, session: str, number: int) -> list[Event]:
        """Make the events, and the session before its first one."""
        if session not in self._sessions:
            self._sessions[session] = await self._service.create_session(session_id=session, **_WHOSE)
        return [_event(message) for message in turn(number)]

    async def write(self, session: str, turn: list[Event]) -> None:
        """Append the events."""
        for event in turn:
            await self._service.append_event(self._sessions[session], event)

    async def read(self, session: str) -> int:
        """Get the session: typed events."""
        found = await self._service.get_session(session_id=session, **_WHOSE)
        return len(found.events) if found is not None else 0


def _event(message: dict[str, Any]) -> Event:
    role = "user" if message["role"] in {"user", "tool"} else "model"
    if message["role"] == "tool":
        answer = types.FunctionResponse(
            id=message["tool_call_id"], name="look_up_order", response=json.loads(message["content"])
        )
        parts = [types.Part(function_response=answer)]
    else:
        parts = [types.Part(text=message["content"])]
    for call in message.get("tool_calls", ()):
        asked = types.FunctionCall(id=call["id"], name=call["name"], args=call["arguments"])
        parts.append(types.Part(function_call=asked))
    author = "user" if message["role"] == "user" else "support"
    return Event(author=author, invocation_id=message["id"][:8], content=types.Content(role=role, parts=parts))
