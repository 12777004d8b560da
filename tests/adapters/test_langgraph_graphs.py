"""Graphs of LangGraph run on the ledger: whatever they do, in the sync and the async form."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt

import ledger
from ledger import Ledger
from ledger.adapters.langgraph import LedgerSaver
from tests.adapters.langgraph_samples import LONG, config
from tests.contract.backends import on_durable

pytestmark = on_durable


@pytest.fixture
def book(url: str) -> Iterator[Ledger]:
    """Give an open ledger on the test's database."""
    with ledger.open(url) as opened:
        yield opened


def extended(before: list[str], writes: list[list[str]]) -> list[str]:
    """Give a list with what was written behind it."""
    return [*before, *(each for write in writes for each in write)]


class Grown(TypedDict):
    """A state whose list is rebuilt from its writes."""

    notes: Annotated[list[str], DeltaChannel(extended)]


class Gathered(TypedDict):
    """A state that many tasks write to at once."""

    numbers: Annotated[list[int], operator.add]


def asking() -> Any:
    """Make a graph whose subgraph asks."""

    def ask(state: MessagesState) -> dict[str, Any]:
        del state
        return {"messages": [AIMessage(f"told {interrupt('Where?')}", id="told")]}

    inner = StateGraph(MessagesState)
    inner.add_node("ask", ask)
    inner.add_edge(START, "ask")
    builder = StateGraph(MessagesState)
    builder.add_node("inner", inner.compile())
    builder.add_edge(START, "inner")
    builder.add_edge("inner", END)
    return builder


def gathering(tasks: int) -> Any:
    """Make a graph that has many tasks in one step."""
    builder = StateGraph(Gathered)
    builder.add_node("one", lambda number: {"numbers": [number]})
    builder.add_conditional_edges(START, lambda _: [Send("one", number) for number in range(tasks)], ["one"])
    return builder


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_a_subgraph_asks_once_and_is_answered(book: Ledger, url: str, durability: Any) -> None:
    """In the thread's own session, whichever process resumes it, however its steps are saved."""
    builder = asking()
    builder.compile(checkpointer=LedgerSaver(book)).invoke({"messages": "hi"}, config(), durability=durability)

    assert ["Where?"] == [question.text for question in book.questions(status="pending")]
    with LedgerSaver(url) as other:
        result = builder.compile(checkpointer=other).invoke(Command(resume="here"), config(), durability=durability)

    assert "told here" == result["messages"][-1].content
    # A graph that saves only how it ends does not hand over what it was resumed with.
    ended = ("t", "withdrawn", None) if durability == "exit" else ("t", "answered", "here")
    assert [ended] == [(q.session_id, q.status, q.answer) for q in book.questions()]


def test_a_question_that_the_graph_goes_past_is_withdrawn(book: Ledger) -> None:
    """New input instead of an answer: the old question is withdrawn, and the new run asks its own."""
    graph = asking().compile(checkpointer=LedgerSaver(book))
    graph.invoke({"messages": "hi"}, config())

    graph.invoke({"messages": "never mind"}, config())

    assert ["withdrawn", "pending"] == [question.status for question in book.questions("t")]


def test_going_back_makes_a_branch(book: Ledger) -> None:
    """Running on from an earlier checkpoint, or editing it, leaves what came after it where it was."""
    builder: Any = StateGraph(MessagesState)
    builder.add_node("say", lambda state: {"messages": [AIMessage(f"{len(state['messages'])}: {LONG}")]})
    builder.add_edge(START, "say")
    graph = builder.compile(checkpointer=LedgerSaver(book))
    for text in ("one", "two"):
        graph.invoke({"messages": text}, config())
    states = list(graph.get_state_history(config()))

    graph.invoke(None, states[4].config)
    edited = graph.update_state(states[2].config, {"messages": [HumanMessage("edited", id="e")]})

    assert "edited" == graph.get_state(edited).values["messages"][-1].content
    assert {state.config["configurable"]["checkpoint_id"] for state in states} <= {
        state.config["configurable"]["checkpoint_id"] for state in graph.get_state_history(config())
    }
    assert ["t", "t##2", "t##3"] == book.ids()
    assert LONG in book.load("t").messages[-1].content
    assert book.verify().ok


def test_what_is_rebuilt_from_writes_survives_pruning(book: Ledger, url: str) -> None:
    """LangGraph's own savers would give an empty list."""
    builder = StateGraph(Grown)
    builder.add_node("note", lambda state: {"notes": [f"note {len(state.get('notes', []))}"]})
    builder.add_edge(START, "note")
    saver = LedgerSaver(book)
    graph = builder.compile(checkpointer=saver)
    for number in range(4):
        graph.invoke({"notes": [f"input {number}"]}, config())
    expected = graph.get_state(config()).values

    saver.prune(["t"])

    assert 1 == len([*saver.list(config())])
    with LedgerSaver(url) as other:
        assert expected == builder.compile(checkpointer=other).get_state(config()).values
    assert 8 == len(expected["notes"])


async def test_many_tasks_of_a_step_are_all_saved(url: str, book: Ledger) -> None:
    """Async and at once: each task's writes are one save, and none is lost to another."""
    async with LedgerSaver(url) as saver:
        graph = gathering(40).compile(checkpointer=saver)
        first, second = await asyncio.gather(
            graph.ainvoke({"numbers": []}, config("one")), graph.ainvoke({"numbers": []}, config("two"))
        )

    assert sorted(first["numbers"]) == sorted(second["numbers"]) == [*range(40)]
    assert ["one", "two"] == book.ids()
    saves = [*book.history("one")]
    assert 40 <= len(saves) <= 50
    assert sorted(book.load("one").state["values"]["numbers"]) == [*range(40)]
