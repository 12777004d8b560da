"""What `save_and_cache` could not save is kept, shown, and stored once, whoever saves it first."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from ledger import (
    Message,
    Session,
    SessionCache,
    SessionDeleted,
    StorageError,
    UnsavedWork,
    VersionConflict,
)
from ledger.domain.submission import unsettled
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook, versions
from tests.contract.faults import refused_commit, unanswered_commit
from tests.contract.outages import Setting, contents


@pytest.fixture
def setting(book: Book) -> Setting:
    """Give a repository over a real ledger, whose tiers can fail."""
    return Setting.over(book)


async def test_a_failed_save_is_logged_kept_and_shown(setting: Setting) -> None:
    """The caller goes on; what it saved is what every load gives; nothing of it is in storage."""
    session = await setting.book.saved()

    with capture_logs() as logs:
        await setting.kept(session)

    assert [("save_failed", "warning", "s1", 1)] == [
        (log["event"], log["log_level"], log["session_id"], log["version"]) for log in logs
    ]
    assert ("s1",) == setting.repository.unsaved
    assert ["kept"] == contents(await setting.repository.load("s1"))
    assert ["kept"] == contents(await setting.repository.load_merged("s1"))
    assert [] == contents(await setting.book.load("s1"))


async def test_the_repository_stores_it_when_storage_is_back(setting: Setting) -> None:
    """The next use of the session is enough, and then it is an ordinary cached session."""
    session = await setting.kept(await setting.book.saved())
    setting.writes.down = False

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert (2, ["kept"]) == (merged.version if merged else 0, contents(merged))
    assert await setting.book.load("s1") == merged
    assert () == setting.repository.unsaved
    assert ["unsaved_work_saved"] == [log["event"] for log in logs if log["log_level"] == "info"]
    assert contents(session) == ["kept"]


async def test_the_callers_save_and_the_repositorys_are_one_event(setting: Setting) -> None:
    """Whoever comes first: the other finds the event by its id, and is brought to the head."""
    session = await setting.kept(await setting.book.saved())
    copy = await setting.repository.load("s1")
    assert copy is not None
    setting.writes.down = False
    await setting.repository.flush()

    mine = await setting.repository.save(session)
    theirs = await setting.book.save(copy)

    assert [1, 2] == await versions(setting.book)
    assert mine == theirs
    assert (2, 2) == (session.version, copy.version)


async def test_the_callers_save_comes_first(setting: Setting) -> None:
    """Then the repository has nothing left to do, and adds no event."""
    session = await setting.kept(await setting.book.saved())
    copy = await setting.repository.load("s1")
    assert copy is not None
    setting.writes.down = False

    await setting.book.save(copy)
    await setting.repository.save(session)

    assert () == await setting.repository.flush()
    assert [1, 2] == await versions(setting.book)


async def test_a_save_that_was_stored_though_it_failed_is_found(setting: Setting) -> None:
    """The reply was lost: retrying it in any way adds nothing."""
    session = await setting.book.saved()
    session.state["log"] = ["a"]
    with unanswered_commit(setting.book):
        assert await setting.repository.save_and_cache(session) is None
    session.state["log"].append("b")
    setting.writes.down = True
    assert await setting.repository.save_and_cache(session) is None
    setting.writes.down = False

    assert () == await setting.repository.flush()

    assert [1, 2, 3] == await versions(setting.book)
    assert ["a", "b"] == (await setting.book.load("s1")).state["log"]
    receipt = await setting.repository.save(session)
    assert (3, ["a", "b"]) == (receipt.version, session.state["log"])


async def test_the_caller_saves_more_on_top_of_a_save_that_was_stored_though_it_failed(setting: Setting) -> None:
    """Before the repository came to it: what was stored is not stored again, what was kept since is."""
    session = await setting.book.saved()
    session.state["log"] = ["a"]
    with unanswered_commit(setting.book):
        await setting.repository.save_and_cache(session)
    setting.writes.down = True
    for value in ("b", "c"):
        session.state["log"].append(value)
        await setting.repository.save_and_cache(session)
    session.state["log"].append("d")
    setting.writes.down = False

    await setting.repository.save(session)

    assert () == await setting.repository.flush()
    assert [1, 2, 3] == await versions(setting.book)
    assert list("abcd") == (await setting.book.load("s1")).state["log"]


async def test_each_failed_save_is_an_event_of_its_own(setting: Setting) -> None:
    """Who saved what is as clear as if storage had been there: the writers are kept, and nothing is stored twice."""
    session = await setting.book.saved()
    setting.writes.down = True
    session.state["log"] = ["one"]
    await setting.repository.save_and_cache(session, writer="first")
    session.state["log"].append("two")
    await setting.repository.save_and_cache(session, writer="second")
    await setting.repository.save_and_cache(session, writer="second")
    setting.writes.down = False

    await setting.repository.flush()

    events = await setting.book.history("s1")
    assert ["support-bot", "first", "second"] == [event.writer for event in events]
    assert ["one", "two"] == (await setting.book.load("s1")).state["log"]
    assert await setting.repository.load("s1") == await setting.book.load("s1")
    await setting.repository.save(session)
    assert [1, 2, 3] == await versions(setting.book)


async def test_work_of_several_callers_is_kept_together(setting: Setting) -> None:
    """One took up what was kept, one goes on from its own copy, one never knew of it: nothing of anyone is lost."""
    mine = await setting.book.saved()
    stranger = await setting.book.load("s1")
    await setting.kept(mine, "mine")
    follower = await setting.repository.load("s1")
    assert follower is not None
    await setting.kept(follower, "follower's")
    await setting.kept(mine, "mine again")
    stranger.ask("call_1", "Which?")
    await setting.kept(stranger, "stranger's")
    everything = ["mine", "follower's", "mine again", "stranger's"]

    shown = await setting.repository.load_merged("s1")
    assert everything == contents(shown)
    assert ["call_1#0"] == [question.id for question in (shown.pending_questions if shown else [])]
    setting.writes.down = False
    await setting.repository.flush()

    assert everything == contents(await setting.book.load("s1"))
    assert [1, 2, 3, 4, 5] == await versions(setting.book)
    for session in (mine, follower, stranger):
        await setting.repository.save(session)
        assert await setting.book.load("s1") == session
    assert [1, 2, 3, 4, 5] == await versions(setting.book)


async def test_edits_after_a_failed_save_are_the_callers(setting: Setting) -> None:
    """They are not stored by the repository, and go out with the caller's next save, as an event of their own."""
    session = await setting.kept(await setting.book.saved())
    session.add_message(Message.user("later"))
    setting.writes.down = False
    await setting.repository.flush()
    assert ["kept"] == contents(await setting.book.load("s1"))

    await setting.repository.save(session)

    assert ["kept", "later"] == contents(await setting.book.load("s1"))
    assert [1, 2, 3] == await versions(setting.book)


