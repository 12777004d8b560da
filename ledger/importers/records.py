"""JSON from outside, read strictly: what is not what it should be is named, never guessed. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NoReturn

__all__ = [
    "MEND",
    "Record",
    "UnreadableRecord",
    "as_object",
    "digest",
    "named_kind",
    "object_in",
    "optional_text",
    "parse_json",
    "text_in",
    "time_in",
]

Record = dict[str, Any]

#: More than the ledger takes, which names the place; less than it takes for a walk through a record to fail.
_MAX_DEPTH = 300

MEND = "mend it and import again: only what is missing is added"


class UnreadableRecord(Exception):
    """A record cannot be taken; the message says what was found."""

    def __init__(self, what: str, hint: str = MEND) -> None:
        self.what = what
        self.hint = hint
        super().__init__(what)


def _refuse_constant(name: str) -> NoReturn:
    raise UnreadableRecord(f"it holds {name}, which is no JSON")


def parse_json(text: bytes) -> Any:
    """Parse UTF-8 JSON of any shape.

    Raises:
        UnreadableRecord: if it is no JSON, holds NaN or Infinity, half of a surrogate pair, or what Python cannot hold.
    """
    try:
        value = json.loads(text.decode("utf-8-sig"), parse_constant=_refuse_constant)
        if b"\\ud" in text or b"\\uD" in text:  # an escaped surrogate, seldom without its other half
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise UnreadableRecord(f"it is not UTF-8 (byte {error.start})") from error
    except UnicodeEncodeError as error:
        raise UnreadableRecord("its text holds half of a surrogate pair") from error
    except json.JSONDecodeError as error:
        raise UnreadableRecord(f"it is not JSON ({error.msg.lower()} at character {error.pos})") from error
    except RecursionError as error:
        raise UnreadableRecord("it is nested too deeply") from error
    except ValueError as error:
        raise UnreadableRecord("it holds a number of more than 4,300 digits") from error
    if text.count(b"[") + text.count(b"{") > _MAX_DEPTH and _is_deeper(value, _MAX_DEPTH):
        raise UnreadableRecord("it is nested too deeply")
    return value


def _is_deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def named_kind(value: Any) -> str:
    """Say what sort of JSON a value is, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "a number"
    return "an object" if isinstance(value, dict) else "a list"


def as_object(value: Any, what: str = "the record") -> Record:
    """Give `value` if it is a JSON object."""
    if not isinstance(value, dict):
        raise UnreadableRecord(f"{what} is {named_kind(value)}, not an object")
    return value


def object_in(record: Mapping[str, Any], name: str) -> Record:
    """Give the object that stands under `name`."""
    if name not in record:
        raise UnreadableRecord(f"{name} is missing")
    return as_object(record[name], name)


def optional_text(record: Mapping[str, Any], name: str) -> str | None:
    """Give the text that stands under `name`, or `None` where there is none."""
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise UnreadableRecord(f"{name} is {named_kind(value)}, not text")
    return value


def text_in(record: Mapping[str, Any], name: str) -> str:
    """Give the text that stands under `name`; it must not be empty."""
    value = optional_text(record, name)
    if not value:
        raise UnreadableRecord(f"{name} is missing" if value is None else f"{name} is empty")
    return value


def time_in(record: Mapping[str, Any], name: str) -> datetime | None:
    """Give the ISO 8601 time that stands under `name`, in UTC where it says no zone."""
    text = optional_text(record, name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableRecord(f"{name} is {text[:40]!r}, not an ISO 8601 time") from error


def digest(value: Any) -> str:
    """Give 16 hex digits that stand for a JSON value: the same for the same content, whatever its spelling."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]
