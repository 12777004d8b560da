"""What has to hold of a ledger, whatever was saved in it.

The bare tables are dense, paired, and closed to changes; the chain holds; and every way of reading, the cache included,
tells the same as the fold of the log.
"""

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import ledger
from ledger import Event, Ledger, SessionCache
from ledger.domain.apply import apply
from ledger.domain.session import session_of
from ledger.domain.view import View
from tests.process.bare import Bare, bare, url_of

__all__ = ["Histories", "examine"]

Histories = dict[str, list[Event]]

#: Which rows have to be in which other table too.
PAIRS = (("events", "payloads"), ("payloads", "events"), ("events", "feed"), ("feed", "events"))


def examine(place: object, *, expect: Mapping[str, tuple[int, str]] | None = None) -> tuple[list[str], Histories]:
    """Give every way in which a ledger is not whole, and the events of each session in the order of the feed.

    Args:
        place: a file, or the URL of a ledger.
        expect: the newest version that each session was told of, and its digest.
    """
    with ledger.open(url_of(place), create=False) as book:
        found = list(_unreadable(book))  # and with it what is saved, but waits for its place, gets one
        found += _faults_of_tables(place)
        found += [f"verify: {problem}" for problem in book.verify(expect=expect).problems]
        if found:
            return found, {}  # a log that is not whole may not even read
        histories = _histories(book)
        for session_id, events in histories.items():
            if [event.version for event in events] != list(range(1, len(events) + 1)):
                found.append(f"session {session_id}: the feed does not have its events in their order")
        found += _faults_of_reads(book, histories, _snapshots_of(place))
        found += _faults_of_the_cache(book, histories)
    found += _faults_of_guards(place)
    return found, histories


def _faults_of_tables(place: object) -> Iterator[str]:
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


def _faults_of_guards(place: object) -> Iterator[str]:
    """Give what the database does not refuse, though no bug in our code should get past it."""
    with bare(place) as tables:
        if tables.rows("SELECT 1 FROM events WHERE version = 1 LIMIT 1"):
            yield from (f"not refused: {what}" for what, statement in REFUSED.items() if not tables.refuses(statement))


def _unreadable(book: Ledger) -> Iterator[str]:
    try:
        for _ in book.feed():
            pass
    except ledger.LedgerError as error:
        yield f"the feed cannot be read: {error}"


def _histories(book: Ledger) -> Histories:
    histories: Histories = {}
    for item in book.feed():
        histories.setdefault(item.session_id, []).append(item.event)
    return histories


def _snapshots_of(place: object) -> set[tuple[str, int]]:
    """Give the session and the version of every snapshot."""
    with bare(place) as tables:
        return set(tables.rows("SELECT session_id, version FROM snapshots JOIN sessions USING (session_uid)"))


def _faults_of_reads(
    book: Ledger, histories: Mapping[str, list[Event]], snapshots: set[tuple[str, int]]
) -> Iterator[str]:
    """Every way of reading tells the same as the fold of the log: snapshots, the catalog, the questions."""
    catalog = {summary.id: summary for summary in book.sessions()}
    if catalog.keys() != histories.keys():
        yield f"the catalog lists {sorted(catalog)}, the feed {sorted(histories)}"
    for session_id, events in histories.items():
        middle = (len(events) + 1) // 2
        folded = View(session_id)
        for event in events:
            folded = apply(folded, event)
            looked_at = event.version == middle or (session_id, event.version) in snapshots
            if looked_at and book.load(session_id, event.version) != session_of(folded):
                yield f"session {session_id}: version {event.version} loads as something else than it folds to"
        session = session_of(folded)
        if book.load(session_id) != session:
            yield f"session {session_id}: the head loads as something else than the log folds to"
        book.snapshot(session_id)
        if book.load(session_id) != session:
            yield f"session {session_id}: a snapshot of the head loads as something else than the log folds to"
        line = catalog.get(session_id)
        counted = (session.version, len(session.messages), len(session.pending_questions), session.updated_at)
        if line and (line.version, line.messages, line.pending_questions, line.updated_at) != counted:
            yield f"session {session_id}: the catalog says {line!r}, the log {counted}"
        records = {record.id: (record.text, record.status, record.answer) for record in book.questions(session_id)}
        folded_questions = {
            question.id: (question.text, question.status, question.answer) for question in session.questions.values()
        }
        if records != folded_questions:
            yield f"session {session_id}: the records of questions tell something else than the log"


def _faults_of_the_cache(book: Ledger, histories: Mapping[str, list[Event]]) -> list[str]:
    """What a cache that was behind is reconciled to, and what it holds afterwards, is what the log says."""

    async def compare() -> list[str]:
        found = []
        async with book.repository(SessionCache()) as repository:
            for session_id in histories:
                told = book.load(session_id)
                repository.cache.put(book.load(session_id, (told.version + 1) // 2))
                loads = [await repository.load_merged(session_id), repository.cache.get(session_id)]
                loads.append(await repository.load_merged(session_id))
                if any(loaded != told for loaded in loads):
                    found.append(f"session {session_id}: the cache holds something else than the log")
        return found

    # In a thread of its own: a test that calls this may have an event loop of its own running.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, compare()).result()
