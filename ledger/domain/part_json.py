"""Parts as JSON, and back: what every save writes and every load reads, so it takes the short way. Pure.

What is written leaves defaults out. What is read is made into parts here if it is as it was written; anything else is
for pydantic to explain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic_core import PydanticUndefined, to_json

from ledger.domain.frozen import FrozenDict, FrozenList
from ledger.domain.parts import Message, Part, ToolCall, made

__all__ = ["as_json", "dump_parts", "iso", "read_message", "read_time"]

_ZERO = timedelta(0)
_NONE = object()


def iso(time: datetime) -> str:
    """Give a time as ISO 8601 in UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def dump_parts(document: dict[str, Any]) -> bytes:
    """Give a document that holds parts and times as compact UTF-8 JSON, the parts without their defaults."""
    return to_json({name: as_json(value) for name, value in document.items()})


def as_json(value: Any) -> Any:
    """Give parts as dictionaries without their defaults; a time in UTC may stay one, which is written as `iso` does."""
    write = _WRITERS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, Part):
        write = _WRITERS[type(value)] = _part
        return write(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, list | tuple):
        return _items(value)
    return _members(value) if isinstance(value, Mapping) else value


def _itself(value: Any) -> Any:
    return value


def _time(time: datetime) -> datetime | str:
    return time if time.tzinfo is UTC or time.utcoffset() == _ZERO else iso(time)


def _items(items: Any) -> Any:
    # JSON holds no parts, and what holds one holds nothing else.
    return [as_json(item) for item in items] if items and isinstance(items[0], Part) else items


def _members(members: Any) -> Any:
    if members and isinstance(next(iter(members.values())), Part):
        return {name: as_json(item) for name, item in members.items()}
    return members


def _part(part: Part) -> dict[str, Any]:
    kind = type(part)
    fields = part.__dict__
    written = {}
    for name, usual in _WRITTEN.get(kind) or _written(kind):
        item = fields[name]
        if item is usual:
            continue
        if type(item) is str:
            if item != usual:
                written[name] = item
        elif usual is _NONE or not ((usual or not item) and item == usual):
            written[name] = as_json(item)
    return written


_WRITTEN: dict[type[Part], tuple[tuple[str, Any], ...]] = {}


def _written(kind: type[Part]) -> tuple[tuple[str, Any], ...]:
    """Give the fields of a part in the order in which they are written, each with the value that is left out."""
    # A type is always told, and told first; an id or a time of its own no other process would make again.
    usual = {
        name: _NONE if name in _TOLD else field.get_default(call_default_factory=True)
        for name, field in sorted(kind.model_fields.items(), key=lambda item: item[0] != "type")
    }
    known = tuple((name, _NONE if value is PydanticUndefined else value) for name, value in usual.items())
    _WRITTEN[kind] = known
    return known


_TOLD = frozenset(("type", "id", "created_at"))
_WRITERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((dict, FrozenDict), _members),
    **dict.fromkeys((list, tuple, FrozenList), _items),
    **dict.fromkeys((str, bool, int, float, type(None)), _itself),
    datetime: _time,
}


def read_time(text: Any) -> datetime | None:
    """Read a time as it is written; `None` if it is not."""
    if type(text) is not str or len(text) not in _TIME_LENGTHS or text[10] != "T" or text[-1] != "Z":
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def read_message(told: Any) -> Message | None:
    """Read a message as it is written; `None` if it is written otherwise."""
    if type(told) is not dict:
        return None
    names = tuple(told)
    form = _FORMS.get(names) or _form(names)
    fields = {**_MESSAGE, **told}
    if not type(fields["id"]) is type(fields["role"]) is type(fields["content"]) is str:
        return None
    time = read_time(fields["created_at"])
    if time is None:
        return None
    fields["created_at"] = time
    for name, types in form.rest:
        value = fields[name]
        if type(value) not in types:
            return None
        if name == "tool_calls":
            calls = fields[name] = [call for each in value if (call := _read_call(each))]
            if len(calls) < len(value):
                return None
    return made(Message, fields, form.told)


def _read_call(told: Any) -> ToolCall | None:
    if type(told) is not dict or not told.keys() <= _CALL.keys():
        return None
    fields = {**_CALL, **told}
    if not type(fields["id"]) is type(fields["name"]) is str:
        return None
    return made(ToolCall, fields, (_FORMS.get(tuple(told)) or _form(tuple(told))).told)


class _Form(NamedTuple):
    """The fields that some messages tell: one set of names for all of them, and the types of those that few have."""

    told: set[str]
    rest: tuple[tuple[str, frozenset[type]], ...]


def _form(told: tuple[str, ...]) -> _Form:
    form = _Form(set(told), tuple((name, _TYPES.get(name, _NOTHING)) for name in told if name not in _EVERY))
    if len(_FORMS) < _MANY:
        _FORMS[told] = form
    return form


def _usual(kind: type[Part]) -> dict[str, Any]:
    """Give the fields of a part in order, each with what it is where it is not told; `None` where it has to be."""
    return {**dict.fromkeys(kind.model_fields), **{name: value for name, value in _written(kind) if value is not _NONE}}


_TIME_LENGTHS = frozenset((len("2026-01-01T00:00:00Z"), len("2026-01-01T00:00:00.000000Z")))
_MESSAGE, _CALL = _usual(Message), _usual(ToolCall)
_EVERY = frozenset(("id", "role", "content", "created_at"))
#: What JSON gives for the other fields of a message that was checked when it was saved.
_TYPES: Mapping[str, frozenset[type]] = {
    **dict.fromkeys(("reasoning", "tool_call_id"), frozenset((str, type(None)))),
    **dict.fromkeys(("parts", "tool_calls"), frozenset((list,))),
    "tool_success": frozenset((bool, type(None))),
    "metadata": frozenset((dict,)),
    "native": frozenset((dict, type(None))),
}
_NOTHING: frozenset[type] = frozenset()
#: More than there are ways to leave out what has a default.
_MANY = 256
_FORMS: dict[tuple[str, ...], _Form] = {}
