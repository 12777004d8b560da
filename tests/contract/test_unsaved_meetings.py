"""Unsaved work meets what others did meanwhile: saved, created, deleted, or replaced by another past."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ledger import (
    Message,
    Session,
    SessionDeleted,
    VersionConflict,
)
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook, versions
from tests.contract.outages import Setting, contents


@pytest.fixture
def setting(book: Book) -> Setting:
    """Give a repository over a real ledger, whose tiers can fail."""
    return Setting.over(book)


async def test_it_is_shown_on_top_of_what_others_saved(setting: Setting) -> None:
    """While storage can be read and not written: the unsaved work on top of the head, where a person's title stands."""
    session = await setting.book.saved()
    session.title = "the agent's"
    await setting.kept(session)
    theirs = await setting.book.load("s1")
    theirs.title = "a person's"
    theirs.add_message(Message.user("theirs"))
    await setting.book.save(theirs, writer="ui", authority="user")

    shown = await setting.repository.load_merged("s1")

    assert shown is not None
    assert (2, "a person's", ["theirs", "kept"]) == (shown.version, shown.title, contents(shown))
    setting.reads.down = True
    assert shown == await setting.repository.load_merged("s1")
    assert shown == await setting.repository.load("s1")
    setting.reads.down = setting.writes.down = False
    shown.add_message(Message.user("more"))
    await setting.repository.save(shown)
    assert ["theirs", "kept", "more"] == contents(await setting.book.load("s1"))
    assert () == setting.repository.unsaved
    assert [1, 2, 3] == await versions(setting.book)


async def test_the_log_records_from_which_base_it_came(setting: Setting) -> None:
    """A retry is the save that was called: its base is the version that its writer knew."""
    session = await setting.book.saved()
    setting.writes.down = True
    session.title = "the agent's"
    await setting.repository.save_and_cache(session, writer="agent")
    await setting.book.update("s1", lambda s: setattr(s, "title", "a person's"), writer="ui", authority="user")
    await setting.repository.load_merged("s1")
    setting.writes.down = False
    await setting.repository.flush()

    event = (await setting.book.history("s1"))[-1]
    assert (3, 1, "agent") == (event.version, event.base_version, event.writer)
    assert ["change_overruled"] == [change.type for change in event.changes]
    assert "a person's" == (await setting.book.load("s1")).title


async def test_a_session_that_never_reached_storage_is_kept_too(setting: Setting) -> None:
    """It is loaded and merged from memory alone, without a warning, and created when storage is back."""
    fresh = await setting.repository.load_or_create("s1", "gpt-5")
    await setting.kept(fresh, "one")
    await setting.kept(fresh, "two")

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert (0, ["one", "two"]) == (merged.version if merged else -1, contents(merged))
    assert ["retry_failed"] == [log["event"] for log in logs]
    setting.writes.down = False
    await setting.repository.flush()
    assert ["one", "two"] == contents(await setting.book.load("s1"))
    assert [1, 2] == await versions(setting.book)


async def test_a_new_session_meets_one_that_others_created(setting: Setting) -> None:
    """It is a very stale writer: what was added to it is rebased on what there is."""
    fresh = await setting.repository.load_or_create("s1", "gpt-5")
    await setting.kept(fresh, "one")
    await setting.kept(fresh, "two")
    await setting.book.saved(title="theirs")

    shown = await setting.repository.load_merged("s1")

    assert shown is not None
    assert (1, "theirs", ["one", "two"]) == (shown.version, shown.title, contents(shown))
    setting.writes.down = False
    assert () == await setting.repository.flush()
    assert ["one", "two"] == contents(await setting.book.load("s1"))
    assert [1, 2, 3] == await versions(setting.book)


