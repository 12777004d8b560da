"""A snapshot's body: a view as compressed JSON, and back. Pure."""

from __future__ import annotations

import zlib
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ledger.domain.messages import Messages
from ledger.domain.parts import JsonObject, JsonValue, Message, Question
from ledger.domain.payload import dump_parts
from ledger.domain.view import View

__all__ = ["decode_view", "encode_view"]

#: Fast, since a snapshot is written behind a load that someone waits for.
COMPRESSION_LEVEL = 1


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    session_id: str
    version: int
    digest: str
    alive: bool
    life_version: int
    metadata_version: int
    created_at: AwareDatetime | None
    updated_at: AwareDatetime | None
    title: str | None
    pinned: bool
    model: str
    summary: JsonValue
    parent_session_id: str | None
    root_session_id: str | None
    forked_from: JsonObject | None
    messages: tuple[Message, ...]
    questions: dict[str, Question]
    metadata: JsonObject
    state: JsonObject


def encode_view(view: View) -> tuple[bytes, int]:
    """Give a view as compressed JSON, and the size of that JSON in bytes."""
    fields: dict[str, Any] = {name: getattr(view, name) for name in View.__slots__}
    text = dump_parts(fields)
    return zlib.compress(text, COMPRESSION_LEVEL), len(text)


def decode_view(body: bytes) -> View:
    """Read a view back.

    Raises:
        ValueError: if it does not parse.
        zlib.error: if it does not decompress.
    """
    read = _Body.model_validate_json(zlib.decompress(body))
    return View(**{**read.__dict__, "messages": Messages(read.messages)})
