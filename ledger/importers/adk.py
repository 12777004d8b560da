"""Google ADK's session databases: those of its `DatabaseSessionService` and of its `SqliteSessionService`.

Each event is one step, and its session is called as `ledger.adapters.adk` calls it, which may go on with it. An event
that changed what an app or a user shares is a step of that state's session too. What the database keeps only as it is
now (the state that a session was created with) stands in the session's first step; the like of an app or a user, of
which nobody knows when it came, in a last one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger.adapters import adk_questions
from ledger.adapters.adk_events import PERSON, Json, messages_of, time_of, usage_of
from ledger.adapters.adk_ids import Named
from ledger.adapters.adk_state import delta_of
from ledger.domain.parts import Option, Question
from ledger.domain.values import json_equal
from ledger.importers.records import UnreadableRecord, as_object, digest, parse_json
from ledger.importers.steps import (
    Answered,
    Asked,
    Happening,
    ImportProblem,
    Item,
    ModelNamed,
    Opening,
    Said,
    StateMerged,
    Step,
    Usage,
    Withdrawn,
)

__all__ = ["NAME", "read", "reads"]

NAME = "adk"
WRITER = "adk"

_TABLES = ("sessions", "events", "app_states", "user_states")
_KEY = frozenset({"app_name", "user_id"})

#: As ADK orders them, but for those of one time: these as they came.
_EVENTS = "SELECT * FROM events WHERE app_name = ? AND user_id = ? AND session_id = ? ORDER BY timestamp, rowid"
_SHARING = (
    "SELECT * FROM events WHERE event_data LIKE '%\"app:%' OR event_data LIKE '%\"user:%' ORDER BY timestamp, rowid"
)
_MIGRATE = (
    "let ADK bring it to its current schema, `adk migrate session --source_db_url=sqlite:///OLD.db "
    "--dest_db_url=sqlite:///NEW.db`, and import the new one"
)


def reads(tables: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether it is one of ADK's, by the names of its tables and of their columns."""
    return all(name in tables for name in _TABLES) and tables["sessions"] >= _KEY | {"id", "state", "create_time"}


def read(name: str, connection: Any) -> Iterator[Item]:
    """Give its steps, session after session; each key is the same at every import."""
    columns = {row[1] for row in connection.execute("PRAGMA table_info(events)")}
    if "event_data" not in columns:
        what = "it is a database of an older ADK, which pickled what its events did"
        yield ImportProblem(name, what, _MIGRATE)
        return
    for row in _rows(connection, "SELECT * FROM sessions ORDER BY create_time, rowid"):
        yield from _Reading(name, connection, row).items()
    yield from _shared(name, connection)


