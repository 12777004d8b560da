"""What has to hold of the bare tables, whatever was saved: dense, paired, and closed to changes."""

from collections.abc import Iterator

from tests.process.bare import Bare, bare

__all__ = ["faults_of_guards", "faults_of_tables"]

#: Which rows have to be in which other table too.
PAIRS = (("events", "payloads"), ("payloads", "events"), ("events", "feed"), ("feed", "events"))


def faults_of_tables(place: object) -> Iterator[str]:
    """Give each way in which the tables are not whole in themselves; what waits for the sequencer is a fault too."""
    with bare(place) as tables:
        if not tables.server:
            yield from (f"SQLite: {line}" for (line,) in tables.rows("PRAGMA integrity_check") if line != "ok")
        yield from _gaps(tables)
        for one, other in PAIRS:
            ((count,),) = tables.rows(
                f"SELECT count(*) FROM (SELECT session_uid, version FROM {one} "
                f"EXCEPT SELECT session_uid, version FROM {other}) AS missing"
            )
            if count:
                yield f"{count} of {one} are not in {other}"
        yield from _twice(tables)
        yield from _faults_of_heads(tables)
        if tables.server:
            ((count,),) = tables.rows("SELECT count(*) FROM feed_queue")
            if count:
                yield f"{count} saves still wait for a place in the feed"


def _gaps(tables: Bare) -> Iterator[str]:
    versions = "SELECT session_uid, count(*), min(version), max(version) FROM events GROUP BY session_uid"
    for uid, count, first, last in tables.rows(versions):
        if (first, last) != (1, count):
            yield f"{bytes(uid).hex()}: {count} events, of versions {first} to {last}"
    ((count, first, last),) = tables.rows(
        "SELECT count(*), coalesce(min(position), 1), coalesce(max(position), 0) FROM feed"
    )
    if (first, last) != (1, count):
        yield f"the feed has {count} entries, at positions {first} to {last}"


def _twice(tables: Bare) -> Iterator[str]:
    """Nothing stands twice, also where a key that would forbid it is gone."""
    for table, key in (("events", "session_uid, version"), ("events", "event_id"), ("feed", "session_uid, version")):
        for _ in tables.rows(f"SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1"):
            yield f"of {table}, one {key} stands more than once"


def _faults_of_heads(tables: Bare) -> Iterator[str]:
    newest = "SELECT session_uid, max(version) FROM events GROUP BY session_uid"
    if sorted(tables.rows("SELECT session_uid, version FROM heads")) != sorted(tables.rows(newest)):
        yield "the heads are not at the last events"


#: What the database itself has to refuse, whoever asks.
REFUSED = {
    "an event that is changed": "UPDATE events SET writer = 'somebody else' WHERE version = 1",
    "an event that is removed": "DELETE FROM events WHERE version = 1",
    "a second event of a version": "INSERT INTO events SELECT * FROM events WHERE version = 1 LIMIT 1",
    "a payload that is changed": "UPDATE payloads SET body = '' WHERE version = 1",
    "a payload that is removed": "DELETE FROM payloads WHERE version = 1",
    "a second payload of a version": "INSERT INTO payloads SELECT * FROM payloads WHERE version = 1 LIMIT 1",
    "a second head of a session": "INSERT INTO heads SELECT * FROM heads LIMIT 1",
    "a place in the feed that is given twice": "INSERT INTO feed SELECT * FROM feed LIMIT 1",
}


def faults_of_guards(place: object) -> Iterator[str]:
    """Give what the database does not refuse, though no bug in our code should get past it."""
    with bare(place) as tables:
        if tables.rows("SELECT 1 FROM events WHERE version = 1 LIMIT 1"):
            yield from (f"not refused: {what}" for what, statement in REFUSED.items() if not tables.refuses(statement))
