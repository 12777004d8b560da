"""In which order queued events get their positions in the feed. Pure.

Transactions commit in another order than the one in which they began, and where a database is spread over several
machines, not even what one look sees of two sessions is of one moment. What is certain is this: a version 3 of a
session was saved on top of its version 2. So each event waits for its predecessor, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from ledger.domain.chain import feed_digest

__all__ = ["Placed", "Queued", "awaited", "in_order", "placed"]


class Queued(NamedTuple):
    """An event that has no position yet."""

    session_uid: bytes
    version: int
    leaf: bytes

    @property
    def predecessor(self) -> tuple[bytes, int]:
        """The event that has to be in the feed before this one; of a version 1 there is none."""
        return self.session_uid, self.version - 1


class Placed(NamedTuple):
    """A row of the feed."""

    position: int
    session_uid: bytes
    version: int
    digest: bytes


def awaited(queued: Iterable[Queued]) -> set[tuple[bytes, int]]:
    """Give the predecessors that the feed has to be asked for, since they are not queued themselves.

    >>> sorted(awaited([Queued(b"a", 1, b""), Queued(b"b", 5, b""), Queued(b"b", 4, b"")]))
    [(b'b', 3)]
    """
    rows = list(queued)
    here = {(row.session_uid, row.version) for row in rows}
    return {row.predecessor for row in rows if row.version > 1} - here


def in_order(queued: Sequence[Queued], fed: Container[tuple[bytes, int]]) -> list[Queued]:
    """Give those of some queued events that can get positions now, in the order of their positions.

    It is the order in which they were queued, but for those that came before their predecessor: they follow right
    behind it. An event whose predecessor is neither in the feed nor among these is left out; it waits for another look.

    >>> early, late, other = Queued(b"a", 2, b""), Queued(b"a", 1, b""), Queued(b"b", 7, b"")
    >>> [(row.session_uid, row.version) for row in in_order([early, other, late], fed=[(b"b", 6)])]
    [(b'b', 7), (b'a', 1), (b'a', 2)]

    Args:
        queued: each event once, in the order in which they were queued.
        fed: which of their predecessors are in the feed, as pairs of session and version.
    """
    found: list[Queued] = []
    placed: set[tuple[bytes, int]] = set()
    waiting: dict[tuple[bytes, int], Queued] = {}
    for row in queued:
        if row.version > 1 and row.predecessor not in placed and row.predecessor not in fed:
            waiting[row.predecessor] = row
            continue
        free: Queued | None = row
        while free is not None:
            found.append(free)
            placed.add((free.session_uid, free.version))
            free = waiting.pop((free.session_uid, free.version), None)
    return found


def placed(rows: Iterable[Queued], position: int, digest: bytes) -> list[Placed]:
    """Give the rows of the feed for events in their order, behind a position and its running hash."""
    found = []
    for row in rows:
        position += 1
        digest = feed_digest(digest, position, row.session_uid, row.version, row.leaf)
        found.append(Placed(position, row.session_uid, row.version, digest))
    return found
