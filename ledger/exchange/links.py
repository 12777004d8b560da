"""Checks that events follow from each other by their hashes, as they leave a ledger and before they enter one. Pure."""

from __future__ import annotations

import struct

from pydantic import ValidationError

from ledger.domain import events as e
from ledger.domain.chain import KINDS, NO_LEAF, commit_payload, leaf_of
from ledger.domain.payload import Payload, decode_payload
from ledger.errors import UnknownChange
from ledger.exchange.envelopes import StoredEvent
from ledger.store.entries import entry_of
from ledger.store.moments import microseconds

__all__ = ["Links"]

_LEAF = 32


class Links:
    """The chain of one session, as far as it was checked. What it refuses is a `ValueError` that says why."""

    def __init__(self, session_id: str, origin: bytes, uid: bytes) -> None:
        self.session_id = session_id
        self._origin = origin
        self._uid = uid
        self._leaves = bytearray()
        self._keys: set[str] = set()
        self.tombstone = 0

    @property
    def version(self) -> int:
        """The last version that was checked."""
        return len(self._leaves) // _LEAF

    def leaf(self, version: int) -> bytes:
        """Give the leaf of a version; zeros for the one before the first."""
        return bytes(self._leaves[(version - 1) * _LEAF : version * _LEAF]) if version else NO_LEAF

    def hashes(self, event: StoredEvent) -> None:
        """Check that an event follows, and that its hashes are those of its envelope and its payload."""
        columns = event.columns
        if event.version != self.version + 1:
            raise ValueError(f"version {self.version + 1} is missing, this is version {event.version}")
        if not event.redacted and commit_payload(event.salt, event.body.encode()) != columns["payload_commit"]:
            raise ValueError("its payload was altered: the digest does not match")
        if columns["prev_leaf"] != self.leaf(self.version):
            raise ValueError("it does not follow from the version before it")
        try:
            leaf = leaf_of(entry_of(columns, self._origin, self._uid))
        except struct.error as error:
            raise ValueError(f"its envelope was altered: {error}") from error
        if leaf != columns["leaf"]:
            raise ValueError("its envelope was altered: the digest does not match")
        if columns["kind"] == KINDS["deleted"]:
            self.tombstone = event.version
        self._leaves += leaf

    def payload(self, event: StoredEvent) -> Payload:
        """Give what the payload of an event says, whose hashes were checked, compared with its envelope.

        Raises:
            UnknownChange: if a newer release wrote it.
        """
        columns = event.columns
        payload = self.read(event)
        if payload.redacted != event.redacted:
            raise ValueError("its payload and its line do not agree on what was redacted")
        if payload.key != columns["key"]:
            raise ValueError("its key was altered")
        if payload.key is not None and payload.key in self._keys:
            raise ValueError("its key stands for an earlier version")
        self._keys.update(() if payload.key is None else (payload.key,))
        occurred_at = None if payload.occurred_at is None else microseconds(payload.occurred_at)
        if columns["occurred_at"] != occurred_at:
            raise ValueError("its occurred_at was altered")
        self._compare_base(columns["base_version"], payload)
        for change in payload.changes:
            if isinstance(change, e.SessionCreated | e.SessionForked) and change.session_id != self.session_id:
                raise ValueError(f"it created session {change.session_id}")
        return payload

    def read(self, event: StoredEvent) -> Payload:
        """Give what the payload of an event says, as it is."""
        try:
            return decode_payload(event.body, event.columns["schema_version"])
        except UnknownChange as error:
            raise UnknownChange(error.change, self.session_id, event.version) from error
        except (ValidationError, ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"its payload does not parse: {type(error).__name__}") from error

    def _compare_base(self, base: int, payload: Payload) -> None:
        if not 0 <= base < self.version:
            raise ValueError(f"its base version {base} cannot be")
        if base and payload.base != self.leaf(base).hex():
            raise ValueError(f"it names another base than version {base}")
