"""What a fact holds, in short: enough to recognise it by; the state at its version has the whole. Pure."""

from __future__ import annotations

import json
from typing import Any

from ledger.domain.parts import Message, Question
from ledger.domain.values import thaw

__all__ = ["LONGEST", "in_short"]

#: So many characters of a text, or of JSON as text, are told.
LONGEST = 200


def in_short(value: Any) -> Any:
    """Give the value of a fact as JSON: of a message who says what, of a question its text and what became of it.

    What is longer than `LONGEST` characters is cut; JSON that is, turns into text.

    >>> in_short(Message.user("Deploy it"))
    {'role': 'user', 'content': 'Deploy it'}
    """
    match value:
        case Message():
            calls = [call.name for call in value.tool_calls]
            return {"role": value.role, "content": _cut(value.content)} | (
                {"tool_calls": _short(calls)} if calls else {}
            )
        case Question():
            told: dict[str, Any] = {"text": _cut(value.text), "status": str(value.status)}
            if value.status == "answered":
                told["answer"] = _short(value.answer)
            return told
    return _short(value)


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, dict | list | tuple):
        text = json.dumps(plain := thaw(value), ensure_ascii=False)
        return plain if len(text) <= LONGEST else _cut(text)
    return value


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
