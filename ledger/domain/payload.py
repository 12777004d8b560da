"""The JSON text that an event stores: its changes, and what else the chain must cover. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticUndefined

from ledger.domain.events import SCHEMA_VERSION, UPCASTERS, Agreement, Change
from ledger.domain.parts import Part
from ledger.errors import UnknownChange

__all__ = ["Payload", "content_digest", "decode_payload", "dump_parts", "encode_payload", "iso"]


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


def iso(time: datetime) -> str:
    """Give a time as ISO 8601 in UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


_NONE = object()
_DEFAULTS: dict[type[Part], dict[str, Any]] = {}


def _defaults(kind: type[Part]) -> dict[str, Any]:
    known = _DEFAULTS.get(kind)
    if known is None:
        known = {
            name: field.get_default(call_default_factory=True)
            for name, field in kind.model_fields.items()
            # An id or a time of its own is no default that another process would make again.
            if name not in ("type", "id", "created_at")
        }
        _DEFAULTS[kind] = known = {name: value for name, value in known.items() if value is not PydanticUndefined}
    return known


def _encode(value: Any) -> Any:
    if isinstance(value, Part):
        default = _defaults(type(value)).get
        fields = {
            name: item
            for name, item in value.__dict__.items()
            if (usual := default(name, _NONE)) is not item and usual != item
        }
        return {"type": fields.pop("type"), **fields} if "type" in fields else fields
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"a value of type {type(value).__name__} is not JSON")


def dump_parts(document: dict[str, Any], *, sort: bool = False) -> bytes:
    """Give a document that holds parts and times as compact UTF-8 JSON, the parts without their defaults."""
    text = json.dumps(
        document, default=_encode, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort
    )
    return text.encode()


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
    document: dict[str, Any] = {"changes": list(changes)}
    optional = {
        "key": key,
        "key_digest": key_digest,
        "occurred_at": occurred_at,
        "base": base,
        "agreed": list(agreed) or None,
    }
    document.update({name: value for name, value in optional.items() if value is not None})
    return dump_parts(document)


def decode_payload(payload: bytes | str, schema_version: int = SCHEMA_VERSION) -> Payload:
    """Read a payload, upcast from the schema that it was written in.

    Raises:
        UnknownChange: if it holds a change, or is of a schema, that only a newer release knows.
        ValueError: if it does not parse.
    """
    if schema_version < 1:
        raise ValueError(f"there never was a schema {schema_version}")
    if schema_version > SCHEMA_VERSION:
        raise UnknownChange(f"schema {schema_version}")
    if schema_version < SCHEMA_VERSION:
        document = json.loads(payload)
        for version in range(schema_version, SCHEMA_VERSION):
            document = UPCASTERS[version](document)
        payload = json.dumps(document)
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
    document = json.loads(dump_parts({"call": call, "changes": list(changes)}))
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
    return sha256(dump_parts(document, sort=True)).hexdigest()
