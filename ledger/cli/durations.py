"""Durations, as a command line takes them: ``90s``, ``15m``, ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import click

__all__ = ["Duration"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])\s*", re.ASCII | re.IGNORECASE)


class Duration(click.ParamType[timedelta]):
    """A length of time: numbers, each with its unit.

    >>> str(Duration().convert("1h30m", None, None))
    '1:30:00'
    """

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read a duration, or say what one looks like."""
        if isinstance(value, timedelta):
            return value
        text, units = str(value).strip(), dict[str, float]()
        place = 0
        while part := _PART.match(text, place):
            unit = _UNITS[part[2].lower()]
            if unit in units:
                self.fail(f"{value!r} has {unit} twice", param, ctx)
            units[unit] = float(part[1])
            place = part.end()
        if place < len(text) or not units:
            where = f": {text[place:]!r} is not one" if units else ""
            self.fail(f"{value!r} is no duration{where}; write 90s, 15m, 1h, 2d or 1h30m", param, ctx)
        try:
            return timedelta(**units)
        except OverflowError:
            self.fail(f"{value!r} is longer than there has been time", param, ctx)
