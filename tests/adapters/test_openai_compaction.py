"""The framework's sessions around a session: one that compacts its history, and one that encrypts it."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from agents import Runner
from agents.extensions.memory import EncryptedSession
from agents.memory import OpenAIResponsesCompactionSession

import ledger
from ledger import AsyncLedger
from ledger.adapters.openai_agents import LedgerSession
from tests.adapters.openai_scripted import Scripted, agent_of, call, say
from tests.contract.backends import on_durable

pytestmark = on_durable

SUMMARY = {"type": "compaction", "id": "cm_1", "encrypted_content": "all of it, in short"}


def said(*texts: str) -> Any:
    """Make items of a person."""
    return [{"role": "user", "content": text} for text in texts]


class Compactor:
    """What compacts a history at the provider's, and lets the test do something meanwhile."""

    def __init__(self, meanwhile: Any = None) -> None:
        self.responses = self
        self.output = [SUMMARY]
        self.usage = None
        self._meanwhile = meanwhile

    async def compact(self, **_: Any) -> Any:
        """Give a summary."""
        if self._meanwhile is not None:
            await self._meanwhile()
        return self


@pytest.fixture
async def book(url: str) -> AsyncIterator[AsyncLedger]:
    """Give an open ledger on the test's database."""
    async with ledger.open_async(url, writer="ui") as opened:
        yield opened


def compacting(session: LedgerSession, meanwhile: Any = None) -> OpenAIResponsesCompactionSession:
    """Let a session be compacted after every turn."""
    return OpenAIResponsesCompactionSession(
        "s1",
        session,
        client=cast("Any", Compactor(meanwhile)),
        should_trigger_compaction=lambda _: True,
    )


async def test_a_compaction_is_one_save(book: AsyncLedger) -> None:
    """The items before it are in the version before; what else the session holds stays."""
    session = LedgerSession("s1", book)
    await session.add_items([{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}])
    await book.update("s1", lambda it: it.ask("call_9", "Still?"))
    await compacting(session).run_compaction({"force": True, "compaction_mode": "input"})

    assert [SUMMARY] == await session.get_items()
    assert 3 == (await book.load("s1")).version
    assert ["one", "two"] == [message.content for message in (await book.load("s1", at=-1)).messages]
    assert ["pending"] == [each.status for each in await book.questions("s1")]


async def test_what_comes_while_a_history_is_compacted_stays(book: AsyncLedger) -> None:
    """Another process added it after the history was read: it stands behind the summary."""
    session = LedgerSession("s1", book)
    await session.add_items([{"role": "user", "content": "one"}])
    items = await session.get_items()
    await LedgerSession("s1", book).add_items([{"role": "user", "content": "meanwhile"}])

    assert items
    assert await session._atomic_replace_items([cast("Any", SUMMARY)])
    assert [SUMMARY, {"role": "user", "content": "meanwhile"}] == await session.get_items()


async def test_a_run_compacts_as_it_goes(book: AsyncLedger) -> None:
    """By the framework's own way with a session that can put items in the place of others at once."""
    session = LedgerSession("s1", book)
    around = compacting(session)
    agent = agent_of(Scripted([say("Hello")]), session)
    agent.model.get_response = _with_response_id(agent.model.get_response)  # type: ignore[method-assign, union-attr]  # as a provider's
    await Runner.run(agent, "Hi", session=around)

    assert [SUMMARY] == await session.get_items()


async def test_a_run_does_not_compact_what_others_added(book: AsyncLedger) -> None:
    """Its summary says nothing of it."""
    session = LedgerSession("s1", book)

    async def add() -> None:
        await LedgerSession("s1", book).add_items([{"role": "user", "content": "meanwhile"}])

    agent = agent_of(Scripted([say("Hello")]), session)
    agent.model.get_response = _with_response_id(agent.model.get_response)  # type: ignore[method-assign, union-attr]  # as a provider's
    await Runner.run(agent, "Hi", session=compacting(session, add))

    assert ["user", "assistant", "user"] == [item["role"] for item in cast("Any", await session.get_items())]


def _with_response_id(get_response: Any) -> Any:
    async def get(*args: Any, **keywords: Any) -> Any:
        response = await get_response(*args, **keywords)
        response.response_id = "resp_1"
        return response

    return get


async def test_an_encrypted_session_goes_on(book: AsyncLedger) -> None:
    """The ledger holds what it is given; what an interrupted run waits for is recorded by the session inside."""
    inside = LedgerSession("s1", book)
    session = EncryptedSession("s1", inside, encryption_key="secret")
    agent = agent_of(Scripted([call("call_1", "ask_user", question="Where?", options=[])], [say("Done")]), inside)
    result = await Runner.run(agent, "Deploy", session=session)
    (question,) = await inside.record_interruptions(result)
    await book.answer("s1", question.id, "prod", by="anna")
    state = result.to_state()
    await inside.apply_decisions(state)
    await Runner.run(agent, state, session=session)

    assert ["user", "function_call", "function_call_output", "message"] == [
        item.get("type", item.get("role")) for item in cast("Any", await session.get_items())
    ]
    assert {"__enc__"} <= set((await inside.get_items())[0])
    assert [("answered", "prod")] == [(each.status, each.answer) for each in await book.questions("s1")]


async def test_a_suffix_is_replaced_only_while_it_is_the_latest(book: AsyncLedger) -> None:
    """What stands before it stays, but for what has expired at the beginning."""
    session = LedgerSession("s1", book)
    await session.add_items(said("one", "two", "three", "four"))
    snapshot = await session._get_compaction_snapshot(
        2, prune_prefix=lambda item: cast("Any", item)["content"] == "one"
    )
    assert snapshot is not None
    assert (said("three", "four"), False) == (snapshot.items, snapshot.complete)

    assert not await snapshot.replace_suffix(2, [])
    assert await snapshot.replace_suffix(1, said("in short"))
    assert said("two", "three", "in short") == await session.get_items()
    assert not await snapshot.replace_suffix(1, said("again"))
    assert 2 == (await book.load("s1")).version


async def test_an_heir_that_keeps_its_items_otherwise_is_asked_itself(book: AsyncLedger) -> None:
    """The short ways know nothing of what it makes of them."""

    class Shouting(LedgerSession):
        async def get_items(self, limit: int | None = None, **_: Any) -> Any:
            return [
                {**cast("Any", item), "content": str(cast("Any", item).get("content", "")).upper()}
                for item in await super().get_items(limit)
            ]

    session = Shouting("s1", book)
    await session.add_items(said("one", "two"))
    assert await session._get_compaction_snapshot(2) is None
    await compacting(session).run_compaction({"force": True, "compaction_mode": "input"})

    assert ["compaction"] == [item.get("type") for item in cast("Any", await session.get_items())]
    assert 3 == (await book.load("s1")).version
