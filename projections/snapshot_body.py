"""A snapshot's body: a view as compressed JSON, and back. Pure."""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ledger.domain.messages import Messages
from ledger.domain.part_json import dump_parts
from ledger.domain.parts import JsonObject, JsonValue, Message, Question
from ledger.domain.view import View

__all__ = ["decode_view", "encode_view", "estimate_size"]

#: Fast, since a snapshot is written behind a load that someone waits for.
COMPRESSION_LEVEL = 1
#: Enough for an estimate, whatever the length of the conversation.
WEIGHED_MESSAGES = 64


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
    text = dump_parts({**view.fields, "messages": list(view.messages)})
    return zlib.compress(text, COMPRESSION_LEVEL), len(text)


def estimate_size(view: View) -> int:
    """Give about the size that `encode_view` gives, at a small part of its price: of many messages it weighs some."""
    weighed: Sequence[Message] = view.messages
    if len(weighed) > WEIGHED_MESSAGES:
        # By chance, but the same ones each time: who asks and who answers has a rhythm, and so would every n-th.
        weighed = random.Random(len(weighed)).sample(weighed, WEIGHED_MESSAGES)  # noqa: S311 - no secret
    of_messages = len(dump_parts({"messages": list(weighed)}))
    return len(dump_parts({**view.fields, "messages": []})) + of_messages * len(view.messages) // max(len(weighed), 1)


def decode_view(body: bytes) -> View:
    """Read a view back.

    Raises:
        ValueError: if it does not parse.
        zlib.error: if it does not decompress.
    """
    read = _Body.model_validate_json(zlib.decompress(body))
    return View(**{**read.__dict__, "messages": Messages(read.messages)})