def _rows(connection: Any, statement: str, values: tuple[Any, ...] = ()) -> Iterator[Json]:
    cursor = connection.execute(statement, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


class _Reading:
    """One session, event by event."""

    def __init__(self, name: str, connection: Any, row: Json) -> None:
        self._connection = connection
        self._row = row
        self._named = Named(str(row["app_name"]), str(row["user_id"]), str(row["id"]))
        self._place = f"{name}: session {self._named.ledger_id}"
        self._created = _time(row["create_time"])
        self._history: list[Json] = []
        self._asked: dict[str, int] = {}
        self._state: Json = {}

    def items(self) -> Iterator[Item]:
        """Give the steps: it is created, then come its events, and last what no event tells of."""
        try:
            state = _object(self._row["state"], "its state")
        except UnreadableRecord as error:
            yield ImportProblem(self._place, error.what, error.hint)
            return
        events = list(self._events())
        touched = {key for event in events if isinstance(event, dict) for key in _delta(event).session}
        self._state = {key: value for key, value in state.items() if key not in touched}
        # Events may say that they are older than the session: it began with the first of them.
        times = [time_of(event.get("timestamp")) for event in events if isinstance(event, dict)]
        began = min((time for time in [self._created, *times] if time is not None), default=None)
        slot = "import:created:"
        created = "unknown" if self._created is None else f"{int(self._created.timestamp() * 1_000_000)}"
        yield self._step(slot + created, self._place, (StateMerged(dict(self._state)),), began, slot=slot)
        for event in events:
            yield self._played(event) if isinstance(event, dict) else event
        rest = _differing(self._state, state)
        if rest:
            yield self._step(f"import:rest:{digest(rest)}", self._place, (StateMerged(rest),), None)

    def _events(self) -> Iterator[Json | ImportProblem]:
        for row in _rows(self._connection, _EVENTS, tuple(self._row[name] for name in ("app_name", "user_id", "id"))):
            try:
                yield _event(row)
            except UnreadableRecord as error:
                yield ImportProblem(f"{self._place}, event {row['id']}", error.what, error.hint)

    def _played(self, event: Json) -> Step:
        outcomes = adk_questions.outcomes_of(event, lambda: self._history)
        self._history.append(event)
        happenings: list[Happening] = [Said(message) for message in messages_of(event)]
        happenings += [self._happening(outcome) for outcome in outcomes]
        delta = _delta(event).session
        if delta:
            self._state |= delta
            happenings.append(StateMerged(delta))
        is_persons = event.get("author") == PERSON
        if isinstance(event.get("model_version"), str) and not is_persons:
            happenings.append(ModelNamed(event["model_version"]))
        usage = usage_of(event)
        return self._step(
            f"import:{event['id']}",
            f"{self._place}, event {event['id']}",
            tuple(happenings),
            time_of(event.get("timestamp")),
            is_persons=is_persons,
            usage=() if usage is None else (Usage(f"adk:{event['id']}", usage),),
        )

    def _happening(self, outcome: adk_questions.Outcome) -> Happening:
        call = outcome.tool_call_id
        if isinstance(outcome, adk_questions.Answered):
            return Answered(call, outcome.by, answer=outcome.answer)
        if isinstance(outcome, adk_questions.Withdrawn):
            return Withdrawn(call, outcome.reason, outcome.by)
        index = self._asked[call] = self._asked.get(call, -1) + 1
        return Asked(
            Question(
                id=f"{call}#{index}",
                tool_call_id=call,
                index=index,
                kind=outcome.kind,
                text=outcome.text,
                options=[Option(label=label) for label in outcome.options],
                source=outcome.source,
            )
        )

    def _step(
        self,
        key: str,
        place: str,
        happenings: tuple[Happening, ...],
        time: datetime | None,
        *,
        is_persons: bool = False,
        usage: tuple[Usage, ...] = (),
        slot: str | None = None,
    ) -> Step:
        return Step(
            session_id=self._named.ledger_id,
            key=key,
            place=place,
            happenings=happenings,
            writer=PERSON if is_persons else WRITER,
            authority="user" if is_persons else "runtime",
            occurred_at=time,
            opening=Opening(created_at=self._created),
            usage=usage,
            slot=slot,
        )


@dataclass(slots=True)
class _Shared:
    """What an app or a user shares, as far as it was read."""

    #: As the database has it now, and when it came to be so.
    final: Json
    time: datetime | None
    state: Json = field(default_factory=dict)


def _shared(name: str, connection: Any) -> Iterator[Item]:
    """Give the steps of what apps and users share: the deltas of the events that there are, and then the rest."""
    known: dict[str, _Shared] = {}
    for table, of_user in (("app_states", False), ("user_states", True)):
        for row in _rows(connection, f"SELECT * FROM {table} ORDER BY rowid"):  # noqa: S608 - one of the two names
            named = Named(str(row["app_name"]), str(row["user_id"]) if of_user else "", "")
            shared_id = named.user_state if of_user else named.app_state
            try:
                final = _object(row["state"], "its state")
            except UnreadableRecord as error:
                yield ImportProblem(f"{name}: {shared_id}", error.what, error.hint)
                continue
            known[shared_id] = _Shared(final, _time(row.get("update_time")))
    for row in _rows(connection, _SHARING):
        named = Named(str(row["app_name"]), str(row["user_id"]), str(row["session_id"]))
        try:
            event = _event(row)
        except UnreadableRecord:
            continue  # its session has said so
        delta = _delta(event)
        for shared_id, values in ((named.app_state, delta.app), (named.user_state, delta.user)):
            if values and shared_id in known:
                known[shared_id].state |= values
                key = f"import:{digest([named.ledger_id, event['id']])}"
                yield _merge(shared_id, key, f"{name}: {shared_id}", values, time_of(event.get("timestamp")))
    for shared_id, shared in known.items():
        rest = _differing(shared.state, shared.final)
        if rest:
            yield _merge(shared_id, f"import:rest:{digest(rest)}", f"{name}: {shared_id}", rest, shared.time)


def _merge(shared_id: str, key: str, place: str, values: Json, time: datetime | None) -> Step:
    return Step(shared_id, key, place, (StateMerged(values),), WRITER, occurred_at=time)


def _event(row: Json) -> Json:
    """Give the event of a row, as ADK does: what has a column of its own counts."""
    event = _object(row["event_data"], "the event")
    time = _time(row["timestamp"])
    if "timestamp" not in event and time is not None:
        event["timestamp"] = time.timestamp()
    return {**event, "id": str(row["id"]), "invocation_id": row["invocation_id"]}


def _delta(event: Json) -> Any:
    actions = event.get("actions")
    delta = actions.get("state_delta") if isinstance(actions, dict) else None
    return delta_of(delta if isinstance(delta, dict) else {})


def _differing(ours: Json, theirs: Json) -> Json:
    return {key: value for key, value in theirs.items() if key not in ours or not json_equal(ours[key], value)}


def _object(text: Any, what: str) -> Json:
    return as_object(parse_json(text if isinstance(text, bytes) else str(text).encode(errors="surrogatepass")), what)


def _time(value: Any) -> datetime | None:
    """Read a time as either of the services writes it."""
    if isinstance(value, int | float):
        return time_of(value)
    try:
        time = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time
