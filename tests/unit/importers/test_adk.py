"""The session databases of Google ADK, as its own services write them."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from google.adk.events import Event
from google.adk.sessions import BaseSessionService, Session
from google.genai import types

from ledger import Ledger
from ledger.adapters.adk import LedgerSessionService
from ledger.importers import adk, import_sources
from ledger.importers.databases import database_of
from ledger.importers.player import Player
from ledger.importers.report import ImportReport
from ledger.importers.steps import ImportProblem, Item
from ledger.store.sqlite import driver
from tests.adapters.adk_services import OTHERS, WHO, answers, asks, says, there

_FILES = {"database": "theirs.db", "file": "file.db"}

Fill = Callable[[BaseSessionService], Awaitable[Any]]


def _made(kind: str, folder: Path, fill: Fill) -> Path:
    """Have one of ADK's services write a database."""

    async def make() -> None:
        async with OTHERS[kind](folder) as service:
            await fill(service)

    asyncio.run(make())
    return folder / _FILES[kind]


def _items(path: Path) -> list[Item]:
    with database_of(path) as connection:
        return list(adk.read(path.name, connection))


def _imported(book: Ledger, path: Path) -> ImportReport:
    report = ImportReport()
    report.problems += Player(book, report).play(_items(path))
    return report


async def _a_conversation(service: BaseSessionService) -> None:
    session = await service.create_session(
        **WHO, session_id="s1", state={"step": 0, "made": True, "app:theme": "dark", "user:name": "Ann"}
    )
    for event in (
        says("Deploy it", timestamp=1e9, delta={"step": 1}),
        asks("c1", question="Where to?", options=["staging", "prod"]).model_copy(update={"timestamp": 1e9 + 10}),
        answers("c1", result="staging").model_copy(update={"timestamp": 1e9 + 70}),
        says(
            "Done",
            "agent",
            timestamp=1e9 + 80,
            delta={"step": 2, "app:deployed": 1, "user:last": {"to": "staging"}},
            model_version="gemini-3",
            usage_metadata=types.GenerateContentResponseUsageMetadata(prompt_token_count=40, candidates_token_count=2),
        ),
    ):
        await service.append_event(session, event)


@pytest.fixture(params=_FILES)
def kind(request: pytest.FixtureRequest) -> str:
    """Give each of ADK's services that keep a file."""
    return str(request.param)


def test_a_database_is_known_by_its_tables(kind: str, tmp_path: Path) -> None:
    """What either service writes is ADK's, and what others have is not."""
    path = _made(kind, tmp_path, _a_conversation)

    with database_of(path) as connection:
        tables = {
            name: frozenset(row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,)))
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        }

    assert adk.reads(tables)
    assert not adk.reads({name: columns for name, columns in tables.items() if name != "app_states"})
    assert not adk.reads(dict.fromkeys(tables, frozenset({"id"})))


def test_a_conversation_is_played_step_by_step(book: Ledger, kind: str, tmp_path: Path) -> None:
    """Each event is a save, at its time, by who said it, with the state as it was then."""
    report = _imported(book, _made(kind, tmp_path, _a_conversation))

    assert [] == report.problems
    history = list(book.history("adk/shop/ann/s1"))
    assert ["adk", "user", "adk", "user", "adk"] == [event.writer for event in history]
    assert [1e9, 1e9 + 10, 1e9 + 70, 1e9 + 80] == [
        event.occurred_at.timestamp() for event in history[1:] if event.occurred_at
    ]
    assert [None, 1, 1, 1, 2] == [book.load("adk/shop/ann/s1", at=n).state.get("step") for n in range(1, 6)]
    assert book.load("adk/shop/ann/s1", at=1).state == {"made": True}
    assert "gemini-3" == book.load("adk/shop/ann/s1").model


def test_the_command_takes_it(book: Ledger, kind: str, tmp_path: Path) -> None:
    """What wrote a database is told from it."""
    report = import_sources(book, [_made(kind, tmp_path, _a_conversation)])

    assert "3 sessions, 9 saves, 1 question: 1 answered; longest wait 1 min" == report.summary()


def test_questions_and_answers_come_in(book: Ledger, kind: str, tmp_path: Path) -> None:
    """Who asked what, when, and what was answered after how long."""
    _imported(book, _made(kind, tmp_path, _a_conversation))

    (question,) = book.questions("adk/shop/ann/s1")
    assert ("Where to?", "answered", "staging", "user") == (
        question.text,
        question.status,
        question.answer,
        question.resolved_by,
    )
    assert question.resolved_at is not None
    assert 60 == (question.resolved_at - question.asked_at).total_seconds()


