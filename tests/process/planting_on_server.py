"""The bugs that only a server makes possible: many commit at once, and a sequencer orders what was committed."""

import os
import signal
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, text

from ledger.store import sequencer
from ledger.store.postgres_connection import BoundedConnection
from ledger.store.postgres_scribe import PostgresScribe
from tests.process.bare import Bare
from tests.process.planting import DIES_AT, NOW_AND_THEN, Bug, replace, work_with
from tests.process.work import Say

__all__ = ["SERVER_BUGS", "work"]


def work(report: Say, bug: str, **arguments: Any) -> None:
    """Do the work that brings a bug to light, with the bug in this process."""
    work_with(SERVER_BUGS[bug], report, **arguments)


def without_triggers(tables: Bare, table: str = "%") -> None:
    """Take the triggers of the log away."""
    triggers = tables.rows(
        "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid "
        "WHERE NOT tgisinternal AND relname LIKE ?",
        [table],
    )
    assert triggers, "there are no triggers to take away"
    for name, on in triggers:
        tables.run(f"DROP TRIGGER {name} ON {on}")


def drop_the_primary_key(tables: Bare) -> None:
    """Keep events in a table that takes two of one version."""
    tables.run("ALTER TABLE events DROP CONSTRAINT events_pkey")


def payload_of_another(tables: Bare) -> None:
    """Write an event with the payload of the one before it, now and then."""
    tables.run(
        "CREATE FUNCTION plant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "SELECT body INTO NEW.body FROM payloads WHERE session_uid = NEW.session_uid AND version = NEW.version - 1; "
        "RETURN NEW; END $$"
    )
    tables.run(
        "CREATE TRIGGER plant BEFORE INSERT ON payloads FOR EACH ROW WHEN (NEW.version % 4 = 0) "
        "EXECUTE FUNCTION plant()"
    )


def queue_nothing(tables: Bare) -> None:
    """Forget to queue an event for the feed, now and then."""
    tables.run("CREATE FUNCTION plant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
    tables.run(
        "CREATE TRIGGER plant BEFORE INSERT ON feed_queue FOR EACH ROW WHEN (NEW.version % 4 = 0) "
        "EXECUTE FUNCTION plant()"
    )


def roll_back() -> None:
    """Acknowledge what was rolled back, now and then."""
    commit = BoundedConnection.commit
    commits = [0]

    def lying(self: BoundedConnection) -> None:
        commits[0] += 1
        if commits[0] % NOW_AND_THEN:
            commit(self)
        else:
            self.execute("ROLLBACK")

    replace(BoundedConnection, "commit", lying)
    replace(PostgresScribe, "in_one_statement", lambda *_: False)


def _placing(bug: Callable[[Connection], object]) -> Callable[[], None]:
    """Do something wrong before each page that the sequencer places."""

    def plant() -> None:
        place = sequencer.place

        def placing(connection: Connection, *arguments: Any) -> int | None:
            bug(connection)
            return place(connection, *arguments)

        replace(sequencer, "place", placing)

    return plant


def delete_first(connection: Connection) -> None:
    """Delete from the queue in a transaction of its own, and die before the feed is written."""
    if len(connection.execute(text("SELECT 1 FROM feed_queue")).all()) >= DIES_AT:
        connection.execute(text("DELETE FROM feed_queue"))
        connection.commit()
        os.kill(os.getpid(), signal.SIGKILL)


def skip_a_position(connection: Connection) -> None:
    """Take a position as if one before it had been taken by a transaction that was rolled back."""
    connection.execute(text("UPDATE feed_state SET position = position + 1 WHERE position > 0"))


def forget_the_oldest(connection: Connection) -> None:
    """Believe that all up to the newest number was seen, though what was drawn earlier commits later."""
    connection.execute(text("DELETE FROM feed_queue WHERE id < (SELECT max(id) FROM feed_queue)"))


SERVER_BUGS = {
    "nothing is wrong": Bug(),
    "no primary key on events": Bug(prepare=drop_the_primary_key),
    "a log that can be changed": Bug(prepare=without_triggers),
    "the payload of another event": Bug(prepare=payload_of_another),
    "an event that is not queued": Bug(prepare=queue_nothing),
    "acknowledged, and rolled back": Bug(plant=roll_back),
    "the queue row deleted before the feed row": Bug(plant=_placing(delete_first)),
    "a position taken by what was rolled back": Bug(plant=_placing(skip_a_position)),
    "a sequence number that is trusted": Bug(plant=_placing(forget_the_oldest)),
}
