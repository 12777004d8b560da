"""LangGraph: its checkpointers, a checkpoint a turn whose channel `messages` holds the conversation so far."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from importlib.metadata import version
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, empty_checkpoint

from tests.benchmarks.system import Place, System
from tests.benchmarks.turns import turn

__all__ = ["LangGraph"]


class LangGraph(System):
    """The saver alone, without a graph: what a graph with `MessagesState` hands to it at the end of a turn."""

    turn_is = "one `put` of a checkpoint with all messages so far (a graph's run puts several a turn)"
    together_is = "64 tasks over one async saver: it has one connection, and a lock"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._saver: Any
        self._open = ExitStack()
        self._messages: dict[str, list[AnyMessage]] = {}
        self._last: dict[str, Checkpoint] = {}

    @property
    def version(self) -> str:
        """The name and version, and the driver's."""
        package = "langgraph-checkpoint-sqlite" if self.place.engine == "sqlite" else "langgraph-checkpoint-postgres"
        driver = f"psycopg {version('psycopg')}" if self.place.engine == "postgresql" else _sqlite()
        return f"{package} {version(package)}, {driver}"

    async def open(self) -> None:
        """Open the saver, and make its tables."""
        if self.place.engine == "postgresql":
            from langgraph.checkpoint.postgres import PostgresSaver

            self._saver = self._open.enter_context(PostgresSaver.from_conn_string(self._target))
        else:
            from langgraph.checkpoint.sqlite import SqliteSaver

            self._saver = self._open.enter_context(SqliteSaver.from_conn_string(self._target))
        self._saver.setup()

    @property
    def _target(self) -> str:
        return self.place.conninfo if self.place.engine == "postgresql" else str(self.place.file())

    async def close(self) -> None:
        """Close it."""
        self._open.close()

    async def setting(self, query: str) -> str:
        """Ask its connection."""
        row = self._saver.conn.execute(query).fetchone()
        return str(next(iter(row.values())) if isinstance(row, dict) else row[0])

    async def prepare(self, session: str, number: int) -> tuple[Any, Checkpoint, dict[str, str]]:
        """Make the checkpoint that follows the last one."""
        messages = self._messages.setdefault(session, [])
        messages.extend(_message(each) for each in turn(number))
        before = self._last.get(session)
        versions = {"messages": self._next_version(before)}
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"messages": messages.copy()}
        checkpoint["channel_versions"] = dict(versions)
        self._last[session] = checkpoint
        config = {"thread_id": session, "checkpoint_ns": ""}
        if before is not None:
            config["checkpoint_id"] = before["id"]
        return {"configurable": config}, checkpoint, versions

    def _next_version(self, before: Checkpoint | None) -> str:
        saver: BaseCheckpointSaver[Any] = self._saver
        return str(saver.get_next_version(before["channel_versions"]["messages"] if before else None, None))

    async def write(self, session: str, turn: Any) -> None:
        """Put the checkpoint."""
        config, checkpoint, versions = turn
        self._saver.put(config, checkpoint, {"source": "loop", "step": len(self._messages[session])}, versions)

    async def read(self, session: str) -> int:
        """Get the last checkpoint: typed messages."""
        found = self._saver.get_tuple({"configurable": {"thread_id": session}})
        return len(found.checkpoint["channel_values"]["messages"])

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[System]:
        """Give the async saver over the same database."""
        async with AsyncExitStack() as stack:
            other = _Shared(self.place)
            if self.place.engine == "postgresql":
                from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

                opening: Any = AsyncPostgresSaver.from_conn_string(self._target)
            else:
                from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

                opening = AsyncSqliteSaver.from_conn_string(self._target)
            other._saver = await stack.enter_async_context(opening)
            yield other


class _Shared(LangGraph):
    """The saver as async callers use it."""

    async def write(self, session: str, turn: Any) -> None:
        """Put the checkpoint."""
        config, checkpoint, versions = turn
        await self._saver.aput(config, checkpoint, {"source": "loop", "step": len(self._messages[session])}, versions)


def _message(message: dict[str, Any]) -> AnyMessage:
    common = {"id": message["id"], "content": message["content"]}
    more = {"created_at": message["created_at"]}
    if message["role"] == "user":
        return HumanMessage(**common, additional_kwargs=more)
    if message["role"] == "tool":
        return ToolMessage(**common, tool_call_id=message["tool_call_id"], additional_kwargs=more)
    calls = [
        {"id": call["id"], "name": call["name"], "args": call["arguments"]} for call in message.get("tool_calls", ())
    ]
    return AIMessage(**common, tool_calls=calls, additional_kwargs=more)


def _sqlite() -> str:
    import sqlite3

    return f"sqlite3 {sqlite3.sqlite_version}"
