"""A repository over a real ledger: two copies of a session, several writers, and a storage that fails at times."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
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
    SessionDeleted,
    SessionNotFound,
    SessionRepository,
    StorageError,
    UnsavedWork,
    VersionConflict,
    VersionNotFound,
)
from tests.contract.faces import Book
from tests.contract.faults import refused_commit, unanswered_commit
from tests.unit.repository.tiers import PersistenceDoor, StorageDoor

URL = "sqlite:///{}"


class Setting:
    """A ledger in a file, a repository over it with a door before each tier, and others who save past it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.book = ledger.open(URL.format(path), writer="agent")
        tiers = self.book.repository()
        self.storage = StorageDoor(tiers.storage)
        self.persistence = PersistenceDoor(tiers.persistence)
        self.cache = SessionCache()
        self.repository = SessionRepository(self.cache, self.storage, self.persistence)

    def shut(self) -> None:
        """Let storage fail, in whatever it is asked."""
        self.storage.shut()
        self.persistence.shut()

    def open(self) -> None:
        """Let it work again."""
        self.storage.open()
        self.persistence.open()

    async def merged(self) -> Session:
        """Give what `load_merged` gives, which must be something."""
        session = await self.repository.load_merged("s1")
        assert session is not None
        return session

    def cached(self) -> Session:
        """Give what the cache holds, which must be something."""
        session = self.cache.get("s1")
        assert session is not None
        return session

    async def saved(self, *said: str) -> Session:
        """Save a session that says these words, and give it."""
        session = await self.repository.load_or_create("s1", "gpt-5")
        say(session, *said)
        await self.repository.save(session)
        return session

    async def unsaved(self, *said: str) -> Session:
        """Say these words in the session while nothing can be saved, and give it."""
        session = await self.repository.load_or_create("s1", "gpt-5")
        say(session, *said)
        self.persistence.shut()
        assert await self.repository.save_and_cache(session) is None
        return session

    def versions(self) -> list[int]:
        """Give the versions in the log."""
        return [found.version for found in self.book.history("s1")]


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    """Give a setting, and close it in the end."""
    made = Setting(tmp_path / "ledger.db")
    yield made
    made.open()
    await made.repository.close()
    made.book.close()


def say(session: Session, *said: str) -> None:
    """Add messages, which the words identify."""
    for words in said:
        session.add_message(Message.user(words, id=f"id of {words}"))


def words(session: Session) -> list[str]:
    """Give what the messages say, in order."""
    return [message.content for message in session.messages]


def events(logs: Any, *but: str) -> list[str]:
    """Give the names of what was logged, but for these."""
    return [log["event"] for log in logs if log["event"] not in {"session_saved", *but}]


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


# Unsaved work.


async def test_work_that_cannot_be_saved_is_kept_and_shown(setting: Setting) -> None:
    """Every load gives it; the failure is logged; `save` itself would have raised."""
    with capture_logs() as logs:
        session = await setting.unsaved("one")

    assert [("save_failed", "warning", "s1", 0)] == [
        (log["event"], log["log_level"], log["session_id"], log["version"]) for log in logs
    ]
    assert ("s1",) == setting.repository.unsaved
    for load in (setting.repository.load, setting.repository.try_load, setting.repository.load_merged):
        assert session == await load("s1")
    with pytest.raises(StorageError):
        await setting.repository.save(session)


@pytest.mark.parametrize("first", ["caller", "repository", "loaded copy"])
@pytest.mark.parametrize("failure", ["before", "refused", "unanswered"])
async def test_the_callers_save_and_the_repeated_one_are_one_event(setting: Setting, failure: str, first: str) -> None:
    """Whoever comes first, and whether or not the failed save had been stored."""
    session = await setting.saved("one")
    say(session, "two")
    session.ask("call_1", "Which?")
    if failure == "before":
        setting.persistence.shut()
        assert await setting.repository.save_and_cache(session) is None
        setting.persistence.open()
    else:
        fault = refused_commit if failure == "refused" else unanswered_commit
        with fault(Book(setting.book)):
            assert await setting.repository.save_and_cache(session) is None
    if first == "repository":
        assert () == await setting.repository.flush()
    if first == "loaded copy":
        loaded = await setting.repository.load("s1")
        assert loaded is not None
        await setting.repository.save(loaded)

    receipt = await setting.repository.save(session)

    assert () == await setting.repository.flush()
    assert (2, [1, 2]) == (receipt.version, setting.versions())
    assert ["one", "two"] == words(setting.book.load("s1")) == words(session) == words(await setting.merged())
    assert ["call_1#0"] == [question.id for question in setting.cached().pending_questions]


