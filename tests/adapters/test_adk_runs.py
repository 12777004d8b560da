"""Agents of the real ADK, with scripted models: what they do is the same on its own service in memory and on ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.adk.agents import BaseAgent, LlmAgent, ParallelAgent, SequentialAgent
from google.adk.events import Event
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import BaseSessionService, InMemorySessionService
from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.long_running_tool import LongRunningFunctionTool
from google.adk.tools.tool_context import ToolContext
from google.genai import types

import ledger
from ledger import Ledger
from ledger.adapters.adk import LedgerSessionService
from tests.adapters.adk_services import call

WHO: dict[str, Any] = {"user_id": "ann", "session_id": "s1"}
S1 = "adk/shop/ann/s1"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*EXPERIMENTAL.*:UserWarning")


class Scripted(BaseLlm):
    """Says what its script says, one part after the other."""

    script: list[types.Part]

    async def generate_content_async(
        self,
        llm_request: LlmRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - as ADK has it
    ) -> AsyncGenerator[LlmResponse, None]:
        del llm_request, stream
        yield LlmResponse(content=types.Content(role="model", parts=[self.script.pop(0)]), model_version="scripted-1")


def agent(name: str, *script: types.Part, **fields: Any) -> LlmAgent:
    """Make an agent of a script."""
    return LlmAgent(name=name, model=Scripted(model="scripted", script=list(script)), **fields)


def say(text: str) -> types.Part:
    """Make what is said."""
    return types.Part(text=text)


def response(call_id: str, name: str, **values: Any) -> types.Part:
    """Make what a person answers to a call."""
    return types.Part(function_response=types.FunctionResponse(id=call_id, name=name, response=values))


def spoken(events: list[Event]) -> list[str]:
    """Give what was said in events."""
    return [part.text for each in events if each.content for part in each.content.parts or () if part.text]


class Talk:
    """A person and an agent, on some service."""

    def __init__(self, service: BaseSessionService, root: BaseAgent) -> None:
        self.service = service
        self.runner = Runner(app_name="shop", agent=root, session_service=service, auto_create_session=True)
        self._names: dict[str, str] = {}

    async def turn(self, *parts: types.Part) -> list[Event]:
        """Say something, and give what the agents did."""
        message = types.Content(role="user", parts=list(parts))
        return [event async for event in self.runner.run_async(**WHO, new_message=message)]

    async def record(self) -> list[Any]:
        """Give what the session holds, with the ids that were made up for it told apart by their order alone."""
        session = await self.service.get_session(app_name="shop", **WHO)
        assert session is not None
        told: list[Any] = [session.state]
        for event in session.events:
            item = event.model_dump(mode="json", exclude_none=True, exclude={"id", "timestamp"})
            told.append(self._renamed(item))
        return told

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._renamed(item) for item in value]
        if isinstance(value, str) and (value.startswith(("adk-", "e-")) or len(value) == 36):
            return self._names.setdefault(value, f"id {len(self._names)}")
        return value


@asynccontextmanager
async def both(make: Callable[[], BaseAgent], url: str) -> AsyncIterator[tuple[Talk, Talk]]:
    """Give the same talk on ADK's service in memory and on ours; in the end their records are the same."""
    async with LedgerSessionService(url) as ours:
        talks = Talk(InMemorySessionService(), make()), Talk(ours, make())
        yield talks
        assert await talks[0].record() == await talks[1].record()


@pytest.fixture
def book(url: str) -> Iterator[Ledger]:
    """Give the ledger that ours is on, which a server or a file shares with it."""
    with ledger.open(url) as opened:
        yield opened


def ask_user(question: str) -> None:
    """Ask the person."""


async def test_an_agent_asks_and_goes_on(url: str, book: Ledger, backend: Any) -> None:
    """A long-running call is a question, what the person sends back its answer, and the agent goes on."""
    if not backend.durable:
        pytest.skip("the test looks at it from outside")
    make = lambda: agent(  # noqa: E731 - what is made twice
        "deployer", call("c1", "ask_user", question="Where to?"), say("Done"), tools=[LongRunningFunctionTool(ask_user)]
    )
    async with both(make, url) as talks:
        for talk in talks:
            await talk.turn(say("Deploy it"))
        assert ["Where to?"] == [question.text for question in book.load(S1).pending_questions]

        for talk in talks:
            events = await talk.turn(response("c1", "ask_user", result="staging"))
            assert ["Done"] == spoken(events[-1:])

    (question,) = book.questions(S1)
    assert ("answered", "staging", "user") == (question.status, question.answer, question.resolved_by)


