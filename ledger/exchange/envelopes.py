"""An event as a line of an export has it, and as the tables have it: nothing is rounded on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ledger.domain.chain import AUTHORITIES, AUTHORITY_NAMES, KIND_NAMES, KINDS
from ledger.domain.part_json import iso
from ledger.domain.redaction import NO_SALT
from ledger.store.moments import microseconds, moment

__all__ = [
    "StoredEvent",
    "event_line",
    "of_count",
    "of_hex",
    "of_text",
    "of_texts",
    "of_time",
    "only_fields",
    "or_none",
    "read_fields",
    "stored_event",
    "to_time",
]

_HEX = re.compile(r"[0-9a-f]*")
_LARGEST = 2**63 - 1


class StoredEvent(NamedTuple):
    """An event as it is kept: its row in `events`, but for the session, and that in `payloads`."""

    columns: Mapping[str, Any]
    salt: bytes
    body: str
    redacted: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """The version that it made."""
        return int(self.columns["version"])


def event_line(event: StoredEvent) -> dict[str, Any]:
    """Give an event as its line."""
    columns = event.columns
    line: dict[str, Any] = {
        "event": {
            "version": columns["version"],
            "base_version": columns["base_version"],
            "event_id": columns["event_id"].hex(),
            "recorded_at": to_time(columns["recorded_at"]),
            "occurred_at": None if columns["occurred_at"] is None else to_time(columns["occurred_at"]),
            "kind": KIND_NAMES[columns["kind"]],
            "authority": AUTHORITY_NAMES[columns["authority"]],
            "schema_version": columns["schema_version"],
            "writer": columns["writer"],
            "key": columns["key"],
            "payload_commit": columns["payload_commit"].hex(),
            "prev_leaf": columns["prev_leaf"].hex(),
            "leaf": columns["leaf"].hex(),
        },
        "salt": None if event.redacted else event.salt.hex(),
        "payload": event.body,
    }
    return {**line, "redacted": list(event.redacted)} if event.redacted else line


def stored_event(line: Mapping[str, Any]) -> StoredEvent:
    """Read an event's line. What its fields say is not compared with each other here.

    Raises:
        ValueError: saying which field is not what it has to be.
    """
    only_fields(line, "an event's line", ("event", "salt", "payload"), ("redacted",))
    columns = read_fields(line["event"], "its envelope", _ENVELOPE)
    body = _read("payload", of_text, line["payload"])
    redacted = _read("redacted", of_texts, line.get("redacted", []))
    if bool(redacted) != (line["salt"] is None) or ("redacted" in line and not redacted):
        raise ValueError("its salt is withheld where something was redacted, and only there")
    salt = NO_SALT if redacted else _read("salt", of_hex(32), line["salt"])
    if salt == NO_SALT and not redacted:
        raise ValueError("its salt stands for one that was withheld, and nothing says that it was redacted")
    return StoredEvent(columns, salt, body, redacted)


def read_fields(value: Any, what: str, readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Read an object that has just these fields.

    Raises:
        ValueError: saying which field is not what it has to be.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no object")  # noqa: TRY004 - of the file's data, not of the caller's
    only_fields(value, what, tuple(readers))
    return {name: _read(name, read, value[name]) for name, read in readers.items()}


def only_fields(given: Mapping[str, Any], what: str, wanted: tuple[str, ...], allowed: tuple[str, ...] = ()) -> None:
    """Make sure that an object has the fields that it has to have, and no others.

    Raises:
        ValueError: naming the first that is missing, or strange.
    """
    missing = [name for name in wanted if name not in given]
    strange = [name for name in given if name not in (*wanted, *allowed)]
    if missing or strange:
        raise ValueError(f"{what} has no {missing[0]}" if missing else f"{what} has a strange field, {strange[0]!r}")


def to_time(us: int) -> str:
    """Give microseconds since 1970 as ISO 8601."""
    return iso(moment(us))


def of_time(value: Any) -> int:
    """Give the microseconds of a time as `to_time` writes it."""
    us = microseconds(datetime.fromisoformat(of_text(value)))
    if to_time(us) != value:
        raise ValueError(f"{value} is not written as a time is")
    return us


def of_hex(size: int) -> Callable[[Any], bytes]:
    """Give what reads so many bytes in lower-case hex."""

    def read(value: Any) -> bytes:
        if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
            raise ValueError(f"{size} bytes in hex are wanted")
        return bytes.fromhex(value)

    return read


def _read(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"its {name} cannot be: {error}") from error


def of_count(value: Any) -> int:
    """Give a whole number that is not negative."""
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError("a number is wanted")
    return value


def of_text(value: Any) -> str:
    """Give text that can be stored."""
    if not isinstance(value, str):
        raise ValueError("text is wanted")  # noqa: TRY004 - of the file's data, not of the caller's
    value.encode()
    return value


def of_texts(value: Any) -> tuple[str, ...]:
    """Give a list of texts."""
    if not isinstance(value, list):
        raise ValueError("a list is wanted")  # noqa: TRY004 - of the file's data, not of the caller's
    return tuple(of_text(item) for item in value)


def _one_of(known: Mapping[str, int]) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if value not in known:
            raise ValueError(f"it is none of {', '.join(known)}")
        return known[value]

    return read


def or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Give what reads null, or what `read` does."""
    return lambda value: None if value is None else read(value)


_ENVELOPE: dict[str, Callable[[Any], Any]] = {
    "version": of_count,
    "base_version": of_count,
    "event_id": of_hex(16),
    "recorded_at": of_time,
    "occurred_at": or_none(of_time),
    "kind": _one_of(KINDS),
    "authority": _one_of(AUTHORITIES),
    "schema_version": of_count,
    "writer": of_text,
    "key": or_none(of_text),
    "payload_commit": of_hex(32),
    "prev_leaf": of_hex(32),
    "leaf": of_hex(32),
}
