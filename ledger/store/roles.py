"""The rights that each kind of user of a PostgreSQL server needs: none of them changes or removes an event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ledger.domain.arguments import check_text
from ledger.errors import InvalidArgument
from ledger.store import tables

__all__ = ["ROLES", "Role", "roles_sql"]

#: What is recorded for good: rows are added, and nothing else.
LOG = ("sessions", "events", "payloads", "usage_records")
#: What can be made again from the log.
READ_SIDE = ("snapshots", "projection_positions", "catalog", "questions", "usage_totals")
_ALL = "INSERT, UPDATE, DELETE"
_OURS = (*sorted(name for name in tables.__all__ if name != "SCHEMA"), "alembic_version", "audit_events")


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of user: its name without the prefix, what it is for, and its rights beside reading, table by table."""

    name: str
    purpose: str
    rights: dict[str, str]


ROLES = (
    Role(
        "writer",
        "saves, loads and deletes sessions: an agent runtime, a UI",
        {
            **dict.fromkeys(LOG, "INSERT"),
            "heads": "INSERT, UPDATE",
            "feed_queue": "INSERT",
            "snapshots": _ALL,
        },
    ),
    Role(
        "sequencer",
        "runs `ledger work`: puts what was saved into the feed, and keeps the read models",
        {
            "feed_queue": "DELETE",
            "feed": "INSERT",
            "feed_state": "UPDATE",
            **dict.fromkeys(READ_SIDE, _ALL),
        },
    ),
    Role("auditor", "reads and verifies everything, and writes nothing", {}),
    Role(
        "migrator",
        "owns the tables: runs `ledger migrate`, and imports what another ledger exported",
        {},
    ),
)

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,40}")


def roles_sql(prefix: str = "ledger_", schema: str = "public") -> str:
    """Give the statements that make the roles and give them their rights. Safe to run again, and after each migration.

    They are roles without a login: `GRANT ledger_writer TO app` makes a user one of them.

    Args:
        prefix: of the names of the roles.
        schema: that holds the ledger's tables.

    Raises:
        InvalidArgument: a `ValueError`; if a name is none that needs no quotes.
    """
    for name, value in (("prefix", prefix), ("schema", schema)):
        check_text(value, name)
        if not _NAME.fullmatch(value):
            raise InvalidArgument(name, value, "lower-case letters, digits and _, and no more than 41 of them")
    return "\n".join([*_making(prefix, schema), *_owning(prefix, schema), *_granting(prefix, schema), ""])


def _making(prefix: str, schema: str) -> Iterator[str]:
    yield "-- Roles without a login: GRANT one of them to each user, as in GRANT " + prefix + "writer TO app;"
    yield "DO $$"
    yield "DECLARE role_name text;"
    yield "BEGIN"
    names = ", ".join(f"'{prefix}{role.name}'" for role in ROLES)
    yield f"    FOREACH role_name IN ARRAY ARRAY[{names}] LOOP"
    yield "        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN"
    yield "            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);"
    yield "        END IF;"
    yield "    END LOOP;"
    yield "END $$;"
    for role in ROLES:
        yield f"COMMENT ON ROLE {prefix}{role.name} IS '{role.purpose}';"
    everyone = ", ".join(prefix + role.name for role in ROLES)
    yield f"GRANT USAGE ON SCHEMA {schema} TO {everyone};"
    yield f"GRANT CREATE ON SCHEMA {schema} TO {prefix}migrator;"


def _owning(prefix: str, schema: str) -> Iterator[str]:
    names = ", ".join(f"'{name}'" for name in _OURS)
    yield ""
    yield "-- The tables are the migrator's; where there are none yet, let it run `ledger migrate`, and run this again."
    yield "DO $$"
    yield "DECLARE found record;"
    yield "BEGIN"
    yield f"    IF to_regclass('{schema}.feed_queue') IS NULL THEN"
    yield f"        RAISE NOTICE 'no tables yet: run ledger migrate as {prefix}migrator, and then this again';"
    yield "        RETURN;"
    yield "    END IF;"
    yield "    FOR found IN SELECT oid::regclass AS name, relkind FROM pg_class"
    yield f"        WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p', 'v')"
    yield f"        AND (relname = ANY(ARRAY[{names}]) OR relname ~ '^(events|payloads)_[0-9]+$')"
    yield "    LOOP"
    yield f"        EXECUTE format('ALTER %s %s OWNER TO {prefix}migrator',"
    yield "            CASE found.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, found.name);"
    yield "    END LOOP;"
    yield f"    ALTER FUNCTION {schema}.refuse_change() OWNER TO {prefix}migrator;"


def _granting(prefix: str, schema: str) -> Iterator[str]:
    readers = ", ".join(prefix + role.name for role in ROLES if role.name != "migrator")
    tables = ", ".join(f"{schema}.{name}" for name in _OURS)
    yield f"    REVOKE ALL ON {tables} FROM PUBLIC, {readers};"
    yield f"    GRANT SELECT ON {tables} TO {readers};"
    for role in ROLES:
        for table, rights in role.rights.items():
            yield f"    GRANT {rights} ON {schema}.{table} TO {prefix}{role.name};"
    yield "END $$;"
