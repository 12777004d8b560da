"""What a caller submits is checked here, before anything is written: types, ids, and that all of it is JSON.

The models check what they are made of, but not all ways of making one ask them to (`model_construct`, a field of a
session that is assigned), and what was stored once has to be readable for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from ledger.domain.chain import AUTHORITIES
from ledger.domain.frozen import no_items, no_members
from ledger.domain.omission import OnOmission
from ledger.domain.parts import Message, Option, Part, Question, ToolCall
from ledger.domain.values import check_json, is_json, plain
from ledger.domain.view import State
from ledger.errors import InvalidSession

__all__ = [
    "check_keywords",
    "checked_id",
    "checked_message",
    "checked_object",
    "checked_question",
    "checked_scalars",
    "is_plain",
]

_AUTHORITIES, _ON_OMISSION = tuple(AUTHORITIES), get_args(OnOmission)
_NO_ITEMS, _NO_MEMBERS = no_items(), no_members()
_NAMES = {kind: kind.model_fields.keys() for kind in (Message, ToolCall, Question, Option)}
_PLAIN, _PLAIN_CALL = tuple(Message.model_fields), tuple(ToolCall.model_fields)
#: The chain writes the length of the name in 16 bits.
MAX_WRITER_BYTES = 65_535


def check_keywords(
    *,
    writer: Any,
    authority: Any,
    key: Any = None,
    occurred_at: Any = None,
    expected_version: Any = None,
    on_omission: Any = "keep",
    reason: Any = "",
) -> None:
    """Check what a caller says of a save or a deletion, which is as much part of the record as what is saved.

    Raises:
        InvalidSession: naming the keyword.
    """
    if len(checked_id(writer, "/writer", "writer").encode()) > MAX_WRITER_BYTES:
        raise InvalidSession(f"the writer's name is longer than {MAX_WRITER_BYTES} bytes", path="/writer")
    _one_of(authority, _AUTHORITIES, "/authority")
    _one_of(on_omission, _ON_OMISSION, "/on_omission")
    if key is not None:
        checked_id(key, "/key", "key")
    if occurred_at is not None and not isinstance(occurred_at, datetime):
        raise InvalidSession(f"a {type(occurred_at).__name__}, not a time", path="/occurred_at")
    if occurred_at is not None and occurred_at.utcoffset() is None:
        raise InvalidSession("the time has no zone", path="/occurred_at")
    if expected_version is not None and type(expected_version) is not int:
        raise InvalidSession(f"a {type(expected_version).__name__}, not a version", path="/expected_version")
    _text(reason, "/reason")


def _one_of(value: Any, known: tuple[str, ...], path: str) -> None:
    if value not in known:
        raise InvalidSession(f"{value!r} is none of {', '.join(known)}", path=path)


def checked_id(value: Any, path: str, what: str = "id") -> str:
    """Give `value` if it can serve as an id: text that is not empty, without NUL and lone surrogates."""
    if not isinstance(value, str):
        raise InvalidSession(f"the {what} is a {type(value).__name__}, not text", path=path)
    if not value:
        raise InvalidSession(f"the {what} is empty", path=path)
    if "\0" in value:
        raise InvalidSession(f"the {what} {value!r} holds a NUL", path=path)
    return value if type(value) is str and value.isascii() else str(plain(value, path))


def checked_object(value: Any, path: str) -> Mapping[Any, Any]:
    """Give `value` if it is a dictionary; what is in it is not looked at."""
    if not isinstance(value, dict):
        raise InvalidSession(f"a {type(value).__name__}, not a dict", path=path)
    return value


def checked_scalars(state: State) -> tuple[str | None, bool, str, Any, str | None, str | None]:
    """Give title, pinned, model, summary, parent and root of `state`, each of its proper type."""
    return (
        _text(state.title, "/title", optional=True),
        _flag(state.pinned, "/pinned"),
        _text(state.model, "/model"),
        state.summary,
        _text(state.parent_session_id, "/parent_session_id", optional=True),
        _text(state.root_session_id, "/root_session_id", optional=True),
    )


def is_plain(message: Any) -> bool:
    """Tell whether a message can be stored, at first sight, as nearly all can; `checked_message` sees the rest."""
    if type(message) is not Message:
        return False
    fields = message.__dict__
    if len(fields) != len(_PLAIN) or tuple(fields) != _PLAIN:
        return False
    message_id, role, content, parts, reasoning, calls, call_id, success, created_at, metadata, native = fields.values()
    return (
        type(message_id) is type(role) is type(content) is str
        and message_id != ""
        and message_id.isascii()
        and "\0" not in message_id
        and role.isascii()
        and (content.isascii() or _encodes(content))
        and type(created_at) is datetime
        and created_at.utcoffset() is not None
        and reasoning is None
        and (call_id is None or (type(call_id) is str and call_id.isascii()))
        and (success is None or success is True or success is False)
        and parts is _NO_ITEMS
        and native is None
        and (metadata is _NO_MEMBERS or (isinstance(metadata, dict) and is_json(metadata)))
        and (calls is _NO_ITEMS or (isinstance(calls, list | tuple) and all(map(_is_plain_call, calls))))
    )


def _is_plain_call(call: Any) -> bool:
    if type(call) is not ToolCall:
        return False
    fields = call.__dict__
    if len(fields) != len(_PLAIN_CALL) or tuple(fields) != _PLAIN_CALL:
        return False
    call_id, name, arguments = fields.values()
    return type(call_id) is type(name) is str and call_id.isascii() and name.isascii() and is_json(arguments)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def checked_message(message: Any, path: str) -> None:
    """Check that a message can be stored as it is, and read again.

    Raises:
        InvalidSession: with the path of what cannot.
    """
    fields = _fields(message, Message, path)
    checked_id(fields["id"], f"{path}/id", "message id")
    _texts(fields, ("role", "content"), path)
    _texts(fields, ("reasoning", "tool_call_id"), path, optional=True)
    if fields["tool_success"] is not None:
        _flag(fields["tool_success"], f"{path}/tool_success")
    _time(fields["created_at"], f"{path}/created_at")
    if fields["parts"] is not _NO_ITEMS:
        check_json(_list(fields["parts"], f"{path}/parts"), f"{path}/parts")
    if fields["metadata"] is not _NO_MEMBERS:
        check_json(checked_object(fields["metadata"], f"{path}/metadata"), f"{path}/metadata")
    if fields["native"] is not None:
        check_json(checked_object(fields["native"], f"{path}/native"), f"{path}/native")
    if fields["tool_calls"] is not _NO_ITEMS:
        for place, call in enumerate(_list(fields["tool_calls"], f"{path}/tool_calls")):
            where = f"{path}/tool_calls/{place}"
            of_call = _fields(call, ToolCall, where)
            _texts(of_call, ("id", "name"), where)
            check_json(of_call["arguments"], f"{where}/arguments")


def checked_question(key: Any, question: Any, path: str) -> None:
    """Check that a question can be stored and read again, and stands under its own id.

    Raises:
        InvalidSession: with the path of what cannot.
    """
    fields = _fields(question, Question, path)
    checked_id(fields["id"], f"{path}/id", "question id")
    if key != fields["id"]:
        raise InvalidSession(f"the key is {key!r}, the question's id {fields['id']!r}", path=path)
    call, index = checked_id(fields["tool_call_id"], f"{path}/tool_call_id", "tool_call_id"), fields["index"]
    if type(index) is not int or fields["id"] != f"{call}#{index}":
        raise InvalidSession(f"the id of question {index!r} of {call} is {call}#{index}", path=f"{path}/id")
    _texts(fields, ("kind", "text"), path)
    _texts(fields, ("header", "source", "resolved_by", "reason", "supersedes"), path, optional=True)
    for name in ("allow_custom", "multiple"):
        _flag(fields[name], f"{path}/{name}")
    check_json(fields["answer"], f"{path}/answer")
    for place, option in enumerate(_list(fields["options"], f"{path}/options")):
        of_option = _fields(option, Option, f"{path}/options/{place}")
        _texts(of_option, ("label",), f"{path}/options/{place}")
        _texts(of_option, ("description",), f"{path}/options/{place}", optional=True)


def _fields(part: Any, kind: type[Part], path: str) -> dict[str, Any]:
    # A subclass could hold fields that no release can read again.
    if type(part) is not kind:
        raise InvalidSession(f"a {type(part).__name__}, not a {kind.__name__}", path=path)
    fields: dict[str, Any] = part.__dict__
    if not _NAMES[kind] <= fields.keys():
        missing = next(name for name in kind.model_fields if name not in fields)
        raise InvalidSession(f"a {kind.__name__} without {missing}", path=path)
    return fields


def _texts(fields: dict[str, Any], names: tuple[str, ...], path: str, *, optional: bool = False) -> None:
    for name in names:
        value = fields[name]
        if type(value) is str:
            if value.isascii():
                continue
        elif value is None and optional:
            continue
        _text(value, f"{path}/{name}")


def _text(value: Any, path: str, *, optional: bool = False) -> Any:
    if value is None and optional:
        return None
    if not isinstance(value, str):
        raise InvalidSession(f"a {type(value).__name__}, not text", path=path)
    return value if type(value) is str and value.isascii() else plain(value, path)


def _flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidSession(f"a {type(value).__name__}, not true or false", path=path)
    return value


def _list(value: Any, path: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidSession(f"a {type(value).__name__}, not a list", path=path)
    return value


def _time(value: Any, path: str) -> None:
    if not isinstance(value, datetime):
        raise InvalidSession(f"a {type(value).__name__}, not a time", path=path)
    if value.tzinfo is not UTC and value.utcoffset() is None:
        raise InvalidSession("the time has no zone", path=path)
