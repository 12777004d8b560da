"""Ids and salts, from random bytes that are drawn from the system many at a time.

Each draw lets go of the interpreter's lock, and where several threads are at work a save would wait for it every time.
What was drawn is never shared with another process: a fork draws its own.
"""

from __future__ import annotations

import os

__all__ = ["random_id", "random_salt"]

#: So many ids are drawn at a time.
DRAWN = 256
_SIZE = 16
# The bits that make 16 random bytes a UUID of version 4 (RFC 9562, 5.4).
_FREE = ~((0xF000 << 64) | (0xC000 << 48))
_UUID4 = (0x4000 << 64) | (0x8000 << 48)


def random_id() -> str:
    """Give an id that nobody else has: the 32 hexadecimal digits of a random UUID."""
    return f"{int.from_bytes(_draw()) & _FREE | _UUID4:032x}"


def random_salt() -> bytes:
    """Give 32 bytes that nobody can guess."""
    return _draw() + _draw()


class _Drawn:
    """What a process has drawn, and not used. Safe to share between threads: each takes what no other takes."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.chunks: list[bytes] = []


_drawn = _Drawn()


def _draw() -> bytes:
    global _drawn  # noqa: PLW0603 - there is one system to draw from
    drawn = _drawn
    if drawn.process != os.getpid():
        drawn = _drawn = _Drawn()
    try:
        return drawn.chunks.pop()
    except IndexError:
        fresh = os.urandom(_SIZE * DRAWN)
        drawn.chunks += [fresh[start : start + _SIZE] for start in range(_SIZE, len(fresh), _SIZE)]
        return fresh[:_SIZE]
