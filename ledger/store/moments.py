"""Times as the tables keep them: whole microseconds since 1970, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["microseconds", "moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(time: datetime) -> int:
    """Give a time as microseconds."""
    delta = time.astimezone(UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def moment(us: int) -> datetime:
    """Give the time that `microseconds` was given."""
    if type(us) is not int:
        raise TypeError(f"a {type(us).__name__}, not whole microseconds")
    return _EPOCH + timedelta(0, 0, us)
