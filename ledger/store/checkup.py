"""What `doctor` asks of a database: are the guards of the log in place, and is the file whole?"""

from __future__ import annotations

from sqlalchemy import Connection, text

__all__ = ["integrity_problems", "missing_guards"]

_LOG = ("events", "payloads", "usage_records")
_VERBS = {"sqlite": ("update", "delete"), "postgresql": ("update", "delete", "truncate")}
_GUARDS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'",
    # One that is switched off guards nothing.
    "postgresql": """
        SELECT t.tgname FROM pg_trigger AS t
        JOIN pg_class AS c ON c.oid = t.tgrelid
        JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE c.relnamespace = current_schema()::regnamespace
          AND t.tgenabled IN ('O', 'A') AND p.proname = 'refuse_change' AND p.prosrc LIKE '%RAISE EXCEPTION%'
    """,
}


def missing_guards(connection: Connection) -> list[str]:
    """Give the triggers that someone dropped, or put something harmless in the place of."""
    engine = connection.dialect.name
    there = set(connection.execute(text(_GUARDS[engine])).scalars())
    guards = [f"{table}_refuse_{verb}" for table in _LOG for verb in _VERBS[engine]]
    return [name for name in guards if name not in there]


def integrity_problems(connection: Connection) -> list[str]:
    """Let SQLite look over the pages of the file; empty if they are whole. A server looks after its own."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.execute(text("PRAGMA quick_check(10)")).scalars().all()
    return [] if list(found) == ["ok"] else [str(line) for line in found]
