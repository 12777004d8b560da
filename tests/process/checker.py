"""Whether a ledger in a file kept all that it acknowledged, and is whole: what every test of this folder ends with.

It looks twice: at the bare tables with the driver, and at what the ledger itself says of them. The sessions hold turns
of `tests.process.work` and nothing else, so what a save must have stored is known to the byte.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import ledger
from ledger import Event, Ledger, QuestionStatus, Session
from ledger.domain.apply import apply
from ledger.domain.session import session_of
from ledger.domain.view import View
from ledger.store.sqlite import driver
from tests.process.work import MODEL, messages_of, question_of, take_turn, url_of

__all__ = ["Acknowledgement", "check", "faults"]

#: What a worker reports of a save that has returned.
Acknowledgement = dict[str, Any]


def check(path: Path, acknowledged: Iterable[Acknowledgement]) -> None:
    """Fail, naming each fault, unless the ledger is whole, holds all that was acknowledged, and takes writes."""
    found = faults(path, acknowledged)
    assert not found, f"{len(found)} faults in {path}:\n" + "\n".join(found[:20])
    with ledger.open(url_of(path), create=False, writer="afterwards") as book:
        session = book.load_or_create("afterwards", model=MODEL)
        take_turn(session, "afterwards")
        receipt = book.save(session)
        assert session == book.load("afterwards", receipt.version), "what is written afterwards does not load"


def faults(path: Path, acknowledged: Iterable[Acknowledgement]) -> list[str]:
    """Give every way in which the ledger is not whole, or does not hold what was acknowledged."""
    acknowledged = list(acknowledged)
    found = list(_faults_of_tables(path))
    with ledger.open(url_of(path), create=False) as book:
        last = {a["session_id"]: (a["version"], a["digest"]) for a in sorted(acknowledged, key=lambda a: a["version"])}
        found += [f"verify: {problem}" for problem in book.verify(expect=last).problems]
        if found:
            return found  # a log that is not whole may not even read
        histories = _histories(book)
        found += _missing(histories, acknowledged)
        for session_id, events in histories.items():
            found += (f"session {session_id}: {fault}" for fault in _faults_of_turns(events))
        found += _faults_of_reads(book, histories)
    return found


def _faults_of_tables(path: Path) -> Iterator[str]:
    with closing(driver().connect(str(path))) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return list(connection.execute(query).fetchall())

        for (line,) in rows("PRAGMA integrity_check"):
            if line != "ok":
                yield f"SQLite: {line}"
        gaps = "SELECT hex(session_uid), count(*), min(version), max(version) FROM events GROUP BY session_uid"
        for uid, count, first, last in rows(gaps):
            if (first, last) != (1, count):
                yield f"{uid}: {count} events, of versions {first} to {last}"
        ((count, first, last),) = rows(
            "SELECT count(*), coalesce(min(position), 1), coalesce(max(position), 0) FROM feed"
        )
        if (first, last) != (1, count):
            yield f"the feed has {count} entries, at positions {first} to {last}"
        for one, other in (("events", "payloads"), ("payloads", "events"), ("events", "feed"), ("feed", "events")):
            ((count,),) = rows(
                f"SELECT count(*) FROM (SELECT session_uid, version FROM {one} "
                f"EXCEPT SELECT session_uid, version FROM {other})"
            )
            if count:
                yield f"{count} of {one} are not in {other}"


def _histories(book: Ledger) -> dict[str, list[Event]]:
    histories: dict[str, list[Event]] = {}
    for item in book.feed():
        histories.setdefault(item.session_id, []).append(item.event)
    return histories


def _missing(histories: Mapping[str, list[Event]], acknowledged: Iterable[Acknowledgement]) -> Iterator[str]:
    for said in acknowledged:
        events = histories.get(said["session_id"], [])
        name = f"{said['writer']}'s turn {said['number']}, acknowledged as version {said['version']}"
        if len(events) < said["version"]:
            yield f"session {said['session_id']}: {name}, is lost"
            continue
        event = events[said["version"] - 1]
        if (event.event_id, event.digest, event.writer) != (said["event_id"], said["digest"], said["writer"]):
            yield f"session {said['session_id']}: {name}, is another event"
        elif _number(event) != said["number"]:
            yield f"session {said['session_id']}: {name}, is turn {_number(event)}"


def _number(event: Event) -> int | None:
    numbers = [
        change.value for change in event.changes if change.type == "state_set" and change.path[1:] == event.writer
    ]
    return int(numbers[0]) if len(numbers) == 1 else None


def _faults_of_turns(events: list[Event]) -> Iterator[str]:
    """Each event is one whole turn, byte for byte, and a writer's turns follow one another without a gap."""
    numbers: dict[str, int] = {}
    for version, event in enumerate(events, 1):
        if event.version != version:
            yield f"version {event.version} stands where version {version} belongs"
        number = _number(event)
        expected = numbers.get(event.writer, 0) + 1
        numbers[event.writer] = expected
        if number != expected:
            yield f"version {version} is {event.writer}'s turn {number}, not {expected}"
            continue
        kinds = ["session_created"] * (version == 1) + ["message_appended"] * 4
        kinds += ["question_answered"] * (number > 1) + ["question_asked", "state_set"]
        if sorted(kinds) != sorted(change.type for change in event.changes):
            yield f"version {version} is not a whole turn: {[change.type for change in event.changes]}"
        stored = [change.message for change in event.changes if change.type == "message_appended"]
        if [message.model_dump_json() for message in stored] != _json_of(event.writer, number):
            yield f"version {version} holds other messages than {event.writer}'s turn {number}"


