"""What `doctor` asks of a database: are the guards of the log in place, and is the file whole?"""

from __future__ import annotations

from sqlalchemy import Connection, text

__all__ = ["GUARDS", "integrity_problems", "missing_guards"]

#: The triggers that refuse to change or remove what was recorded.
GUARDS = tuple(
    f"{table}_refuse_{verb}" for table in ("events", "payloads", "usage_records") for verb in ("update", "delete")
)


def missing_guards(connection: Connection) -> list[str]:
    """Give the triggers that someone dropped, or put something harmless in the place of."""
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'"
    there = set(connection.execute(text(query)).scalars())
    return [name for name in GUARDS if name not in there]


def integrity_problems(connection: Connection) -> list[str]:
    """Let SQLite look over the pages of the file; empty if they are whole."""
    found = connection.execute(text("PRAGMA quick_check(10)")).scalars().all()
    return [] if list(found) == ["ok"] else [str(line) for line in found]
