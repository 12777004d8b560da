"""A repository over a real ledger that fails at times: what could not be saved is kept, shown and stored once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

import ledger
from ledger import (
    Message,
    Session,
    SessionCache,
    SessionDeleted,
    SessionRepository,
    StorageError,
    UnsavedWork,
)
from tests.contract.faces import Book
from tests.contract.faults import refused_commit, unanswered_commit
from tests.contract.keeping import URL, Setting, events, say, words
from tests.unit.repository.tiers import PersistenceDoor


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    """Give a setting, and close it in the end."""
    made = Setting(tmp_path / "ledger.db")
    yield made
    made.open()
    await made.repository.close()
    made.book.close()


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
