"""One line of a Claude Code transcript as messages. Pure.

A text is kept once. What a message carries in fields of its own (text, reasoning, tool calls and results) is not
repeated in `native`, nor is the tool's second copy of its result (`toolUseResult`), of which only short facts are kept:
numbers, flags, and words that the result does not hold already. What every line repeats of the session (folder, branch,
release) goes into the session's metadata. Everything else of the line is in `native`, under the names that Claude Code
gave it. Where a line has several texts, the boundaries between them are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ledger.domain.parts import Message, Question, ToolCall
from ledger.importers.records import Record, UnreadableRecord, as_object, named_kind, optional_text, text_in

__all__ = ["asked_questions", "assistant_message", "content_parts", "result_text", "user_messages"]

_IN_FIELDS = frozenset(
    {
        "agentId",
        "content",
        "cwd",
        "gitBranch",
        "isSidechain",
        "message",
        "sessionId",
        "slug",
        "timestamp",
        "toolUseResult",
        "type",
        "userType",
        "uuid",
        "version",
    }
)
_MESSAGE_IN_FIELDS = frozenset({"content", "role", "type", "usage"})
_RENAMED = {"id": "message_id"}
_SHORT = 200


def content_parts(content: Any, what: str = "message.content") -> list[Record]:
    """Give the parts of a message's content, which may be plain text."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list):
        raise UnreadableRecord(f"{what} is {named_kind(content)}, neither text nor a list of parts")
    parts = [as_object(part, f"a part of {what}") for part in content]
    for part in parts:
        text_in(part, "type")
    return parts


def assistant_message(record: Record, message_id: str, time: datetime | None) -> Message:
    """Give what the model said in one line: text, reasoning, tool calls; other parts as they are."""
    inner = record["message"]
    texts: list[str] = []
    thoughts: list[str] = []
    signatures: list[str] = []
    calls: list[ToolCall] = []
    others: list[Record] = []
    for part in content_parts(inner.get("content")):
        if part["type"] == "text":
            texts.append(_plain_text(part))
        elif part["type"] == "thinking":
            thoughts.append(optional_text(part, "thinking") or "")
            signatures.append(optional_text(part, "signature") or "")
        elif part["type"] == "tool_use":
            arguments = part.get("input", {})
            calls.append(ToolCall(id=text_in(part, "id"), name=text_in(part, "name"), arguments=arguments))
        else:
            others.append(part)
    native = _native(record, inner)
    if any(signatures):
        # Only with it does the model's maker accept the reasoning back.
        native["signature"] = signatures[0] if len(signatures) == 1 else signatures
    return _message(
        "assistant",
        message_id,
        time,
        native,
        content=_joined(texts),
        reasoning=_joined(thoughts) or None,
        tool_calls=calls,
        parts=others,
    )


def user_messages(record: Record, message_id: str, time: datetime | None) -> Iterator[Message]:
    """Give what came to the model in one line: a tool message for each result, a user message for the rest."""
    inner = record["message"]
    taken = 0
    texts: list[str] = []
    others: list[Record] = []

    def next_id() -> str:
        nonlocal taken
        taken += 1
        return message_id if taken == 1 else f"{message_id}#{taken - 1}"

    def spoken() -> Iterator[Message]:
        if texts or others:
            content, parts = _joined(texts), list(others)
            texts.clear()
            others.clear()
            yield _message("user", next_id(), time, _native(record, inner), content=content, parts=parts)

    for part in content_parts(inner.get("content")):
        if part["type"] == "tool_result":
            yield from spoken()
            content, extra = result_text(part)
            native = _native(record, inner) | _facts(record.get("toolUseResult"), content)
            yield _message(
                "tool",
                next_id(),
                time,
                native,
                content=content,
                parts=extra,
                tool_call_id=text_in(part, "tool_use_id"),
                tool_success=not part.get("is_error"),
            )
        elif part["type"] == "text":
            texts.append(_plain_text(part))
        else:
            others.append(part)
    yield from spoken()


def result_text(part: Record) -> tuple[str, list[Record]]:
    """Give what a tool said, and what of it is no text."""
    if part.get("content") is None:
        return "", []
    parts = content_parts(part["content"], "the content of a tool_result")
    texts = [_plain_text(item) for item in parts if item["type"] == "text"]
    return _joined(texts), [item for item in parts if item["type"] != "text"]


def asked_questions(tool_call_id: str, arguments: Any) -> Iterator[Question]:
    """Give the questions of one `AskUserQuestion` call; what the model made of no use as a question is left out."""
    asked = arguments.get("questions") if isinstance(arguments, dict) else None
    for index, item in enumerate(asked if isinstance(asked, list) else []):
        if not isinstance(item, dict) or not isinstance(item.get("question"), str):
            continue
        header = item.get("header")
        options = item.get("options")
        yield Question(
            id=f"{tool_call_id}#{index}",
            tool_call_id=tool_call_id,
            index=index,
            header=header if isinstance(header, str) else None,
            text=item["question"],
            options=[_option(option) for option in options if _is_option(option)] if isinstance(options, list) else [],
            multiple=item.get("multiSelect") is True,
            source="AskUserQuestion",
        )


def _is_option(option: Any) -> bool:
    return isinstance(option, str) or (isinstance(option, dict) and isinstance(option.get("label"), str))


def _option(option: Any) -> Any:
    if isinstance(option, str):
        return option
    description = option.get("description")
    return {"label": option["label"], "description": description if isinstance(description, str) else None}


def _plain_text(part: Record) -> str:
    return optional_text(part, "text") or ""


def _joined(texts: list[str]) -> str:
    return "\n\n".join(texts)


def _message(role: str, message_id: str, time: datetime | None, native: Record, **fields: Any) -> Message:
    if time is not None:
        fields["created_at"] = time
    return Message(id=message_id, role=role, native={"format": "claude-code", "data": native}, **fields)


def _native(record: Mapping[str, Any], inner: Mapping[str, Any]) -> Record:
    outer = {name: value for name, value in record.items() if name not in _IN_FIELDS and not _is_empty(value)}
    own = {
        _RENAMED.get(name, name): value
        for name, value in inner.items()
        if name not in _MESSAGE_IN_FIELDS and not _is_empty(value)
    }
    return outer | own


def _facts(result: Any, said: str) -> Record:
    if isinstance(result, str):
        return {} if len(result) > _SHORT or result in said else {"toolUseResult": result}
    if not isinstance(result, dict):
        return {}
    facts = {name: value for name, value in result.items() if _is_fact(value, said) and not _is_empty(value)}
    if isinstance(result.get("annotations"), dict) and result["annotations"]:
        # What the person noted beside an answer stands nowhere else.
        facts["annotations"] = result["annotations"]
    return {"toolUseResult": facts} if facts else {}


def _is_fact(value: Any, said: str) -> bool:
    if isinstance(value, str):
        return len(value) <= _SHORT and value not in said
    return isinstance(value, bool | int | float)


def _is_empty(value: Any) -> bool:
    return value is None or value is False or (isinstance(value, str | list | dict) and not value)
