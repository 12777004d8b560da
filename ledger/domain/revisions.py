"""How people name a revision: ``7``, ``-1``, ``"12"``, an aware time, ``"q:ID"``, ``"key:K"``. Pure: it only parses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from ledger.errors import InvalidRevision

__all__ = ["At", "AtKey", "AtQuestion", "AtTime", "AtVersion", "Place", "Revision", "Span", "parse_revision"]

#: What a caller names a revision by.
At = int | str | datetime


@dataclass(frozen=True, slots=True)
class AtVersion:
    """The version itself if positive, else the distance from the head (-1 is the one before it)."""

    number: int


@dataclass(frozen=True, slots=True)
class AtTime:
    """The last version whose effective time is not after `time`."""

    time: datetime


@dataclass(frozen=True, slots=True)
class AtQuestion:
    """The save that asked the question; the latest asking, where an id was asked in several lives."""

    question_id: str


@dataclass(frozen=True, slots=True)
class AtKey:
    """The save that was made with this idempotency key."""

    key: str


class Place(NamedTuple):
    """A version of a session: what a revision names. In a fork, the session may be one that it came from.

    >>> str(Place("s1", 12))
    's1@12'
    """

    session_id: str
    version: int

    def __str__(self) -> str:
        return f"{self.session_id}@{self.version}"


class Span(NamedTuple):
    """The versions of a session from `first` to `last`, both included."""

    session_id: str
    first: int
    last: int


Revision = AtVersion | AtTime | AtQuestion | AtKey

_NUMBER = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def parse_revision(at: At) -> Revision:
    """Read a revision.

    >>> parse_revision("q:call_1#0")
    AtQuestion(question_id='call_1#0')

    Raises:
        InvalidRevision: if it is none of the forms, or a time without a zone. A `ValueError` too.
    """
    if isinstance(at, bool):
        raise InvalidRevision(at, "it is a boolean")
    if isinstance(at, int):
        return AtVersion(at)
    if isinstance(at, datetime):
        return _at_time(at, at)
    if not isinstance(at, str):
        raise InvalidRevision(at, f"it is a {type(at).__name__}")
    text = at.strip()
    if _NUMBER.fullmatch(text):
        return AtVersion(int(text))
    for prefix, kind in (("q:", AtQuestion), ("key:", AtKey)):
        if text.startswith(prefix):
            if len(text) == len(prefix):
                raise InvalidRevision(at, f"nothing follows {prefix!r}")
            return kind(text.removeprefix(prefix))
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRevision(at, "it is neither a number nor a time") from None
    return _at_time(time, at)


def _at_time(time: datetime, given: object) -> AtTime:
    if time.tzinfo is None or time.utcoffset() is None:
        raise InvalidRevision(given, "the time has no zone")
    try:
        return AtTime(time.astimezone(UTC))
    except OverflowError:
        raise InvalidRevision(given, "the time is out of range") from None
