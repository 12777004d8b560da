"""A repository over forks: the cache, the better of two copies, and unsaved work know them as any session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ledger import Message, Session
from tests.contract.keeping import Setting, events, say, words


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    """Give a setting whose session `s1` was forked, with two messages and an open question, from `parent`."""
    made = Setting(tmp_path / "ledger.db")
    parent = Session.new("parent", "gpt-5")
    say(parent, "one", "two")
    parent.ask("a", "Which?")
    made.book.save(parent)
    made.book.fork("parent", "s1")
    yield made
    made.open()
    await made.repository.close()
    made.book.close()


async def test_a_fork_is_loaded_and_cached(setting: Setting) -> None:
    """From storage once, then from memory, base and all: its next save is not stale."""
    session = await setting.repository.load("s1")
    assert session is not None
    assert session == setting.cached() == await setting.merged() == setting.book.load("s1")
    session.add_message(Message.user("three"))
    receipt = await setting.repository.save(session)

    assert (2, 1) == (receipt.version, receipt.base_version)
    assert session == setting.cached()


async def test_memory_is_caught_up_with_a_fork_that_went_on(setting: Setting) -> None:
    """By the events behind the cached version alone; what was saved in the parent is not among them."""
    await setting.repository.load("s1")
    setting.book.append("s1", Message.user("three", id="id of three"))
    setting.book.append("parent", Message.user("elsewhere"))
    setting.book.answer("s1", "a#0", "this")

    merged = await setting.merged()

    assert ["one", "two", "three"] == words(merged)
    assert merged == setting.book.load("s1") == setting.cached()


async def test_a_past_of_the_parent_is_loaded_past_the_cache(setting: Setting) -> None:
    """A revision from before the fork gives the session that it was, and the cache keeps the fork."""
    await setting.repository.load("s1")
    past = await setting.repository.try_load("s1", at="q:a#0")

    assert past is not None
    assert ("parent", 1) == (past.id, past.version)
    assert "s1" == setting.cached().id
    assert setting.cache.get("parent") is None


async def test_unsaved_work_of_a_fork_is_kept_and_saved(setting: Setting) -> None:
    """While storage fails it is in memory, on top of what others save; then it is in the log, once."""
    await setting.unsaved("mine")
    setting.book.append("s1", Message.user("theirs", id="id of theirs"))
    assert ["one", "two", "theirs", "mine"] == words(await setting.merged())
    setting.open()

    assert () == await setting.repository.flush()
    assert ["one", "two", "theirs", "mine"] == words(setting.book.load("s1"))
    assert [1, 2, 3] == setting.versions()


async def test_work_on_a_new_session_meets_a_fork_of_that_id(tmp_path: Path) -> None:
    """Somebody forked onto the id meanwhile: the work goes on top of what the fork holds, all of it."""
    setting = Setting(tmp_path / "ledger.db")
    parent = Session.new("parent", "gpt-5")
    say(parent, "one", "two")
    parent.ask("a", "Which?")
    setting.book.save(parent)
    await setting.unsaved("mine")
    await setting.unsaved("and this")
    setting.book.fork("parent", "s1")

    with capture_logs() as logs:
        merged = await setting.merged()
    assert ["one", "two", "mine", "and this"] == words(merged)
    assert ["a#0"] == [question.id for question in merged.pending_questions]
    assert "memory_diverged" not in events(logs)

    setting.open()
    assert () == await setting.repository.flush()
    stored = setting.book.load("s1")
    assert sorted(["one", "two", "mine", "and this"]) == sorted(words(stored))
    assert stored.pending_question is not None
    assert stored.forked_from is not None
    await setting.repository.close()
    setting.book.close()


async def test_a_deleted_fork_is_forgotten(setting: Setting) -> None:
    """As any session is: nothing is left in memory, and the parent is untouched."""
    await setting.repository.load("s1")
    setting.book.delete("s1")

    assert await setting.repository.load_merged("s1") is None
    assert setting.cache.get("s1") is None
    assert ["one", "two"] == words(setting.book.load("parent"))
