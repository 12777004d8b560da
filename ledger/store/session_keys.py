"""Under which key a session is kept: one made with this ledger's id, or with that of the ledger that it came from."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from ledger.domain.arguments import check_kind
from ledger.domain.chain import session_uid
from ledger.store.tables import sessions

__all__ = ["SessionKey", "SessionKeys", "is_storable"]

#: So many ids are remembered with their keys; then all are forgotten, and looked up again as they are needed.
REMEMBERED = 50_000


class SessionKey(NamedTuple):
    """The key of a session's rows, and the ledger whose id its hashes are made with."""

    uid: bytes
    origin: bytes


class SessionKeys:
    """Finds the session that an id means: the one that was made here, else one that was imported with its own past.

    An id means one session for ever, so what was found is remembered. Safe to share between threads.
    """

    def __init__(self, ledger_id: bytes) -> None:
        self.ledger_id = ledger_id
        self._remembered: dict[str, SessionKey] = {}

    def local(self, session_id: str) -> SessionKey:
        """Give the key that a session has which is made here. Pure: it tells nothing of whether there is one."""
        return SessionKey(session_uid(self.ledger_id, session_id), self.ledger_id)

    def likely(self, session_id: str) -> SessionKey:
        """Give the key that is remembered, else the local one, without a look at the database."""
        check_kind(session_id, "session_id", str, "text")
        return self._remembered.get(session_id) or self.local(session_id)

    def find(self, connection: Connection, session_id: str) -> SessionKey:
        """Give the key of the session that an id means; for an id that was never saved, the local one."""
        check_kind(session_id, "session_id", str, "text")
        return self._remembered.get(session_id) or self.look_up(connection, session_id) or self.local(session_id)

    def look_up(self, connection: Connection, session_id: str) -> SessionKey | None:
        """Give the key of the session that has this id in the database, if one has."""
        if not is_storable(session_id):
            return None
        local = self.local(session_id)
        found: SessionKey | None = None
        for uid, origin in connection.execute(_BY_ID, {"id": session_id}).all():
            # Another type than bytes, or a second row, is damage, which `verify` names.
            if isinstance(uid, bytes) and isinstance(origin, bytes) and found != local:
                found = SessionKey(bytes(uid), bytes(origin))
        if found is None:
            self._remembered.pop(session_id, None)
        else:
            self.remember(session_id, found)
        return found

    def remember(self, session_id: str, key: SessionKey) -> None:
        """Note what was found."""
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        self._remembered[session_id] = key


def is_storable(text: str) -> bool:
    """Tell whether a database takes it as an id or a key: none is another, but anyone may ask for one."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


_BY_ID = select(sessions.c.session_uid, sessions.c.origin).where(sessions.c.session_id == bindparam("id"))
