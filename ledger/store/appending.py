"""An event that is about to be appended: its rows, its hashes, and what writes them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from ledger.domain.apply import BareEvent, fold, stamped
from ledger.domain.chain import AUTHORITIES, KINDS, NO_LEAF, Entry, commit_payload, leaf_of
from ledger.domain.events import SCHEMA_VERSION, Authority, Change, ChangeOverruled
from ledger.domain.omission import omitted
from ledger.domain.parts import made
from ledger.domain.receipt import Receipt
from ledger.domain.view import View
from ledger.randomness import random_salt
from ledger.store.moments import microseconds, moment
from ledger.store.session_keys import SessionKeys

__all__ = ["Append", "HeadMoved", "Scribe", "Stored", "append_on"]

#: Called with the session and the version of each event that was stored.
Stored = Callable[[str, int], None]


class HeadMoved(Exception):
    """Another save came first: what was to be appended has to be looked at anew, and nothing of it is written."""


@dataclass(slots=True, eq=False)
class Append:
    """One event on top of the head that it was made for, complete, and the head that it makes."""

    session_id: str
    #: The head that the event applies to, compared with the head row by its version and digest; version 0 begins one.
    before: View
    after: View
    entry: Entry
    leaf: bytes
    key: str | None
    occurred_at: int | None
    salt: bytes
    payload: bytes
    changes: Sequence[Change]

    @property
    def receipt(self) -> Receipt:
        """The proof of the save, once it is committed."""
        entry = self.entry
        fields = {
            "session_id": self.session_id,
            "version": entry.version,
            "base_version": entry.base_version,
            "event_id": entry.event_id.hex(),
            "digest": self.after.digest,
            "overruled": tuple([change for change in self.changes if type(change) is ChangeOverruled]),
            "omissions": omitted(self.changes),
        }
        return made(Receipt, fields, set(fields))

    @property
    def event_row(self) -> tuple[Any, ...]:
        """The row of the event, in the order of its table's columns."""
        entry = self.entry
        return (
            entry.session_uid, entry.version, entry.base_version, entry.event_id, entry.recorded_at_us,
            self.occurred_at, entry.kind, entry.authority, entry.schema_version, entry.writer, self.key,
            entry.payload_commit, entry.prev_leaf, self.leaf,
        )  # fmt: skip

    @property
    def payload_row(self) -> tuple[Any, ...]:
        """The row of the payload, likewise."""
        return (self.entry.session_uid, self.entry.version, self.salt, self.payload.decode())

    @property
    def open_questions(self) -> str:
        """What the head row says of them, as JSON."""
        after = self.after
        return json.dumps(after.pending) if after.alive and after.questions else "[]"


class Scribe(Protocol):
    """Writes appends, as the engine does it best. What it is told to write, it writes in the transaction under way."""

    def in_one_statement(self, appends: Sequence[Append]) -> bool:
        """Tell whether `write` sends these as one statement: then it needs no transaction around it."""

    def write(self, connection: Any, appends: Sequence[Append]) -> list[bool]:
        """Append each event whose head has not moved, and move that head; of the others nothing is written.

        Args:
            connection: the driver's, in a writing transaction.
            appends: of different sessions, in the order of their keys.

        Returns:
            For each, whether it was appended.
        """


def append_on(
    view: View,
    keyring: SessionKeys,
    *,
    session_id: str,
    base_version: int,
    event_id: str,
    writer: str,
    authority: Authority,
    changes: Sequence[Change],
    payload: bytes,
    kind: Literal["saved", "deleted"] = "saved",
    key: str | None = None,
    occurred_at: datetime | None = None,
    content: View | None = None,
) -> Append:
    """Make the event that follows on `view`; the time is now.

    Args:
        view: the head that it applies to; version 0 begins the session.
        keyring: knows under which key the session is kept.
        session_id: of the session.
        base_version: what the writer had loaded.
        event_id: 32 hexadecimal digits.
        writer: who saves.
        authority: as what.
        changes: what the event says.
        payload: the same as it is stored.
        kind: what the event does.
        key: that makes a retry safe.
        occurred_at: when it happened, in an imported history.
        content: `view` with the changes made in it, where that is known already.
    """
    uid, origin = keyring.likely(session_id) if view.version else keyring.local(session_id)
    salt = random_salt()
    now = time.time_ns() // 1000
    entry = Entry(
        ledger_id=origin,
        session_uid=uid,
        version=view.version + 1,
        base_version=base_version,
        event_id=bytes.fromhex(event_id),
        recorded_at_us=now,
        kind=KINDS[kind],
        authority=AUTHORITIES[authority],
        schema_version=SCHEMA_VERSION,
        writer=writer,
        payload_commit=commit_payload(salt, payload),
        prev_leaf=bytes.fromhex(view.digest) if view.version else NO_LEAF,
    )
    leaf = leaf_of(entry)
    event = BareEvent(entry.version, kind, moment(now), occurred_at, changes, leaf.hex())
    return Append(
        session_id=session_id,
        before=view,
        after=fold(view, (event,)) if content is None else stamped(content, event),
        entry=entry,
        leaf=leaf,
        key=key,
        occurred_at=None if occurred_at is None else microseconds(occurred_at),
        salt=salt,
        payload=payload,
        changes=changes,
    )
