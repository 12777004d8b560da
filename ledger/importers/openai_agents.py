"""The SQLite files in which the OpenAI Agents SDK keeps sessions, by its `SQLiteSession` or its `SQLAlchemySession`.

A row is an item, and a step: what was added in one call is not told. Its time is the row's. The writer is
`openai-agents`, as `runtime`, and `user` for the person's messages. What the tables of other sessions than these two
say (branches, usage) is left where it is; the items are the same.

A call of a tool that asks is a question, and so is a call that nothing follows: it waits for an approval. Results
answer them. Rows that were taken off or cleared are gone from such a file, so no import knows of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ledger.adapters.openai_items import FORM, Item, called_by, message_of, result_of
from ledger.adapters.openai_questions import asked_by, outcome_of
from ledger.importers.records import MEND, UnreadableRecord, as_object, digest, parse_json
from ledger.importers.steps import Answered, Asked, Described, Happening, ImportProblem, Opening, Said, Step, Withdrawn
from ledger.importers.steps import Item as Told

__all__ = ["NAME", "read", "reads"]

NAME = FORM
PERSON = "user"

_COLUMNS = frozenset({"id", "session_id", "message_data", "created_at"})


def reads(tables: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether a database is one of these, whatever its tables are called."""
    return any(columns >= _COLUMNS for columns in tables.values())


def read(name: str, connection: Any) -> Iterator[Told]:
    """Give the steps of every session, in the order in which they were written."""
    tables = [
        table for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
    ]
    for table in tables:
        columns = {column for (column,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}
        if columns >= _COLUMNS:
            yield from _Table(name, table, connection).steps()


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    session_id: Any
    data: Any
    time: datetime | None

    def item(self) -> Item:
        """Give the item.

        Raises:
            UnreadableRecord: if it is none.
        """
        text = self.data.encode() if isinstance(self.data, str) else self.data
        if not isinstance(text, bytes):
            raise UnreadableRecord("it holds no text")
        if not isinstance(self.session_id, str):
            raise UnreadableRecord("it names no session")
        return as_object(parse_json(text), "the item")


@dataclass(slots=True)
class _Told:
    """What the rows so far have told of one session."""

    begun: bool = False
    #: How often a call of an id was made that may ask, and what kind of question the last one asks.
    asked: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, str] = field(default_factory=dict)


class _Table:
    def __init__(self, source: str, table: str, connection: Any) -> None:
        self._source = source
        self._table = table
        self._connection = connection

    def steps(self) -> Iterator[Told]:
        waiting = _waiting(self._rows())
        told: dict[str, _Told] = {}
        for row in self._rows():
            place = f"{self._source}: row {row.number} of {self._table}"
            try:
                item = row.item()
            except UnreadableRecord as error:
                yield ImportProblem(place, error.what, MEND)
                continue
            so_far = told.setdefault(row.session_id, _Told())
            slot = f"import:{self._table}:{row.number}:"
            person = item.get("role") == PERSON
            yield Step(
                session_id=row.session_id,
                key=f"{slot}{digest(item)}",
                place=place,
                happenings=tuple(self._happenings(row, item, so_far, waits=row.number in waiting)),
                writer=PERSON if person else NAME,
                authority="user" if person else "runtime",
                occurred_at=row.time,
                opening=Opening(created_at=row.time),
                slot=slot,
            )

    def _happenings(self, row: _Row, item: Item, told: _Told, *, waits: bool) -> Iterator[Happening]:
        if not told.begun:
            told.begun = True
            yield Described({"source": NAME})
        stamped: dict[str, Any] = {} if row.time is None else {"created_at": row.time}
        yield Said(message_of(item, id=f"{self._table}-{row.number}", **stamped))
        call_id, result = called_by(item), result_of(item)
        if call_id is not None:
            may_ask = asked_by(item, waits=True)
            before = told.asked[call_id]
            # Counted whether they are asked or not: what waits today has its result tomorrow, and keeps its id.
            told.asked[call_id] += len(may_ask)
            if may_ask:
                told.kinds[call_id] = may_ask[0].kind
            for question in asked_by(item, waits=waits):
                index = before + question.index
                yield Asked(question.model_copy(update={"id": f"{call_id}#{index}", "index": index}))
        if result is not None and result in told.kinds:
            outcome = outcome_of(item, told.kinds[result])
            if outcome.reason is None:
                yield Answered(result, None, answer=outcome.answer)
            else:
                yield Withdrawn(result, outcome.reason, None)

    def _rows(self) -> Iterator[_Row]:
        table = '"' + self._table.replace('"', '""') + '"'
        statement = f"SELECT id, session_id, message_data, created_at FROM {table} ORDER BY id"  # noqa: S608 - as it is called
        for number, session_id, data, time in self._connection.execute(statement):
            yield _Row(number, session_id, data, _time(time))


def _waiting(rows: Iterable[_Row]) -> set[int]:
    """Give the rows of the calls that wait: without a result, and nobody has said anything since."""
    waiting: dict[str, dict[str, int]] = {}
    for row in rows:
        try:
            item = row.item()
        except UnreadableRecord:
            continue
        calls = waiting.setdefault(row.session_id, {})
        call_id, result = called_by(item), result_of(item)
        if call_id is not None:
            calls[call_id] = row.number
        elif result is not None:
            calls.pop(result, None)
        elif item.get("role") == PERSON:
            calls.clear()
    return {number for calls in waiting.values() for number in calls.values()}


def _time(value: Any) -> datetime | None:
    """Give a row's time; SQLite writes it in UTC and without saying so."""
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
