"""What replays: the saves of a range one by one, across the joins of a fork, each with the state around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ledger.domain.events import Event
from ledger.domain.origins import origin_of
from ledger.domain.revisions import At, Span
from ledger.domain.steps import Step, Stretch
from ledger.domain.view import View
from ledger.ports import ReadSide
from ledger.store.database import Database
from ledger.store.locating import spans_between
from ledger.store.log import Log
from ledger.store.reading import pages_between

__all__ = ["Stepping"]

#: How many events are read, and folded, at once.
PAGE = 200


class Stepping:
    """Steps through the saves of one ledger's sessions."""

    def __init__(self, database: Database, log: Log, reads: ReadSide) -> None:
        self._database = database
        self._log = log
        self._reads = reads

    def steps(self, session_id: str, start: At | None, stop: At | None) -> Iterator[Step]:
        """Give the steps from `start` to `stop`; what is wrong with these is raised at once, not at the first step."""
        with self._database.read() as connection:
            spans = spans_between(self._log, connection, session_id, start, stop)
        return self._walk(spans)

    def _walk(self, spans: list[Span]) -> Iterator[Step]:
        for session_id, first, last in spans:
            view: View | None = None
            for events in pages_between(self._database, self._log, session_id, first - 1, last, size=PAGE):
                stretch = Stretch(self._start(session_id, events[0]) if view is None else view, events)
                # Folded here, and not when somebody looks at the next page, so that looking never reads.
                view = stretch.end()
                yield from stretch.steps()

    def _start(self, session_id: str, first: Event) -> View:
        """Give the view that the first of a span's events was saved on."""
        if first.version > 1:
            return self._reads.view(session_id, first.version - 1)
        origin = origin_of(1, first.changes)
        if origin is None:
            return View(session_id)
        self._reads.view(session_id, 1)  # refuses a join that is not whole
        return replace(self._reads.view(*origin.place), alive=False)