async def test_a_copy_that_failed_to_be_saved_elsewhere_loses_nothing(setting: Setting) -> None:
    """The kept save's id stands for what is kept, not for what a copy tried to store under it."""
    await setting.kept(await setting.book.saved())
    copy = await setting.repository.load("s1")
    assert copy is not None
    copy.add_message(Message.user("more"))
    with refused_commit(setting.book), pytest.raises(StorageError):
        await setting.book.save(copy)
    setting.writes.down = False
    await setting.repository.flush()

    await setting.book.save(copy)

    assert ["kept", "more"] == contents(await setting.book.load("s1"))
    assert [1, 2, 3] == await versions(setting.book)


async def test_a_plain_save_that_fails_beside_kept_work_loses_nothing(setting: Setting) -> None:
    """Whatever fails in between, each edit is stored once."""
    session = await setting.book.saved()
    session.state["log"] = ["kept"]
    setting.writes.down = True
    await setting.repository.save_and_cache(session)
    setting.writes.down = False
    session.state["log"].append("tried")
    with refused_commit(setting.book), pytest.raises(StorageError):
        await setting.repository.save(session)
    await setting.repository.flush()
    session.state["log"].append("more")

    await setting.repository.save(session)

    assert ["kept", "tried", "more"] == (await setting.book.load("s1")).state["log"]
    assert [1, 2, 3] == await versions(setting.book)


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


async def test_unsaved_work_is_bounded(book: Book) -> None:
    """Beyond the bound the caller is told, keeps its work, and can go on with sessions that are kept already."""
    setting = Setting.over(book, max_unsaved=2)
    for name in ("s1", "s2"):
        await setting.kept(await book.saved(name))
    third = await book.saved("s3")
    third.add_message(Message.user("too much"))

    with pytest.raises(UnsavedWork) as caught:
        await setting.repository.save_and_cache(third)

    assert ("s3", 2) == (caught.value.session_id, caught.value.unsaved)
    assert isinstance(caught.value.__cause__, StorageError)
    assert (["too much"], None) == (contents(third), unsettled(third))
    session = await setting.repository.load("s1")
    assert session is not None
    await setting.kept(session, "more")
    setting.writes.down = False
    await setting.repository.flush()
    await setting.repository.save_and_cache(third)
    assert ["kept", "more"] == contents(await book.load("s1"))
    assert ["too much"] == contents(await book.load("s3"))


