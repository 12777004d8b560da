"""The SQLite files of the OpenAI Agents SDK come in item by item, with their times, their questions and answers."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from agents.extensions.memory import AdvancedSQLiteSession, SQLAlchemySession
from agents.memory import SQLiteSession

import ledger
from ledger import Ledger
from ledger.adapters.openai_agents import LedgerSession
from ledger.importers import import_sources
from ledger.store.sqlite import driver
from tests.unit.adapters.openai_samples import SAMPLES

ASK = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "ask_user",
    "arguments": json.dumps({"question": "Where?", "options": ["staging", "prod"]}),
}
DELETE = {"type": "function_call", "call_id": "call_2", "name": "delete_file", "arguments": "{}"}


def output(call_id: str, text: str) -> dict[str, Any]:
    """Make the result of a call."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def user(text: str) -> dict[str, Any]:
    """Make what a person says."""
    return {"role": "user", "content": text}


@pytest.fixture
def book() -> Iterator[Ledger]:
    """Give a ledger without sessions."""
    with ledger.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Say where the SDK's file is."""
    return tmp_path / "agents.db"


async def add(path: Path, *items: dict[str, Any], session_id: str = "s1", **tables: Any) -> None:
    """Let the SDK's own session add items."""
    session = SQLiteSession(session_id, path, **tables)
    await session.add_items(cast("Any", list(items)))
    session.close()


async def test_items_come_in_as_they_are(book: Ledger, theirs: Path) -> None:
    """A row a save, at its time; and the session goes on with the adapter."""
    await add(theirs, *SAMPLES)
    before = datetime.now(UTC)
    report = import_sources(book, [theirs])

    assert ([], len(SAMPLES)) == (report.problems, report.saves)
    assert json.dumps(SAMPLES) == json.dumps(await LedgerSession("s1", book).get_items())
    events = list(book.history("s1"))
    assert {"user", "openai-agents"} == {event.writer for event in events}
    assert all(event.occurred_at is not None and abs(event.occurred_at - before).seconds < 60 for event in events)
    assert {"source": "openai-agents"} == book.load("s1").metadata


async def test_a_second_import_adds_what_is_new(book: Ledger, theirs: Path) -> None:
    """And nothing else."""
    await add(theirs, user("one"))
    import_sources(book, [theirs])
    await add(theirs, user("two"))
    await add(theirs, user("hello"), session_id="s2")
    report = import_sources(book, [theirs])

    assert (2, 1) == (report.saves, report.skipped)
    assert ["one", "two"] == [message.content for message in book.load("s1").messages]
    assert 0 == import_sources(book, [theirs]).saves


async def test_a_question_is_asked_and_answered(book: Ledger, theirs: Path) -> None:
    """By its tool's words, and by its result; calls that ask nobody ask nothing."""
    await add(theirs, user("Deploy"), ASK, output("call_1", "prod"), DELETE, output("call_2", "done"), user("ok"))
    import_sources(book, [theirs])
    (question,) = book.questions("s1")

    assert ("Where?", ["staging", "prod"], "answered", "prod") == (
        question.text,
        list(map(str, question.options)),
        question.status,
        question.answer,
    )
    assert (2, 3) == (question.asked_version, question.resolved_version)


@pytest.mark.parametrize(
    ("told", "answer"), [("done", "approve"), ("Tool execution was not approved.", "reject")], ids=["approved", "not"]
)
async def test_a_call_that_nothing_follows_waits(book: Ledger, theirs: Path, told: str, answer: str) -> None:
    """Until a later import brings its result."""
    await add(theirs, user("Tidy up"), DELETE)
    import_sources(book, [theirs])
    assert [("approval", "pending")] == [(each.kind, each.status) for each in book.questions("s1")]

    await add(theirs, output("call_2", told), user("again"), DELETE)
    import_sources(book, [theirs])
    assert [("call_2#0", "answered", answer), ("call_2#1", "pending", None)] == [
        (each.id, each.status, each.answer) for each in book.questions("s1")
    ]
    assert 0 == import_sources(book, [theirs]).saves


async def test_a_question_that_was_not_approved_is_withdrawn(book: Ledger, theirs: Path) -> None:
    """Its tool did not run, so nobody answered."""
    await add(theirs, ASK, output("call_1", "Tool execution was not approved."))
    import_sources(book, [theirs])

    assert ["withdrawn"] == [each.status for each in book.questions("s1")]


