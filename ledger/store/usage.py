"""The token-usage log: append-only, beside the events, with keys that make a retry safe."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select

from ledger.domain.submitted import checked_id
from ledger.domain.values import json_equal, plain
from ledger.errors import IdempotencyConflict, InvalidSession
from ledger.store.tables import usage_records

__all__ = ["append_usage", "checked_record"]


def checked_record(session_id: str, record: Mapping[str, Any] | str, key: str | None) -> str:
    """Give a usage record as the JSON text that is stored.

    Raises:
        InvalidSession: if it is not a JSON object, or not JSON.
    """
    try:
        record = _parsed(record)
        if key is not None:
            checked_id(key, "/usage/key", "key")
        return json.dumps(plain(record, "/usage"), ensure_ascii=False, separators=(",", ":"))
    except InvalidSession as error:
        error.session_id = session_id
        raise


def _parsed(record: Mapping[str, Any] | str) -> dict[str, Any]:
    if isinstance(record, str):
        try:
            record = json.loads(record, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidSession(f"the usage record is not JSON: {error}", path="/usage") from error
    if not isinstance(record, dict):
        raise InvalidSession(f"the usage record is a {type(record).__name__}, not an object", path="/usage")
    return record


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def append_usage(connection: Connection, session_id: str, uid: bytes, body: str, key: str | None) -> bool:
    """Append a record; `False` if its key was recorded before with the same content.

    Raises:
        IdempotencyConflict: if the key stands for another record.
    """
    if key is not None:
        stored = connection.execute(
            select(usage_records.c.body, usage_records.c.number).where(
                usage_records.c.session_uid == uid, usage_records.c.key == key
            )
        ).one_or_none()
        if stored is not None:
            if not json_equal(json.loads(stored[0]), json.loads(body)):
                raise IdempotencyConflict(session_id, key, stored[1])
            return False
    last = connection.execute(
        select(func.max(usage_records.c.number)).where(usage_records.c.session_uid == uid)
    ).scalar_one()
    row = {
        "session_uid": uid,
        "number": (last or 0) + 1,
        "recorded_at": time.time_ns() // 1000,
        "key": key,
        "body": body,
    }
    connection.execute(insert(usage_records), row)
    return True
