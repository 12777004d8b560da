"""What a column holds that somebody may have altered. SQLite keeps what it is given, whatever the column's type is."""

from __future__ import annotations

from typing import Any

__all__ = ["number", "octets", "text"]


def octets(value: Any) -> bytes:
    """Give bytes as they are, and of anything else some that no hash equals."""
    return bytes(value) if isinstance(value, bytes) else repr(value).encode()


def text(value: Any) -> str:
    """Give text as it is, and of anything else what it looks like."""
    return value if isinstance(value, str) else repr(value)


def number(value: Any) -> int:
    """Give a number as it is, and of anything else one that is no version."""
    return value if isinstance(value, int) else -1
