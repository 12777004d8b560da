"""The composition root: the one place that puts a ledger together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger.book import Ledger
from ledger.domain.events import Authority
from ledger.domain.view import View
from ledger.errors import StorageError
from ledger.replica import Replica
from ledger.store.committer import DEFAULT_MAX_EVENT_BYTES, Committer
from ledger.store.database import Database
from ledger.store.lanes import Lanes
from ledger.store.log import Log

if TYPE_CHECKING:
    from ledger.asyncbook import Opening
    from ledger.cache import SessionCache
    from ledger.repository import SessionRepository

__all__ = ["open_async", "open_ledger"]


def open_ledger(
    url: str,
    *,
    writer: str = "unknown",
    authority: Authority = "runtime",
    authoritative: Sequence[str] = (),
    create: bool = True,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    read_url: str | None = None,
) -> Ledger:
    """Open a ledger, and create it at the current schema where the database is empty.

    A file that it creates can be read by its owner alone (mode 0600).

        with ledger.open("sqlite:///ledger.db", writer="support-bot") as book:
            ...

    Args:
        url: SQLAlchemy's, such as ``sqlite:///ledger.db`` or ``postgresql://user@host/database``, which takes the
            extra `postgres`. ``?timeout=5`` waits so many seconds for another's lock before it gives up with a
            `StorageError`; 30 by default.
        writer: who saves, unless a save says otherwise.
        authority: as what: ``"runtime"`` or ``"user"``.
        authoritative: the metadata keys that only a user may overrule a user on.
        create: whether to create a ledger where there is none.
        max_event_bytes: the largest payload that one save may have; 16 MiB by default.
        read_url: of a replica that loads go to. It may lag: what this ledger has saved or loaded, it never loads older.

    Raises:
        LedgerMissing: if there is none and `create` is false.
        SchemaOutOfDate: if the database has another schema; the message names `ledger migrate`.
        StorageError: if it cannot be opened.
    """
    # Here and not above: `projections` imports `ledger`, and either may be imported first.
    from projections.read_side import ReadSide

    database = Database(url, create=create)
    try:
        replica = None if read_url is None else _replica(read_url, database)
    except BaseException:
        database.close()
        raise
    stored = None if replica is None else replica.saw
    log = Log(database.ledger_id)
    reads = ReadSide(database, log)

    def load_view(session_id: str, version: int) -> View:
        return reads.view(session_id, version)

    lanes = Lanes(lambda: Committer(database, log, load_view, max_event_bytes, stored), database.lanes)
    return Ledger(
        database,
        log,
        reads,
        lanes,
        _repository,
        replica=replica,
        writer=writer,
        authority=authority,
        authoritative=authoritative,
    )


def _replica(url: str, database: Database) -> Replica:
    from projections.read_side import ReadSide

    copy = Database(url, create=False)
    if copy.ledger_id != database.ledger_id:
        copy.close()
        raise StorageError(
            f"{copy.place} is no replica of {database.place}: it holds another ledger", "correct the read_url"
        )
    log = Log(copy.ledger_id)
    return Replica(copy, log, ReadSide(copy, log, read_only=True))


def _repository(book: Ledger, cache: SessionCache | None) -> SessionRepository:
    from ledger.asyncbook import AsyncLedger
    from ledger.cache import SessionCache
    from ledger.repository import SessionRepository
    from ledger.tiers import LedgerPersistence, LedgerStorage

    face = AsyncLedger(book)
    return SessionRepository(SessionCache() if cache is None else cache, LedgerStorage(face), LedgerPersistence(face))


def open_async(
    url: str,
    *,
    writer: str = "unknown",
    authority: Authority = "runtime",
    authoritative: Sequence[str] = (),
    create: bool = True,
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES,
    read_url: str | None = None,
) -> Opening:
    """Open a ledger for async code: ``async with ledger.open_async(url) as book``, or ``await`` it and close it later.

    The arguments, and what it raises, are those of `ledger.open`.
    """
    from ledger.asyncbook import Opening  # who does not want it does not pay for asyncio

    def opened() -> Ledger:
        return open_ledger(
            url,
            writer=writer,
            authority=authority,
            authoritative=authoritative,
            create=create,
            max_event_bytes=max_event_bytes,
            read_url=read_url,
        )

    return Opening(opened)
