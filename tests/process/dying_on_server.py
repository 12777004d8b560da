"""Workers that are killed while they make a server's schema, at a statement of their choice."""

import os
import signal
from typing import Any

import psycopg

from tests.process.planting import replace
from tests.process.victims import migrate
from tests.process.work import Say, open_and_close

__all__ = ["create_and_die", "migrate_and_die"]


def create_and_die(report: Say, url: str, at: int) -> None:
    """Create a ledger, but kill this very process right before the `at`-th statement of it."""
    _die_at(report, at)
    open_and_close(report, url)


def migrate_and_die(report: Say, url: str, at: int) -> None:
    """Bring a ledger to the current schema, but kill this very process right before the `at`-th statement of it."""
    _die_at(report, at)
    migrate(report, url)


def _die_at(report: Say, at: int) -> None:
    """Kill this process right before the `at`-th statement or commit that the driver is given."""
    count = 0
    execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

    def come(statement: Any) -> None:
        nonlocal count
        count += 1
        if count == at:
            report(killed_at=" ".join(str(statement).split())[:200])
            os.kill(os.getpid(), signal.SIGKILL)

    def executing(self: psycopg.Cursor[Any], statement: Any, *values: Any, **options: Any) -> Any:
        come(statement)
        return execute(self, statement, *values, **options)

    def committing(self: psycopg.Connection[Any]) -> None:
        come("COMMIT")
        commit(self)

    replace(psycopg.Cursor, "execute", executing)
    replace(psycopg.Connection, "commit", committing)
