"""What tells who wrote what, and what a store that overwrites would have lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ledger.domain.arguments import check_callable, check_number
from ledger.domain.averted import Averted, averted, averted_counts
from ledger.domain.blame import Blame, blame
from ledger.domain.events import Event
from ledger.domain.revisions import At, Place
from ledger.domain.view import View
from ledger.errors import SessionDeleted, VersionNotFound
from ledger.loading import Loading
from ledger.store.locating import line_of_descent
from ledger.store.reading import events_between
from ledger.store.stale_saves import sessions_at_risk, stale_saves

__all__ = ["Attributing"]

#: Called with how many events were read, and how many there are.
Counting = Callable[[int, int], None]


class Attributing(Loading):
    """The part of the facade that lays what a session holds, and what was nearly lost of it, to the saves it is of."""

    def averted(self, session_id: str | None = None, *, progress: Counting | None = None) -> Iterator[Averted]:
        """Give the saves at which a store that overwrites would have lost something, and what: lazily, in order.

        Such a store puts the writer's copy in the place of what it holds. What others had written since the writer had
        loaded that copy is lost there, unless the copy holds the same; and so is every pending question that a copy
        leaves out. It is all computed from the record, by one pass over each session that has such saves.

            for save in book.averted("s1"):
                print(save.version, save.writer, [loss.path for loss in save.losses])

        Args:
            session_id: only of this session; a deleted one has them still.
            progress: called with the events read so far and their number.

        Raises:
            SessionNotFound: if `session_id` was never saved.
        """
        if session_id is not None:
            self._head_or_raise(session_id)
        check_callable(progress, "progress")
        with self._database.read() as connection:
            found = sessions_at_risk(connection, self._log, session_id)
        return self._averted(found, progress)

    def _averted(self, found: list[tuple[str, int]], progress: Counting | None) -> Iterator[Averted]:
        done, total = 0, sum(last for _, last in found)
        for session_id, last in found:
            with self._database.read() as connection:
                stale = stale_saves(connection, self._log, session_id, last=last)
            events = self._whole_history(Place(session_id, last))
            counted = events if progress is None else _counted(events, session_id, progress, done, total)
            yield from averted(session_id, View(session_id), counted, stale)
            done += last

    def averted_between(self, session_id: str, first: int, last: int) -> dict[int, int]:
        """Count what an overwriting store would have lost at each save of a window; where it is nothing, leave it out.

        It reads the events of the window. Where one of them is stale, it also loads the state at the smallest version
        that such a save had seen, with the help of a snapshot as any load, and reads the events since. It reads nothing
        else of the history.

        Args:
            session_id: whose.
            first: the first version of the window.
            last: its last version, at most the head's.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            VersionNotFound: if there is no such window.
        """
        check_number(first, "first")
        check_number(last, "last")
        head = self._head_or_raise(session_id)
        if not 1 <= first <= last <= head.version:
            raise VersionNotFound(session_id, last if first >= 1 else first, head.version)
        with self._database.read() as connection:
            stale = stale_saves(connection, self._log, session_id, first=first, last=last)
        # Who had seen nothing would have lost all that stood: that takes no earlier state.
        begin = min((base or version - 1 for version, base in stale.items()), default=last)
        before = events_between(self._database, self._log, session_id, first - 1, begin)
        counts = dict(averted_counts(session_id, None, before, {}))
        if stale:
            start = self._reads.view(session_id, begin)
            since = events_between(self._database, self._log, session_id, begin, last)
            counts |= averted_counts(session_id, start, since, stale)
        return {version: count for version, count in counts.items() if version >= first}

    def blame(self, session_id: str, at: At | None = None, *, progress: Counting | None = None) -> list[Blame]:
        """Give the save that last wrote each fact of a session: messages, questions, title, keys, in its own order.

        A save that brought what stood there already did not write it. What was removed and put back is whose who put
        it back, and a message's metadata is part of the message. In a fork, what its parent wrote is the parent's.

            for fact in book.blame("s1"):
                print(fact.version, fact.writer, fact.path, fact.value)

        Args:
            session_id: whose.
            at: a revision, as for `load`; the head by default.
            progress: called with the events read so far and their number.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            SessionDeleted: a `SessionNotFound` too; if it was deleted, or was at that revision.
            VersionNotFound: if there is no such revision.
            InvalidRevision: a `ValueError`; if `at` is no revision at all.
        """
        check_callable(progress, "progress")
        place = self.locate(session_id, at)
        with self._database.read() as connection:
            (last,) = self._log.events(connection, place.session_id, after=place.version - 1, upto=place.version)
        if last.kind == "deleted":
            raise SessionDeleted(*place)
        events = self._whole_history(place)
        return blame(events if progress is None else _counted(events, place.session_id, progress, 0, place.version))

    def _whole_history(self, place: Place) -> Iterator[Event]:
        """Give every event that made a state what it is: of a fork, those of the sessions before it come first."""
        with self._database.read() as connection:
            line = line_of_descent(self._log, connection, place)
        for session_id, version in line:
            yield from events_between(self._database, self._log, session_id, 0, version)


def _counted(events: Iterable[Event], session_id: str, progress: Counting, before: int, total: int) -> Iterator[Event]:
    for event in events:
        yield event
        if event.session_id == session_id:
            progress(before + event.version, total)
