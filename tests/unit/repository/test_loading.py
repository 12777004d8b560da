"""Loading through a repository over a plain dictionary: cache, then storage, and the better of two copies."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from ledger import Message, Session, SessionCache, SessionRepository, StorageError
from tests.unit.repository.tiers import DictTiers, StorageDoor, at_version


class Setting:
    """A repository over a dictionary, with a door before it."""

    def __init__(self, *stored: Session) -> None:
        self.tiers = DictTiers(*stored)
        self.door = StorageDoor(self.tiers)
        self.cache = SessionCache()
        self.repository = SessionRepository(self.cache, self.door, self.tiers)


def session(*said: str, version: int = 1) -> Session:
    """Make a session that says these words, at a version."""
    made = Session(id="s1", model="gpt-5", version=version)
    for words in said:
        made.add_message(Message.user(words, id=f"id of {words}"))
    return made


def asking(version: int = 1) -> Session:
    """Make a session that waits for an answer."""
    made = session("Deploy it", version=version)
    made.ask("call_1", "Which environment?", options=["OK"])
    return made


async def test_load_merged_does_not_go_back_to_older_storage() -> None:
    """A newer copy in memory that answered its question is never replaced by an older one that still asks it."""
    setting = Setting(asking(version=1))
    answered = at_version(asking(), 2)
    answered.answer("call_1", "OK")
    setting.cache.put(answered)

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert merged is not None
    assert (2, None) == (merged.version, merged.pending_question)
    cached = setting.cache.get("s1")
    assert cached is not None
    assert (2, None) == (cached.version, cached.pending_question)
    assert [("storage_behind", "warning", 2, 1)] == [
        (log["event"], log["log_level"], log["version"], log["storage"]) for log in logs
    ]


async def test_load_merged_recovers_a_question_that_memory_lost() -> None:
    """At the same version, a question that is pending in storage and nowhere in memory is put back, and said so."""
    setting = Setting(asking(version=1))
    lost = asking(version=1)
    lost.questions.clear()
    setting.cache.put(lost)

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert merged is not None
    assert merged.pending_question is not None
    assert "Which environment?" == merged.pending_question.text
    cached = setting.cache.get("s1")
    assert cached is not None
    assert ["call_1#0"] == [question.id for question in cached.pending_questions]
    assert [("question_recovered", "warning", ["call_1#0"])] == [
        (log["event"], log["log_level"], log["questions"]) for log in logs
    ]


async def test_a_question_that_memory_resolved_is_not_recovered() -> None:
    """It was answered a moment ago, and that is not saved yet."""
    setting = Setting(asking(version=1))
    answered = asking(version=1)
    answered.answer("call_1", "OK")
    setting.cache.put(answered)

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert merged is not None
    assert merged.pending_question is None
    assert [] == logs


async def test_newer_storage_wins_and_fills_the_cache() -> None:
    """What differed is for those who look for a fault."""
    setting = Setting(session("one", "two", version=2))
    setting.cache.put(session("one", version=1))

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert merged is not None
    assert 2 == len(merged.messages)
    cached = setting.cache.get("s1")
    assert cached is not None
    assert 2 == cached.version
    assert [("session_reconciled", "debug", 1, 2)] == [
        (log["event"], log["log_level"], log["memory"], log["storage"]) for log in logs
    ]


async def test_equal_copies_cost_the_head_and_say_nothing() -> None:
    """Memory is given; nothing else is read, and nothing is logged."""
    setting = Setting(asking())
    setting.cache.put(asking())

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert asking().pending_questions == (merged.pending_questions if merged else None)
    assert ["head"] == setting.door.asked
    assert [] == logs


async def test_storage_that_fails_leaves_memory() -> None:
    """Whatever it raises, it is logged; without a copy in memory there is nothing to give."""
    setting = Setting(session("one"))
    setting.door.shut(OSError("no route"))
    with capture_logs() as logs:
        assert await setting.repository.load_merged("s1") is None
    assert ["storage_failed"] == [log["event"] for log in logs]
    setting.cache.put(session("one"))

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert session("one").messages[0].content == (merged.messages[0].content if merged else None)
    assert {"storage_failed"} <= {log["event"] for log in logs}
    assert {"warning"} == {log["log_level"] for log in logs}


async def test_storage_that_forgot_the_session_leaves_memory() -> None:
    """A storage that has nothing is one that has fallen behind."""
    setting = Setting()
    setting.cache.put(session("one"))

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert merged is not None
    assert [("storage_behind", None)] == [(log["event"], log["storage"]) for log in logs]


async def test_storage_that_deleted_the_session_ends_it() -> None:
    """Nothing is given, and the entry goes; so it stays when storage fails afterwards."""
    setting = Setting(session("one"))
    setting.cache.put(session("one"))
    await setting.tiers.delete_session("s1")

    assert await setting.repository.load_merged("s1") is None

    setting.door.shut()
    assert await setting.repository.load_merged("s1") is None


@pytest.mark.parametrize("stored", [True, False])
async def test_load_merged_without_memory_is_storage(*, stored: bool) -> None:
    """It fills the cache with what it finds."""
    setting = Setting(session("one")) if stored else Setting()

    merged = await setting.repository.load_merged("s1")

    assert stored == (merged is not None)
    assert stored == ("s1" in setting.cache)


async def test_load_reads_storage_once_and_fills_the_cache() -> None:
    """What is in the cache is not asked for again, and every load is the caller's own."""
    setting = Setting(session("one"))
    first = await setting.repository.load("s1")
    assert first is not None
    first.messages.clear()

    second = await setting.repository.try_load("s1")

    assert second is not None
    assert 1 == len(second.messages)
    assert ["load_session"] == setting.door.asked