async def test_a_copy_from_json_is_kept(setting: Setting) -> None:
    """It says its version, and the log has its base."""
    await setting.book.saved()
    session = Session.model_validate_json((await setting.book.load("s1")).model_dump_json())
    await setting.kept(session, "one")
    await setting.book.append("s1", Message.user("theirs"))
    assert ["theirs", "one"] == contents(await setting.repository.load_merged("s1"))
    setting.writes.down = False

    await setting.repository.flush()

    assert ["theirs", "one"] == contents(await setting.book.load("s1"))


async def test_unsaved_work_of_a_deleted_session_is_kept_aside(setting: Setting) -> None:
    """Nothing is loaded, the entry goes, and what was not saved is still there for whoever wants it."""
    await setting.kept(await setting.book.saved())
    await setting.book.delete("s1")

    with capture_logs() as logs:
        assert await setting.repository.load_merged("s1") is None

    assert [("unsaved_work_kept_aside", "warning")] == [
        (log["event"], log["log_level"]) for log in logs if log["log_level"] != "debug"
    ]
    assert (None, (), 0) == (setting.cache.get("s1"), setting.repository.unsaved, len(setting.cache))
    (aside,) = setting.repository.kept_aside
    assert ["kept"] == contents(aside)
    with pytest.raises(SessionDeleted):
        await setting.book.save(aside)


async def test_a_retry_that_is_refused_is_kept_aside(setting: Setting) -> None:
    """It can never be stored as it is; memory goes back to what it was made from, and nothing waits for it."""
    session = await setting.book.saved()
    session.add_message(Message.user("only on 1"))
    setting.writes.down = True
    await setting.repository.save_and_cache(session, expected_version=1)
    await setting.book.append("s1", Message.user("theirs"))
    setting.writes.down = False

    merged = await setting.repository.load_merged("s1")

    assert ["theirs"] == contents(merged)
    assert ["only on 1"] == contents(setting.repository.kept_aside[0])
    assert () == setting.repository.unsaved
    with pytest.raises(VersionConflict):
        await setting.repository.save(session, expected_version=1)


async def test_deleting_saves_what_is_unsaved_first(setting: Setting) -> None:
    """So its history is whole, and nothing has to be kept aside."""
    await setting.kept(await setting.book.saved())
    setting.writes.down = False

    assert await setting.repository.delete("s1", reason="done", writer="ui")

    events = await setting.book.history("s1")
    assert [("saved", "support-bot"), ("saved", "support-bot"), ("deleted", "ui")] == [
        (event.kind, event.writer) for event in events
    ]
    assert ((), None) == (setting.repository.kept_aside, await setting.repository.load("s1"))


async def test_deleting_what_cannot_be_saved_keeps_it_aside(setting: Setting) -> None:
    """The deletion stands; the work is not lost."""
    await setting.kept(await setting.book.saved())

    assert await setting.repository.delete("s1")

    assert ["kept"] == contents(setting.repository.kept_aside[0])
    assert () == setting.repository.unsaved
    assert None is await setting.repository.load_merged("s1")


@on_durable
async def test_work_on_a_base_that_storage_lost_is_kept_aside(open_book: OpenBook, tmp_path: Path) -> None:
    """A backup was restored: its past is another one. Memory does not go back; the work is there to be looked at."""
    book, backup = await open_book(), await open_book(url=f"sqlite:///{tmp_path / 'backup.db'}")
    setting = Setting.over(book)
    session = await book.saved()
    await book.save(session)
    await setting.kept(session)
    await backup.saved()
    whole = backup.face.repository()
    setting.writes._behind, setting.reads._behind = whole.persistence, whole.storage
    setting.writes.down = False

    merged = await setting.repository.load_merged("s1")

    assert (2, []) == (merged.version if merged else 0, contents(merged))
    assert ["kept"] == contents(setting.repository.kept_aside[0])


