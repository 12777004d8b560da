"""An ADK event, as the JSON that ADK itself stores, and the messages that it becomes. Pure: it needs no ADK.

An event is one message, and one more for each further result of a tool that it carries, so that every result stands
by itself. The first of them keeps the event, the others the part that they were made of. Nothing long is kept twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ledger.adapters.natives import item_of, kept_in, native_of
from ledger.domain.parts import Message, ToolCall

__all__ = [
    "EVENT",
    "PERSON",
    "Json",
    "calls_of",
    "event_of",
    "events_of",
    "latest",
    "messages_of",
    "parts_of",
    "responses_of",
    "said_by",
    "time_of",
    "usage_of",
]

#: The forms of `Message.native`.
EVENT = "adk-event"
PART = "adk-event-part"

#: The author of what a person said.
PERSON = "user"

#: What the ledger's totals call the counts of tokens that ADK keeps.
_TOKENS = {
    "prompt_token_count": "input_tokens",
    "candidates_token_count": "output_tokens",
    "thoughts_token_count": "reasoning_tokens",
    "cached_content_token_count": "cache_read_input_tokens",
    "tool_use_prompt_token_count": "tool_use_input_tokens",
}

#: A result that says only one thing says it under one of these.
_ONE_WORD = ("result", "output", "response", "error")

Json = dict[str, Any]


def messages_of(event: Mapping[str, Any]) -> list[Message]:
    """Give the messages of an event, whose ids begin with the event's.

    Args:
        event: as `Event.model_dump(exclude_none=True, mode="json")` gives it.
    """
    parts = parts_of(event)
    results = [place for place, part in enumerate(parts) if _object(part, "function_response")]
    if results and len(results) == len(parts):
        apart = results[1:]
        first = _result(parts[0])
    else:
        apart = results
        first = _spoken(event, parts)
    first |= {"id": event["id"], "metadata": {"author": event["author"]} if event.get("author") else {}}
    time = time_of(event.get("timestamp"))
    if time is not None:
        first["created_at"] = time
    native = native_of(
        EVENT,
        _without_parts(event, apart),
        content=first["content"],
        reasoning=first.get("reasoning"),
        arguments=tuple(call.arguments for call in first.get("tool_calls", ())),
    )
    if apart:
        native["apart"] = apart
    return [Message(**first, native=native), *(_part_message(first, parts[place], place) for place in apart)]


def _part_message(first: Json, part: Json, place: int) -> Message:
    fields = _result(part)
    native = native_of(PART, part, content=fields["content"]) | {"place": place, "event": first["id"]}
    times = {"created_at": first["created_at"]} if "created_at" in first else {}
    return Message(**fields, **times, id=f"{first['id']}#{place}", metadata=first["metadata"], native=native)


def events_of(messages: Iterable[Message]) -> Iterator[Json]:
    """Give the events of a session's messages, each exactly as it was; what came otherwise is made one.

    A result that somebody took out of the record is missing from its event.
    """
    event: Json | None = None
    apart: set[int] = set()
    for message in messages:
        native = kept_in(message) or {}
        if event is not None and native.get("format") == PART and native["event"] == event["id"]:
            event["content"]["parts"][native["place"]] = item_of(message)
            apart.discard(native["place"])
            continue
        if event is not None:
            yield _whole(event, apart)
        event = item_of(message) if native.get("format") == EVENT else _made(message)
        apart = set(native.get("apart", ()))
    if event is not None:
        yield _whole(event, apart)


def latest(messages: Sequence[Message]) -> Iterator[Json]:
    """Give the same events, the newest first; what is not asked for is not looked at."""
    behind: list[Message] = []
    for message in reversed(messages):
        behind.append(message)
        if (kept_in(message) or {}).get("format") != PART:
            yield from reversed(list(events_of(reversed(behind))))
            behind.clear()
    yield from reversed(list(events_of(reversed(behind))))


def event_of(event_id: str, messages: Sequence[Message]) -> Json | None:
    """Give the event of that id, if it is among them."""
    return next((event for event in latest(messages) if event["id"] == event_id), None)


def _whole(event: Json, missing: set[int]) -> Json:
    if missing:
        event["content"]["parts"] = [part for place, part in enumerate(parts_of(event)) if place not in missing]
    return event


def _made(message: Message) -> Json:
    """Give the event of a message that no ADK wrote: of a person at a UI, or of another program."""
    parts: list[Json] = [{"text": message.content}] if message.content and message.role != "tool" else []
    parts += [
        {"function_call": {"id": call.id, "name": call.name, "args": json.loads(json.dumps(call.arguments))}}
        for call in message.tool_calls
    ]
    if message.role == "tool":
        response = {"id": message.tool_call_id, "name": "", "response": {"result": message.content}}
        parts.append({"function_response": response})
    return {
        "id": message.id,
        "invocation_id": "",
        "author": PERSON if message.role in ("user", "tool") else message.role,
        "timestamp": message.created_at.timestamp(),
        "content": {"role": "user" if message.role in ("user", "tool") else "model", "parts": parts},
    }


def parts_of(event: Mapping[str, Any]) -> list[Any]:
    """Give the parts of an event's content."""
    parts = _object(event, "content").get("parts")
    return list(parts) if isinstance(parts, list | tuple) else []


