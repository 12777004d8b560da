"""Times and spans, as the command line writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["instant", "span"]


def instant(time: datetime) -> str:
    """Give a time as ISO 8601 in UTC, to the second.

    >>> instant(datetime(2026, 2, 10, 21, 55, 43, 742000, tzinfo=UTC))
    '2026-02-10T21:55:43Z'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def span(wait: timedelta) -> str:
    """Say how long something took, in the two largest units that say something.

    >>> span(timedelta(minutes=18, seconds=56)), span(timedelta(seconds=136)), span(timedelta(days=3, hours=5))
    ('19 min', '2 min 16 s', '3 d 5 h')
    """
    seconds = max(round(wait.total_seconds()), 0)
    # From ten minutes on seconds are noise, and from a day on minutes are.
    unit = 3600 if seconds >= 86400 else 60 if seconds >= 600 else 1  # noqa: PLR2004 - seconds of a day, of ten minutes
    seconds = (seconds + unit // 2) // unit * unit
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {seconds % 60} s" if seconds % 60 else f"{minutes} min"
    return f"{seconds} s"