async def test_a_session_that_is_nowhere_is_none() -> None:
    """For either load, and without a word in the log."""
    setting = Setting()

    with capture_logs() as logs:
        assert await setting.repository.load("s1") is None
        assert await setting.repository.try_load("s1") is None
        assert await setting.repository.try_load("s1", at=3) is None

    assert [] == logs


@pytest.mark.parametrize("error", [StorageError("gone"), OSError("gone")])
async def test_load_swallows_what_try_load_raises(error: Exception) -> None:
    """`load` logs it; a cached session serves both while storage is down."""
    setting = Setting(session("one"))
    setting.door.shut(error)

    with capture_logs() as logs:
        assert await setting.repository.load("s1") is None
    assert [("load_failed", "s1")] == [(log["event"], log["session_id"]) for log in logs]
    with pytest.raises(type(error)):
        await setting.repository.try_load("s1")

    setting.cache.put(session("one"))
    with capture_logs() as logs:
        assert await setting.repository.load("s1") is not None
        assert await setting.repository.try_load("s1") is not None
    assert [] == logs


async def test_load_or_create_gives_what_there_is_or_a_fresh_one() -> None:
    """The fresh one is in no tier until it is saved."""
    setting = Setting(session("one"))

    found = await setting.repository.load_or_create("s1", "another model")
    fresh = await setting.repository.load_or_create("s2", "gpt-5")

    assert ("gpt-5", 1) == (found.model, found.version)
    assert ("s2", "gpt-5", 0) == (fresh.id, fresh.model, fresh.version)
    assert "s2" not in setting.cache
    assert "s2" not in setting.tiers.sessions


async def test_load_or_create_does_not_swallow() -> None:
    """A hiccup of storage must not look like an empty conversation."""
    setting = Setting(session("one"))
    setting.door.shut()

    with pytest.raises(StorageError):
        await setting.repository.load_or_create("s1", "gpt-5")


async def test_usage_records_and_deletions_reach_storage() -> None:
    """A deletion forgets the copy in memory, too."""
    setting = Setting(session("one"))
    setting.cache.put(session("one"))
    await setting.repository.append_token_usage_record("s1", '{"total_tokens": 3}')

    assert [("s1", '{"total_tokens": 3}')] == setting.tiers.usage
    assert [True, False] == [await setting.repository.delete("s1"), await setting.repository.delete("s1")]
    assert "s1" not in setting.cache


async def test_it_gives_its_tiers() -> None:
    """The very ones that it was made of."""
    setting = Setting()
    tiers = (setting.repository.cache, setting.repository.storage, setting.repository.persistence)

    assert (setting.cache, setting.door, setting.tiers) == tiers


async def test_saves_pass_their_keywords_on_and_fill_the_cache() -> None:
    """As a runtime saves, and with all that `Ledger.save` takes."""
    setting = Setting()
    made = session("one", version=0)

    receipt = await setting.repository.save(made, writer="ui", key="k")
    await setting.repository.save_runtime_session(made)

    assert [{"writer": "ui", "key": "k"}, {}] == setting.tiers.saved_with
    assert (1, 2) == (receipt.version, made.version)
    assert 2 == getattr(setting.cache.get("s1"), "version", None)
