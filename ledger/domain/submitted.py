"""What a caller submits is checked here, before anything is written: types, ids, and that all of it is JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.domain.parts import Message, Question, ToolCall
from ledger.domain.values import plain
from ledger.domain.view import State
from ledger.errors import InvalidSession

__all__ = ["checked_id", "checked_message", "checked_object", "checked_question", "checked_scalars"]


def checked_id(value: Any, path: str, what: str = "id") -> str:
    """Give `value` if it can serve as an id: text that is not empty, without NUL and lone surrogates."""
    if not isinstance(value, str):
        raise InvalidSession(f"the {what} is a {type(value).__name__}, not text", path=path)
    if not value:
        raise InvalidSession(f"the {what} is empty", path=path)
    if "\0" in value:
        raise InvalidSession(f"the {what} {value!r} holds a NUL", path=path)
    return str(plain(value, path))


def _text(value: Any, path: str, *, optional: bool = False) -> Any:
    if value is None and optional:
        return None
    if not isinstance(value, str):
        raise InvalidSession(f"a {type(value).__name__}, not text", path=path)
    return plain(value, path)


def checked_object(value: Any, path: str) -> Mapping[Any, Any]:
    """Give `value` if it is a dictionary; what is in it is not looked at."""
    if not isinstance(value, dict):
        raise InvalidSession(f"a {type(value).__name__}, not a dict", path=path)
    return value


def checked_scalars(state: State) -> tuple[str | None, bool, str, Any, str | None, str | None]:
    """Give title, pinned, model, summary, parent and root of `state`, each of its proper type."""
    if not isinstance(state.pinned, bool):
        raise InvalidSession(f"a {type(state.pinned).__name__}, not true or false", path="/pinned")
    return (
        _text(state.title, "/title", optional=True),
        state.pinned,
        _text(state.model, "/model"),
        state.summary,
        _text(state.parent_session_id, "/parent_session_id", optional=True),
        _text(state.root_session_id, "/root_session_id", optional=True),
    )


def checked_message(message: Any, path: str) -> None:
    """Check that a message can be stored as it is.

    Raises:
        InvalidSession: with the path of what cannot.
    """
    if not isinstance(message, Message):
        raise InvalidSession(f"a {type(message).__name__}, not a Message", path=path)
    fields = message.__dict__
    checked_id(fields["id"], f"{path}/id", "message id")
    _check_texts(fields, ("role", "content"), path)
    _check_texts(fields, ("reasoning", "tool_call_id"), path, optional=True)
    for name in ("parts", "metadata", "native"):
        if fields[name]:
            plain(fields[name], f"{path}/{name}")
    for place, call in enumerate(fields["tool_calls"]):
        where = f"{path}/tool_calls/{place}"
        if not isinstance(call, ToolCall):
            raise InvalidSession(f"a {type(call).__name__}, not a ToolCall", path=where)
        _check_texts(call.__dict__, ("id", "name"), where)
        plain(call.__dict__["arguments"], f"{where}/arguments")


def checked_question(key: Any, question: Any, path: str) -> None:
    """Check that a question can be stored, and stands under its own id.

    Raises:
        InvalidSession: with the path of what cannot.
    """
    if not isinstance(question, Question):
        raise InvalidSession(f"a {type(question).__name__}, not a Question", path=path)
    fields = question.__dict__
    checked_id(fields["id"], f"{path}/id", "question id")
    if key != fields["id"]:
        raise InvalidSession(f"the key is {key!r}, the question's id {fields['id']!r}", path=path)
    checked_id(fields["tool_call_id"], f"{path}/tool_call_id", "tool_call_id")
    _check_texts(fields, ("kind", "text"), path)
    _check_texts(fields, ("header", "source", "resolved_by", "reason", "supersedes"), path, optional=True)
    for place, option in enumerate(fields["options"]):
        _check_texts(option.__dict__, ("label",), f"{path}/options/{place}")
        _check_texts(option.__dict__, ("description",), f"{path}/options/{place}", optional=True)


def _check_texts(fields: dict[str, Any], names: tuple[str, ...], path: str, *, optional: bool = False) -> None:
    for name in names:
        _text(fields[name], f"{path}/{name}", optional=optional)
