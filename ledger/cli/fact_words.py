"""A fact of a session in words: which one it is, and what it holds."""

from __future__ import annotations

from typing import Any

from ledger.cli.change_words import value_text
from ledger.domain.facts import FactKind
from ledger.domain.values import split

__all__ = ["counted_facts", "fact_name", "held_words"]

_MANY: dict[FactKind, str] = {
    "title": "titles",
    "pinned": "pins",
    "model": "models",
    "summary": "summaries",
    "parent": "parents",
    "message": "messages",
    "order": "orders of messages",
    "question": "questions",
    "metadata": "keys of metadata",
    "state": "keys of state",
}
_ONE: dict[FactKind, str] = {
    "pinned": "pin",
    "order": "order of messages",
    "metadata": "key of metadata",
    "state": "key of state",
}


def fact_name(kind: FactKind, path: str) -> str:
    """Say which fact it is.

    >>> fact_name("question", "/questions/call_1#0")
    'question call_1#0'
    >>> fact_name("state", "/state/plan")
    'state/plan'
    """
    match kind:
        case "message" | "question":
            return f"{kind} {split(path)[1]}"
        case "metadata" | "state":
            return path[1:]
        case _:
            return _ONE.get(kind, kind)


def held_words(kind: FactKind, value: Any) -> str:
    """Say what a fact holds, given as records tell it: in short.

    >>> held_words("message", {"role": "user", "content": "Deploy it"})
    'user: Deploy it'
    >>> held_words("question", {"text": "Which one?", "status": "answered", "answer": "both"})
    'Which one? (answered: both)'
    """
    match kind:
        case "message":
            calls = value.get("tool_calls", [])
            called = "calls " + (calls if isinstance(calls, str) else ", ".join(calls)) if calls else ""
            return f"{value['role']}: {'; '.join(filter(None, (value['content'], called))) or '(nothing)'}"
        case "question":
            outcome = f": {value_text(value['answer'])}" if "answer" in value else ""
            return f"{value['text']} ({value['status']}{outcome})"
        case "pinned":
            return "on"
        case "parent":
            return value["parent_session_id"] or f"none, under {value['root_session_id']}"
        case "order":
            return value if isinstance(value, str) else ", ".join(value)
        case _:
            return value_text(value)


def counted_facts(kind: FactKind, count: int) -> str:
    """Say how many facts of a kind there are.

    >>> counted_facts("message", 2)
    '2 messages'
    """
    return f"{count:,} {_ONE.get(kind, kind) if count == 1 else _MANY[kind]}"
