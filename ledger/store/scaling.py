"""Large installations on PostgreSQL: big tables in partitions, or all of them on several nodes. Statements, no more.

Either is done by the session: every key of a table that is spread out begins with `session_uid`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.domain.arguments import check_number
from ledger.errors import InvalidArgument, StorageError
from ledger.store.database import Database

__all__ = ["MOST_PARTITIONS", "distributing", "partitioning", "spread"]

MOST_PARTITIONS = 1024
#: What grows with every save.
BIG = ("events", "payloads")
#: Those whose rows belong to one session; `heads` is the one that the others lie beside.
BY_SESSION = (
    "heads", "sessions", "events", "payloads", "usage_records", "feed_queue", "snapshots", "catalog", "questions",
    "usage_totals",
)  # fmt: skip
_GUARDED = {"events": ("update", "delete", "truncate"), "payloads": ("update", "delete", "truncate")}


def partitioning(partitions: int) -> Iterator[str]:
    """Give the statements that put events and payloads into hash partitions by session, with all that they hold.

    To be run in one transaction, which holds both tables and copies them. The keys, indexes and guards are those that
    they had; every partition refuses to be emptied by itself, too.

    Raises:
        InvalidArgument: a `ValueError`; if it is no number of partitions.
    """
    check_number(partitions, "partitions", 2)
    if partitions > MOST_PARTITIONS:
        raise InvalidArgument("partitions", partitions, f"at most {MOST_PARTITIONS:,}")
    yield "LOCK TABLE events, payloads IN ACCESS EXCLUSIVE MODE"
    # It depends on both, and is made again by the definition that it has.
    yield "CREATE TEMPORARY TABLE audit_definition ON COMMIT DROP AS SELECT pg_get_viewdef('audit_events') AS query"
    yield "DROP VIEW audit_events"
    for table in BIG:
        yield f"ALTER TABLE {table} RENAME TO {table}_before"
        yield f"CREATE TABLE {table} (LIKE {table}_before INCLUDING DEFAULTS) PARTITION BY HASH (session_uid)"
        for number in range(partitions):
            yield (
                f"CREATE TABLE {table}_{number} PARTITION OF {table} "
                f"FOR VALUES WITH (MODULUS {partitions}, REMAINDER {number})"
            )
        yield f"INSERT INTO {table} SELECT * FROM {table}_before"  # noqa: S608 - our own names
        yield f"DROP TABLE {table}_before"
        yield f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (session_uid, version)"
        for verb in _GUARDED[table]:
            each = "STATEMENT" if verb == "truncate" else "ROW"
            yield (
                f"CREATE TRIGGER {table}_refuse_{verb} BEFORE {verb.upper()} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change()"
            )
        for number in range(partitions):
            yield (
                f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table}_{number} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
    yield "CREATE UNIQUE INDEX events_by_key ON events (session_uid, key) WHERE key IS NOT NULL"
    yield "DO $$ BEGIN EXECUTE 'CREATE VIEW audit_events AS ' || (SELECT query FROM audit_definition); END $$"


def distributing() -> Iterator[str]:
    """Give the statements that put every table of sessions on the nodes of a Citus cluster, by session.

    The feed and its state stay where they are, on the coordinator. Triggers cannot be had on distributed tables: there
    the rights of the roles alone keep what is recorded.
    """
    for table, verbs in {**_GUARDED, "usage_records": ("update", "delete", "truncate")}.items():
        for verb in verbs:
            yield f"DROP TRIGGER IF EXISTS {table}_refuse_{verb} ON {table}"
    first, *others = BY_SESSION
    yield f"SELECT create_distributed_table('{first}', 'session_uid')"
    for table in others:
        yield f"SELECT create_distributed_table('{table}', 'session_uid', colocate_with => '{first}')"


def spread(database: Database, statements: Sequence[str], *, distributed: bool) -> None:
    """Run the statements of one of these in one transaction: all or none of them.

    Raises:
        StorageError: if it is not PostgreSQL, was done before, or asks for Citus where there is none.
    """
    if database.dialect.name != "postgresql":
        raise StorageError(f"{database.place} is one file, which is not spread out", "this is for PostgreSQL")
    with database.write() as connection:
        database.engine.migrating(connection)
        kind = connection.exec_driver_sql("SELECT relkind FROM pg_class WHERE oid = 'events'::regclass").scalar_one()
        if kind in {"p", b"p"}:
            raise StorageError(f"the events of {database.place} are in partitions already", "leave them as they are")
        if distributed:
            there = connection.exec_driver_sql("SELECT FROM pg_extension WHERE extname = 'citus'").first()
            if there is None:
                raise StorageError(
                    f"{database.place} has no Citus",
                    "run `CREATE EXTENSION citus` on every node, or print the statements with --sql",
                )
        for statement in statements:
            connection.exec_driver_sql(statement)