def test_what_is_shared_comes_in(book: Ledger, kind: str, tmp_path: Path) -> None:
    """The state of apps and users is theirs, as events changed it, and as it was set without one."""
    _imported(book, _made(kind, tmp_path, _a_conversation))

    assert {"theme": "dark", "deployed": 1} == book.load("adk-state/shop").state
    assert {"name": "Ann", "last": {"to": "staging"}} == book.load("adk-state/shop/ann").state
    assert {"deployed": 1} == book.load("adk-state/shop", at=1).state


def test_tokens_come_in(book: Ledger, kind: str, tmp_path: Path) -> None:
    """What a model call cost is in the usage log."""
    _imported(book, _made(kind, tmp_path, _a_conversation))

    assert {"input_tokens": 40, "output_tokens": 2} == book.usage("adk/shop/ann/s1").totals


def test_a_second_import_adds_nothing(book: Ledger, kind: str, tmp_path: Path) -> None:
    """However often a database is imported."""
    path = _made(kind, tmp_path, _a_conversation)
    saves = _imported(book, path).saves

    report = _imported(book, path)

    assert (0, saves, []) == (report.saves, report.skipped, report.problems)


def test_a_database_that_has_grown_adds_what_is_new(book: Ledger, kind: str, tmp_path: Path) -> None:
    """New events, new sessions, and what their creation set."""
    _imported(book, _made(kind, tmp_path, _a_conversation))

    async def go_on(service: BaseSessionService) -> None:
        await service.append_event(await there(service), says("And now?", delta={"step": 3, "app:deployed": 2}))
        await service.create_session(**WHO, session_id="s2", state={"user:theme": "light"})

    report = _imported(book, _made(kind, tmp_path, go_on))

    assert [] == report.problems
    assert {"step": 3, "made": True} == book.load("adk/shop/ann/s1").state
    assert {"theme": "dark", "deployed": 2} == book.load("adk-state/shop").state
    assert {"name": "Ann", "last": {"to": "staging"}, "theme": "light"} == book.load("adk-state/shop/ann").state
    assert 1 == book.load("adk/shop/ann/s2").version


def test_our_service_goes_on_where_theirs_stopped(book: Ledger, kind: str, tmp_path: Path) -> None:
    """After an import the sessions are those that the database's own service gives, and can be appended to."""
    path = _made(kind, tmp_path, _a_conversation)
    _imported(book, path)

    async def compare() -> tuple[Session, Session]:
        async with OTHERS[kind](tmp_path) as theirs:
            before = await there(theirs)
        async with LedgerSessionService(book) as ours:
            found = await there(ours)
            assert found.model_dump() == before.model_dump()
            assert await ours.get_user_state(**WHO) == {"name": "Ann", "last": {"to": "staging"}}
            await ours.append_event(found, says("It goes on"))
            return before, await there(ours)

    before, after = asyncio.run(compare())
    assert before.events == after.events[:-1]
    assert (0, []) == ((report := _imported(book, path)).saves, report.problems)


def test_another_session_of_the_same_id_is_another_one(book: Ledger, kind: str, tmp_path: Path) -> None:
    """A session that was deleted and created anew between two imports is not mixed into the first."""
    _imported(book, _made(kind, tmp_path, _a_conversation))

    async def begin_anew(service: BaseSessionService) -> None:
        await service.delete_session(**WHO, session_id="s1")
        await service.append_event(await service.create_session(**WHO, session_id="s1"), says("Anew"))

    (problem,) = _imported(book, _made(kind, tmp_path, begin_anew)).problems

    assert "session adk/shop/ann/s1 is there already, and goes on otherwise from here" == problem.what
    assert 4 == len(book.load("adk/shop/ann/s1").messages)


def test_a_rewind_comes_in(book: Ledger, kind: str, tmp_path: Path) -> None:
    """What it took back is withdrawn, and says why."""

    async def rewind(service: BaseSessionService) -> None:
        session = await service.create_session(**WHO, session_id="s1")
        await service.append_event(session, asks("c1", question="Where to?"))
        back = Event(author="user", invocation_id="turn-2")
        back.actions.rewind_before_invocation_id = "turn-1"
        await service.append_event(session, back)

    _imported(book, _made(kind, tmp_path, rewind))

    (question,) = book.questions("adk/shop/ann/s1")
    assert ("withdrawn", "rewound to before turn-1") == (question.status, question.reason)


