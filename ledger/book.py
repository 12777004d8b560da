"""The facade: a ledger that is open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ledger.domain.arguments import check_callable, check_expected, check_kind, texts
from ledger.domain.events import Authority
from ledger.domain.records import Imported, Verification, WorkReport
from ledger.exchange import Export, Import
from ledger.ports import Progress, ReadSide
from ledger.replica import Replica
from ledger.saving import Saving
from ledger.store.census import take_census
from ledger.store.checkup import integrity_problems, missing_guards
from ledger.store.database import Database
from ledger.store.lanes import Lanes
from ledger.store.log import Log
from ledger.store.verify import verify
from ledger.threads import Threads
from ledger.working import Worker

if TYPE_CHECKING:
    from ledger.cache import SessionCache
    from ledger.repository import SessionRepository

__all__ = ["Ledger"]


class Ledger(Saving):
    """An open ledger: every save appends one event, and any past state loads. Safe to share between threads.

    Get one from `ledger.open`. It is a context manager; `close` it otherwise.
    """

    def __init__(
        self,
        database: Database,
        log: Log,
        reads: ReadSide,
        lanes: Lanes,
        repository: Callable[[Ledger, SessionCache | None], SessionRepository],
        *,
        replica: Replica | None = None,
        writer: str = "unknown",
        authority: Authority = "runtime",
        authoritative: Sequence[str] = (),
    ) -> None:
        super().__init__(
            database,
            log,
            reads,
            lanes,
            replica=replica,
            writer=writer,
            authority=authority,
            authoritative=authoritative,
        )
        self._repository = repository
        #: Of every async face of this ledger.
        self.threads = Threads()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Ledger {self._database.place} writer={self.writer!r}>"

    def close(self) -> None:
        """Let what is queued finish, end the threads and close every connection. Safe to call twice.

        On SQLite the one file is whole afterwards.
        """
        self.lanes.close()
        self.threads.close()
        if self._replica is not None:
            self._replica.close()
        self._database.close()

    def verify(
        self,
        session_id: str | None = None,
        *,
        expect: Mapping[str, tuple[int, str]] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Verification:
        """Recompute every hash of a session, or of all and of the feed, and compare every column that repeats one.

        Of a fork, the events are checked too that the sessions which it came from had when they were forked.

        Args:
            session_id: only this one.
            expect: what receipts said, `{session_id: (version, digest)}`: catches a tail that was cut off, which is
                invisible from inside.
            progress: called with the events checked so far and their number.

        Returns:
            `.ok`, `.sessions` and `.events` (how many were checked), and `.problems`, each naming session, version and
                what is wrong.

        Raises:
            SessionNotFound: if `session_id` was never saved.
        """
        if expect is not None:
            check_expected(expect, "expect")
        check_callable(progress, "progress")
        with self._database.read() as connection:
            return verify(connection, self._log, session_id, expect=expect, progress=progress)

    def export(
        self,
        session_ids: str | Iterable[str] | None = None,
        *,
        redact: Iterable[str] = (),
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[str]:
        """Give sessions as the lines of a file that another ledger imports, with their hashes.

        Each session is of one moment, and no transaction is held between pages. A fork brings what it was forked from
        along, up to there. A record that was altered is not exported.

            Path("s1.jsonl").write_text("".join(book.export("s1", redact=["/messages/*/content"])))

        Args:
            session_ids: one, or several; all that were ever saved by default.
            redact: paths to blank wherever they occur: ``/title``, ``/messages/*/content``, ``/metadata/email``. The
                export says what it left out; everything else of it can still be verified.
            progress: called with the events exported so far, and their number.

        Raises:
            SessionNotFound: if one of them was never saved.
            InvalidRedaction: a `ValueError`; if a path means nothing that can be blanked.
            DamagedRecord: while it is read, if what is stored was altered.
        """
        check_callable(progress, "progress")
        wanted = None if session_ids is None else texts(session_ids, "session_ids")
        paths = texts(redact, "redact")
        return iter(Export(self._database, self._log, wanted, redact=paths, progress=progress))

    def import_(
        self, lines: Iterable[str | bytes] | bytes, *, progress: Callable[[int, int], None] | None = None
    ) -> Imported:
        """Take the sessions of an export in: with their hashes, times, writers and keys, as they were made elsewhere.

        All of it is checked before anything is written, and every hash recomputed. Each session is then written in one
        transaction. Importing again adds nothing, and a longer export of the same session adds what is new.

        Args:
            lines: of the export; an open file, or what `export` gives.
            progress: called with the saves written so far, and their number.

        Returns:
            What was added, session by session.

        Raises:
            InvalidExport: a `ValueError`; if it is no export, or not as it was written: line, session and version.
            SessionDiverged: a `SessionExists`; if one of its ids stands for a session with another past here.
            IdempotencyConflict: if the key of a usage record stands for another record here.
            UnknownChange: if a newer release wrote it.
        """
        check_kind(lines, "lines", Iterable, "an open file, or lines")
        check_callable(progress, "progress")
        return Import(self._database, self._log, progress=progress).run(lines)

    def snapshot(self, session_id: str) -> None:
        """Write a snapshot of the session's head now, so that the next cold load replays nothing."""
        self._reads.snapshot(session_id)

    def work(
        self, *, until: threading.Event | None = None, progress: Callable[[WorkReport], object] | None = None
    ) -> WorkReport:
        """Keep the feed and the projections up to date, so that no reader has to wait until they are.

        Any number of processes may do so at once: one of them works, the others stand by, and one of those goes on in
        its place when it ends, however that happens. Nobody has to: who reads brings up to date what they read.

            stopped = threading.Event()
            threading.Thread(target=book.work, kwargs={"until": stopped}).start()
            ...
            stopped.set()  # it ends after the page that it is at

        Args:
            until: go on with what is saved meanwhile until this is set, or the ledger closed. Without it, do what there
                is to do now, and return.
            progress: called now and then with what has been done so far.

        Raises:
            StorageError: if it fails at first. From then on storage may go away and come back.
        """
        if until is not None:
            check_kind(until, "until", threading.Event, "a threading.Event")
        check_callable(progress, "progress")
        return Worker(self._database, self._feed, self._reads).run(until, progress)

    def rebuild(self, projection: str | None = None, progress: Progress | None = None) -> None:
        """Empty one projection, or each, and build it from the log again. Readers wait for nothing but the last page.

        Args:
            projection: ``"session_view"``, ``"catalog"``, ``"questions"`` or ``"usage"``; all by default.
            progress: called with the projection, what is done of it, and how much there is.

        Raises:
            UnknownProjection: if there is none of that name.
        """
        check_callable(progress, "progress")
        self._reads.rebuild(projection, progress)

    def facts(self) -> dict[str, Any]:
        """Give what `doctor` and `stats` tell of the database and the projections."""
        return {"place": self._database.place, **self._database.facts(), **self._reads.facts()}

    def census(self) -> dict[str, int]:
        """Count sessions, events, their bytes, and what was stale, omitted or overruled; reads the whole log once."""
        with self._database.read() as connection:
            return take_census(connection)

    def checkup(self) -> dict[str, list[str]]:
        """Give what `doctor` looks for: the dropped guards of the log, and what SQLite finds wrong with the file."""
        with self._database.read() as connection:
            return {"missing_guards": missing_guards(connection), "integrity": integrity_problems(connection)}

    def repository(self, cache: SessionCache | None = None) -> SessionRepository:
        """Give the async coordinator over this ledger: cache, then storage, with merge-on-write persistence."""
        return self._repository(self, cache)
