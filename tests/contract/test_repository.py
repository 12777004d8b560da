"""A repository over a real ledger: two copies of a session, and several writers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

import ledger
from ledger import (
    Ledger,
    Message,
    Session,
    SessionCache,
    SessionNotFound,
    SessionRepository,
    StorageError,
    VersionConflict,
    VersionNotFound,
)
from tests.contract.faces import Book
from tests.contract.keeping import URL, Setting, events, say, words


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    """Give a setting, and close it in the end."""
    made = Setting(tmp_path / "ledger.db")
    yield made
    made.open()
    await made.repository.close()
    made.book.close()


# Two copies.


async def test_memory_is_not_replaced_by_a_restored_backup(setting: Setting, tmp_path: Path) -> None:
    """A newer copy that answered its question stays, in the value and in the cache, where storage went back."""
    session = await setting.saved("Deploy it")
    session.ask("call_1", "Which environment?", options=["OK"])
    await setting.repository.save(session)
    setting.book.close()
    shutil.copy(setting.path, tmp_path / "backup.db")
    setting.book = ledger.open(URL.format(setting.path))
    session.answer("call_1", "OK")
    setting.book.save(session)
    cache = SessionCache()
    cache.put(session)

    with ledger.open(URL.format(tmp_path / "backup.db")) as backup, capture_logs() as logs:
        repository = backup.repository(cache)
        merged = await repository.load_merged("s1")
        assert merged is not None
        assert (3, None) == (merged.version, merged.pending_question)
        again = cache.get("s1")
        assert again is not None
        assert (3, None) == (again.version, again.pending_question)
        with pytest.raises(VersionConflict, match="diverged"):
            await repository.save(again)

    assert [("storage_behind", "warning", 3, 2)] == [
        (log["event"], log["log_level"], log["version"], log["storage"]) for log in logs
    ]


async def test_a_question_that_memory_lost_is_recovered(setting: Setting) -> None:
    """At the same version it comes back, in the value and in the cache; saved then, nothing was omitted."""
    session = await setting.saved("Deploy it")
    session.ask("call_1", "Which environment?", options=["OK"])
    await setting.repository.save(session)
    lost = session.model_copy()
    del lost.questions["call_1#0"]
    setting.cache.put(lost)

    with capture_logs() as logs:
        merged = await setting.merged()

    assert ["call_1#0"] == [question.id for question in merged.pending_questions]
    assert ["call_1#0"] == [question.id for question in setting.cached().pending_questions]
    assert [("question_recovered", "warning", 2, ["call_1#0"])] == [
        (log["event"], log["log_level"], log["version"], log["questions"]) for log in logs
    ]
    assert () == (await setting.repository.save(merged)).omissions
    with capture_logs() as logs:
        await setting.merged()
    assert [] == logs


async def test_equal_copies_cost_one_statement_whatever_their_length(setting: Setting) -> None:
    """The head row is read, by one query that says nothing of messages; and nothing is logged."""
    costs = {}
    for count in (1, 200):
        session = await setting.repository.load_or_create("s1", "gpt-5")
        say(session, *(f"{count}.{number}" for number in range(count)))
        await setting.repository.save(session)
        statements: list[str] = []

        def executed(*arguments: Any, into: list[str] = statements) -> None:
            into.append(arguments[2])

        event.listen(Book(setting.book).engine, "before_cursor_execute", executed)
        with capture_logs() as logs:
            merged = await setting.merged()
        event.remove(Book(setting.book).engine, "before_cursor_execute", executed)
        costs[count] = [statement for statement in statements if not statement.startswith("BEGIN")]

        assert words(session) == words(merged)
        assert [] == logs

    assert costs[1] == costs[200]
    assert 1 == len(costs[1])
    assert "heads" in costs[1][0]


async def test_what_another_saved_is_caught_up_by_its_events_alone(setting: Setting) -> None:
    """The session is not loaded anew, however long it is."""
    await setting.saved("one")
    with ledger.open(URL.format(setting.path), writer="ui") as other:
        other.append("s1", Message.user("two"))
        other.append("s1", Message.user("three"))
    setting.storage.asked.clear()

    with capture_logs() as logs:
        merged = await setting.merged()

    assert (3, ["one", "two", "three"]) == (merged.version, words(merged))
    assert 3 == setting.cached().version
    assert ["head", "events_after"] == setting.storage.asked
    assert [("session_reconciled", "debug", 1, 3)] == [
        (log["event"], log["log_level"], log["memory"], log["storage"]) for log in logs
    ]
    assert merged == setting.book.load("s1")


async def test_another_ledgers_session_of_the_same_id_gives_way(setting: Setting) -> None:
    """What is in the cache has a past that this log does not have: storage is given, and said so."""
    await setting.saved("one")
    for versions in (1, 2):
        with ledger.open("sqlite://") as other:
            stranger = Session.new("s1", "gpt-5")
            say(stranger, "strange")
            for _ in range(versions):
                other.save(stranger)
        setting.book.append("s1", Message.user("more"))
        setting.cache.discard("s1")
        setting.cache.put(stranger)

        with capture_logs() as logs:
            merged = await setting.merged()

        assert setting.book.load("s1") == merged == setting.cached()
        assert ["memory_diverged"] == events(logs, "session_reconciled")


async def test_a_deleted_session_is_gone_from_memory_too(setting: Setting) -> None:
    """Another writer deleted it; a second life is found again."""
    await setting.saved("one")
    setting.book.delete("s1")

    assert await setting.repository.load_merged("s1") is None
    assert await setting.repository.load("s1") is None

    fresh = await setting.repository.load_or_create("s1", "gpt-6")
    assert (2, [], "gpt-6") == (fresh.version, words(fresh), fresh.model)
    say(fresh, "again")
    assert 3 == (await setting.repository.save(fresh)).version
    assert ["again"] == words(await setting.merged()) == words(setting.book.load("s1"))


async def test_memory_serves_while_storage_is_down(setting: Setting) -> None:
    """Every load but the one of a revision; what it gives can be edited on."""
    await setting.saved("one")
    setting.shut()

    with capture_logs() as logs:
        loads = [await setting.merged(), await setting.repository.load("s1"), await setting.repository.try_load("s1")]
        loads.append(await setting.repository.load_or_create("s1", "gpt-5"))

    assert [["one"]] * 4 == [words(session) for session in loads if session is not None]
    assert ["storage_failed"] == events(logs, "storage_behind")
    with pytest.raises(StorageError):
        await setting.repository.try_load("s1", at=1)


async def test_a_revision_is_read_past_the_cache(setting: Setting) -> None:
    """And is not put into it."""
    session = await setting.saved("one")
    say(session, "two")
    await setting.repository.save(session)

    past = await setting.repository.try_load("s1", at=1)

    assert past is not None
    assert ["one"] == words(past)
    assert 2 == setting.cached().version
    assert await setting.repository.try_load("s2", at=1) is None
    with pytest.raises(VersionNotFound):
        await setting.repository.try_load("s1", at=7)


# Saving.


async def test_a_cached_session_saves_without_being_stale(setting: Setting) -> None:
    """What any load gives knows its base, so that its save reads nothing of the log."""
    await setting.saved("one")
    for number, load in enumerate((setting.repository.load, setting.repository.load_merged), start=2):
        session = await load("s1")
        assert session is not None
        say(session, f"message {number}")
        statements: list[str] = []

        def executed(*arguments: Any, into: list[str] = statements) -> None:
            into.append(arguments[2])

        event.listen(Book(setting.book).engine, "before_cursor_execute", executed)
        receipt = await setting.repository.save(session)
        event.remove(Book(setting.book).engine, "before_cursor_execute", executed)

        assert (number, number - 1) == (receipt.version, receipt.base_version)
        assert [] == [statement for statement in statements if "payloads" in statement and "SELECT" in statement[:7]]


async def test_the_keywords_of_save_pass_through(setting: Setting) -> None:
    """The writer, the authority, the key and the expected version are those of the call."""
    session = await setting.saved("one")
    say(session, "two")

    receipt = await setting.repository.save(session, writer="ui", authority="user", key="k", expected_version=1)

    stored = list(setting.book.history("s1"))[-1]
    assert ("ui", "user", "k") == (stored.writer, stored.authority, stored.key)
    assert receipt == await setting.repository.save(session, writer="ui", authority="user", key="k")
    with pytest.raises(VersionConflict):
        await setting.repository.save(session, expected_version=1)
    await setting.repository.save_runtime_session(session)
    assert 3 == setting.cached().version


async def test_only_storage_errors_are_swallowed(setting: Setting) -> None:
    """A save that is refused is refused, and nothing of it is kept."""
    session = await setting.saved("one")
    with pytest.raises(VersionConflict):
        await setting.repository.save_and_cache(session, expected_version=7)
    setting.persistence.shut(ConnectionResetError("not ours"))
    with pytest.raises(ConnectionResetError):
        await setting.repository.save_and_cache(session)

    assert () == setting.repository.unsaved
    setting.persistence.open()
    receipt = await setting.repository.save_and_cache(session)
    assert receipt is not None
    assert 2 == receipt.version


async def test_edits_made_while_a_save_is_under_way_are_the_callers(setting: Setting) -> None:
    """The cache holds what was saved, and nothing that was not."""
    session = await setting.saved("one")
    say(session, "two")
    saving = asyncio.create_task(setting.repository.save(session))
    await asyncio.sleep(0)
    say(session, "three")
    await saving

    assert ["one", "two", "three"] == words(session)
    assert ["one", "two"] == words(setting.cached()) == words(await setting.merged())


# Several at once.


async def test_updates_of_several_tasks_all_stand(setting: Setting) -> None:
    """Each is made on the head; `mutate` may be async."""
    await setting.saved("one")

    async def add(number: int) -> None:
        async def mutate(session: Session) -> None:
            await asyncio.sleep(0)
            session.state["count"] = session.state.get("count", 0) + 1
            say(session, str(number))

        await setting.repository.update("s1", mutate)

    await asyncio.gather(*(add(number) for number in range(10)))

    assert 10 == setting.book.load("s1").state["count"]
    assert 11 == setting.cached().version
    assert {"one", *map(str, range(10))} == set(words(await setting.merged()))


async def test_update_of_nothing_is_an_error(setting: Setting) -> None:
    """And so is one whose function raises, which saves nothing."""
    with pytest.raises(SessionNotFound):
        await setting.repository.update("s1", lambda _: None)
    await setting.saved("one")

    def broken(session: Session) -> None:
        say(session, "two")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await setting.repository.update("s1", broken)
    assert [1] == setting.versions()
    assert ["one"] == words(await setting.merged())


async def test_an_update_sees_unsaved_work(setting: Setting) -> None:
    """What was kept is saved first, as storage is there again."""
    await setting.saved("one")
    await setting.unsaved("kept")
    setting.persistence.open()

    await setting.repository.update("s1", lambda session: say(session, "two"))

    assert ["one", "kept", "two"] == words(setting.book.load("s1"))


async def test_tasks_that_save_and_load_one_session_lose_nothing(setting: Setting) -> None:
    """Through two repositories over one ledger, with a storage that fails now and then."""
    other = SessionRepository(SessionCache(), setting.storage, setting.persistence)
    await setting.saved("one")

    async def work(name: str, repository: SessionRepository) -> None:
        for turn in range(6):
            session = await repository.load_merged("s1")
            assert session is not None
            say(session, f"{name}{turn}")
            if turn == 2:
                setting.persistence.shut()
            await repository.save_and_cache(session)
            setting.persistence.open()

    repositories = [setting.repository, other]
    await asyncio.gather(*(work(name, repositories[place % 2]) for place, name in enumerate("abcdef")))
    for repository in repositories:
        assert () == await repository.flush()
    await other.close()

    expected = {"one", *(f"{name}{turn}" for name in "abcdef" for turn in range(6))}
    found = words(setting.book.load("s1"))
    assert sorted(expected) == sorted(found)
    assert sorted(expected) == sorted(words(await setting.merged()))
    assert setting.book.verify().ok


async def test_usage_records_reach_the_ledger(setting: Setting) -> None:
    """As lines; nobody's session changes."""
    await setting.saved("one")
    await setting.repository.append_token_usage_record("s1", '{"input_tokens": 3, "output_tokens": 4}')

    assert 1 == setting.book.usage("s1").records
    assert [1] == setting.versions()
    with pytest.raises(SessionNotFound):
        await setting.repository.append_token_usage_record("s2", "{}")


def test_a_repository_over_an_in_memory_ledger(tmp_path: Path) -> None:
    """The same surface, and a cache that is shared is seen by both."""
    del tmp_path

    async def use(book: Ledger) -> tuple[int, int]:
        cache = SessionCache()
        async with book.repository(cache) as one, book.repository(cache) as two:
            session = await one.load_or_create("s1", "gpt-5")
            await one.save(session)
            loaded = await two.load("s1")
            return session.version, 0 if loaded is None else loaded.version

    with ledger.open("sqlite://") as book:
        assert (1, 1) == asyncio.run(use(book))
