"""The tables, for the statements. Their schema is owned by the migrations; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

from ledger.store.texts import AnyText

__all__ = [
    "SCHEMA",
    "catalog",
    "events",
    "feed",
    "feed_queue",
    "feed_state",
    "heads",
    "ledger_meta",
    "payloads",
    "projection_positions",
    "questions",
    "sessions",
    "snapshots",
    "usage_records",
    "usage_totals",
]

#: The schema that this release reads and writes: the revision of the newest migration.
SCHEMA = "0003"

_metadata = MetaData()


def _uid() -> Column[bytes]:
    return Column("session_uid", LargeBinary(16), primary_key=True)


def _version() -> Column[int]:
    return Column("version", BigInteger, primary_key=True, autoincrement=False)


ledger_meta = Table("ledger_meta", _metadata, Column("ledger_id", LargeBinary(16), primary_key=True))

sessions = Table(
    "sessions",
    _metadata,
    _uid(),
    Column("session_id", Text, nullable=False),
    Column("origin", LargeBinary(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

heads = Table(
    "heads",
    _metadata,
    _uid(),
    Column("version", BigInteger, nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
    # The versions at which the session last died, and at which its current life began.
    Column("tombstone", BigInteger, nullable=False),
    Column("life", BigInteger, nullable=False),
    Column("open_questions", Text, nullable=False),
)

events = Table(
    "events",
    _metadata,
    _uid(),
    _version(),
    Column("base_version", BigInteger, nullable=False),
    Column("event_id", LargeBinary(16), nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("occurred_at", BigInteger),
    Column("kind", SmallInteger, nullable=False),
    Column("authority", SmallInteger, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("writer", Text, nullable=False),
    Column("key", Text),
    Column("payload_commit", LargeBinary(32), nullable=False),
    Column("prev_leaf", LargeBinary(32), nullable=False),
    Column("leaf", LargeBinary(32), nullable=False),
)

payloads = Table(
    "payloads",
    _metadata,
    _uid(),
    _version(),
    Column("salt", LargeBinary(32), nullable=False),
    Column("body", Text, nullable=False),
)

feed = Table(
    "feed",
    _metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("session_uid", LargeBinary(16), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)

#: On PostgreSQL alone, where many commit at once: what is committed, and has no place in the feed yet.
feed_queue = Table(
    "feed_queue",
    _metadata,
    Column("id", BigInteger, Identity(always=True), nullable=False),
    _uid(),
    _version(),
    Column("leaf", LargeBinary(32), nullable=False),
)

#: On PostgreSQL alone: the end of the feed, in one row that its sequencer locks.
feed_state = Table(
    "feed_state",
    _metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
)

usage_records = Table(
    "usage_records",
    _metadata,
    _uid(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("key", Text),
    Column("body", Text, nullable=False),
)

snapshots = Table(
    "snapshots",
    _metadata,
    _uid(),
    _version(),
    Column("event_digest", LargeBinary(32), nullable=False),
    Column("fold_version", Integer, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

projection_positions = Table(
    "projection_positions",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    # Of the projection's own code: another one is rebuilt from the start.
    Column("revision", Integer, nullable=False),
)

catalog = Table(
    "catalog",
    _metadata,
    _uid(),
    Column("session_id", AnyText, nullable=False),
    Column("title", AnyText),
    Column("model", AnyText, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("messages", BigInteger, nullable=False),
    Column("pending_questions", BigInteger, nullable=False),
    Column("parent_session_id", AnyText),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("alive", Boolean, nullable=False),
)

questions = Table(
    "questions",
    _metadata,
    _uid(),
    Column("question_id", AnyText, primary_key=True),
    Column("asked_version", BigInteger, primary_key=True, autoincrement=False),
    Column("session_id", AnyText, nullable=False),
    # The question itself as JSON, as it was asked.
    Column("question", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("asked_by", AnyText, nullable=False),
    # In a fork, where a question that was open at the join had been asked, as JSON; null where it was asked here.
    Column("asked_in", Text),
    Column("resolved_version", BigInteger),
    Column("resolved_base_version", BigInteger),
    Column("resolved_at", BigInteger),
    Column("resolved_by", AnyText),
    # Who saved that; `resolved_by` may name somebody for whom it was saved.
    Column("resolved_writer", AnyText),
    Column("reason", AnyText),
    Column("answer", Text),
    Column("omissions", Text, nullable=False),
    # The save that last changed where it stands: a stale one from before it had not seen that.
    Column("changed_version", BigInteger, nullable=False),
    # Where it stood since which save, as JSON: `[[2, "pending"], [5, "answered"]]`.
    Column("standings", Text, nullable=False),
    # The stale saves that had not seen the question, or its end: what an overwriting store would have undone.
    Column("averted", Text, nullable=False),
    # What stale saves said of it that did not stand.
    Column("overruled", Text, nullable=False),
)

usage_totals = Table(
    "usage_totals",
    _metadata,
    _uid(),
    Column("number", BigInteger, nullable=False),
    Column("totals", Text, nullable=False),
)
