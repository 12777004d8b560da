"""Create the ledger: the log, its feed, and the first projections. Runs before the first release that reads it.

Revision ID: 0001
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

#: Of these, nothing is ever changed or removed.
APPEND_ONLY = ("events", "payloads", "usage_records")

BYTES = sa.LargeBinary
BIG = sa.BigInteger
# Compared and ordered by their characters, whatever the language of the server: as SQLite does it.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _required(name: str, kind: object) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=False)  # type: ignore[arg-type]  # any SQLAlchemy type


def _by_session(*more: str) -> sa.PrimaryKeyConstraint:
    # Every key of a per-session table starts with the session, so that the tables can be distributed by it.
    return sa.PrimaryKeyConstraint("session_uid", *more)


def upgrade() -> None:
    """Create the tables, the triggers that keep the log append-only, and the view for people with SQL."""
    _create_log()
    _create_read_side()
    if op.get_bind().dialect.name == "postgresql":
        _refuse_changes_on_postgresql()
        _create_audit_view_on_postgresql()
    else:
        _refuse_changes()
        _create_audit_view()
    op.execute(
        sa.table("ledger_meta", sa.column("ledger_id", BYTES)).insert().values(ledger_id=secrets.token_bytes(16))
    )


def _create_log() -> None:
    op.create_table("ledger_meta", _required("ledger_id", BYTES(16)), sa.PrimaryKeyConstraint("ledger_id"))
    op.create_table(
        "sessions",
        _required("session_uid", BYTES(16)),
        _required("session_id", TEXT),
        _required("origin", BYTES(16)),
        _required("created_at", BIG),
        _by_session(),
        sqlite_with_rowid=False,
    )
    op.create_index("sessions_by_id", "sessions", ["session_id"])
    op.create_table(
        "heads",
        _required("session_uid", BYTES(16)),
        _required("version", BIG),
        _required("leaf", BYTES(32)),
        _required("tombstone", BIG),
        _required("life", BIG),
        _required("open_questions", TEXT),
        _by_session(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        _required("session_uid", BYTES(16)),
        _required("version", BIG),
        _required("base_version", BIG),
        _required("event_id", BYTES(16)),
        _required("recorded_at", BIG),
        sa.Column("occurred_at", BIG),
        _required("kind", sa.SmallInteger),
        _required("authority", sa.SmallInteger),
        _required("schema_version", sa.Integer),
        _required("writer", TEXT),
        sa.Column("key", TEXT),
        _required("payload_commit", BYTES(32)),
        _required("prev_leaf", BYTES(32)),
        _required("leaf", BYTES(32)),
        _by_session("version"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "events_by_key",
        "events",
        ["session_uid", "key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_table(
        "payloads",
        _required("session_uid", BYTES(16)),
        _required("version", BIG),
        _required("salt", BYTES(32)),
        _required("body", TEXT),
        _by_session("version"),
    )
    op.create_table(
        "usage_records",
        _required("session_uid", BYTES(16)),
        _required("number", BIG),
        _required("recorded_at", BIG),
        sa.Column("key", TEXT),
        _required("body", TEXT),
        _by_session("number"),
    )
    op.create_index(
        "usage_records_by_key",
        "usage_records",
        ["session_uid", "key"],
        unique=True,
        sqlite_where=sa.text("key IS NOT NULL"),
        postgresql_where=sa.text("key IS NOT NULL"),
    )
    op.create_table(
        "feed",
        _required("position", BIG),
        _required("session_uid", BYTES(16)),
        _required("version", BIG),
        _required("digest", BYTES(32)),
        sa.PrimaryKeyConstraint("position"),
        sqlite_with_rowid=False,
    )


def _create_read_side() -> None:
    op.create_table(
        "snapshots",
        _required("session_uid", BYTES(16)),
        _required("version", BIG),
        _required("event_digest", BYTES(32)),
        _required("fold_version", sa.Integer),
        _required("digest", BYTES(32)),
        _required("size", BIG),
        _required("body", BYTES),
        _by_session("version"),
    )
    op.create_table(
        "projection_positions",
        _required("name", TEXT),
        _required("position", BIG),
        _required("revision", sa.Integer),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "catalog",
        _required("session_uid", BYTES(16)),
        _required("session_id", TEXT),
        sa.Column("title", TEXT),
        _required("model", TEXT),
        _required("version", BIG),
        _required("messages", BIG),
        _required("pending_questions", BIG),
        sa.Column("parent_session_id", TEXT),
        _required("created_at", BIG),
        _required("updated_at", BIG),
        _required("alive", sa.Boolean),
        _by_session(),
    )
    op.create_index("catalog_by_time", "catalog", ["updated_at", "session_id"])
    op.create_index("catalog_by_id", "catalog", ["session_id"])
    op.create_table(
        "questions",
        _required("session_uid", BYTES(16)),
        _required("question_id", TEXT),
        _required("asked_version", BIG),
        _required("session_id", TEXT),
        _required("question", TEXT),
        _required("status", TEXT),
        _required("asked_at", BIG),
        _required("asked_by", TEXT),
        sa.Column("resolved_version", BIG),
        sa.Column("resolved_base_version", BIG),
        sa.Column("resolved_at", BIG),
        sa.Column("resolved_by", TEXT),
        sa.Column("reason", TEXT),
        sa.Column("answer", TEXT),
        _required("omissions", TEXT),
        _by_session("question_id", "asked_version"),
    )
    op.create_index("questions_by_status", "questions", ["status", "asked_at"])
    op.create_table(
        "usage_totals",
        _required("session_uid", BYTES(16)),
        _required("number", BIG),
        _required("totals", TEXT),
        _by_session(),
    )


def _refuse_changes() -> None:
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} is refused'); END"
            )
        # What REPLACE pushes aside, SQLite removes without asking the triggers on DELETE.
        number = "number" if table == "usage_records" else "version"
        stands = f"EXISTS (SELECT 1 FROM {table} WHERE session_uid = NEW.session_uid AND {number} = NEW.{number})"  # noqa: S608
        if table != "payloads":
            stands += (
                f" OR NEW.key IS NOT NULL AND EXISTS (SELECT 1 FROM {table} INDEXED BY {table}_by_key"  # noqa: S608
                " WHERE session_uid = NEW.session_uid AND key = NEW.key)"
            )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_replace BEFORE INSERT ON {table} WHEN {stands} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: what stands is not replaced'); END"
        )


def _create_audit_view() -> None:
    op.execute("""
        CREATE VIEW audit_events AS
        SELECT s.session_id,
               e.version,
               strftime('%Y-%m-%dT%H:%M:%S', e.recorded_at / 1000000, 'unixepoch')
                   || printf('.%06dZ', e.recorded_at % 1000000) AS recorded_at,
               e.writer,
               CASE e.authority WHEN 0 THEN 'runtime' ELSE 'user' END AS authority,
               e.base_version,
               json_extract(p.body, '$.changes') AS changes
        FROM events AS e
        JOIN sessions AS s ON s.session_uid = e.session_uid
        JOIN payloads AS p ON p.session_uid = e.session_uid AND p.version = e.version
    """)


def _refuse_changes_on_postgresql() -> None:
    # The code tells the error from others, whatever language the server speaks.
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'LG001';
        END $$
    """)
    for table in APPEND_ONLY:
        for verb, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )


