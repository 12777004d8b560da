"""What `save_and_cache` could not save is kept, shown, and stored once, whoever saves it first."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from ledger import Message, SessionCache, StorageError, UnsavedWork
from ledger.domain.submission import unsettled
from tests.contract.faces import Book, versions
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


async def test_a_copy_that_holds_several_kept_saves_is_saved_past_the_repository(setting: Setting) -> None:
    """What it brought into the log is not stored again, save by save."""
    session = await setting.book.saved()
    setting.writes.down = True
    for name in ("one", "two"):
        session.state.setdefault("log", []).append(name)
        await setting.repository.save_and_cache(session)
    copy = await setting.repository.load("s1")
    setting.writes.down = False
    await setting.book.save(copy)

    assert () == await setting.repository.flush()

    assert [1, 2] == await versions(setting.book)
    assert ["one", "two"] == (await setting.book.load("s1")).state["log"]
    assert await setting.book.load("s1") == await setting.repository.load("s1")


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


async def test_whatever_a_retry_meets_the_work_is_not_lost(setting: Setting) -> None:
    """A persistence that breaks in its own way is told of, and tried again."""
    await setting.kept(await setting.book.saved())
    for error in (RuntimeError("a bug"), OSError("no route")):
        setting.writes.error = error
        with capture_logs() as logs:
            assert ("s1",) == await setting.repository.flush()
        told = "retry_broke" if isinstance(error, RuntimeError) else "retry_failed"
        assert [told] == [log["event"] for log in logs]
    setting.writes.down = False

    assert () == await setting.repository.flush()
    assert ["kept"] == contents(await setting.book.load("s1"))


async def test_a_save_that_fails_after_one_that_was_under_way_was_stored(setting: Setting) -> None:
    """What is kept stands on the other, and nothing of either is stored twice."""
    session = await setting.book.saved()
    session.state["log"] = ["one"]
    first = asyncio.create_task(setting.repository.save(session))
    await asyncio.sleep(0)
    session.state["log"].append("two")
    setting.writes.after, setting.writes.down = first, True
    assert await setting.repository.save_and_cache(session) is None
    setting.writes.after, setting.writes.down = None, False

    await setting.repository.flush()
    await setting.repository.save(session)

    assert [1, 2, 3] == await versions(setting.book)
    assert ["one", "two"] == session.state["log"] == (await setting.book.load("s1")).state["log"]
