"""Puts the checkpoints of another saver's file into the ledger; it takes the framework to read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import ledger.adapters.langgraph  # noqa: F401 - it says what to install, if the framework is missing

# isort: split
import ormsgpack
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.serde._msgpack import SAFE_MSGPACK_TYPES
from langgraph.checkpoint.serde.jsonplus import EXT_DELTA_SNAPSHOT, JsonPlusSerializer

from ledger.adapters.langgraph_finding import config_of
from ledger.adapters.langgraph_lines import Lines, alive_lines, spans_of
from ledger.adapters.langgraph_steps import driven
from ledger.adapters.langgraph_values import Blob
from ledger.adapters.langgraph_verbs import Verbs
from ledger.importers.report import ImportReport

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Replay"]

WRITER = "langgraph"
_KEYS = ormsgpack.OPT_NON_STR_KEYS


class Replay:
    """Puts checkpoints and writes by the saver's own verbs, and counts into the report."""

    def __init__(self, book: Ledger, report: ImportReport) -> None:
        self._book = book
        self._report = report
        self._verbs = Verbs(WRITER)
        self._times: dict[tuple[str, str, str], datetime | None] = {}
        self._known: dict[tuple[str, str], set[str]] = {}
        self._strict = JsonPlusSerializer(allowed_msgpack_modules=None)
        self._serde = JsonPlusSerializer(allowed_msgpack_modules=None, __unpack_ext_hook__=self._unpack)

    def has(self, thread: str, namespace: str, checkpoint: str) -> bool:
        """Tell whether a checkpoint was there before this import."""
        known = self._known.get((thread, namespace))
        if known is None:
            heads = [line.head for line in alive_lines(Lines(), self._book, thread, namespace)]
            known = {span.checkpoint_id for head in heads for span in spans_of(self._book, head)}
            self._known[thread, namespace] = known
        return checkpoint in known

    def put(self, at: tuple[str, str, str], row: Mapping[str, Any]) -> None:
        """Put a checkpoint.

        Raises:
            InvalidSession: if it cannot be stored.
            ValueError: if it cannot be read.
        """
        thread, namespace, _ = at
        self.has(*at)
        checkpoint: Checkpoint = self._serde.loads_typed((row["type"], row["checkpoint"]))
        metadata: Any = json.loads(row["metadata"]) if row.get("metadata") else {}
        config = config_of(thread, namespace, str(row["parent_checkpoint_id"] or ""))
        time = self._times[at] = _time_of(checkpoint["ts"])
        stored = driven(self._verbs.put(config, checkpoint, metadata, {}, self._serde, occurred_at=time), self._book)
        self._report.saves += stored
        self._report.skipped += not stored

    def put_writes(
        self,
        at: tuple[str, str, str],
        task: tuple[str, str],
        rows: Sequence[Mapping[str, Any]],
        time: datetime | None,
        *,
        resolves: bool = True,
    ) -> None:
        """Put what a task wrote under a checkpoint.

        Raises:
            InvalidSession: if it cannot be stored.
            ValueError: if it cannot be read.
        """
        writes = [(row["channel"], self._serde.loads_typed((row["type"], row["value"]))) for row in rows]
        steps = self._verbs.put_writes(
            config_of(*at), writes, task, self._serde,
            places=[int(row["idx"]) for row in rows], resolves=resolves, occurred_at=time or self._times.get(at),
        )  # fmt: skip
        self._report.saves += driven(steps, self._book)

    def count(self) -> None:
        """Count the sessions of every thread that the file speaks of."""
        lines = Lines()
        for thread, namespace in self._known:
            for known in alive_lines(lines, self._book, thread, namespace):
                if known.line.session_id not in self._report.session_ids:
                    self._report.session_ids.append(known.line.session_id)

    def _unpack(self, code: int, data: bytes) -> Any:
        """Make an object of a class that LangGraph vouches for, and keep any other one as it was written."""
        written = ormsgpack.packb(ormsgpack.Ext(code, data))
        if _is_safe(code, data):
            return self._strict.loads_typed(("msgpack", written))
        return Blob("msgpack", written)


def _is_safe(code: int, data: bytes) -> bool:
    """Tell whether an object, and all in it, is of classes that LangGraph vouches for."""
    safe = True

    def look(inner: int, inside: bytes) -> None:
        nonlocal safe
        safe = safe and _is_safe(inner, inside)

    told = ormsgpack.unpackb(data, ext_hook=look, option=_KEYS)
    if code == EXT_DELTA_SNAPSHOT:
        return safe
    return safe and isinstance(told, list) and tuple(told[:2]) in SAFE_MSGPACK_TYPES


def _time_of(text: Any) -> datetime | None:
    with suppress(TypeError, ValueError):
        time = datetime.fromisoformat(text)
        return time if time.tzinfo is not None else None
    return None