async def test_an_approval_of_a_hosted_tool_is_a_question(book: Ledger, theirs: Path) -> None:
    """Its response answers it."""
    await add(theirs, *SAMPLES[25:27])
    import_sources(book, [theirs])

    assert [("approval", "answered", "reject")] == [
        (each.kind, each.status, cast("Any", each.answer)["decision"]) for each in book.questions("s1")
    ]


async def test_tables_of_any_name_are_found(book: Ledger, theirs: Path) -> None:
    """Several pairs of them may stand in one file."""
    await add(theirs, user("one"), session_id="s1")
    await add(theirs, user("two"), session_id="s2", sessions_table="chats", messages_table="chat_items")
    report = import_sources(book, [theirs])

    assert (["s1", "s2"], 2) == (sorted(report.session_ids), report.saves)


async def test_an_advanced_session_is_one_too(book: Ledger, theirs: Path) -> None:
    """Its other tables are left where they are."""
    session = AdvancedSQLiteSession(session_id="s1", db_path=theirs, create_tables=True)
    await session.add_items(cast("Any", [user("one"), user("two")]))
    session.close()

    assert (2, []) == ((report := import_sources(book, [theirs])).saves, report.problems)


async def test_a_session_of_sqlalchemy_is_one_too(book: Ledger, theirs: Path) -> None:
    """Its tables are the same."""
    session = SQLAlchemySession.from_url("s1", url=f"sqlite+aiosqlite:///{theirs}", create_tables=True)
    await session.add_items(cast("Any", SAMPLES))
    await session.engine.dispose()
    import_sources(book, [theirs])

    assert json.dumps(SAMPLES) == json.dumps(await LedgerSession("s1", book).get_items())


def spoil(path: Path, statement: str) -> None:
    """Change the file behind the framework's back."""
    with closing(driver().connect(str(path))) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("data", "what"),
    [("'{'", "not JSON"), ("NULL", "no text"), ("7", "a number, not an object"), ("'[]'", "a list, not an object")],
    ids=["torn", "missing", "a number", "a list"],
)
async def test_a_row_that_is_no_item_is_named(book: Ledger, theirs: Path, data: str, what: str) -> None:
    """And costs nothing else."""
    await add(theirs, user("one"), user("two"), user("three"))
    with closing(driver().connect(str(theirs))) as connection:
        connection.executescript(
            f"""CREATE TABLE loose AS SELECT * FROM agent_messages; DROP TABLE agent_messages;
            UPDATE loose SET message_data = {data} WHERE id = 2; ALTER TABLE loose RENAME TO agent_messages"""
        )
        connection.commit()
    report = import_sources(book, [theirs])

    assert [True] == ["agents.db: row 2 of agent_messages: " in str(each) for each in report.problems]
    assert what in report.problems[0].what
    assert ["one", "three"] == [message.content for message in book.load("s1").messages]


@pytest.mark.parametrize("time", ["'yesterday'", "7", "NULL"])
async def test_a_time_that_is_none_is_left_out(book: Ledger, theirs: Path, time: str) -> None:
    """The item counts."""
    await add(theirs, user("one"))
    spoil(theirs, f"UPDATE agent_messages SET created_at = {time}")
    import_sources(book, [theirs])

    assert [None] == [event.occurred_at for event in book.history("s1")]


async def test_another_file_of_the_same_session_is_another_history(book: Ledger, theirs: Path, tmp_path: Path) -> None:
    """It is not mixed into the first one."""
    other = tmp_path / "other.db"
    await add(theirs, user("one"))
    await add(other, user("another one"))
    import_sources(book, [theirs])
    (problem,) = import_sources(book, [other]).problems

    assert "goes on otherwise" in problem.what
    assert ["one"] == [message.content for message in book.load("s1").messages]


def test_a_database_that_is_none_of_these_is_left_alone(theirs: Path, book: Ledger) -> None:
    """By its columns."""
    spoil(theirs, "CREATE TABLE agent_messages (id, session_id)")

    assert ["it is a database of no framework that is known (tables: agent_messages)"] == [
        each.what for each in import_sources(book, [theirs]).problems
    ]