@pytest.mark.parametrize("spoiled", ["{", '"text"', '{"x": NaN}', "[]"])
def test_what_cannot_be_read_is_named(book: Ledger, kind: str, tmp_path: Path, spoiled: str) -> None:
    """An event that is no JSON is refused by its id, and the rest comes in."""
    path = _made(kind, tmp_path, _a_conversation)
    with closing(driver().connect(str(path))) as connection:
        first = connection.execute("SELECT id FROM events ORDER BY timestamp").fetchone()[0]
        connection.execute("UPDATE events SET event_data = ? WHERE id = ?", (spoiled, first))
        connection.commit()

    (problem,) = _imported(book, path).problems

    assert problem.place.endswith(f"session adk/shop/ann/s1, event {first}")
    assert 3 == len(book.load("adk/shop/ann/s1").messages)
    assert 2 == book.load("adk/shop/ann/s1").state["step"]


def test_times_that_cannot_be_read_are_no_obstacle(book: Ledger, kind: str, tmp_path: Path) -> None:
    """Whatever stands there for a time, the steps come in, in their order."""
    path = _made(kind, tmp_path, _a_conversation)
    with closing(driver().connect(str(path))) as connection:
        connection.execute("UPDATE sessions SET create_time = 'long ago'")
        connection.execute("UPDATE events SET event_data = json_remove(event_data, '$.timestamp')")
        connection.commit()

    assert [] == _imported(book, path).problems
    history = list(book.history("adk/shop/ann/s1"))
    assert [1e9, 1e9 + 10, 1e9 + 70, 1e9 + 80] == [
        event.occurred_at.timestamp() for event in history[1:] if event.occurred_at
    ]


@pytest.mark.parametrize("table", ["sessions", "app_states"])
def test_a_state_that_cannot_be_read_is_named(book: Ledger, kind: str, tmp_path: Path, table: str) -> None:
    """A session, or a state, that is no JSON is refused, and everything else comes in."""
    path = _made(kind, tmp_path, _a_conversation)
    with closing(driver().connect(str(path))) as connection:
        connection.execute(f"UPDATE {table} SET state = '['")
        connection.commit()

    (problem,) = _imported(book, path).problems

    assert "it is not JSON" in problem.what
    assert {"name": "Ann", "last": {"to": "staging"}} == book.load("adk-state/shop/ann").state


def test_a_pickled_database_is_refused(tmp_path: Path) -> None:
    """An older schema kept pickles, which are not opened: ADK's own command brings it to the current one."""
    path = tmp_path / "old.db"
    with closing(driver().connect(str(path))) as connection:
        connection.execute("CREATE TABLE sessions (app_name, user_id, id, state, create_time, update_time)")
        connection.execute("CREATE TABLE events (id, app_name, user_id, session_id, timestamp, actions)")
        connection.execute("CREATE TABLE app_states (app_name, state, update_time)")
        connection.execute("CREATE TABLE user_states (app_name, user_id, state, update_time)")
        connection.execute("INSERT INTO events (id, actions) VALUES ('e1', ?)", (pickle.dumps(print),))
        connection.commit()

    (problem,) = _items(path)

    assert isinstance(problem, ImportProblem)
    assert "it is a database of an older ADK, which pickled what its events did" == problem.what
    assert "adk migrate session" in problem.next


def test_any_text_is_an_id(book: Ledger, kind: str, tmp_path: Path) -> None:
    """Slashes, spaces, quotes and emoji, in the names of apps, users and sessions."""
    odd: dict[str, Any] = {"app_name": "a/b", "user_id": 'O\'Neil "🙂"', "session_id": "s 1/%2F"}

    async def fill(service: BaseSessionService) -> None:
        await service.append_event(await service.create_session(**odd), says("Hello", delta={"user:x": 1}))

    _imported(book, _made(kind, tmp_path, fill))

    async def find() -> Session | None:
        async with LedgerSessionService(book) as ours:
            return await ours.get_session(**odd)

    found = asyncio.run(find())
    assert found is not None
    assert {"user:x": 1} == found.state


def test_the_reader_needs_no_adk() -> None:
    """Who imports need not have installed what wrote the database."""
    hidden = "import sys; sys.modules['google'] = None; import ledger.importers.adk"

    assert 0 == subprocess.run([sys.executable, "-c", hidden], check=False, timeout=60).returncode
