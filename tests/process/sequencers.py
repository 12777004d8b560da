"""Those who place what is saved in the feed, several at once: some work, some read, and each may be killed."""

import random
import time
from collections.abc import Iterable
from typing import Any

import ledger
from tests.process.zygote import Worker, Zygote

__all__ = ["Place", "Sequencers"]

#: Position, session, version, and digest of what a reader saw.
Place = tuple[int, str, int, str]
#: Somebody who sees nothing more is a failure.
PATIENCE_S = 60.0
#: One in so many is killed whatever it is at, if only opening; the others are given so long to come to their work.
WHILE_OPENING = 5
BEGINS_S = 1.0


class Sequencers:
    """Processes that place events until they are killed. Who is killed is replaced, a reader behind what it last saw.

    Args:
        zygote: starts them.
        url: of the ledger.
        chance: who is killed.
        workers: so many do as `ledger work` does.
        readers: so many follow the feed, each from its beginning.
    """

    def __init__(self, zygote: Zygote, url: str, chance: random.Random, *, workers: int = 2, readers: int = 2) -> None:
        self._zygote = zygote
        self._url = url
        self._chance = chance
        #: What each reader saw, those before it included.
        self._seen: list[list[Place]] = [[] for _ in range(readers)]
        #: How many events the workers placed.
        self.placed = 0
        self._begun: set[int] = set()
        self._running = [self._start(place) for place in range(workers + readers)]

    def _start(self, place: int) -> Worker:
        self._begun.discard(place)
        if place >= len(self._seen):
            return self._zygote.start("tests.process.victims:keep_warm", url=self._url)
        after = self._seen[place][-1][0] if self._seen[place] else 0
        return self._zygote.start("tests.process.victims:tail", url=self._url, after=after)

    def hear(self, seconds: float) -> None:
        """Take in what they tell, for so long."""
        for place, worker in enumerate(self._running):
            self._keep(place, worker.hear_for(seconds / len(self._running)))

    def kill(self) -> int:
        """Kill some of them at once, now and then all, and give how many; others take their places."""
        count = self._chance.choice([1, 1, 2, len(self._running)])
        victims = self._chance.sample(range(len(self._running)), count)
        if self._chance.randrange(WHILE_OPENING):
            until = time.monotonic() + BEGINS_S
            for place in victims:
                while place not in self._begun and (left := until - time.monotonic()) > 0:
                    self._keep(place, filter(None, [self._running[place].hear(left)]))
        for place in victims:
            self._keep(place, self._running[place].kill())
        for place in victims:
            self._running[place] = self._start(place)
        return count

    def end(self) -> list[str]:
        """Wait until each reader has seen all that there is, kill everyone, and give the faults of what was seen."""
        with ledger.open(self._url, create=False) as book:
            feed = [(item.position, item.session_id, item.event.version, item.event.digest) for item in book.feed()]
        until = time.monotonic() + PATIENCE_S
        while any(len(seen) < len(feed) for seen in self._seen) and time.monotonic() < until:
            self.hear(0.1)
        for place, worker in enumerate(self._running):
            self._keep(place, worker.kill())
        self._running.clear()
        return [
            f"reader {reader} saw {len(seen)} of {len(feed)} events, not as the feed from {different(seen, feed)}"
            for reader, seen in enumerate(self._seen)
            if seen != feed
        ]

    def _keep(self, place: int, reports: Iterable[dict[str, Any]]) -> None:
        for report in reports:
            assert "failed" not in report, f"a sequencer failed:\n{report['failed']}"
            if "ready" not in report:
                self._begun.add(place)
            self.placed += report.get("placed", 0)
            if "seen" in report:
                self._seen[place].append(tuple(report["seen"]))


def different(seen: list[Place], feed: list[Place]) -> Place | None:
    """Give the first that was seen and that the feed has not there, if it is not only that more was to be seen."""
    return next((one for one, other in zip(seen, feed, strict=False) if one != other), None)
