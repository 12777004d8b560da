"""Items of OpenAI's Responses API as messages, and back. Pure, and without the framework: importers read them too.

An item is a message: of a role, a call of a tool, its result, a thought, or whatever else the provider thinks of. What
it says goes into the message's own fields, so that every command can tell it; the item itself is in `native`, exactly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from ledger.adapters.natives import SHORT, item_of, native_of, spelling
from ledger.domain.pairing import stand_in
from ledger.domain.parts import Message, ToolCall
from ledger.domain.values import plain, thaw
from ledger.errors import InvalidSession

__all__ = [
    "APPROVAL_REQUEST",
    "FORM",
    "OUTPUTS",
    "Item",
    "accepted",
    "as_stored",
    "called_by",
    "is_native",
    "item_of",
    "items_of",
    "message_of",
    "result_of",
]

Item = dict[str, Any]

FORM = "openai-agents"
APPROVAL_REQUEST, APPROVAL_RESPONSE = "mcp_approval_request", "mcp_approval_response"
#: The calls that somebody other than the provider answers, and what the answer is called.
OUTPUTS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "computer_call": "computer_call_output",
    "shell_call": "shell_call_output",
    "local_shell_call": "local_shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
    "tool_search_call": "tool_search_output",
    "program": "program_output",
    APPROVAL_REQUEST: APPROVAL_RESPONSE,
}
_CALL_OF = {output: call for call, output in OUTPUTS.items()}
#: What stands in for a result has to be text, which the results of other calls are not.
_TEXT_OUTPUTS = ("function_call", "custom_tool_call")
#: Tools that the provider ran itself: call and result are one item.
_HOSTED = frozenset(
    {
        "code_interpreter_call",
        "file_search_call",
        "hosted_tool_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "web_search_call",
    }
)
_OF_THE_MODEL = frozenset({"compaction", "compaction_summary", "item_reference", "reasoning"})
#: Where the arguments of a call stand, of calls whose makers call them otherwise.
_ARGUMENTS = ("arguments", "input", "action", "actions", "operation", "code")
#: Where an item says something that is text.
_TEXTS = ("content", "output", "error", "code", "text")
_IN_A_PART = ("text", "refusal", "transcript", "stdout", "stderr")
_INPUTS = frozenset({"user", "system", "developer"})
_SPEAKING = _INPUTS | {"assistant"}


def as_stored(item: Any, path: str = "") -> Any:
    """Give an item as the JSON that the framework's own stores would give back.

    Keys that are no text become text and tuples become lists, as `json.dumps` makes them.

    Raises:
        InvalidSession: if something in it is no JSON; it names the place.
    """
    if not isinstance(item, Mapping):
        raise InvalidSession(f"a {type(item).__name__}, not an item: a dict", path=path)
    return plain(_with_text_keys(item), path)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_key(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list | tuple) else value


def _key(key: Any) -> Any:
    if key is None or isinstance(key, bool | int | float):
        return json.dumps(key)
    return key


def message_of(item: Mapping[str, Any], **fields: Any) -> Message:
    """Give the message of an item that is JSON; `fields` are those that the item does not tell, as `id`."""
    content, reasoning, call = _content(item), _reasoning(item), _call(item)
    return Message(
        role=_role(item),
        content=content,
        reasoning=reasoning,
        tool_calls=[] if call is None else [call],
        tool_call_id=result_of(item),
        tool_success=_success(item),
        native=native_of(
            FORM, item, content=content, reasoning=reasoning, arguments=() if call is None else (call.arguments,)
        ),
        **fields,
    )


def items_of(message: Message) -> list[Item]:
    """Give the item of a message; of one that did not come from this framework, the items that say the same."""
    item = item_of(message) if is_native(message) else None
    if isinstance(item, dict):
        return [item]
    if message.role == "tool" and message.tool_call_id:
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}]
    role = message.role if message.role in _SPEAKING else "system"
    said = [] if message.tool_calls and not message.content else [{"role": role, "content": message.content}]
    return said + [
        {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": _as_text(call.arguments)}
        for call in message.tool_calls
    ]


def is_native(message: Message) -> bool:
    """Tell whether a message holds an item of this framework."""
    return message.native is not None and message.native.get("format") == FORM


def _as_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(thaw(arguments), ensure_ascii=False)


def called_by(item: Mapping[str, Any]) -> str | None:
    """Give the id of the call that an item makes, if it makes one that is to be answered by an item."""
    kind = _kind(item)
    if kind not in OUTPUTS:
        return None
    return _text(item.get("id" if kind == APPROVAL_REQUEST else "call_id")) or (
        _text(item.get("id")) if kind == "local_shell_call" else None
    )


def result_of(item: Mapping[str, Any]) -> str | None:
    """Give the id of the call whose result an item is."""
    kind = _kind(item)
    if kind == APPROVAL_RESPONSE:
        return _text(item.get("approval_request_id"))
    if kind in _CALL_OF:
        return _text(item.get("call_id")) or (_text(item.get("id")) if kind == "local_shell_call_output" else None)
    return _text(item.get("tool_call_id")) if item.get("role") == "tool" else None


def _kind(item: Mapping[str, Any]) -> str:
    kind = item.get("type")
    return kind if isinstance(kind, str) else ""


def _text(value: Any) -> str | None:
    """Give a text that can be an id or a name."""
    return value if isinstance(value, str) and value and "\0" not in value else None


def _role(item: Mapping[str, Any]) -> str:
    role, kind = _text(item.get("role")), _kind(item)
    if role is not None:
        return role
    if kind in _CALL_OF or kind in _HOSTED or kind.endswith("_output"):
        return "tool"
    return "assistant" if kind in OUTPUTS or kind in _OF_THE_MODEL or kind.endswith("_call") else "unknown"


def _call(item: Mapping[str, Any]) -> ToolCall | None:
    call_id = called_by(item)
    if call_id is None:
        return None
    name = _text(item.get("name")) or _kind(item).removesuffix("_call")
    return ToolCall(id=call_id, name=name, arguments=_arguments(item))


def _arguments(item: Mapping[str, Any]) -> Any:
    name = next((name for name in _ARGUMENTS if item.get(name) is not None), None)
    value = {} if name is None else item[name]
    if name != "arguments" or not isinstance(value, str):
        return value
    try:
        read = plain(json.loads(value, parse_constant=_refuse_constant), "")
    except (ValueError, RecursionError):
        return value  # what a model wrote need not be JSON
    # JSON in a spelling of its own is kept as it was written, once.
    return read if len(value) < SHORT or spelling(read, value) is not None else value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _content(item: Mapping[str, Any]) -> str:
    kind = _kind(item)
    if kind == "reasoning" or kind in OUTPUTS:
        return ""
    if kind == APPROVAL_RESPONSE:
        said = "approved" if item.get("approve") is True else "not approved"
        return f"{said}: {item['reason']}" if _text(item.get("reason")) else said
    return next((text for text in (_joined(item.get(name)) for name in _TEXTS) if text), "")


def _reasoning(item: Mapping[str, Any]) -> str | None:
    if item.get("type") != "reasoning":
        return None
    return "\n\n".join(text for text in (_joined(item.get(name)) for name in ("summary", "content")) if text) or None


def _joined(value: Any) -> str:
    """Give the texts of a content: itself, or those of its parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "\n\n".join(value[name] for name in _IN_A_PART if isinstance(value.get(name), str) and value[name])
    if isinstance(value, list | tuple):
        return "\n\n".join(text for part in value if (text := _joined(part) if isinstance(part, Mapping) else ""))
    return ""