def _json_of(writer: str, number: int) -> list[str]:
    return [message.model_dump_json() for message in messages_of(writer, number)]


def _faults_of_reads(book: Ledger, histories: Mapping[str, list[Event]]) -> Iterator[str]:
    """Every way of reading tells the same as the fold of the log: snapshots, the catalog, the questions."""
    catalog = {summary.id: summary for summary in book.sessions()}
    if catalog.keys() != histories.keys():
        yield f"the catalog lists {sorted(catalog)}, the feed {sorted(histories)}"
    for session_id, events in histories.items():
        middle = (len(events) + 1) // 2
        folded = View(session_id)
        for event in events:
            folded = apply(folded, event)
            if event.version == middle and book.load(session_id, middle) != session_of(folded):
                yield f"session {session_id}: version {middle} loads as something else than it folds to"
        session = session_of(folded)
        if book.load(session_id) != session:
            yield f"session {session_id}: the head loads as something else than the log folds to"
        book.snapshot(session_id)
        if book.load(session_id) != session:
            yield f"session {session_id}: a snapshot of the head loads as something else than the log folds to"
        yield from _faults_of_order(session, events)
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


def _faults_of_order(session: Session, events: list[Event]) -> Iterator[str]:
    """In the head stands every turn of every writer, in the order of its numbers, with its last question open."""
    for writer in {event.writer for event in events}:
        number = sum(event.writer == writer for event in events)
        if session.state.get(writer) != number:
            yield f"session {session.id}: the head says {writer} made {session.state.get(writer)} turns, not {number}"
        ids = [message.id for turn in range(1, number + 1) for message in messages_of(writer, turn)]
        if [message.id for message in session.messages if message.id in set(ids)] != ids:
            yield f"session {session.id}: the head does not hold {writer}'s messages in their order"
        open_questions = [q.tool_call_id for q in session.pending_questions if q.tool_call_id.startswith(f"{writer}-")]
        if open_questions != [question_of(writer, number)]:
            yield f"session {session.id}: of {writer}'s questions {open_questions} are open"
        answered = sum(
            question.status is QuestionStatus.ANSWERED and question.resolved_by == writer
            for question in session.questions.values()
        )
        if answered != number - 1:
            yield f"session {session.id}: {answered} of {writer}'s questions are answered, not {number - 1}"
    if len(session.messages) != 4 * len(events):
        yield f"session {session.id}: the head holds {len(session.messages)} messages after {len(events)} turns"
