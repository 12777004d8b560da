"""An agent of the OpenAI Agents SDK whose model says what a test wants, offline."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from agents import Agent, Model, ModelResponse, Runner, Usage, function_tool, set_tracing_disabled
from agents.items import TResponseInputItem, TResponseOutputItem, TResponseStreamEvent
from agents.tool_context import ToolContext
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from ledger import AsyncLedger
from ledger.adapters.openai_agents import LedgerSession

__all__ = ["DELETE", "WHERE", "OpenSession", "Scripted", "agent_of", "call", "interrupted", "outputs", "say", "told_of"]

#: Opens sessions of a test, which are closed in its end.
OpenSession = Callable[..., LedgerSession]

set_tracing_disabled(disabled=True)

#: What the SDK calls every item of a provider that gives its items no ids.
FAKE = "__fake_id__"


def say(text: str) -> ResponseOutputMessage:
    """Let the model say something."""
    content = ResponseOutputText(text=text, type="output_text", annotations=[])
    return ResponseOutputMessage(id=FAKE, content=[content], role="assistant", status="completed", type="message")


def call(call_id: str, name: str, **arguments: Any) -> ResponseFunctionToolCall:
    """Let the model call a tool."""
    return ResponseFunctionToolCall(
        id=FAKE, call_id=call_id, name=name, arguments=json.dumps(arguments), type="function_call"
    )


WHERE = call("call_1", "ask_user", question="Which environment?", options=["staging", "prod"])
DELETE = call("call_2", "delete_file", path="/x")


class Scripted(Model):
    """Says one turn after the other, and remembers what it was told before each."""

    def __init__(self, *turns: Sequence[TResponseOutputItem]) -> None:
        self._turns = list(turns)
        self.told: list[list[TResponseInputItem]] = []

    def _next(self, told: str | list[TResponseInputItem]) -> list[TResponseOutputItem]:
        self.told.append([{"role": "user", "content": told}] if isinstance(told, str) else list(told))
        return list(self._turns.pop(0))

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 - the framework's name for it
        *_: Any,
        **__: Any,
    ) -> ModelResponse:
        """Give the next turn."""
        del system_instructions
        return ModelResponse(output=self._next(input), usage=Usage(), response_id=None)

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 - the framework's name for it
        *_: Any,
        **__: Any,
    ) -> AsyncIterator[TResponseStreamEvent]:
        """Give the next turn as a stream that ends at once."""
        del system_instructions
        response = Response(
            id="resp_1", created_at=0, model="scripted", object="response", output=self._next(input),
            tool_choice="none", tools=[], parallel_tool_calls=False,
        )  # fmt: skip
        yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)


def agent_of(model: Model, session: LedgerSession, **fields: Any) -> Agent[Any]:
    """Make an agent that may ask, and that needs an approval to delete."""

    @function_tool(needs_approval=True)
    async def ask_user(context: ToolContext[Any], question: str, options: list[str]) -> str:
        """Ask the person."""
        del question, options
        return str(await session.answer_to(context.tool_call_id))

    @function_tool(needs_approval=True)
    def delete_file(path: str) -> str:
        """Delete a file."""
        return f"deleted {path}"

    @function_tool
    def list_files() -> str:
        """List the files."""
        return "a.txt b.txt"

    return Agent(name="helper", model=model, tools=[ask_user, delete_file, list_files], **fields)


async def interrupted(session: LedgerSession, *calls: Any, **fields: Any) -> Any:
    """Let an agent run until its calls wait; when it goes on, it says that it is done."""
    model = Scripted(calls, [say("Done")])
    result = await Runner.run(agent_of(model, session, **fields), "Tidy up", session=session)
    assert result.interruptions
    return result


def outputs(items: Any) -> list[str]:
    """Give the results of tools among items."""
    return [item["output"] for item in items if item.get("type") == "function_call_output"]


async def told_of(book: AsyncLedger) -> list[tuple[str, str, Any, str | None]]:
    """Give every question with what became of it."""
    return [(each.text, str(each.status), each.answer, each.resolved_by) for each in await book.questions("s1")]
