"""LangGraph's `checkpoints.sqlite` comes in checkpoint by checkpoint, and a graph goes on with what came."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

import ledger
from ledger import Ledger
from ledger.adapters.langgraph import LedgerSaver
from ledger.importers import import_sources
from tests.adapters.langgraph_samples import Point, checkpoint, config, step
from tests.adapters.test_langgraph_side_by_side import told, write


@pytest.fixture
def book() -> Iterator[Ledger]:
    """Give a ledger without sessions."""
    with ledger.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Say where LangGraph's file is."""
    return tmp_path / "checkpoints.sqlite"


@pytest.fixture
def theirs(path: Path) -> Iterator[SqliteSaver]:
    """Give LangGraph's own saver, on that file."""
    with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


def graph(saver: Any) -> Any:
    """Make a graph that asks twice before it is done."""

    def ask(state: MessagesState) -> dict[str, Any]:
        del state
        where, when = interrupt("Where?"), interrupt({"question": "When?", "options": ["now", "later"]})
        return {"messages": [AIMessage(f"{where}, {when}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def test_without_the_framework_the_rest_is_imported(theirs: SqliteSaver, path: Path, tmp_path: Path) -> None:
    """A file that cannot be read here is named with the command that helps, as any other that cannot."""
    graph(theirs).invoke({"messages": "Deploy it"}, config())
    chat = tmp_path / "chat.json"
    chat.write_text(json.dumps([{"role": "user", "content": "Hello"}]))
    program = f"""
import sys

class Hides:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "langgraph":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hides())
import ledger
from ledger.importers import import_sources

with ledger.open("sqlite://") as book:
    report = import_sources(book, [{str(path)!r}, {str(chat)!r}])
    print(report.saves, *report.problems)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert (
        f"1 {path}: it takes langgraph-checkpoint to read it, which is not installed; "
        "`pip install 'sessionledger[langgraph]'`, and import again\n"
    ) == ended.stdout


@pytest.mark.parametrize("seed", range(4))
def test_everything_comes_in_as_it_is(book: Ledger, theirs: SqliteSaver, path: Path, seed: int) -> None:
    """Checkpoints of every branch and their writes; twice adds nothing, and a file that grew what is new."""
    chance = random.Random(seed)
    put: list[Checkpoint] = []

    def go_on() -> None:
        for number in range(6):
            parent = chance.choice(put[-2:]) if put else None
            made, changed = step(parent, chance)
            theirs.put(
                config(checkpoint_id=parent["id"] if parent else None),
                made,
                {"source": "loop", "step": number},
                changed,
            )
            put.append(made)
            write((theirs,), made, chance)

    for _ in range(2):
        go_on()
        report = import_sources(book, [path])
        again = import_sources(book, [path])

        assert [] == report.problems + again.problems
        assert 0 == again.saves < report.saves
        assert [*map(told, theirs.list(config()))] == [*map(told, LedgerSaver(book).list(config()))]
        assert report.session_ids == book.ids()
    assert book.verify().ok


def test_questions_and_answers_come_in(book: Ledger, theirs: SqliteSaver, path: Path) -> None:
    """With the times at which they were asked and answered; and another saver goes on where the file ended."""
    graph(theirs).invoke({"messages": [HumanMessage("Deploy it")]}, config())
    graph(theirs).invoke(Command(resume="here"), config())

    import_sources(book, [path])

    assert ["When?"] == [question.text for question in book.load("t").pending_questions]
    result = graph(LedgerSaver(book)).invoke(Command(resume="now"), config())
    assert "here, now" == result["messages"][-1].content
    assert [("When?", "answered", "now")] == [(q.text, q.status, q.answer) for q in book.questions("t")]


def test_a_question_that_was_answered_before_is_answered_here(book: Ledger, theirs: SqliteSaver, path: Path) -> None:
    """By the last thing that its task was resumed with, when the graph went on."""
    graph(theirs).invoke({"messages": [HumanMessage("Deploy it")]}, config())
    graph(theirs).invoke(Command(resume="here"), config())
    graph(theirs).invoke(Command(resume="later"), config())

    import_sources(book, [path])

    [question] = book.questions("t")
    assert ("When?", "answered", "later") == (question.text, question.status, question.answer)
    assert question.resolved_at is not None
    assert question.asked_at < question.resolved_at


def test_no_class_is_made_that_langgraph_does_not_vouch_for(
    book: Ledger, theirs: SqliteSaver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may come from anywhere. What an object was written as is kept, and a graph that knows it reads it."""
    made = checkpoint({"point": Point(1), "both": [AIMessage("hi", id="a"), {"deep": Point(2)}]})
    theirs.put(config(), made, {"source": "loop"}, made["channel_versions"])
    calls: list[Any] = []
    monkeypatch.setattr(Point, "__post_init__", calls.append, raising=False)

    report = import_sources(book, [path])

    assert [] == report.problems + calls
    found = LedgerSaver(book).get_tuple(config())
    assert found is not None
    assert made["channel_values"] == found.checkpoint["channel_values"]


def test_what_does_not_parse_is_named_and_the_rest_comes_in(book: Ledger, theirs: SqliteSaver, path: Path) -> None:
    """By thread and checkpoint; so is a thread whose name a session of something else has."""
    session = ledger.Session.new("taken", model="gpt-5")
    book.save(session)
    for thread in ("taken", "broken", "t"):
        made = checkpoint({"x": 1})
        theirs.put(config(thread), made, {"source": "loop"}, made["channel_versions"])
    theirs.conn.execute("UPDATE checkpoints SET checkpoint = x'c1' WHERE thread_id = 'broken'")
    theirs.conn.commit()

    report = import_sources(book, [path])

    assert ["taken", "broken"] == [problem.place.split("thread ")[1].split(",")[0] for problem in report.problems]
    assert "is none of a LangGraph thread" in report.problems[0].what
    assert LedgerSaver(book).get_tuple(config()) is not None