def _success(item: Mapping[str, Any]) -> bool | None:
    kind = _kind(item)
    if kind == APPROVAL_RESPONSE:
        return item.get("approve") is True
    if kind in _HOSTED and item.get("status") in ("completed", "failed"):
        return bool(item["status"] == "completed")
    return None


def accepted(items: Sequence[Item], known: Callable[[str], str | None]) -> list[Item]:
    """Give the items so that a provider accepts them: every result behind its call and before the next input.

    A history in which that is so already is given as it is. Else results that came late move to their calls, results
    without a call are left out, and a call without a result gets one that says what is known of it. Of calls whose
    results are no text, those without one stay as they are: the framework leaves them out.

    Args:
        items: in their order.
        known: gives what is known of the latest call of an id; by default that it was cancelled.
    """
    answered, missing, dropped = _pairs(items)
    if not missing and not dropped and not any(_is_late(items, *pair) for pair in answered.items()):
        return list(items)
    late = {call: result for call, result in answered.items() if _is_late(items, call, result)}
    left_out = dropped | set(late.values())
    last_call = {called_by(items[place]): place for place in sorted(missing)}
    given: list[Item] = []
    for place, item in enumerate(items):
        if place not in left_out:
            given.append(item)
        if place in late:
            given.append(items[late[place]])
        elif place in missing and item["type"] in _TEXT_OUTPUTS:
            call_id = called_by(item) or ""
            text = known(call_id) if last_call[call_id] == place else None
            output = stand_in(None) if text is None else text
            given.append({"call_id": call_id, "output": output, "type": OUTPUTS[item["type"]]})
    return given


def _is_late(items: Sequence[Item], call: int, result: int) -> bool:
    return result < call or any(_text(between.get("role")) in _INPUTS for between in items[call:result])


def _pairs(items: Sequence[Item]) -> tuple[dict[int, int], set[int], set[int]]:
    """Give the result of each call, by their places; the calls that have none; and the results that are of no call.

    Of several results of one call the last counts. An id that is used again is another call.
    """
    waiting: dict[tuple[str, str], list[int]] = {}
    calls: dict[tuple[str, str], list[int]] = {}
    early: dict[tuple[str, str], int] = {}
    answered: dict[int, int] = {}
    results: set[int] = set()
    for place, item in enumerate(items):
        kind, call_id, result = _kind(item), called_by(item), result_of(item)
        if call_id is not None:
            for known in (waiting, calls):
                known.setdefault((kind, call_id), []).append(place)
        elif result is not None and kind in _CALL_OF:
            name = (_CALL_OF[kind], result)
            results.add(place)
            if name not in calls:
                early[name] = place
            else:
                answered[waiting[name].pop() if waiting[name] else calls[name][-1]] = place
    for name, place in early.items():
        if name in calls:
            answered.setdefault(calls[name][0], place)
    every = {place for places in calls.values() for place in places}
    return answered, every - answered.keys(), results - set(answered.values())
