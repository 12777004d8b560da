"""Keeps projections caught up with the feed: each in a transaction of its own, together with its position."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, RowMapping, Table, func, select, update

from ledger.domain.events import Event
from ledger.domain.view import View
from ledger.errors import DamagedRecord, StorageError
from ledger.store.database import Database
from ledger.store.log import event_of, fed
from ledger.store.sequencer import Sequencer
from ledger.store.tables import feed, projection_positions
from ledger.store.upserts import inserting
from ledger.telemetry import get_logger
from projections.overlay import overlay

__all__ = ["Page", "Projector", "Runner", "ViewAt"]

_log = get_logger(__name__)

#: How many events one transaction of a projection takes.
PAGE = 500
#: The revision of a projection that took nothing yet.
NEVER_RUN = -1

Page = Sequence[tuple[bytes, Event]]
#: Gives the view of a session at a version, as a transaction sees it: what a fork began as.
ViewAt = Callable[[Connection, str, int], View]
Progress = Callable[[str, int, int], None]


class Projector(Protocol):
    """A read model that is rebuilt from the feed.

    `name` keeps its position; `revision` is raised when its code changes what it writes, and rebuilds it; `tables` are
    those that it writes.
    """

    name: str
    revision: int
    tables: tuple[Table, ...]

    def clear(self, connection: Connection) -> None:
        """Empty the tables of the projection."""

    def take(self, connection: Connection, page: Page) -> None:
        """Take in events, each with its session's key, in the order of the feed."""


class _Taken(NamedTuple):
    """What became of a page: where the projection stands, how many events it took; not `held`, if others are at it."""

    position: int = 0
    events: int = 0
    held: bool = True


class Runner:
    """Brings projectors to the end of the feed. Any number of processes may do so at once: a page is taken once."""

    def __init__(self, database: Database, projectors: Sequence[Projector]) -> None:
        self.database = database
        self.sequencer = Sequencer(database)
        self.projectors = {projector.name: projector for projector in projectors}

    def catch_up(self, name: str, progress: Progress | None = None) -> None:
        """Bring one projection to the end of the feed.

        Args:
            name: of the projection.
            progress: called with the name, the position reached, and the end of the feed.

        Raises:
            StorageError: if the database cannot be written.
        """
        projector = self.projectors[name]
        self.sequencer.catch_up()
        position, revision, end = self._positions(name)
        if revision == projector.revision and position >= end:
            return
        while position < end or revision != projector.revision:
            page = self._take_page(projector)
            position = page.position
            revision = projector.revision
            if progress is not None:
                progress(name, position, end)

    def bring_on(self, name: str, go_on: Callable[[], bool]) -> tuple[int, int]:
        """Bring one projection on as far as the feed has come, page by page, as long as `go_on` says so.

        Returns:
            The position where it stood, and how many events it took.
        """
        projector = self.projectors[name]
        position, revision, end = self._positions(name)
        begun = reached = position if revision == projector.revision else 0
        taken = 0
        while go_on() and (reached < end or revision != projector.revision):
            page = self._take_page(projector, wait=False)
            if not page.held:
                break
            reached, revision = page.position, projector.revision
            taken += page.events
        return begun, taken

    @contextmanager
    def caught_up(self, name: str) -> Iterator[Connection]:
        """Give a reading connection that sees one projection at the end of the feed, even if it cannot be written."""
        try:
            self.catch_up(name)
        except DamagedRecord:
            raise
        except StorageError as error:
            # Read-only, locked for long, or full: what can be read is answered from all the same.
            _log.debug("projection_overlaid", projection=name, reason=str(error))
        else:
            with self.database.read() as connection:
                yield connection
            return
        with ExitStack() as stack:
            yield self._beside(stack, self.projectors[name])

    def _beside(self, stack: ExitStack, projector: Projector) -> Connection:
        """Give a reading connection with a copy of the projection that is at the end, or what there is, as it is."""
        try:
            with ExitStack() as attempt:
                connection = attempt.enter_context(self.database.scratch())
                overlay(connection, projector.tables)
                self._fold_into(connection, projector)
                stack.push(attempt.pop_all())
                return connection
        except DamagedRecord:
            raise
        except StorageError as error:
            _log.warning("projection_behind", projection=projector.name, reason=str(error))
        return stack.enter_context(self.database.read())

    def _fold_into(self, connection: Connection, projector: Projector) -> None:
        row = connection.execute(_POSITION.where(projection_positions.c.name == projector.name)).one_or_none()
        position = row[0] if row and row[1] == projector.revision else 0
        if not position:
            projector.clear(connection)
        while rows := fed(connection, after=position, limit=PAGE):
            projector.take(connection, _page(rows))
            position = rows[-1]["position"]

    def rebuild(self, name: str, progress: Progress | None = None) -> None:
        """Empty one projection and fold the whole feed into it again."""
        with self.database.write() as connection:
            self._held_position(connection, self.projectors[name])
            self._reset(connection, self.projectors[name])
        self.catch_up(name, progress)

    def _positions(self, name: str) -> tuple[int, int, int]:
        with self.database.read() as connection:
            row = connection.execute(_POSITION.where(projection_positions.c.name == name)).one_or_none()
            end = connection.execute(select(func.coalesce(func.max(feed.c.position), 0))).scalar_one()
        return (row[0], row[1], end) if row else (0, NEVER_RUN, end)

    def _take_page(self, projector: Projector, *, wait: bool = True) -> _Taken:
        """Take the next page; where another process is at it, wait until it has done its own, or leave it alone."""
        with self.database.write(rings=False) as connection:
            held = self._held_position(connection, projector, wait=wait)
            if held is None:
                return _Taken(held=False)
            position, revision = held
            if revision != projector.revision:
                self._reset(connection, projector)
                position = 0
            rows = fed(connection, after=position, limit=PAGE)
            if rows:
                projector.take(connection, _page(rows))
                position = rows[-1]["position"]
                connection.execute(
                    update(projection_positions)
                    .where(projection_positions.c.name == projector.name)
                    .values(position=position)
                )
        return _Taken(int(position), len(rows))

    def _held_position(
        self, connection: Connection, projector: Projector, *, wait: bool = True
    ) -> tuple[int, int] | None:
        """Give position and revision of a projection, and let nobody else take a page until the transaction ends.

        `None` if somebody else is about to, and this one is not to `wait`.
        """
        position = _POSITION.where(projection_positions.c.name == projector.name)
        query = position.with_for_update(skip_locked=not wait)
        row = connection.execute(query).one_or_none()
        if row is None:
            if connection.execute(position).first() is not None:
                return None
            begun = {"name": projector.name, "position": 0, "revision": NEVER_RUN}
            connection.execute(
                inserting(projection_positions, connection.dialect).values(begun).on_conflict_do_nothing()
            )
            row = connection.execute(query).one_or_none()
        return None if row is None else (row[0], row[1])

    def _reset(self, connection: Connection, projector: Projector) -> None:
        projector.clear(connection)
        connection.execute(
            update(projection_positions)
            .where(projection_positions.c.name == projector.name)
            .values(position=0, revision=projector.revision)
        )


def _page(rows: Sequence[RowMapping]) -> Page:
    return [(bytes(row["fed_uid"]), event_of(row["session_id"], row)) for row in rows]


_POSITION = select(projection_positions.c.position, projection_positions.c.revision)
