"""A thread's database grows with what happened, not with its square. Bytes are asserted, never times."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph

import ledger
from ledger.adapters.langgraph import LedgerSaver
from tests.adapters.langgraph_samples import checkpoint, config
from tests.benchmarks.turns import json_of, turn

TURNS = 60
JSON_OF_A_TURN = sum(len(body.encode()) for number in range(TURNS) for body in json_of(turn(number))) / TURNS


def messages_of(number: int) -> list[AnyMessage]:
    """Make LangChain's messages of a turn."""
    asked, called, told, said = turn(number)
    [call] = called["tool_calls"]
    calls = [{"id": call["id"], "name": call["name"], "args": call["arguments"]}]
    return [
        HumanMessage(asked["content"], id=asked["id"]),
        AIMessage(called["content"], id=called["id"], tool_calls=calls),
        ToolMessage(told["content"], id=told["id"], tool_call_id=call["id"]),
        AIMessage(said["content"], id=said["id"]),
    ]


def growth(folder: Path, run: Callable[[LedgerSaver, int], None]) -> float:
    """Give the bytes that a turn adds, once the tables are there."""
    path = folder / "ledger.db"
    with ledger.open(f"sqlite:///{path}") as book:
        run(LedgerSaver(book), 0)
    empty = path.stat().st_size
    with ledger.open(f"sqlite:///{path}") as book:
        saver = LedgerSaver(book)
        for number in range(1, TURNS + 1):
            run(saver, number)
    return (path.stat().st_size - empty) / TURNS


def test_a_checkpoint_a_turn_costs_less_than_three_times_the_turn(tmp_path: Path) -> None:
    """Each holds the whole conversation; LangGraph's own saver needs 570 times the turn at a thousand turns."""
    said: list[AnyMessage] = []
    at = config()

    def run(saver: LedgerSaver, number: int) -> None:
        nonlocal at
        said.extend(messages_of(number))
        made = checkpoint({"messages": said.copy()})
        at = saver.put(at, made, {"source": "loop", "step": number}, made["channel_versions"])

    assert growth(tmp_path, run) < 3 * JSON_OF_A_TURN


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_the_run_of_a_graph_costs_what_its_steps_do(tmp_path: Path, durability: Any) -> None:
    """Five checkpoints and four tasks' writes a turn: the turn once, and under a page for each of nine saves."""
    numbers = count()
    current: list[AnyMessage] = []

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [current[1 if isinstance(state["messages"][-1], HumanMessage) else 3]]}

    def tools(state: MessagesState) -> dict[str, Any]:
        del state
        return {"messages": [current[2]]}

    def after_agent(state: MessagesState) -> str:
        last = state["messages"][-1]
        return "tools" if isinstance(last, AIMessage) and last.tool_calls else END

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", tools)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", after_agent)
    builder.add_edge("tools", "agent")

    def run(saver: LedgerSaver, number: int) -> None:
        del number
        current[:] = messages_of(next(numbers))
        graph: Any = builder.compile(checkpointer=saver)
        graph.invoke({"messages": current[:1]}, config(), durability=durability)

    assert growth(tmp_path, run) < 6 * JSON_OF_A_TURN
