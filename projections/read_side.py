"""The read side as one object: what the facade asks for, caught up when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Connection, func, select

from ledger.domain.records import QuestionRecord, SessionSummary, UsageTotals
from ledger.domain.view import View
from ledger.errors import StorageError, UnknownProjection
from ledger.store.database import Database
from ledger.store.log import Log
from ledger.store.tables import feed, heads, projection_positions, sessions, snapshots
from ledger.telemetry import get_logger
from projections.catalog import Catalog
from projections.overlay import overlay
from projections.questions import Questions
from projections.runner import Runner
from projections.session_view import SessionViews
from projections.usage import Usage

__all__ = ["ReadSide"]

_log = get_logger(__name__)

#: How many sessions' usage records one transaction counts.
USAGE_PAGE = 100

Progress = Callable[[str, int, int], None]


class ReadSide:
    """Every projection of one ledger. Safe to share between threads."""

    def __init__(self, database: Database, log: Log, *, read_only: bool = False) -> None:
        self.database = database
        self.log = log
        self.views = SessionViews(database, log, read_only=read_only)
        self.catalog = Catalog(self.views.seen_from)
        self.records = Questions(log, self.views.seen_from)
        self.usage_log = Usage()
        self.runner = Runner(database, [self.catalog, self.records])

    @property
    def names(self) -> tuple[str, ...]:
        """The projections that `rebuild` knows."""
        return (self.views.name, *self.runner.projectors, self.usage_log.name)

    def view(self, session_id: str, version: int | None = None, *, known: View | None = None) -> View:
        """Give the view at a version, or at the head; raises what `SessionViews.view` does."""
        return self.views.view(session_id, version, known=known)

    def snapshot(self, session_id: str) -> View:
        """Write a snapshot of the head now."""
        return self.views.snapshot(session_id)

    def sessions(self, **filters: Any) -> list[SessionSummary]:
        """Give the catalog; the filters are those of `Catalog.sessions`."""
        with self.runner.caught_up(self.catalog.name) as connection:
            return self.catalog.sessions(connection, **filters)

    def questions(self, **filters: Any) -> list[QuestionRecord]:
        """Give the records of questions; the filters are those of `Questions.records`."""
        with self.runner.caught_up(self.records.name) as connection:
            return self.records.records(connection, **filters)

    def usage(self, session_id: str | None) -> UsageTotals:
        """Give the totals of one session, or of all."""
        with self._usage_counted() as connection:
            uid = None if session_id is None else self.log.uid(connection, session_id)
            return self.usage_log.totals(connection, session_id, uid)

    def usage_by_session(self) -> list[UsageTotals]:
        """Give the totals session by session."""
        with self._usage_counted() as connection:
            return self.usage_log.by_session(connection)

    def rebuild(self, name: str | None = None, progress: Progress | None = None) -> None:
        """Empty one projection, or each, and build it again from the log.

        Raises:
            UnknownProjection: naming those that there are.
        """
        if name is not None and name not in self.names:
            raise UnknownProjection(name, self.names)
        for each in self.names if name is None else (name,):
            if each == self.views.name:
                self._rebuild_views(progress)
            elif each == self.usage_log.name:
                with self.database.write() as connection:
                    self.usage_log.clear(connection)
                self.count_usage(progress)
            else:
                self.runner.rebuild(each, progress)

    def warm(self, go_on: Callable[[], bool]) -> dict[str, tuple[int, int]]:
        """Bring every projection that follows the feed on; gives where each stood, and how many events it took.

        A page at a time, as long as `go_on` says so; what another process is at is left to it.
        """
        return {name: self.runner.bring_on(name, go_on) for name in self.runner.projectors}

    def _rebuild_views(self, progress: Progress | None) -> None:
        self.views.clear()
        with self.database.read() as connection:
            query = select(sessions.c.session_id).join(heads, heads.c.session_uid == sessions.c.session_uid)
            ids = connection.execute(query.order_by(sessions.c.session_id)).scalars().all()
        for done, session_id in enumerate(ids, 1):
            self.views.view(session_id)
            if progress is not None:
                progress(self.views.name, done, len(ids))

    @contextmanager
    def _usage_counted(self) -> Iterator[Connection]:
        try:
            self.count_usage()
        except StorageError as error:
            # As of every projection: what cannot be written is brought up to date beside it.
            _log.debug("projection_overlaid", projection=self.usage_log.name, reason=str(error))
        else:
            with self.database.read() as connection:
                yield connection
            return
        with ExitStack() as stack:
            yield self._counted_beside(stack)

    def _counted_beside(self, stack: ExitStack) -> Connection:
        try:
            with ExitStack() as attempt:
                connection = attempt.enter_context(self.database.scratch())
                overlay(connection, self.usage_log.tables)
                for uid in self.usage_log.behind(connection):
                    self.usage_log.take(connection, uid)
                stack.push(attempt.pop_all())
                return connection
        except StorageError as error:
            _log.warning("projection_behind", projection=self.usage_log.name, reason=str(error))
        return stack.enter_context(self.database.read())

    def count_usage(self, progress: Progress | None = None) -> None:
        """Bring the usage totals up to date."""
        with self.database.read() as connection:
            # In an order that every process has: they wait for each other, and never in a circle.
            behind = sorted(self.usage_log.behind(connection))
        for start in range(0, len(behind), USAGE_PAGE):
            page = behind[start : start + USAGE_PAGE]
            with self.database.write() as connection:
                for uid in page:
                    self.usage_log.take(connection, uid)
            if progress is not None:
                progress(self.usage_log.name, start + len(page), len(behind))

    def facts(self) -> dict[str, int]:
        """Give how far each projection has come, and the end of the feed, for `stats` and `doctor`."""
        with self.database.read() as connection:
            query = select(projection_positions.c.name, projection_positions.c.position)
            positions = dict.fromkeys((f"{name}_position" for name in self.runner.projectors), 0)
            positions |= {f"{name}_position": position for name, position in connection.execute(query)}
            end = connection.execute(select(func.coalesce(func.max(feed.c.position), 0))).scalar_one()
            kept = connection.execute(select(func.count()).select_from(snapshots)).scalar_one()
        return {"feed": end, "snapshots": kept, **positions}
