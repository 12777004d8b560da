"""What reads: any past state, the history, the feed, and the read models."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

from ledger.domain.arguments import check_kind, check_number, check_text, check_word
from ledger.domain.events import Event
from ledger.domain.parts import QuestionStatus
from ledger.domain.records import FeedItem, QuestionRecord, SessionSummary, UsageTotals
from ledger.domain.revisions import At, Place
from ledger.domain.session import Session, reborn, session_of, tracking_of
from ledger.domain.view import View
from ledger.errors import SessionDeleted, SessionNotFound
from ledger.ports import ReadSide
from ledger.replica import Replica
from ledger.store.census import session_ids
from ledger.store.database import Database
from ledger.store.feed_reader import FeedReader
from ledger.store.locating import locate, spans_between
from ledger.store.log import Head, Log
from ledger.store.tail import Tail

__all__ = ["Loading"]

PAGE = 200


class Loading:
    """The reading half of the facade."""

    def __init__(self, database: Database, log: Log, reads: ReadSide, replica: Replica | None = None) -> None:
        self._database = database
        self._log = log
        self._reads = reads
        self._replica = replica
        self._feed = FeedReader(database)

    def load(self, session_id: str, at: At | None = None) -> Session:
        """Give the session at its head, or as it was at a revision. The caller owns what is returned.

        Args:
            session_id: whose.
            at: a version (``7``, or ``-1`` for the one before the head), an aware time, or a string: ``"12"``,
                ``"-1"``, an ISO time with its zone, ``"q:ID"`` (the save that asked), ``"key:K"``. In a fork, what is
                named from before it is loaded from the session that it came from, as that session.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            SessionDeleted: a `SessionNotFound` too; if it was deleted, or was at that revision.
            VersionNotFound: if there is no such revision. In a fork, a number below 1 is none; the error says what
                that state is called.
            InvalidRevision: a `ValueError`; if `at` is no revision at all.
        """
        view = self._replica.view(session_id, at) if self._replica is not None else None
        return session_of(_alive(self._read(session_id, at) if view is None else view))

    def _view(self, session_id: str, at: At | None) -> View:
        return _alive(self._read(session_id, at))

    def _read(self, session_id: str, at: At | None) -> View:
        view = self._reads.view(session_id) if at is None else self._reads.view(*self.locate(session_id, at))
        if self._replica is not None and at is None:
            self._replica.saw(session_id, view.version)
        return view

    def places(self, session_id: str, start: At | None = None, stop: At | None = None) -> list[Place]:
        """Give every version from one revision to another, in order, without loading any.

        In a fork, they may begin in the session that it came from.

            book.places("s1", 3, 5)  # s1@3, s1@4, s1@5

        Args:
            session_id: whose; a deleted one has its versions still.
            start: the first, in any form that `load(at=…)` takes; version 1 by default.
            stop: the last, likewise; the head by default.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            VersionNotFound: if there is no such revision.
            InvalidRevision: a `ValueError`; if one of the two is no revision at all.
            InvalidRange: a `ValueError`; if `stop` lies before `start`.
        """
        with self._database.read() as connection:
            spans = spans_between(self._log, connection, session_id, start, stop)
        return [Place(name, version) for name, first, last in spans for version in range(first, last + 1)]

    def locate(self, session_id: str, at: At | None = None) -> Place:
        """Give the session and the version that a revision names, the head by default, without loading it.

        In a fork, a time or a question from before it is found in the session that it came from.

            place = book.locate("s1", "q:call_1#0")
            print(place)  # s1@11

        Returns:
            A pair: `session_id, version = book.locate(…)`.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            VersionNotFound: if there is no such revision.
            InvalidRevision: a `ValueError`; if `at` is no revision at all.
        """
        with self._database.read() as connection:
            return locate(self._log, connection, session_id, at)

    def load_or_create(self, session_id: str, *, model: str) -> Session:
        """Give the session at its head, or a fresh one that is not saved yet.

        After a deletion the fresh one's version and base are the tombstone's, so that saving it begins a new life.

        Raises:
            StorageError: if storage fails: a hiccup must not look like an empty conversation.
        """
        try:
            view = self._reads.view(session_id)
        except SessionNotFound:
            return Session.new(session_id, model)
        if view.alive:
            return session_of(view)
        session = Session.new(session_id, model)
        tracking_of(session).base = reborn(session, view)
        session.__dict__.update(version=view.version, metadata_version=view.metadata_version)
        return session

    def head(self, session_id: str) -> Head | None:
        """Give the head row by one indexed read, whatever the session's length; `None` if it was never saved."""
        head = self._replica.head(session_id) if self._replica is not None else None
        if head is not None:
            return head
        return self._database.glance(lambda connection: self._log.head(connection, session_id))

    def events_after(self, session_id: str, version: int, digest: str) -> list[Event] | None:
        """Give the events behind a version, or `None` if the log does not hold it with that digest."""
        check_number(version, "version")
        check_kind(digest, "digest", str, "text")
        with self._database.read() as connection:
            if self._log.digest(connection, session_id, version) != digest:
                return None
            return list(self._log.walk(connection, session_id, after=version))

    def keys(self, session_id: str) -> dict[str, int]:
        """Give every idempotency key of a session with the version it stands for; empty for an unknown session."""
        with self._database.read() as connection:
            return self._log.keys(connection, session_id)

    def ids(self, prefix: str = "", *, limit: int | None = None) -> list[str]:
        """Give the ids, in order, that begin with `prefix` and were ever saved under; deleted sessions included."""
        check_text(prefix, "prefix")
        if limit is not None:
            check_number(limit, "limit", 0)
        with self._database.read() as connection:
            return session_ids(connection, prefix, limit)

    def history(
        self,
        session_id: str,
        *,
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> Iterator[Event]:
        """Give the events of a session, oldest first, lazily; no transaction is held between pages.

            for event in book.history("s1", limit=20, reverse=True):  # reads these twenty, whatever the length
                print(event.version, event.writer)

        Args:
            session_id: whose; a deleted one has its history still.
            after: only versions above this one.
            upto: only versions up to this one.
            limit: at most so many, from where it begins.
            reverse: newest first.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
        """
        check_number(after, "after")
        for name, value, least in (("upto", upto, 0), ("limit", limit, 0)):
            if value is not None:
                check_number(value, name, least)
        head = self._head_or_raise(session_id)
        if reverse:
            upto = head.version if upto is None else min(upto, head.version)
        return self._history(session_id, after, upto, limit, reverse=reverse)

    def _history(
        self, session_id: str, after: int, upto: int | None, left: int | None, *, reverse: bool
    ) -> Iterator[Event]:
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            with self._database.read() as connection:
                page = self._log.events(connection, session_id, after=after, upto=upto, limit=size, reverse=reverse)
            yield from page
            if len(page) < size:
                return
            left = None if left is None else left - size
            if reverse:
                upto = page[-1].version - 1
            else:
                after = page[-1].version

    def feed(self, *, after: int = 0, limit: int | None = None) -> Iterator[FeedItem]:
        """Give the events of all sessions in their one dense order, lazily.

        Args:
            after: only positions above this one; keep the last position to go on from.
            limit: at most so many.
        """
        check_number(after, "after")
        if limit is not None:
            check_number(limit, "limit", 0)
        return self._feed.items(after, limit)

    def follow(self, *, after: int | None = 0, limit: int | None = None) -> Iterator[FeedItem]:
        """Give the events of all sessions in their one order, and go on with what is saved from then on.

        It waits where nothing has been saved, holding neither a transaction nor a lock meanwhile. Every event comes
        exactly once, with each session's in order: keep the position of the last one to go on from, also in another
        process. If storage goes away while it waits, that is logged, and it goes on where it was when storage is back.

            for item in book.follow(after=1200):  # does not end, until somebody closes the ledger
                print(item.position, item.session_id, item.event.writer)

        Args:
            after: only positions above this one; `None` for what is saved from this call on.
            limit: end after so many.

        Raises:
            StorageError: if storage is away at the first look.
        """
        return self._followed(self.tail(after, limit))

    def tail(self, after: int | None, limit: int | None) -> Tail:
        """Give the place in the feed from which a face of the ledger follows it."""
        if after is not None:
            check_number(after, "after")
        if limit is not None:
            check_number(limit, "limit", 0)
        return Tail(self._database, self._feed, after, limit)

    def woken(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `wake`, from any thread, when something may have been saved, as long as this lasts."""
        return self._database.wakeups.heard_by(wake)

    def _followed(self, tail: Tail) -> Iterator[FeedItem]:
        woken = threading.Event()
        with self.woken(woken.set):
            while not tail.over:
                # Before the look: what is saved after it has to wake us.
                woken.clear()
                page = tail.page()
                yield from page
                if not page and not tail.over:
                    woken.wait(tail.pause_s)

    def sessions(
        self,
        *,
        pending: bool | None = None,
        prefix: str | None = None,
        parent: str | None = None,
        before: SessionSummary | None = None,
        limit: int | None = None,
    ) -> list[SessionSummary]:
        """Give the catalog: the sessions that live, newest first.

        Args:
            pending: only those with, or without, a pending question.
            prefix: only ids that start so.
            parent: only children of this session.
            before: only those behind this summary: the last one of a page begins the next.
            limit: at most so many.
        """
        for name, value in (("prefix", prefix), ("parent", parent)):
            if value is not None:
                check_text(value, name)
        if before is not None:
            check_kind(before, "before", SessionSummary, "a line of the catalog")
        if limit is not None:
            check_number(limit, "limit", 0)
        return self._reads.sessions(pending=pending, prefix=prefix, parent=parent, before=before, limit=limit)

    def questions(
        self,
        session_id: str | None = None,
        *,
        status: str | None = None,
        writer: str | None = None,
        text: str | None = None,
        open_for: timedelta | None = None,
    ) -> list[QuestionRecord]:
        """Give the life of every clarification, of one session or of all, in the order of asking.

        Args:
            session_id: only this one's.
            status: only those that stand so: ``"pending"``, ``"answered"``, ``"withdrawn"``, ``"superseded"``,
                ``"expired"`` or ``"lost"``.
            writer: only those that this writer asked or ended.
            text: only those with this in their text, header, answer or reason, in capitals or not.
            open_for: only those that have been open at least so long, or were when they ended.

        Raises:
            SessionNotFound: if `session_id` was never saved.
            InvalidArgument: a `ValueError`; if there is no such `status`, or a filter is of another type.
        """
        if session_id is not None:
            self._head_or_raise(session_id)
        if status is not None:
            check_word(status, "status", tuple(QuestionStatus))
        for name, value in (("writer", writer), ("text", text)):
            if value is not None:
                check_text(value, name)
        if open_for is not None:
            check_kind(open_for, "open_for", timedelta, "a timedelta")
        return self._reads.questions(session_id=session_id, status=status, writer=writer, text=text, open_for=open_for)

    def usage(self, session_id: str | None = None) -> UsageTotals:
        """Give the totals of the token-usage log, of one session or of all.

        Raises:
            SessionNotFound: if `session_id` was never saved.
        """
        if session_id is not None:
            self._head_or_raise(session_id)
        return self._reads.usage(session_id)

    def usage_by_session(self) -> list[UsageTotals]:
        """Give the totals of every session that has usage records, by id."""
        return self._reads.usage_by_session()

    def _head_or_raise(self, session_id: str) -> Head:
        head = self.head(session_id)
        if head is None:
            raise SessionNotFound(session_id)
        return head


def _alive(view: View) -> View:
    if not view.alive:
        raise SessionDeleted(view.session_id, view.version)
    return view
