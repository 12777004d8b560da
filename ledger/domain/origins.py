"""Where a fork comes from. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.domain.events import Change, SessionForked
from ledger.domain.parts import Message

__all__ = ["origin_of"]


def origin_of(version: int, changes: Iterable[Change | Message]) -> SessionForked | None:
    """Give what a session was forked from, if the event of this version and these changes says so."""
    first = next(iter(changes), None) if version == 1 else None
    return first if isinstance(first, SessionForked) else None