def calls_of(event: Mapping[str, Any]) -> list[Json]:
    """Give the calls that an event makes."""
    return [call for part in parts_of(event) if (call := _object(part, "function_call"))]


def responses_of(event: Mapping[str, Any]) -> list[Json]:
    """Give the results that an event brings."""
    return [response for part in parts_of(event) if (response := _object(part, "function_response"))]


def said_by(response: Any) -> Any:
    """Give what a tool's result says, without the wrapping that ADK puts around a single value."""
    if isinstance(response, Mapping) and len(response) == 1:
        ((name, value),) = response.items()
        if name in _ONE_WORD:
            return value
    return response


def usage_of(event: Mapping[str, Any]) -> Json | None:
    """Give the record of the tokens that an event cost, if it says so."""
    said = _object(event, "usage_metadata")
    counts = {ours: said[theirs] for theirs, ours in _TOKENS.items() if type(said.get(theirs)) is int}
    if not counts:
        return None
    return {"event_id": event["id"], "author": event.get("author"), "model": event.get("model_version"), **counts}


def time_of(timestamp: Any) -> datetime | None:
    """Give the time of a timestamp; `None` if it is none."""
    try:
        return datetime.fromtimestamp(timestamp, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _result(part: Json) -> Json:
    """Give the fields of a message that brings a tool's result."""
    brought = _object(part, "function_response")
    response = brought.get("response")
    fields = {"role": "tool", "content": _text(said_by(response)), "tool_call_id": str(brought.get("id") or "")}
    if isinstance(response, Mapping) and response.get("error"):
        return {**fields, "tool_success": False}
    return fields


def _spoken(event: Mapping[str, Any], parts: list[Any]) -> Json:
    """Give the fields of a message that holds all that an event says, but for results of tools."""
    said = "".join(map(_told, parts))
    fields: Json = {
        "role": "user" if event.get("author") == PERSON else "assistant",
        "content": said or _aside(event),
        "tool_calls": [
            _call(call, f"{event['id']}/{place}")
            for place, part in enumerate(parts)
            if (call := _object(part, "function_call"))
        ],
    }
    thought = "".join(part["text"] for part in parts if _is_thought(part))
    return fields | ({"reasoning": thought} if thought else {})


def _call(call: Json, otherwise: str) -> ToolCall:
    arguments = call.get("args")
    return ToolCall(
        id=str(call.get("id") or otherwise),
        name=str(call.get("name") or ""),
        arguments={} if arguments is None else arguments,
    )


def _told(part: Any) -> str:
    """Give the text of a part that is no thought."""
    if _is_thought(part):
        return ""
    for holder, name in ((part, "text"), (_object(part, "executable_code"), "code")):
        if isinstance(holder, Mapping) and isinstance(holder.get(name), str):
            return str(holder[name])
    output = _object(part, "code_execution_result").get("output")
    return output if isinstance(output, str) else ""


def _is_thought(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("thought") is True and isinstance(part.get("text"), str)


def _aside(event: Mapping[str, Any]) -> str:
    """Give what an event without text says otherwise: a transcription, an error, a summary, an output."""
    for name in ("input_transcription", "output_transcription"):
        text = _object(event, name).get("text")
        if isinstance(text, str):
            return text
    if isinstance(event.get("error_message"), str):
        return str(event["error_message"])
    compacted = _object(_object(_object(event, "actions"), "compaction"), "compacted_content")
    return "".join(map(_told, parts_of({"content": compacted}))) or _text(event.get("output"))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _without_parts(event: Mapping[str, Any], places: list[int]) -> Json:
    if not places:
        return dict(event)
    parts = [None if place in places else part for place, part in enumerate(parts_of(event))]
    return {**event, "content": {**event["content"], "parts": parts}}


def _object(holder: Any, name: str) -> Json:
    found = holder.get(name) if isinstance(holder, Mapping) else None
    return found if isinstance(found, dict) else {}
