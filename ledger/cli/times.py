"""Times, as the command line writes them."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["instant"]


def instant(time: datetime) -> str:
    """Give a time as ISO 8601 in UTC, to the second.

    >>> instant(datetime(2026, 2, 10, 21, 55, 43, 742000, tzinfo=UTC))
    '2026-02-10T21:55:43Z'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