@pytest.mark.parametrize("order", [("save", "flush"), ("flush", "save"), ("save", "merge", "save"), ("merge", "save")])
async def test_the_callers_save_and_the_repeated_one_may_meet(setting: Setting, order: tuple[str, ...]) -> None:
    """Under way at the same time, of the same work and of what was added to it since, they say each thing once."""
    await setting.saved("one")
    session = await setting.unsaved("two")
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "save": lambda: setting.repository.save(session),
        "flush": setting.repository.flush,
        "merge": lambda: setting.repository.load_merged("s1"),
    }
    setting.persistence.open()
    say(session, "three")

    await asyncio.gather(*(calls[name]() for name in order))

    assert () == await setting.repository.flush()
    assert ["one", "two", "three"] == words(setting.book.load("s1")) == words(await setting.merged()) == words(session)
    added = [
        change.message.content
        for found in setting.book.history("s1")
        for change in found.changes
        if hasattr(change, "message")
    ]
    assert ["one", "two", "three"] == added


async def test_it_is_tried_again_when_the_session_is_next_merged(setting: Setting) -> None:
    """And is then like any other session."""
    await setting.unsaved("one")
    setting.persistence.open()

    with capture_logs() as logs:
        merged = await setting.merged()

    assert (1, ["one"]) == (merged.version, words(merged))
    assert ["unsaved_work_saved"] == events(logs)
    assert () == setting.repository.unsaved
    assert setting.book.load("s1") == merged == setting.cached()


async def test_it_is_tried_again_in_the_background(setting: Setting) -> None:
    """Nobody has to ask for it."""
    tried = asyncio.Event()
    merge_save = setting.persistence.merge_save

    async def watched(session: Session, **keywords: Any) -> Any:
        try:
            return await merge_save(session, **keywords)
        finally:
            tried.set()

    await setting.unsaved("one")
    setting.persistence.merge_save = watched  # type: ignore[method-assign]
    setting.persistence.open()

    await asyncio.wait_for(tried.wait(), 30)

    assert ["one"] == words(setting.book.load("s1"))


async def test_work_on_work_is_saved_whole(setting: Setting) -> None:
    """What is loaded while nothing can be saved is edited on and kept again, by whomever."""
    first = await setting.unsaved("one")
    second = await setting.unsaved("two")
    say(first, "three")
    assert await setting.repository.save_and_cache(first) is None
    await setting.unsaved("four")
    assert {"one", "two", "three", "four"} == set(words(await setting.merged()))
    setting.persistence.open()

    assert () == await setting.repository.flush()

    expected = ["four", "one", "three", "two"]
    assert expected == sorted(words(setting.book.load("s1"))) == sorted(words(await setting.merged()))
    for session in (first, second):
        await setting.repository.save(session)
    assert expected == sorted(words(setting.book.load("s1")))


async def test_unsaved_work_stands_on_what_another_saved_meanwhile(setting: Setting) -> None:
    """Storage can be read, but not written: both are shown, and the version does not go back."""
    await setting.saved("one")
    await setting.unsaved("mine")
    with ledger.open(URL.format(setting.path), writer="ui") as other:
        other.append("s1", Message.user("theirs"))

    merged = await setting.merged()

    assert (2, ["one", "theirs", "mine"]) == (merged.version, words(merged))
    setting.storage.shut()
    assert (2, ["one", "theirs", "mine"]) == ((again := await setting.merged()).version, words(again))
    setting.open()
    merged = await setting.merged()
    assert (3, ["one", "theirs", "mine"]) == (merged.version, words(merged))
    assert ["one", "theirs", "mine"] == words(setting.book.load("s1"))


async def test_a_save_of_other_work_does_not_hide_unsaved_work(setting: Setting) -> None:
    """A later save of another object succeeds: what was kept is shown on top of it until it is stored."""
    other = await setting.saved("one")
    await setting.unsaved("kept")
    setting.persistence.open()
    say(other, "other")

    assert 2 == (await setting.repository.save(other)).version

    loaded = await setting.repository.load("s1")
    assert loaded is not None
    assert {"one", "other", "kept"} == set(words(loaded))
    assert loaded.version >= 2
    assert () == await setting.repository.flush()
    assert ["one", "other", "kept"] == words(setting.book.load("s1")) == words(await setting.merged())


async def test_a_stale_save_that_fails_takes_memory_nowhere_back(setting: Setting) -> None:
    """Memory knew a newer version before: the unsaved work is shown on top of that, also while storage is down."""
    session = await setting.saved("one")
    stale = session.model_copy()
    say(session, "two")
    await setting.repository.save(session)
    setting.shut()
    say(stale, "kept")

    assert await setting.repository.save_and_cache(stale) is None

    merged = await setting.merged()
    assert (2, ["one", "two", "kept"]) == (merged.version, words(merged))
    setting.open()
    merged = await setting.merged()
    assert (3, ["one", "two", "kept"]) == (merged.version, words(merged))


async def test_unsaved_work_of_a_deleted_session_is_kept_aside(setting: Setting) -> None:
    """Nothing is given, the entry goes, and the work is logged and not lost."""
    await setting.saved("one")
    await setting.unsaved("kept")
    setting.book.delete("s1")

    with capture_logs() as logs:
        assert await setting.repository.load_merged("s1") is None

    assert [("unsaved_work_kept_aside", "warning", "s1")] == [
        (log["event"], log["log_level"], log["session_id"]) for log in logs if log["log_level"] == "warning"
    ]
    assert [["one", "kept"]] == [words(session) for session in setting.repository.kept_aside]
    assert () == setting.repository.unsaved
    assert await setting.repository.load("s1") is None