def _create_audit_view_on_postgresql() -> None:
    # PostgreSQL takes nothing out of JSON that has an escaped NUL in it. Such a one passes as another escape that no
    # payload has, since payloads escape what they must and nothing else; and so does a backslash that is escaped, for
    # what follows it is no escape.
    changes = r"""
        CASE WHEN strpos(p.body, '\u0000') = 0 THEN (p.body::json -> 'changes')::text
        ELSE replace(replace(
            (replace(replace(p.body, '\\', '\u005c'), '\u0000', '\ue000')::json -> 'changes')::text,
            '\ue000', '\u0000'), '\u005c', '\\')
        END
    """
    op.execute(rf"""
        CREATE VIEW audit_events AS
        SELECT s.session_id,
               e.version,
               to_char(to_timestamp(e.recorded_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
                   || '.' || lpad((e.recorded_at % 1000000)::text, 6, '0') || 'Z' AS recorded_at,
               e.writer,
               CASE e.authority WHEN 0 THEN 'runtime' ELSE 'user' END AS authority,
               e.base_version,
               {changes} AS changes
        FROM events AS e
        JOIN sessions AS s ON s.session_uid = e.session_uid
        JOIN payloads AS p ON p.session_uid = e.session_uid AND p.version = e.version
    """)  # noqa: S608 - our own text
