"""`LedgerSession` keeps what the OpenAI Agents SDK hands it, and every call of it is one save."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from agents.items import TResponseInputItem
from agents.memory import SessionSettings, SQLiteSession

import ledger
from ledger import InvalidSession, Ledger, Message, ToolCall
from ledger.adapters.openai_agents import LedgerSession
from tests.adapters.openai_scripted import DELETE, WHERE, OpenSession, interrupted
from tests.contract.backends import on_durable
from tests.unit.adapters.openai_samples import LONG, SAMPLES

Items = list[TResponseInputItem]


def items(*given_items: Any) -> Items:
    """Take items for what a type checker wants of them."""
    return cast("Items", list(given_items))


def texts_of(given_items: Any) -> list[str]:
    """Give what items say."""
    return [item["content"] for item in given_items]


def said(*texts: str) -> Items:
    """Make items of a person."""
    return items(*({"role": "user", "content": text} for text in texts))


pytestmark = on_durable


@pytest.fixture
def book(url: str) -> Iterator[Ledger]:
    """Give an open ledger on the test's database, whose writer is a person's UI."""
    with ledger.open(url, writer="ui") as opened:
        yield opened


async def test_items_come_back_as_they_went_in(session: LedgerSession, open_session: OpenSession) -> None:
    """Of every type, in order, also through another object; and every provider's item may have the same id."""
    await session.add_items(items(*SAMPLES))
    await session.add_items(items(*SAMPLES))

    for each in (session, open_session()):
        assert json.dumps(SAMPLES * 2) == json.dumps(await each.get_items())


async def test_a_long_text_is_stored_once(session: LedgerSession, book: Ledger) -> None:
    """In the message's own field, and not in its native as well; so says what the database holds."""
    await session.add_items(items(SAMPLES[0], SAMPLES[5], SAMPLES[9], SAMPLES[7]))
    with book._database.read() as connection:
        (payload,) = [str(text) for (text,) in connection.exec_driver_sql("SELECT body FROM payloads")]

    assert 4 == payload.count(LONG)


async def test_one_call_is_one_save(session: LedgerSession, book: Ledger) -> None:
    """Added, taken off, cleared: each is an event of its own, by a writer with the framework's name."""
    await session.add_items(said("one", "two", "three"))
    await session.pop_item()
    await session.clear_session()

    assert [1, 2, 3] == [event.version for event in book.history("s1")]
    assert {"openai-agents"} == {event.writer for event in book.history("s1")}


async def test_nothing_to_do_is_no_save(session: LedgerSession, book: Ledger) -> None:
    """No items, nothing to take off, nothing to clear."""
    await session.add_items([])
    await session.clear_session()

    assert await session.pop_item() is None
    assert [] == await session.get_items()
    assert book.head("s1") is None


@pytest.mark.parametrize("limit", [None, 0, 1, 2, 3, 4, 10**12, -1])
async def test_a_limit_gives_what_the_frameworks_own_gives(
    session: LedgerSession, limit: int | None, tmp_path: Path
) -> None:
    """The latest so many, in order."""
    theirs = SQLiteSession("s1", tmp_path / "theirs.db")
    for each in (session, theirs):
        await each.add_items(said("one", "two", "three"))

    assert await theirs.get_items(limit) == await session.get_items(limit)
    theirs.close()


@pytest.mark.parametrize("settings", [SessionSettings(limit=2), {"limit": 2}])
async def test_settings_limit_what_is_given(open_session: OpenSession, settings: Any) -> None:
    """Unless the call says how many."""
    session = open_session(session_settings=settings)
    await session.add_items(said("one", "two", "three"))

    assert said("two", "three") == await session.get_items()
    assert said("three") == await session.get_items(1)
    assert SessionSettings(limit=2) == session.session_settings
    assert SessionSettings() == open_session().session_settings


async def test_what_is_taken_off_is_in_the_version_before(session: LedgerSession, book: Ledger) -> None:
    """A removal is recorded, and deletes nothing."""
    await session.add_items(said("one", "two"))

    assert said("two")[0] == await session.pop_item()
    assert said("one") == await session.get_items()
    assert ["one", "two"] == [message.content for message in book.load("s1", at=1).messages]
    assert ["message_removed"] == [change.type for change in list(book.history("s1"))[-1].changes]


