"""Clients in several processes that work on one ledger while something happens to it, and what they tell."""

import random
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.process.history import Operation, faults_of, operations_of
from tests.process.test_histories import SESSIONS, logs_of
from tests.process.whole import examine
from tests.process.zygote import Worker, Zygote

__all__ = ["Crowd"]

#: So often, 0.1 s apart, a client tries again what a server that is away has refused: longer than anything here lasts.
TRIES = 3000
FACES = ("in_threads", "in_tasks")
#: Somebody who is never answered again is a failure.
PATIENCE_S = 120.0


class Crowd:
    """Processes with clients in each, that go on until they are killed.

    Args:
        zygote: starts them.
        url: of the ledger.
        chance: what they do.
        clients: how many in each process.
    """

    def __init__(self, zygote: Zygote, url: str, chance: random.Random, *, clients: int = 3) -> None:
        self._zygote = zygote
        self._url = url
        self._chance = chance
        self._clients = clients
        self._started = 0
        self._running: list[Worker] = []
        self._reports: list[dict[str, Any]] = []

    def join(self, processes: int) -> None:
        """Start so many more processes."""
        for _ in range(processes):
            self._started += 1
            worker = self._zygote.start(
                f"tests.process.clients:{FACES[self._started % len(FACES)]}",
                url=self._url,
                names=[f"client {self._started}-{number}" for number in range(self._clients)],
                sessions=SESSIONS,
                seed=self._chance.randrange(2**32),
                calls=10**9,
                tries=TRIES,
            )
            self._running.append(worker)
        self.answered()

    def go_on(self, seconds: float) -> int:
        """Hear them for a while, and give how many calls were answered in it."""
        until = time.monotonic() + seconds
        answered = 0
        while (left := until - time.monotonic()) > 0:
            for worker in self._running:
                answered += self._keep(worker.hear_for(left / len(self._running)))
        return answered

    def answered(self) -> None:
        """Wait until each process has been answered something that it asked for from now on."""
        began = time.monotonic_ns()
        until = time.monotonic() + PATIENCE_S
        for worker in self._running:
            asked: set[str] = set()
            while True:
                report = worker.hear(max(until - time.monotonic(), 0))
                assert report is not None, "a client was not answered any more"
                self._keep([report])
                if report.get("invoked", 0) > began:
                    asked.add(report["invoke"])
                elif report.get("respond") in asked:
                    break

    def end(self) -> list[Operation]:
        """Kill all of them, and give what they did and were told."""
        for worker in self._running:
            self._keep(worker.kill())
        self._running.clear()
        return operations_of(self._reports)

    def check(self) -> Counter[str]:
        """End, hold what was told against the ledger and the rules, and give the outcomes.

        Raises:
            AssertionError: naming each fault.
        """
        operations = self.end()
        found, histories = examine(self._url)
        found += faults_of(operations, logs_of(histories))
        assert not found, f"{len(found)} faults in {self._url}:\n" + "\n".join(found[:20])
        names = {"done": "answered", "refused": "refused", "unknown": "ambiguous"}
        return Counter(names[operation.outcome] for operation in operations)

    def _keep(self, reports: Iterable[dict[str, Any]]) -> int:
        kept = list(reports)
        failures = [report["failed"] for report in kept if "failed" in report]
        assert not failures, f"a client failed:\n{failures[0]}"
        self._reports += kept
        return sum("respond" in report for report in kept)
