"""Tool calls in the OpenAI format, which Bamboo shares. Pure."""

from __future__ import annotations

from typing import Any

from ledger.domain.parts import ToolCall
from ledger.importers.records import UnreadableRecord, as_object, named_kind, parse_json, text_in

__all__ = ["read_calls"]


def read_calls(value: Any) -> list[ToolCall]:
    """Read `[{"id", "function": {"name", "arguments"}}]`; arguments that are JSON inside a text become that JSON.

    Raises:
        UnreadableRecord: if it is no list of tool calls.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise UnreadableRecord(f"tool_calls is {named_kind(value)}, not a list")
    return [_read_call(as_object(call, "a tool call")) for call in value]


def _read_call(call: dict[str, Any]) -> ToolCall:
    function = as_object(call.get("function"), "the function of a tool call")
    return ToolCall(id=text_in(call, "id"), name=text_in(function, "name"), arguments=_arguments(function))


def _arguments(function: dict[str, Any]) -> Any:
    arguments = function.get("arguments", {})
    if not isinstance(arguments, str):
        return arguments
    try:
        return parse_json(arguments.encode())
    except UnreadableRecord:
        return arguments  # what a model wrote need not be JSON