async def test_work_from_a_newer_version_than_what_is_kept(setting: Setting) -> None:
    """What was kept before is shown on top of that version, and each save is made from its own base."""
    session = await setting.kept(await setting.book.saved(), "old")
    await setting.book.append("s1", Message.user("theirs"))
    newer = await setting.book.load("s1")
    await setting.kept(newer, "new")

    shown = await setting.repository.load("s1")
    assert (2, ["theirs", "old", "new"]) == (shown.version if shown else 0, contents(shown))
    setting.writes.down = False
    await setting.repository.flush()

    assert ["theirs", "old", "new"] == contents(await setting.book.load("s1"))
    for mine in (session, newer):
        await setting.repository.save(mine)
    assert [1, 2, 3, 4] == await versions(setting.book)


async def test_strangers_without_a_base(setting: Setting) -> None:
    """A copy from JSON joins at the version that is kept; one of another version is kept too, and shown when saved."""
    session = await setting.book.saved()
    same = Session.model_validate_json(session.model_dump_json())
    await setting.book.save(session)
    other = Session.model_validate_json(session.model_dump_json())
    await setting.kept(await setting.book.load("s1", at=1), "kept")
    await setting.kept(same, "same")
    await setting.kept(other, "other")
    assert {"kept", "same"} == set(contents(await setting.repository.load("s1")))
    setting.writes.down = False

    assert () == await setting.repository.flush()

    assert ["kept", "same", "other"] == contents(await setting.book.load("s1"))
    assert await setting.book.load("s1") == await setting.repository.load("s1")


async def test_work_on_a_former_life_does_not_hold_up_work_on_the_present_one(setting: Setting) -> None:
    """It is not shown, and kept aside when it is refused; the other is stored."""
    await setting.kept(await setting.book.saved(), "former")
    await setting.book.delete("s1")
    again = await setting.book.load_or_create("s1", model="gpt-5")
    await setting.book.save(again)
    await setting.kept(again, "present")
    assert ["present"] == contents(await setting.repository.load("s1"))
    setting.writes.down = False

    assert () == await setting.repository.flush()

    assert [["former"]] == [contents(session) for session in setting.repository.kept_aside]
    assert ["present"] == contents(await setting.book.load("s1")) == contents(await setting.repository.load("s1"))


async def test_one_of_two_callers_saves_first_what_both_had_kept(setting: Setting) -> None:
    """A copy that shows both is never taken for stored because one of them is."""
    first, second = await setting.book.saved(), await setting.book.load("s1")
    await setting.kept(first, "first")
    await setting.kept(second, "second")
    shown = setting.cache.get("s1")
    assert shown is not None
    copies = [shown, shown.model_copy()]
    setting.writes.down = False

    await setting.repository.save(second)
    assert {"first", "second"} == set(contents(await setting.repository.load("s1")))
    await setting.book.save(copies[0])
    await setting.repository.save(copies[1])
    await setting.repository.save(first)

    assert () == await setting.repository.flush()
    assert ["first", "second"] == sorted(contents(await setting.book.load("s1")))
    for session in (first, second, *copies):
        await setting.repository.save(session)
        assert await setting.book.load("s1") == session


async def test_a_copy_that_shows_the_work_of_two_callers_waits_for_both(setting: Setting) -> None:
    """Each is an event of its own, under its writer's name, before what was edited on top of them."""
    first = await setting.book.saved()
    first.state["log"] = []
    await setting.book.save(first)
    second = await setting.book.load("s1")
    setting.writes.down = True
    for session, writer in ((first, "first"), (second, "second")):
        session.state["log"].append(writer)
        await setting.repository.save_and_cache(session, writer=writer)
    copy = await setting.repository.load("s1")
    assert copy is not None
    copy.state["log"].append("third")
    setting.writes.down = False

    await setting.repository.save(copy, writer="third")

    assert ["first", "second", "third"] == [event.writer for event in await setting.book.history("s1")][2:]
    assert ["first", "second", "third"] == (await setting.book.load("s1")).state["log"]
    for session in (first, second):
        await setting.repository.save(session)
    assert [1, 2, 3, 4, 5] == await versions(setting.book)