async def test_deleting_through_the_repository_keeps_unsaved_work_aside(setting: Setting) -> None:
    """Where it could not be saved before; a copy from before the deletion is refused."""
    session = await setting.saved("one")
    await setting.unsaved("kept")

    assert await setting.repository.delete("s1")

    assert [["one", "kept"]] == [words(kept) for kept in setting.repository.kept_aside]
    assert await setting.repository.load_merged("s1") is None
    setting.persistence.open()
    with pytest.raises(SessionDeleted):
        await setting.repository.save(session)


async def test_unsaved_work_on_another_past_is_kept_aside(setting: Setting) -> None:
    """It can never be saved here: storage is given."""
    with ledger.open("sqlite://") as other:
        stranger = Session.new("s1", "gpt-5")
        other.save(stranger)
    await setting.saved("one")
    setting.book.append("s1", Message.user("two"))
    setting.cache.discard("s1")
    say(stranger, "strange")
    setting.persistence.shut()
    assert await setting.repository.save_and_cache(stranger) is None

    with capture_logs() as logs:
        merged = await setting.merged()

    assert ["one", "two"] == words(merged)
    assert "unsaved_work_kept_aside" in events(logs)
    assert [["strange"]] == [words(kept) for kept in setting.repository.kept_aside]


async def test_unsaved_work_is_bounded(setting: Setting) -> None:
    """Beyond the bound a save that fails is an error again; what is kept can still be edited on."""
    bounded = SessionRepository(setting.cache, setting.storage, setting.persistence, max_unsaved=2)
    setting.persistence.shut()
    first, second, third = (Session.new(name, "gpt-5") for name in ("a", "b", "c"))
    for session in (first, second, first):
        assert await bounded.save_and_cache(session) is None

    with pytest.raises(UnsavedWork, match="2 unsaved sessions") as caught:
        await bounded.save_and_cache(third)

    assert ("c", 2) == (caught.value.session_id, caught.value.unsaved)
    assert isinstance(caught.value.__cause__, StorageError)
    setting.persistence.open()
    assert () == await bounded.flush()
    await bounded.save_and_cache(third)
    assert ["a", "b", "c"] == sorted(setting.book.ids())
    await bounded.close()


async def test_unsaved_work_is_not_evicted(setting: Setting) -> None:
    """However small the cache is."""
    small = SessionRepository(SessionCache(max_sessions=1), setting.storage, setting.persistence)
    setting.persistence.shut()
    for name in ("a", "b", "c"):
        await small.save_and_cache(Session.new(name, f"model of {name}"))

    assert ["a", "b", "c"] == sorted(small.unsaved)
    for name in ("a", "b", "c"):
        assert f"model of {name}" == getattr(await small.load(name), "model", None)
    setting.persistence.open()
    await small.close()
    assert ["a", "b", "c"] == sorted(setting.book.ids())


async def test_closing_saves_what_can_be_saved_and_reports_the_rest(setting: Setting) -> None:
    """`flush` names what is left, `close` logs it."""
    await setting.unsaved("one")
    assert ("s1",) == await setting.repository.flush()

    with capture_logs() as logs:
        await setting.repository.close()
    assert [("error", "s1")] == [
        (log["log_level"], log["session_id"]) for log in logs if log["event"] == "unsaved_work_left"
    ]

    setting.persistence.open()
    with capture_logs() as logs:
        async with setting.repository:
            pass
    assert ["unsaved_work_saved"] == events(logs)
    assert ["one"] == words(setting.book.load("s1"))


async def test_a_cancelled_save_and_cache_is_no_unsaved_work(setting: Setting) -> None:
    """It is whole or absent, and the next save of the object finds out which."""
    session = await setting.saved("one")
    say(session, "two")
    saving = asyncio.create_task(setting.repository.save_and_cache(session))
    await asyncio.sleep(0)
    saving.cancel()
    await asyncio.gather(saving, return_exceptions=True)

    await setting.repository.save(session)

    assert ["one", "two"] == words(setting.book.load("s1")) == words(session)
    assert () == setting.repository.unsaved


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


# Loops and ends.


def test_a_repository_goes_on_in_another_event_loop(tmp_path: Path) -> None:
    """What one loop kept, the next one saves; a loop that ends with work to repeat leaves no warning."""
    with ledger.open(URL.format(tmp_path / "ledger.db")) as book:
        door = PersistenceDoor((tiers := book.repository()).persistence)
        repository = SessionRepository(SessionCache(), tiers.storage, door)
        door.shut()

        async def keep(*said: str) -> None:
            session = await repository.load_or_create("s1", "gpt-5")
            say(session, *said)
            assert await repository.save_and_cache(session) is None

        loop = asyncio.new_event_loop()
        loop.run_until_complete(keep("one"))
        loop.close()  # as it is, with whatever waits in it
        asyncio.run(keep("two"))
        door.open()
        asyncio.run(repository.close())

        assert ["one", "two"] == words(book.load("s1"))


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
