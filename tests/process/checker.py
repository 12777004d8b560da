"""Whether a ledger kept all that it acknowledged, and is whole: what every test of this folder ends with.

Whether it is whole in itself is `tests.process.whole`'s to say. Here the sessions hold turns of `tests.process.work`
and nothing else, so what a save must have stored is known to the byte.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ledger
from ledger import Event, QuestionStatus, Session
from ledger.domain.apply import apply
from ledger.domain.session import session_of
from ledger.domain.view import View
from tests.process.bare import url_of
from tests.process.whole import examine
from tests.process.work import MODEL, messages_of, question_of, take_turn

__all__ = ["Acknowledgement", "check", "faults"]

#: What a worker reports of a save that has returned.
Acknowledgement = dict[str, Any]


def check(place: object, reports: Iterable[dict[str, Any]]) -> None:
    """Fail, naming each fault, unless the ledger is whole, holds all that was acknowledged, and takes writes."""
    found = faults(place, reports)
    assert not found, f"{len(found)} faults in {place}:\n" + "\n".join(found[:20])
    with ledger.open(url_of(place), create=False, writer="afterwards") as book:
        session = book.load_or_create("afterwards", model=MODEL)
        take_turn(session, "afterwards")
        receipt = book.save(session)
        assert session == book.load("afterwards", receipt.version), "what is written afterwards does not load"


def faults(place: object, reports: Iterable[dict[str, Any]]) -> list[str]:
    """Give every way in which the ledger is not whole, or does not hold what was acknowledged.

    Args:
        place: a file, or the URL of a ledger.
        reports: what the workers said: each save that returned, and, where they told of them, each that was begun.
    """
    reports = list(reports)
    acknowledged = [report for report in reports if "version" in report]
    attempts = {
        (report["session_id"], report["writer"], report["attempt"]) for report in reports if "attempt" in report
    }
    last = {a["session_id"]: (a["version"], a["digest"]) for a in sorted(acknowledged, key=lambda a: a["version"])}
    found, histories = examine(place, expect=last)
    if found:
        return found  # a log that is not whole tells nothing of the saves in it
    found += _missing(histories, acknowledged)
    if attempts:
        found += _unattempted(histories, attempts)
    for session_id, events in histories.items():
        folded = View(session_id)
        for event in events:
            folded = apply(folded, event)
        found += (f"session {session_id}: {fault}" for fault in _faults_of_turns(events))
        found += _faults_of_order(session_of(folded), events)
    return found


def _unattempted(histories: Mapping[str, list[Event]], attempts: set[tuple[str, str, int]]) -> Iterator[str]:
    """Nothing is there that nobody tried; what was written afterwards by an earlier check is its own."""
    for session_id, events in histories.items():
        for event in events:
            number = _number(event)
            if event.writer != "afterwards" and (session_id, event.writer, number) not in attempts:
                yield f"session {session_id}: version {event.version}, {event.writer}'s turn {number}, was never tried"


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
