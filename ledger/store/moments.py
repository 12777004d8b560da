"""Times as the tables keep them: whole microseconds since 1970, exactly."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["microseconds", "moment"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(time: datetime) -> int:
    """Give a time as microseconds."""
    delta = time.astimezone(UTC) - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def moment(us: int) -> datetime:
    """Give the time that `microseconds` was given."""
    seconds, rest = divmod(us, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)