async def test_two_never_take_off_the_same(open_session: OpenSession) -> None:
    """As many as there are, each once, whoever is at it."""
    await open_session().add_items(said(*"abcdefgh"))
    taken = await asyncio.gather(*(open_session().pop_item() for _ in range(10)))

    assert sorted("abcdefgh") == sorted(texts_of(filter(None, taken)))
    assert 2 == taken.count(None)


async def test_a_cleared_session_goes_on(session: LedgerSession, open_session: OpenSession, book: Ledger) -> None:
    """Its history still loads, what is pending is withdrawn, and what is added next is all there is."""
    await session.add_items(items(SAMPLES[0], SAMPLES[6]))
    book.update("s1", lambda it: setattr(it, "title", "Deployment"))
    await session.clear_session()
    await open_session().add_items(said("anew"))

    assert said("anew") == await session.get_items()
    assert "Deployment" == book.load("s1").title
    assert 2 == len(book.load("s1", at=1).messages)
    assert [("withdrawn", "the session was cleared")] == [(each.status, each.reason) for each in book.questions("s1")]


async def test_a_session_that_was_deleted_begins_anew(session: LedgerSession, book: Ledger) -> None:
    """A deletion in the ledger is a session without items here."""
    await session.add_items(said("one"))
    book.delete("s1")

    assert [] == await session.get_items()
    assert await session.pop_item() is None
    await session.clear_session()
    await session.add_items(said("anew"))

    assert said("anew") == await session.get_items()
    assert 3 == book.load("s1").version


async def test_what_others_save_is_seen(session: LedgerSession, open_session: OpenSession, book: Ledger) -> None:
    """Through another object of the same session, and through the ledger itself."""
    await session.add_items(said("one"))
    await open_session().add_items(said("two"))
    book.append("s1", Message.user("three"))

    assert [*said("one", "two"), {"role": "user", "content": "three"}] == await session.get_items()


async def test_what_did_not_come_from_here_counts_as_its_items(session: LedgerSession, book: Ledger) -> None:
    """A limit counts items, and a message may be several."""
    await session.add_items(said("one"))
    book.append(
        "s1", Message.assistant("two", tool_calls=[ToolCall(id="a", name="tool"), ToolCall(id="b", name="tool")])
    )

    assert [4, 3, 2, 1] == [len(await session.get_items(limit)) for limit in (9, 3, 2, 1)]
    assert "b" == cast("Any", await session.pop_item())["call_id"]
    assert said("one") == await session.get_items()


async def test_a_message_that_was_revised_without_its_item_says_what_it_says_now(
    session: LedgerSession, book: Ledger
) -> None:
    """Who corrects a message for the agent leaves the item away that it came as."""
    await session.add_items(said("Deploy to prod"))
    correction = {"content": "Deploy to staging", "native": None}
    book.update("s1", lambda it: it.messages.append(it.messages.pop().model_copy(update=correction)))

    assert said("Deploy to staging") == [
        {"role": item["role"], "content": item["content"]} for item in cast("Any", await session.get_items())
    ]


async def test_many_at_once_lose_nothing(open_session: OpenSession) -> None:
    """Batches stay whole, and each one's stand in its order."""
    sessions = [open_session() for _ in range(4)]

    async def add(number: int) -> None:
        for turn in range(5):
            await sessions[number].add_items(said(f"{number} {turn} a", f"{number} {turn} b"))

    await asyncio.gather(*map(add, range(4)))
    texts = texts_of(await sessions[0].get_items())

    assert 40 == len(texts)
    assert all(first[:-1] == second[:-1] for first, second in zip(texts[::2], texts[1::2], strict=True))
    for number in range(4):
        assert [f"{number} {turn} a" for turn in range(5)] == [t for t in texts[::2] if t.startswith(str(number))]


@pytest.mark.parametrize(
    "session_id",
    ["a/b//c", "two words", 'it\'s "quoted"', "x" * 1000, "😀 é", "..", "%2F?#&", "a@1", "'; DROP TABLE events; --"],
    ids=range(9),
)
async def test_any_text_is_an_id(open_session: OpenSession, session_id: str) -> None:
    """It is text, and nothing is made of it."""
    session = open_session(session_id)
    await session.add_items(said("hello"))

    assert said("hello") == await session.get_items()
    assert session_id == session.session_id
    assert [] == await open_session(session_id + " ").get_items()


