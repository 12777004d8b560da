"""The turns that every system saves: four messages each, 3.9 KB of JSON together, the same ones in every run.

A person asks, the model calls a tool, the tool answers with a record, the model explains it.
"""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

__all__ = ["json_of", "turn"]

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_TEXT = (
    "the order was shipped on Monday and arrives before the weekend unless customs asks for papers that nobody has "
    "a refund takes five days please confirm the address délivré für Größe invoice number warehouse carrier delayed "
    "status pending since then we can change cancel or split it which option do you prefer thank you for waiting"
)
_WORDS = _TEXT.split()


def turn(number: int) -> list[dict[str, Any]]:
    """Give the messages of a turn as plain JSON."""
    chance = random.Random(number)
    time = _BEGINNING + timedelta(seconds=30 * number)

    def text(length: int) -> str:
        words = ""
        while len(words) < length:
            words += chance.choice(_WORDS) + " "
        return words[:length]

    def message(place: int, role: str, content: str, **more: Any) -> dict[str, Any]:
        stamp = (time + timedelta(seconds=place)).isoformat()
        return {"id": f"{number:08d}-{place}", "role": role, "content": content, "created_at": stamp, **more}

    call = {"id": f"call_{number:08d}", "name": "look_up_order", "arguments": {"order": number, "fields": ["status"]}}
    record = {"order": number, "lines": [{"sku": text(12), "count": line, "note": text(150)} for line in range(8)]}
    return [
        message(0, "user", text(350)),
        message(1, "assistant", text(120), tool_calls=[call]),
        message(2, "tool", json.dumps(record), tool_call_id=call["id"]),
        message(3, "assistant", text(1090)),
    ]


def json_of(messages: list[dict[str, Any]]) -> list[str]:
    """Give each message as the JSON that the floor stores."""
    return [json.dumps(message, ensure_ascii=False, separators=(",", ":")) for message in messages]
