"""Appends on PostgreSQL, where many write at once: an append queues its entry of the feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.store.appending import Append

__all__ = ["PostgresScribe"]


class PostgresScribe:
    """Writes appends by the driver's own statements."""

    def write(self, connection: Any, appends: Sequence[Append]) -> list[bool]:
        """Append each event whose head has not moved, as `Scribe` says."""
        with connection.cursor() as cursor:
            moved = [self._moves(cursor, append) for append in appends]
            written = [append for append, has_moved in zip(appends, moved, strict=True) if has_moved]
            if written:
                cursor.executemany(_INSERT_EVENT, [append.event_row for append in written])
                cursor.executemany(_INSERT_PAYLOAD, [append.payload_row for append in written])
                cursor.executemany(
                    _QUEUE, [(each.entry.session_uid, each.entry.version, each.leaf) for each in written]
                )
        return moved

    def _moves(self, cursor: Any, append: Append) -> bool:
        before, after, entry = append.before, append.after, append.entry
        uid = entry.session_uid
        # A retry from a copy that has not seen its own save: looked up before anything else is decided.
        if append.key is not None and cursor.execute(_OF_KEY, (uid, append.key)).fetchone():
            return False
        if before.version:
            tombstone = None if after.alive else after.version
            now = (after.version, append.leaf, tombstone, after.life_version, append.open_questions)
            return bool(cursor.execute(_MOVE_HEAD, (*now, uid, before.version, entry.prev_leaf)).rowcount)
        # An import locks the table, and what this sees it sees behind that lock: the id is taken, or it stays free.
        born = (uid, append.session_id, entry.ledger_id, entry.recorded_at_us)
        if not cursor.execute(_INSERT_SESSION, (*born, append.session_id)).rowcount:
            return False
        cursor.execute(_INSERT_HEAD, (uid, after.version, append.leaf, 0, after.life_version, append.open_questions))
        return True


_MOVE_HEAD = """
    UPDATE heads SET version = %s, leaf = %s, tombstone = coalesce(%s, tombstone), life = %s, open_questions = %s
    WHERE session_uid = %s AND version = %s AND leaf = %s
"""
_INSERT_SESSION = """
    INSERT INTO sessions (session_uid, session_id, origin, created_at) SELECT %s, %s, %s, %s
    WHERE NOT EXISTS (SELECT FROM sessions WHERE session_id = %s) ON CONFLICT DO NOTHING
"""
_INSERT_HEAD = """
    INSERT INTO heads (session_uid, version, leaf, tombstone, life, open_questions) VALUES (%s, %s, %s, %s, %s, %s)
"""
_INSERT_EVENT = """
    INSERT INTO events (
        session_uid, version, base_version, event_id, recorded_at, occurred_at, kind, authority, schema_version, writer,
        key, payload_commit, prev_leaf, leaf
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_INSERT_PAYLOAD = "INSERT INTO payloads (session_uid, version, salt, body) VALUES (%s, %s, %s, %s)"
_QUEUE = "INSERT INTO feed_queue (session_uid, version, leaf) VALUES (%s, %s, %s)"
_OF_KEY = "SELECT version FROM events WHERE session_uid = %s AND key = %s"
