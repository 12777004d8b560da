"""The hash chain that makes the record tamper-evident (design 6.1). Pure; all integers big-endian, SHA-256.

A leaf is also a leaf hash of RFC 9162, so a Merkle tree over the leaves can be built without hashing anything again.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

__all__ = [
    "AUTHORITIES",
    "AUTHORITY_NAMES",
    "KINDS",
    "KIND_NAMES",
    "NO_LEAF",
    "Entry",
    "commit_payload",
    "feed_digest",
    "leaf_of",
    "session_uid",
]

#: What stands for the leaf before version 1.
NO_LEAF = bytes(32)

KINDS = {"saved": 0, "deleted": 1}
AUTHORITIES = {"runtime": 0, "user": 1}
KIND_NAMES: dict[int, Any] = {number: name for name, number in KINDS.items()}
AUTHORITY_NAMES: dict[int, Any] = {number: name for name, number in AUTHORITIES.items()}

#: Python hashes at once what is shorter than 2,048 bytes, and anything longer without the interpreter's lock: where
#: another thread has work, it gets the lock back after the switch interval of 5 ms, and a few kilobytes take 10 us.
PIECE = 2047
#: What takes so long to hash that others should go on meanwhile.
LONG = 1 << 20

_PREFIX = b"sessionledger/1\n"
_FIXED = struct.Struct(">QQ16sQBBHH")


class Entry(NamedTuple):
    """What of an event is hashed, beside its payload."""

    ledger_id: bytes
    session_uid: bytes
    version: int
    base_version: int
    event_id: bytes
    recorded_at_us: int
    kind: int
    authority: int
    schema_version: int
    writer: str
    payload_commit: bytes
    prev_leaf: bytes

    def encode(self) -> bytes:
        """Give the bytes that the leaf hashes."""
        writer = self.writer.encode()
        fixed = _FIXED.pack(
            self.version,
            self.base_version,
            self.event_id,
            self.recorded_at_us,
            self.kind,
            self.authority,
            self.schema_version,
            len(writer),
        )
        parts = (_PREFIX, self.ledger_id, self.session_uid, fixed, writer, self.payload_commit, self.prev_leaf)
        return b"".join(parts)


def commit_payload(salt: bytes, payload: bytes) -> bytes:
    """Give the commitment to a payload. The salt keeps a short one unguessable after it was erased."""
    digest = sha256(b"\x02" + salt)
    if len(payload) > LONG:
        digest.update(payload)
    else:
        for start in range(0, len(payload), PIECE):
            digest.update(payload[start : start + PIECE])
    return digest.digest()


def leaf_of(entry: Entry) -> bytes:
    """Give the leaf hash of an entry (RFC 9162, 2.1.1)."""
    return sha256(b"\x00" + entry.encode()).digest()


@lru_cache(4096)
def session_uid(ledger_id: bytes, session_id: str) -> bytes:
    """Give the 16 bytes under which a ledger keeps the session that was created in it with this id."""
    return sha256(b"sessionledger/uid\n" + ledger_id + session_id.encode(errors="surrogatepass")).digest()[:16]


def feed_digest(before: bytes, position: int, uid: bytes, version: int, leaf: bytes) -> bytes:
    """Give the running hash of the feed at `position`, from the one before it (32 zero bytes before the first)."""
    return sha256(
        b"sessionledger/feed/1\n" + before + struct.pack(">Q", position) + uid + struct.pack(">Q", version) + leaf
    ).digest()
