"""The token counts of a Claude Code transcript: each call of a model once. Pure."""

from __future__ import annotations

from typing import Any

from ledger.importers.records import Record, named_kind, optional_text
from ledger.importers.steps import Usage

__all__ = ["UsageCounter"]

_COUNTS = ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")

_WITHOUT = ", and the message came in without its tokens"


class UsageCounter:
    """What was counted so far, by call.

    Lines that share one answer carry the counts at the time each was written: all but the output are the same, and the
    last has them whole. Usage is append-only, so a later line adds what it has more than those before.
    """

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], dict[str, int]] = {}

    def count(
        self, session_id: str, message: Record, line_id: str, record: Record
    ) -> tuple[tuple[Usage, ...], str | None]:
        """Give the record that a line adds, if any, and what is wrong with its counts, if anything is.

        Args:
            session_id: whose session it is.
            message: the line's message, with its `usage`.
            line_id: the id of the line.
            record: the line.
        """
        usage = message.get("usage")
        if usage is None:
            return (), None
        if not isinstance(usage, dict):
            return (), f"message.usage is {named_kind(usage)}, not an object{_WITHOUT}"
        counts: dict[str, int] = {}
        for name in _COUNTS:
            value = usage.get(name, 0)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                found = str(value) if isinstance(value, int | float) else named_kind(value)
                return (), f"message.usage.{name} is {found}, not a count{_WITHOUT}"
            counts[name] = value
        call = optional_text(message, "id") or line_id
        before = self._counted.get((session_id, call))
        more = {name: value - (before or {}).get(name, 0) for name, value in counts.items()}
        more = {name: value for name, value in more.items() if value > 0}
        if not more:
            return (), None
        self._counted[session_id, call] = {
            name: max(value, (before or {}).get(name, 0)) for name, value in counts.items()
        }
        about: dict[str, Any] = {
            "at": record.get("timestamp"),
            "model": message.get("model"),
            "message_id": call,
            "request_id": record.get("requestId"),
            "service_tier": usage.get("service_tier"),
        }
        if before is not None:
            about["adds_to"] = f"import:{call}"
        written = {name: value for name, value in about.items() if isinstance(value, str)}
        key = f"import:{call}" if before is None else f"import:{call}:{line_id}"
        return (Usage(key, written | more),), None
