"""How long something took, as people say it. Pure."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["span"]

_MINUTE = 60
_HOUR = 60
_DAY = 24


def span(wait: timedelta) -> str:
    """Say how long, in the two largest units that say something; from a minute on, seconds are noise.

    >>> (
    ...     span(timedelta(seconds=45)),
    ...     span(timedelta(minutes=18, seconds=56)),
    ...     span(timedelta(days=3, hours=4, minutes=50)),
    ... )
    ('45 s', '19 min', '3 d 4 h')
    """
    seconds = max(round(wait.total_seconds()), 0)
    if seconds < _MINUTE:
        return f"{seconds} s"
    hours, minutes = divmod((seconds + _MINUTE // 2) // _MINUTE, _HOUR)
    days, hours = divmod(hours, _DAY)
    units = [(days, "d"), (hours, "h"), (0 if days else minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in units if number)
