"""The row of an event, as its leaf hashes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.domain.chain import Entry

__all__ = ["entry_of"]


def entry_of(columns: Mapping[str, Any], origin: bytes, uid: bytes) -> Entry:
    """Give what the leaf of an event hashes."""
    return Entry(
        ledger_id=origin,
        session_uid=uid,
        version=columns["version"],
        base_version=columns["base_version"],
        event_id=bytes(columns["event_id"]),
        recorded_at_us=columns["recorded_at"],
        kind=columns["kind"],
        authority=columns["authority"],
        schema_version=columns["schema_version"],
        writer=columns["writer"],
        payload_commit=bytes(columns["payload_commit"]),
        prev_leaf=bytes(columns["prev_leaf"]),
    )
