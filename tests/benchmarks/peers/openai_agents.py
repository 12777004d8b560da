"""OpenAI Agents: `SQLAlchemySession`, a session object for each conversation over one async engine."""

import json
from importlib.metadata import version
from typing import Any

from agents.extensions.memory import SQLAlchemySession
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from tests.benchmarks.system import Place, System
from tests.benchmarks.turns import turn

__all__ = ["OpenAIAgents"]


class OpenAIAgents(System):
    """The items of the Responses API, as a runner hands them over."""

    turn_is = "one `add_items` of five items: the tool call is an item of its own"
    together_is = "64 tasks, a `SQLAlchemySession` each, over one engine with its default pool"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._engine: AsyncEngine
        self._kept: dict[str, SQLAlchemySession] = {}
        self._driver = "aiosqlite" if place.engine == "sqlite" else "asyncpg"

    @property
    def version(self) -> str:
        """The name and version, and the driver's."""
        return f"openai-agents {version('openai-agents')}, {self._driver} {version(self._driver)}"

    async def open(self) -> None:
        """Make the engine and the tables."""
        self._engine = create_async_engine(self.place.url(self._driver))
        await SQLAlchemySession("nobody", engine=self._engine, create_tables=True).get_items()

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.dispose()

    async def setting(self, query: str) -> str:
        """Ask a connection of the engine."""
        async with self._engine.connect() as connection:
            return str((await connection.exec_driver_sql(query)).scalar_one())

    async def prepare(self, session: str, number: int) -> list[Any]:
        """Make the items, and the session object before the first of them."""
        if session not in self._kept:
            self._kept[session] = SQLAlchemySession(session, engine=self._engine)
        return _items(number)

    async def write(self, session: str, turn: list[Any]) -> None:
        """Add the items."""
        await self._kept[session].add_items(turn)

    async def read(self, session: str) -> int:
        """Get the items: dictionaries."""
        return len(await SQLAlchemySession(session, engine=self._engine).get_items())


def _items(number: int) -> list[Any]:
    items: list[Any] = []
    for message in turn(number):
        if message["role"] == "tool":
            items.append(
                {"type": "function_call_output", "call_id": message["tool_call_id"], "output": message["content"]}
            )
        else:
            items.append(
                {"type": "message", "id": message["id"], "role": message["role"], "content": message["content"]}
            )
        for call in message.get("tool_calls", ()):
            arguments = {"call_id": call["id"], "name": call["name"], "arguments": json.dumps(call["arguments"])}
            items.append({"type": "function_call", **arguments})
    return items
