"""Checkpoints as a graph makes them, and values of all kinds that a channel may hold."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    AnyMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint
from langgraph.types import Interrupt, Send
from pydantic import BaseModel

if TYPE_CHECKING:
    from ledger import Ledger
    from ledger.adapters.langgraph import LedgerSaver

__all__ = [
    "LONG",
    "MESSAGES",
    "VALUES",
    "Order",
    "Point",
    "checkpoint",
    "config",
    "ids",
    "payload_sizes",
    "put",
    "step",
]

LONG = "a text that is long enough to be worth storing once, whatever refers to it; " * 4


@dataclass
class Point:
    """What a user may keep in a channel."""

    x: int
    label: str = "here"


class Order(BaseModel):
    """Another such."""

    number: int
    note: str = LONG


MESSAGES: list[AnyMessage] = [
    SystemMessage("Be brief.", id="sys"),
    HumanMessage("Where is my order? Größe 7 🙂", id="h1", name="ann"),
    AIMessage(
        [{"type": "reasoning", "reasoning": LONG}, {"type": "text", "text": LONG}, {"type": "image", "url": "x:y"}],
        id="a1",
        tool_calls=[{"id": "call_1", "name": "look_up", "args": {"order": 7, "note": LONG}}],
        usage_metadata={"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
        response_metadata={"model_name": "gpt-5", "logprobs": None},
    ),
    ToolMessage(LONG, tool_call_id="call_1", id="t1", status="error", artifact={"rows": [1, 2.0, None]}),
    ToolMessage("kept as it is", tool_call_id="call_2", id="t2", artifact=Point(3)),
    AIMessage("", id="a2", additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}}),
    AIMessage("bad call", id="a3", invalid_tool_calls=[{"id": "c", "name": "f", "args": "{", "error": "no JSON"}]),
    ChatMessage(content="noted", role="critic", id="c1"),
    FunctionMessage(content="42", name="answer", id="f1"),
    AIMessageChunk(content="streamed", id="k1"),
    HumanMessage(LONG),
]

VALUES: dict[str, Any] = {
    "none": None,
    "true": True,
    "number": 12,
    "huge": 2**63 + 1,
    "real": 1.0,
    "infinite": float("inf"),
    "text": "délivré",
    "long": LONG,
    "nul": "a\x00b",
    "bytes": b"\x00\xff" * 100,
    "list": [1, 2, [3, {"deep": LONG}]],
    "empty list": [],
    "dict": {"a": {"b/c~d": [LONG, LONG]}, "": 1},
    "dollar": {"$": {"$": 1}, "x": {"$": "y"}},
    "integer keys": {1: "one", 2: "two"},
    "set": {"a", "b"},
    "time": datetime(2026, 1, 1, tzinfo=UTC),
    "span": timedelta(seconds=3),
    "decimal": Decimal("1.10"),
    "path": Path("/a/b"),
    "uuid": uuid.UUID(int=7),
    "dataclass": Point(1, LONG),
    "pydantic": [Order(number=1), {"inside": Order(number=2)}],
    "send": [Send("tools", {"messages": [HumanMessage("hi", id="h9")], "n": 1})],
    "interrupt": (Interrupt("Which one?", "i1"),),
    "messages elsewhere": {"chat": [HumanMessage("hi", id="h10"), AIMessage(LONG, id="a10")]},
    "remove": RemoveMessage("h1"),
}


def config(thread: str = "t", checkpoint_id: str | None = None, namespace: str = "") -> RunnableConfig:
    """Give the config of a thread, or of one of its checkpoints."""
    named = {"thread_id": thread, "checkpoint_ns": namespace}
    return {"configurable": named if checkpoint_id is None else {**named, "checkpoint_id": checkpoint_id}}


_numbers: Iterator[int] = iter(range(1, 1_000_000))


def checkpoint(values: dict[str, Any], versions: dict[str, Any] | None = None, **fields: Any) -> Checkpoint:
    """Make a checkpoint, whose id is higher than that of any made before."""
    number = next(_numbers)
    made: Any = {
        "v": 4,
        "id": f"1f000000-0000-6000-8000-{number:012d}",
        "ts": (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)).isoformat(),
        "channel_values": values,
        "channel_versions": versions or dict.fromkeys(values, number),
        "versions_seen": {"__input__": {}, "agent": {"start": number}},
        "updated_channels": sorted(values),
        **fields,
    }
    return made  # type: ignore[no-any-return]  # as the framework's own


def step(before: Checkpoint | None, chance: random.Random) -> tuple[Checkpoint, dict[str, Any]]:
    """Make a checkpoint that follows another one, or the first one, and say which channels changed."""
    values = dict(before["channel_values"]) if before else {}
    versions = dict(before["channel_versions"]) if before else {}
    changed: dict[str, Any] = {}
    for name in chance.sample(sorted(VALUES), 3):
        channel = f"channel {chance.randrange(4)}"
        values[channel] = VALUES[name]
        changed[channel] = next(_numbers)
    if chance.random() < 0.8:
        messages = list(values.get("messages", []))
        kind = chance.random()
        if kind < 0.1:
            del messages[: len(messages) // 2]
        elif kind < 0.2 and messages:
            place = chance.randrange(len(messages))
            messages[place] = messages[place].model_copy(update={"content": "revised"})
        elif kind < 0.25:
            chance.shuffle(messages)
        messages += chance.choices(MESSAGES, k=2)
        values["messages"], changed["messages"] = messages, next(_numbers)
    if chance.random() < 0.2 and values:
        gone = chance.choice(sorted(values))
        changed.pop(gone, None)
        del values[gone], (versions | {gone: 0})[gone]
        versions.pop(gone, None)
    versions |= changed
    return checkpoint(values, versions), changed


def put(saver: LedgerSaver, made: Checkpoint, at: RunnableConfig, **metadata: Any) -> RunnableConfig:
    """Put a checkpoint of which every channel may have changed."""
    told: Any = {"source": "loop", "step": 0, **metadata}
    return saver.put(at, made, told, made["channel_versions"])


def ids(saver: LedgerSaver, at: RunnableConfig | None = None) -> list[str]:
    """Give the ids of what is listed."""
    return [found.checkpoint["id"] for found in saver.list(config() if at is None else at)]


def payload_sizes(book: Ledger, session_id: str) -> list[int]:
    """Give the bytes of the changes of each save."""
    return [sum(len(change.model_dump_json()) for change in event.changes) for event in book.history(session_id)]
