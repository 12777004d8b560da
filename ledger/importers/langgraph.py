"""LangGraph's `checkpoints.sqlite`: every checkpoint becomes a save on its thread's branch, with its writes behind it.

The saver of `ledger.adapters.langgraph` takes them in, so that a graph may go on with what was imported. Classes that
LangGraph does not vouch for are not made: what they were written as is kept, and a graph that knows them reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ledger.errors import InvalidSession
from ledger.importers.records import MEND
from ledger.importers.report import ImportReport
from ledger.importers.steps import ImportProblem

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["NAME", "reads", "take"]

NAME = "langgraph"

_INTERRUPT, _RESUME = "__interrupt__", "__resume__"
_WHOLE_GRAPH = "00000000-0000-0000-0000-000000000000"
_CHECKPOINTS = frozenset({"thread_id", "checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type", "checkpoint"})
_WRITES = frozenset({"thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "type", "value"})
#: A parent's id is lower than its child's.
_IN_ORDER = "SELECT * FROM checkpoints ORDER BY checkpoint_id, thread_id, checkpoint_ns"
_OF_CHECKPOINT = "SELECT * FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? ORDER BY rowid"
_CHILDREN = (
    "SELECT thread_id, checkpoint_ns, parent_checkpoint_id, MIN(checkpoint_id) FROM checkpoints GROUP BY 1, 2, 3"
)

Row = dict[str, Any]
#: Thread, namespace and checkpoint.
Place = tuple[str, str, str]


def reads(tables: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether it is one of LangGraph's, by the names of its tables and of their columns."""
    return tables.get("checkpoints", frozenset()) >= _CHECKPOINTS and tables.get("writes", frozenset()) >= _WRITES


def take(book: Ledger, name: str, connection: Any, report: ImportReport) -> Iterator[ImportProblem]:
    """Put every checkpoint, and then its writes, in the order in which they were made; give what had to be refused.

    Importing again puts what is new, and nothing twice.

    Raises:
        FrameworkMissing: if `langgraph-checkpoint` is not installed, which it takes to read the file.
    """
    from ledger.importers.langgraph_replay import Replay  # noqa: PLC0415 - it imports the framework

    replay = Replay(book, report)
    children: dict[Place, str] = {(row[0], row[1], row[2]): row[3] for row in connection.execute(_CHILDREN)}
    refused: set[str] = set()
    for row in list(_rows(connection, _IN_ORDER)):
        at = (str(row["thread_id"]), str(row["checkpoint_ns"]), str(row["checkpoint_id"]))
        if at[0] in refused:
            continue
        if at in children and replay.has(*at):
            report.skipped += 1
            continue
        where = f"{name}: thread {at[0]}, checkpoint {at[2]}"
        try:
            replay.put(at, row)
            writes = list(_rows(connection, _OF_CHECKPOINT, at))
            _replay_writes(replay, at, writes, _time_of(children.get(at)))
        except InvalidSession as error:
            refused.add(at[0])
            what = f"it cannot be stored: {error.problem}" + (f" at {error.path}" if error.path else "")
            yield ImportProblem(where, what, MEND)
        except (ValueError, TypeError, KeyError, NotImplementedError) as error:
            # What the serializer raises of bytes that it did not write, of a type that it does not know among them.
            yield ImportProblem(where, f"it does not parse ({type(error).__name__}: {error})", MEND)
    replay.count()


def _replay_writes(replay: Any, at: Place, writes: list[Row], resumed_at: datetime | None) -> None:
    """Put the writes of a checkpoint: what tasks wrote and asked, and then what they were resumed with.

    The file keeps the last interrupt of a task, but not always the last answer of its own: that is then what the whole
    graph was resumed with last. It is an answer to that interrupt if the task went on to write something.
    """
    for task, told in _by_task(write for write in writes if write["channel"] != _RESUME):
        replay.put_writes(at, task, told, None)
    asked = {write["task_id"] for write in writes if write["channel"] == _INTERRUPT}
    went_on = {write["task_id"] for write in writes if write["channel"] not in (_INTERRUPT, _RESUME)}
    resumed = _by_task(write for write in writes if write["channel"] == _RESUME)
    for task, told in sorted(resumed, key=lambda each: each[0][0] != _WHOLE_GRAPH):
        resolves = asked <= went_on if task[0] == _WHOLE_GRAPH else task[0] in went_on
        replay.put_writes(at, task, told, resumed_at, resolves=resolves)


def _by_task(writes: Iterable[Row]) -> list[tuple[tuple[str, str], list[Row]]]:
    tasks: dict[tuple[str, str], list[Row]] = {}
    for write in writes:
        tasks.setdefault((str(write["task_id"]), str(write.get("task_path") or "")), []).append(write)
    return list(tasks.items())


def _rows(connection: Any, statement: str, values: tuple[str, ...] = ()) -> Iterator[Row]:
    cursor = connection.execute(statement, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _time_of(checkpoint: str | None) -> datetime | None:
    """Give the time that a checkpoint's id is made of, if it is."""
    try:
        number = UUID(checkpoint or "").int
    except ValueError:
        return None
    if number >> 76 & 0xF != 6:  # noqa: PLR2004 - the version of UUID that LangGraph makes (RFC 9562)
        return None
    ticks = (number >> 80) << 12 | number >> 64 & 0xFFF
    return datetime(1582, 10, 15, tzinfo=UTC) + timedelta(microseconds=ticks // 10)