async def test_a_tool_waits_for_a_confirmation(url: str) -> None:
    """What needs a confirmation is a question until it is confirmed, and is done then."""
    done: list[str] = []

    def delete(path: str) -> str:
        """Delete it."""
        done.append(path)
        return f"deleted {path}"

    make = lambda: agent(  # noqa: E731 - as above
        "cleaner",
        call("c1", "delete", path="/x"),
        say("It is gone"),
        tools=[FunctionTool(delete, require_confirmation=True)],
    )
    async with both(make, url) as talks:
        for talk in talks:
            asked = [event for event in await talk.turn(say("Clean up")) if event.long_running_tool_ids]
            (waited_for,) = asked[0].get_function_calls()
            book = getattr(talk.service, "_opened", None) and talk.service._opened.book  # type: ignore[attr-defined]
            if book:
                (question,) = book.load(S1).pending_questions
                assert "confirmation" == question.kind
                assert question.text.endswith('delete(path="/x")')
            await talk.turn(response(str(waited_for.id), "adk_request_confirmation", confirmed=True))
            if book:
                (question,) = book.load(S1).questions.values()
                assert ("answered", {"confirmed": True}) == (question.status, question.answer)

    assert ["/x", "/x"] == done


async def test_agents_at_once_share_a_session(url: str) -> None:
    """Agents that run beside one another append to one session, and none is stale."""
    agents: list[BaseAgent] = [agent(f"a{n}", say(f"{n}"), output_key=f"out{n}") for n in range(4)]
    async with LedgerSessionService(url) as ours:
        talk = Talk(ours, ParallelAgent(name="all", sub_agents=agents))
        await talk.turn(say("Go"))
        session = await ours.get_session(app_name="shop", **WHO)

    assert session is not None
    assert {f"out{n}": f"{n}" for n in range(4)} == session.state
    assert sorted(["user", *(f"a{n}" for n in range(4))]) == sorted(event.author for event in session.events)


async def test_state_goes_from_agent_to_agent(url: str) -> None:
    """What one leaves in the state the next one has, of every scope; what is temporary for this turn alone."""
    seen: list[Any] = []

    def look(tool_context: ToolContext) -> str:
        """Look at the state."""
        seen.append({key: tool_context.state.get(key) for key in ("temp:draft", "app:count", "user:name", "kept")})
        tool_context.state["app:count"] = 1 + (tool_context.state.get("app:count") or 0)
        tool_context.state["user:name"] = "Ann"
        return "seen"

    make = lambda: SequentialAgent(  # noqa: E731 - as above
        name="both",
        sub_agents=[
            agent("writes", say("a draft"), say("another"), output_key="temp:draft"),
            agent(
                "looks",
                call("c1", "look"),
                say("ok"),
                call("c2", "look"),
                say("ok"),
                tools=[look],
                output_key="kept",
            ),
        ],
    )
    async with both(make, url) as talks:
        for talk in talks:
            for _ in range(2):
                await talk.turn(say("Go"))

    assert seen[:2] == seen[2:]
    assert {"temp:draft": "a draft", "app:count": None, "user:name": None, "kept": None} == seen[0]
    assert {"temp:draft": "another", "app:count": 1, "user:name": "Ann", "kept": "ok"} == seen[1]


async def test_a_rewind_goes_back(url: str) -> None:
    """ADK takes an invocation back: its state is undone, its question withdrawn, and the record has all of it."""
    make = lambda: agent(  # noqa: E731 - as above
        "deployer",
        say("one"),
        call("c1", "ask_user", question="Where to?"),
        say("three"),
        tools=[LongRunningFunctionTool(ask_user)],
        output_key="last",
    )
    rewound = ""
    async with both(make, url) as talks:
        for talk in talks:
            await talk.turn(say("First"))
            rewound = (await talk.turn(say("Second")))[-1].invocation_id
            await talk.runner.rewind_async(**WHO, rewind_before_invocation_id=rewound)
            await talk.turn(say("Third"))
        opened = talks[1].service._opened.book  # type: ignore[attr-defined]  # ours has one
        (question,) = opened.load(S1).questions.values()

    assert ("withdrawn", f"rewound to before {rewound}") == (question.status, question.reason)


def test_the_sync_runner_works(url: str) -> None:
    """It makes a loop of its own in a thread for each turn."""
    with LedgerSessionService(url) as ours:
        runner = Runner(
            app_name="shop", agent=agent("a", say("1"), say("2")), session_service=ours, auto_create_session=True
        )
        for expected in ("1", "2"):
            said = types.Content(role="user", parts=[say("Go")])
            assert [expected] == spoken(list(runner.run(**WHO, new_message=said)))

        session = asyncio.run(ours.get_session(app_name="shop", **WHO))
    assert session is not None
    assert 4 == len(session.events)