@pytest.mark.parametrize("value", [b"bytes", datetime(2026, 1, 1, tzinfo=UTC), SessionSettings(), {1}, float("nan")])
async def test_what_is_no_json_is_refused_with_its_place(session: LedgerSession, book: Ledger, value: Any) -> None:
    """Nothing of the call is stored then."""
    with pytest.raises(InvalidSession) as refused:
        await session.add_items([*said("fine"), *items({"role": "user", "content": [{"image": value}]})])

    assert ("/items/1/content/0/image", "s1") == (refused.value.path, refused.value.session_id)
    assert book.head("s1") is None


async def test_keys_that_are_no_text_become_text(session: LedgerSession, tmp_path: Path) -> None:
    """As the framework's own store writes them."""
    theirs = SQLiteSession("s1", tmp_path / "theirs.db")
    for each in (session, theirs):
        await each.add_items(items({"role": "user", "content": "", 1: ("a", None), None: {True: 1.5}}))

    assert json.dumps(await theirs.get_items()) == json.dumps(await session.get_items())
    theirs.close()


async def test_changing_what_was_handed_over_changes_nothing(session: LedgerSession) -> None:
    """The items are taken at the call, and what is given is the caller's own."""
    mine: Any = {"role": "user", "content": [{"type": "input_text", "text": "one"}]}
    adding = asyncio.create_task(session.add_items(items(mine)))
    await asyncio.sleep(0)
    mine["content"][0]["text"] = "changed"
    await adding
    given_back: Any = await session.get_items()
    given_back[0]["content"].clear()

    assert [{"role": "user", "content": [{"type": "input_text", "text": "one"}]}] == await session.get_items()


async def test_a_cancelled_call_is_over_when_it_says_so(session: LedgerSession) -> None:
    """Whole or not at all, and the next read sees which: nothing comes later."""
    for number in range(8):
        adding = asyncio.create_task(session.add_items(said(f"{number} a", f"{number} b")))
        for _ in range(number):
            await asyncio.sleep(0)
        adding.cancel()
        await asyncio.gather(adding, return_exceptions=True)
        seen = await session.get_items()

        assert seen == await session.get_items()
        assert len([text for text in texts_of(seen) if text.startswith(str(number))]) in {0, 2}


async def test_a_closed_session_says_so(url: str) -> None:
    """Closing twice is fine."""
    async with LedgerSession("s1", url) as session:
        await session.add_items(said("one"))
    await session.aclose()
    session.close()

    for call in (session.get_items, session.pop_item, session.clear_session, lambda: session.add_items([])):
        with pytest.raises(RuntimeError, match="closed"):
            await call()


async def test_a_ledger_that_is_handed_over_stays_open(url: str) -> None:
    """Of either face; and a session that opened its own closes it."""
    async with ledger.open_async(url) as book:
        for handed in (book, book.book):
            with LedgerSession("s1", handed, writer="mine") as session:
                await session.add_items(said("one"))

        assert 2 == (await book.load("s1")).version
        assert ["mine"] * 2 == [event.writer async for event in book.history("s1")]


async def test_it_works_from_threads_each_with_its_own_loop(session: LedgerSession) -> None:
    """One object, several event loops at once."""
    threads = [
        threading.Thread(target=lambda n=number: asyncio.run(session.add_items(said(f"{n}")))) for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert ["0", "1", "2", "3"] == sorted(texts_of(await session.get_items()))


async def test_what_is_taken_off_with_its_call_is_withdrawn(session: LedgerSession, book: Ledger) -> None:
    """Nobody need answer what nobody asks any more."""
    await interrupted(session, WHERE)
    await session.pop_item()

    assert [("withdrawn", "its call was taken back")] == [(each.status, each.reason) for each in book.questions("s1")]


async def test_what_is_taken_off_says_nothing_of_an_earlier_call(session: LedgerSession, book: Ledger) -> None:
    """Though their ids are the same."""
    await interrupted(session, DELETE)
    await interrupted(session, DELETE)
    await session.pop_item()

    assert [("call_2#0", "pending"), ("call_2#1", "withdrawn")] == [
        (each.id, each.status) for each in book.questions("s1")
    ]
