"""The JSON text that an event stores: its changes, and what else the chain must cover. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from ledger.domain.events import SCHEMA_VERSION, UPCASTERS, Agreement, Change, MessageAppended, appended
from ledger.domain.part_json import as_json, dump_parts, read_message, read_time
from ledger.domain.parts import Message, made
from ledger.errors import UnknownChange

__all__ = ["Payload", "content_digest", "decode_changes", "decode_payload", "encode_payload"]


class Payload(BaseModel):
    """What an event's payload says, beside what its envelope says.

    `base` is the leaf of the version that the writer had loaded, `key_digest` what a retry with that key must match.
    `agreed` is what a stale save brought as the head had it already.
    `redacted` lists the paths at which an export left values out; a payload as it was saved has none.
    """

    model_config = ConfigDict(extra="forbid")

    changes: tuple[Change, ...]
    key: str | None = None
    key_digest: str | None = None
    occurred_at: AwareDatetime | None = None
    base: str | None = None
    agreed: tuple[Agreement, ...] = ()
    redacted: tuple[str, ...] = ()


def encode_payload(
    changes: Sequence[Change],
    *,
    key: str | None = None,
    key_digest: str | None = None,
    occurred_at: datetime | None = None,
    base: str | None = None,
    agreed: Sequence[Agreement] = (),
) -> bytes:
    """Give the payload as UTF-8 JSON, defaults left out: what is stored and hashed, byte for byte."""
    document: dict[str, Any] = {"changes": [_told(change) for change in changes]}
    if key is not None:
        document["key"] = key
    if key_digest is not None:
        document["key_digest"] = key_digest
    if occurred_at is not None:
        document["occurred_at"] = occurred_at
    if base is not None:
        document["base"] = base
    if agreed:
        document["agreed"] = list(agreed)
    return dump_parts(document)


def _told(change: Change) -> dict[str, Any]:
    if type(change) is MessageAppended:
        return {"type": "message_appended", "message": as_json(change.message)}
    told: dict[str, Any] = as_json(change)
    return told


def decode_payload(payload: bytes | str, schema_version: int = SCHEMA_VERSION) -> Payload:
    """Read a payload, upcast from the schema that it was written in.

    Raises:
        UnknownChange: if it holds a change, or is of a schema, that only a newer release knows.
        ValueError: if it does not parse.
    """
    payload = _upcast(payload, schema_version)
    read = _as_written(payload, appended)
    if read is not None:
        changes, said = read
        return made(Payload, {**_PAYLOAD, **said, "changes": tuple(changes)}, set(said))
    return _explained(payload)


def decode_changes(payload: bytes | str, schema_version: int = SCHEMA_VERSION) -> Sequence[Change | Message]:
    """Read of a payload, in less time, what the fold takes: a message stands for the change that appended it.

    Raises:
        UnknownChange: as `decode_payload`.
        ValueError: as `decode_payload`.
    """
    payload = _upcast(payload, schema_version)
    read = _as_written(payload)
    return _explained(payload).changes if read is None else read[0]


def _upcast(payload: bytes | str, schema_version: int) -> bytes | str:
    if schema_version == SCHEMA_VERSION:
        return payload
    if schema_version < 1:
        raise ValueError(f"there never was a schema {schema_version}")
    if schema_version > SCHEMA_VERSION:
        raise UnknownChange(f"schema {schema_version}")
    document = json.loads(payload)
    for version in range(schema_version, SCHEMA_VERSION):
        document = UPCASTERS[version](document)
    return json.dumps(document)


def _as_written(
    payload: bytes | str, append: Callable[[Message], Change] | None = None
) -> tuple[list[Any], dict[str, Any]] | None:
    """Read a payload that is as this release writes it: its changes, and all that it says; else `None`.

    Args:
        payload: as it is stored.
        append: gives what is to stand for a message that was appended; by default it stands for itself.
    """
    changes: list[Any] = []
    try:
        said = from_json(payload)
        if type(said) is not dict or not said.keys() <= _READ or type(said.get("changes")) is not list:
            return None
        for told in said["changes"]:
            if type(told) is dict and told.get("type") == "message_appended" and len(told) == len(_APPENDED):
                message = read_message(told.get("message"))
                if message is None:
                    return None
                changes.append(message if append is None else append(message))
            else:
                changes.append(_CHANGE.validate_python(told))
    except ValueError:
        return None
    for name, value in said.items():
        if type(value) is not str and name != "changes":
            return None
    if "occurred_at" in said:
        time = said["occurred_at"] = read_time(said["occurred_at"])
        if time is None:
            return None
    return changes, said


def _explained(payload: bytes | str) -> Payload:
    """Read a payload that was written otherwise, or say why it cannot be read."""
    try:
        return Payload.model_validate_json(payload)
    except ValidationError as error:
        for problem in error.errors():
            if problem["type"] == "union_tag_invalid":
                raise UnknownChange(str(problem["ctx"]["tag"])) from error
        raise


def content_digest(call: str, changes: Sequence[Change], defaulted: frozenset[str] = frozenset()) -> str:
    """Give the digest by which a retry with the same key is told from other content.

    It covers what was submitted, without what a constructor stamps: ids and times of new messages, the index of a
    question that was not chosen. A retry from a process that lost its memory stamps anew.

    Args:
        call: the verb, so that an `append` is not taken for a `save`.
        changes: as submitted, before any rebase.
        defaulted: the ids of questions whose index was not chosen by the caller.
    """
    stamped = {
        change.message.id: f"new:{place}"
        for place, change in enumerate(changes)
        if change.type in ("message_appended", "message_inserted")
    }
    document = from_json(dump_parts({"call": call, "changes": list(changes)}))
    for item in document["changes"]:
        message = item.get("message")
        if item["type"] in ("message_appended", "message_inserted"):
            message.pop("created_at", None)
            message["id"] = stamped[message["id"]]
            item["after"] = stamped.get(item.get("after"), item.get("after"))
        question = item.get("question", {})
        if question.get("id") in defaulted:
            question.pop("index", None)
        for holder, name in (
            (question, "id"),
            (question, "supersedes"),
            (item, "question_id"),
            (item, "superseded_by"),
        ):
            if holder.get(name) in defaulted:
                holder[name] = holder[name].rpartition("#")[0] + "#"
        if item["type"] == "session_created":
            item.pop("created_at", None)
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return sha256(text.encode()).hexdigest()


_CHANGE: TypeAdapter[Change] = TypeAdapter(Change)
_APPENDED = MessageAppended.model_fields.keys()
_PAYLOAD: dict[str, Any] = {
    name: None if field.is_required() else field.default for name, field in Payload.model_fields.items()
}
#: What this release reads without pydantic's help. What a stale save agreed with, and what an export left out, is rare.
_READ = frozenset(("changes", "key", "key_digest", "occurred_at", "base"))
