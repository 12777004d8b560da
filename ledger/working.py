"""Keeps a ledger warm: gives what was saved its place in the feed, and brings the projections up to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

from ledger.domain.records import WorkReport
from ledger.errors import StorageError
from ledger.ports import ReadSide
from ledger.store.database import Database
from ledger.store.feed_reader import FeedReader
from ledger.store.outage import Outage

__all__ = ["Worker"]

#: Who is at work looks again after so long.
LOOK_S = 0.05
#: Who stands by looks so much more seldom; as long, at most, does nobody work where the one who did has died.
STAND_BY_S = 1.0
#: Usage records have no feed: finding those that are not counted means looking at all of them.
USAGE_S = 10.0


class Worker:
    """Works on one ledger, page by page, beside any number of others who do the same.

    What one of them is at, the others pass over, and each page is done once: a lock says who is at it, which goes with
    the connection of whoever dies. Who finds that somebody else gets on with it stands by, and looks now and then.
    """

    def __init__(self, database: Database, feed: FeedReader, reads: ReadSide) -> None:
        self._database = database
        self._feed = feed
        self._reads = reads
        self._outage = Outage("work")
        #: How far each projection had come when this one had done its part.
        self._reached: dict[str, int] = {}
        self._count_usage_at = 0.0
        self._report = WorkReport()

    def run(
        self, until: threading.Event | None = None, progress: Callable[[WorkReport], object] | None = None
    ) -> WorkReport:
        """Work until an event is set, or until all is done; see `Ledger.work`."""

        def go_on() -> bool:
            return not self._database.closed and (until is None or not until.is_set())

        while go_on():
            did = self._look(go_on, at_once=until is None)
            if progress is not None:
                progress(self._report)
            if not did:
                if until is None:
                    break
                until.wait(self._pause_s)
        return self._report

    def _look(self, go_on: Callable[[], bool], *, at_once: bool) -> bool:
        """Do what is to do, and tell whether there was anything."""
        try:
            sequenced = self._feed.sequence(go_on)
            warmed = self._reads.warm(go_on)
            if at_once or time.monotonic() >= self._count_usage_at:
                self._count_usage_at = time.monotonic() + USAGE_S
                self._reads.count_usage()
        except StorageError as error:
            if not self._database.closed:
                self._outage.failed(error)
                self._report = self._report.model_copy(update={"standing": "waiting"})
            return False
        self._outage.worked()
        did = sequenced > 0 or any(taken for _, taken in warmed.values())
        found = {name: position for name, (position, _) in warmed.items()}
        others = bool(self._reached) and found != self._reached
        self._reached = {name: position + taken for name, (position, taken) in warmed.items()}
        before = self._report
        self._report = WorkReport(
            standing="working" if did else "standing by" if others else _standing(before),
            position=min(self._reached.values(), default=0),
            sequenced=before.sequenced + sequenced,
            projected={name: before.projected.get(name, 0) + taken for name, (_, taken) in warmed.items()},
        )
        return did

    @property
    def _pause_s(self) -> float:
        return max(LOOK_S if self._report.standing == "working" else STAND_BY_S, self._outage.pause_s)


def _standing(before: WorkReport) -> Literal["working", "standing by"]:
    return "standing by" if before.standing == "standing by" else "working"
