"""LangChain's messages as JSON, and the ledger's: the one in the words of the other. Pure, without the framework."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.adapters.natives import native_of
from ledger.domain.parts import Message, ToolCall

__all__ = ["FORM", "message_of", "name_of", "named"]

FORM = "langgraph"

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}
_REASONING = ("reasoning", "thinking")


def message_of(item: Mapping[str, Any], **given: Any) -> Message:
    """Give the message that tells what an item says, and keeps the item itself.

    Args:
        item: a message of LangChain as JSON; what has its default may be left out.
        **given: fields of the message that the item does not decide: `id`, `created_at`.
    """
    kind = str(item.get("type", ""))
    content = "\n".join(_texts(item.get("content"), "text", "text"))
    reasoning = "\n".join(text for name in _REASONING for text in _texts(item.get("content"), name, name)) or None
    calls = [
        ToolCall(id=str(call.get("id") or ""), name=str(call.get("name") or ""), arguments=call.get("args"))
        for call in item.get("tool_calls") or ()
    ]
    arguments = tuple(call.arguments for call in calls)
    more: dict[str, Any] = {}
    if kind.startswith(("tool", "Tool")):
        more = {"tool_call_id": str(item.get("tool_call_id", "")), "tool_success": item.get("status") != "error"}
    # A graph names its messages late, often when they were stored already: the name alone is then what changes.
    told = {name: value for name, value in item.items() if name != "id"}
    native = native_of(FORM, told, content=content, reasoning=reasoning, arguments=arguments)
    name = item.get("id")
    metadata = {} if name is None else {"id": name}
    return Message(
        role=_role(kind, item), content=content, reasoning=reasoning, tool_calls=calls, native=native,
        metadata=metadata, **more, **given,
    )  # fmt: skip


def name_of(message: Message) -> str | None:
    """Give the id that the graph knows a message by; `None` for one that has none."""
    name = message.metadata.get("id")
    return name if isinstance(name, str) else None


def named(message: Message, name: str) -> Message:
    """Give a message under a name."""
    return message.model_copy(update={"metadata": {**message.metadata, "id": name}})


def _role(kind: str, item: Mapping[str, Any]) -> str:
    if kind == "chat":
        return str(item.get("role") or "chat")
    # What was streamed is of a type of its own: AIMessageChunk.
    spoken = kind.removesuffix("MessageChunk").lower()
    return _ROLES.get(spoken, spoken or "unknown")


def _texts(content: Any, kind: str, field: str) -> Iterator[str]:
    """Give the texts of a content's blocks of one kind; a content that is text is one of kind `text`."""
    if isinstance(content, str):
        if kind == "text" and content:
            yield content
        return
    for block in content if isinstance(content, list | tuple) else ():
        if isinstance(block, str):
            if kind == "text":
                yield block
        elif isinstance(block, Mapping) and block.get("type") == kind and isinstance(block.get(field), str):
            yield block[field]
