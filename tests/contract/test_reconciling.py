"""Memory or storage, where either changes while they are compared, or memory holds what no save has brought there."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from ledger import Message, Session, SessionDeleted
from tests.contract.faces import Book, versions
from tests.contract.outages import Setting, contents


@pytest.fixture
def setting(book: Book) -> Setting:
    """Give a repository over a real ledger, whose tiers can be watched."""
    return Setting.over(book)


async def test_edits_that_were_put_into_the_cache_are_carried_along(setting: Setting) -> None:
    """Also in a copy that came by JSON: its version says from where. Storage is newer, and nothing is lost."""
    session = await setting.book.saved()
    for number, copy in enumerate((session, Session.model_validate_json(session.model_dump_json()))):
        copy.add_message(Message.user(f"edited {number}"))
        setting.cache.discard("s1")
        setting.cache.put(copy)
        await setting.book.append("s1", Message.user(f"theirs {number}"))

        merged = await setting.repository.load_merged("s1")

        stored = await setting.book.load("s1")
        assert [*contents(stored), f"edited {number}"] == contents(merged)
        assert stored.version == (merged.version if merged else 0)


async def test_edits_that_cannot_be_stored_give_way(setting: Setting) -> None:
    """They are kept aside, and storage is given."""
    session = await setting.book.saved()
    session.state["bad"] = float("nan")
    setting.cache.put(session)
    await setting.book.append("s1", Message.user("theirs"))

    merged = await setting.repository.load_merged("s1")

    assert await setting.book.load("s1") == merged == setting.cache.get("s1")
    assert [["bad"]] == [list(aside.state) for aside in setting.repository.kept_aside]


async def test_a_save_that_comes_between_is_no_lagging_storage(setting: Setting) -> None:
    """The head was read before memory went on: it is read again, and nobody is warned."""
    session = await setting.book.saved()
    setting.cache.put(session)

    async def save() -> None:
        head = await setting.reads._behind.head("s1")
        assert head is not None
        await setting.repository.save(session)

    setting.reads.before["head"] = save

    with capture_logs() as logs:
        merged = await setting.repository.load_merged("s1")

    assert 2 == (merged.version if merged else 0)
    assert ["head", "head"] == setting.reads.asked
    assert [] == [log for log in logs if log["log_level"] == "warning"]


async def test_a_question_that_is_answered_while_it_is_recovered_stays_answered(setting: Setting) -> None:
    """Storage has gone on since it was asked; the next merge brings the answer."""
    session = await setting.book.saved()
    session.ask("call_1", "Which?")
    await setting.book.save(session)
    lost = session.model_copy()
    lost.questions.clear()
    setting.cache.put(lost)
    setting.reads.before["load_session"] = lambda: setting.book.answer("s1", "call_1", "this one")

    merged = await setting.repository.load_merged("s1")
    assert {} == (merged.questions if merged else None)

    merged = await setting.repository.load_merged("s1")
    assert ["answered"] == [question.status for question in (merged.questions.values() if merged else ())]


async def test_recovered_questions_stand_in_their_order(setting: Setting) -> None:
    """Among those that memory holds, resolved or not, and those that it asked itself."""
    session = await setting.book.saved()
    for name in "abc":
        session.ask(name, f"{name}?")
    await setting.book.save(session)
    session.answer("b", "yes")
    session.ask("d", "d?")
    del session.questions["a#0"], session.questions["c#0"]
    setting.cache.put(session)

    merged = await setting.repository.load_merged("s1")

    assert merged is not None
    assert ["a#0", "b#0", "c#0", "d#0"] == list(merged.questions)
    assert ["a#0", "c#0", "d#0"] == [question.id for question in merged.pending_questions]
    assert merged == setting.cache.get("s1")


async def test_a_session_that_is_deleted_meanwhile_is_gone(setting: Setting) -> None:
    """The head was one of a living session, the events behind it end with its deletion."""
    session = await setting.book.saved()
    session.add_message(Message.user("edited"))
    setting.cache.put(session)
    await setting.book.append("s1", Message.user("theirs"))
    setting.reads.before["events_after"] = lambda: setting.book.delete("s1")

    assert await setting.repository.load_merged("s1") is None

    assert setting.cache.get("s1") is None
    assert [["edited"]] == [contents(aside) for aside in setting.repository.kept_aside]


async def test_a_second_life_takes_nothing_from_the_first(setting: Setting) -> None:
    """What memory had edited of the first is kept aside."""
    session = await setting.book.saved()
    session.add_message(Message.user("edited"))
    setting.cache.put(session)
    await setting.book.delete("s1")
    again = await setting.book.load_or_create("s1", model="gpt-6")
    await setting.book.save(again)

    merged = await setting.repository.load_merged("s1")

    assert (3, "gpt-6", []) == ((merged.version, merged.model, merged.messages) if merged else None)
    assert [["edited"]] == [contents(aside) for aside in setting.repository.kept_aside]


async def test_a_load_that_a_deletion_overtakes_fills_no_cache(setting: Setting) -> None:
    """Else a deleted session would be served from memory."""
    await setting.book.saved()
    setting.reads.before["load_session"] = lambda: setting.repository.delete("s1")
    await setting.repository.load("s1")
    assert setting.cache.get("s1") is None

    again = await setting.repository.load_or_create("s1", "gpt-5")
    saved = setting.repository.save(again)
    await saved
    assert 3 == getattr(setting.cache.get("s1"), "version", None)


async def test_a_revision_that_is_a_deletion_is_an_error(setting: Setting) -> None:
    """As everywhere; those before it still load."""
    await setting.book.saved()
    await setting.book.delete("s1")

    assert 1 == getattr(await setting.repository.try_load("s1", at=1), "version", None)
    assert await setting.repository.try_load("s1") is None
    with pytest.raises(SessionDeleted):
        await setting.repository.try_load("s1", at=2)


async def test_an_update_with_a_key_is_made_once(setting: Setting) -> None:
    """The call that was made before gives its receipt."""
    await setting.book.saved()

    def add(session: Session) -> None:
        session.add_message(Message.user("added"))

    first = await setting.repository.update("s1", add, key="k")
    again = await setting.repository.update("s1", add, key="k")

    assert first == again
    assert [1, 2] == await versions(setting.book)
    assert ["added"] == contents(await setting.repository.load("s1"))