async def test_a_long_outage_keeps_everything_in_bounded_memory(setting: Setting) -> None:
    """Beyond some saves of one session the newest stands for the one before it, which it holds."""
    session = await setting.book.saved()
    session.state["log"] = []
    for number in range(50):
        session.state["log"].append(number)
        await setting.kept(session, str(number))
    setting.writes.down = False

    assert () == await setting.repository.flush()

    stored = await setting.book.load("s1")
    assert [str(number) for number in range(50)] == contents(stored)
    assert list(range(50)) == stored.state["log"]
    assert 1 + 32 == len(await versions(setting.book))
    await setting.repository.save(session)
    assert await setting.book.load("s1") == session
    assert 1 + 32 == len(await versions(setting.book))


async def test_unsaved_work_is_never_evicted(book: Book) -> None:
    """Whatever the cache's bounds: other sessions go, and a newer copy does not take its place."""
    setting = Setting.over(book, SessionCache(max_sessions=1))
    session = await setting.kept(await book.saved())
    newer = await book.load("s1")
    await book.save(newer)
    setting.cache.put(newer)
    setting.cache.put(await book.saved("s2"))

    assert contents(session) == contents(await setting.repository.load("s1"))
    setting.cache.discard("s1")
    setting.writes.down = False
    await setting.repository.flush()
    assert ["kept"] == contents(await book.load("s1"))


@on_durable
async def test_work_on_a_base_that_storage_lost_is_kept_aside(open_book: OpenBook, url: str, tmp_path: object) -> None:
    """A backup was restored: its past is another one. Memory does not go back; the work is there to be looked at."""
    book, backup = await open_book(), await open_book(url=f"{url}-backup")
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
    del tmp_path


async def test_it_is_retried_in_the_background(setting: Setting) -> None:
    """Nobody has to come back for it."""
    setting.repository._unsaved._pause = setting.repository._unsaved._first_pause = 0.001
    await setting.kept(await setting.book.saved())
    tries = setting.writes.tries
    while setting.writes.tries < tries + 2:
        setting.writes.tried.clear()
        await setting.writes.tried.wait()
    setting.writes.down = False
    while setting.repository.unsaved:
        setting.writes.tried.clear()
        await setting.writes.tried.wait()
        await asyncio.gather(*setting.repository._unsaved._settling.values())

    assert ["kept"] == contents(await setting.book.load("s1"))
    await setting.repository.close()


async def test_closing_saves_what_it_can_and_names_the_rest(setting: Setting) -> None:
    """Nothing runs in the background afterwards."""
    await setting.kept(await setting.book.saved("s1"))
    await setting.kept(await setting.book.saved("s2"))
    setting.writes.down = False
    await setting.repository.close()
    assert ["kept"] == contents(await setting.book.load("s2"))
    await setting.kept(await setting.book.load("s1"), "left")

    with capture_logs() as logs:
        await setting.repository.close()

    assert [("unsaved_work_left", "error", "s1", 2)] == [
        (log["event"], log["log_level"], log["session_id"], log["version"])
        for log in logs
        if log["log_level"] == "error"
    ]
    assert None is setting.repository._unsaved._timer
    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_a_cancelled_wait_leaves_the_retry_to_the_others(setting: Setting) -> None:
    """Whoever gave up waiting stops nobody else's work from being saved, once."""
    await setting.kept(await setting.book.saved())
    setting.writes.down = False
    waiting = asyncio.create_task(setting.repository.load_merged("s1"))
    other = asyncio.create_task(setting.repository.load_merged("s1"))
    await asyncio.sleep(0)
    waiting.cancel()

    assert ["kept"] == contents(await other)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [1, 2] == await versions(setting.book)


async def test_only_a_storage_error_is_swallowed(setting: Setting) -> None:
    """What can never be saved is the caller's to mend; nothing is kept."""
    session = await setting.book.saved()
    session.state["bad"] = float("nan")
    with pytest.raises(ValueError, match="/state/bad"):
        await setting.repository.save_and_cache(session)
    session.state.clear()
    setting.writes.down, setting.writes.error = True, RuntimeError("a bug")
    with pytest.raises(RuntimeError):
        await setting.repository.save_and_cache(session)

    assert () == setting.repository.unsaved
