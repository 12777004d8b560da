"""How long a lane goes on trying while its server is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ledger.errors import StorageError
from ledger.telemetry import get_logger

__all__ = ["Patience"]

_log = get_logger(__name__)

#: The pauses grow from the shortest to the longest.
SHORTEST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

T = TypeVar("T")


class Patience:
    """Repeats what failed for a reason that passes: all that is tried with one of these has the same time for it.

    Only for what finds out by itself whether it was done before.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None
        self._pause = SHORTEST_PAUSE_S
        self._last: StorageError | None = None

    def tried(self, act: Callable[[], T]) -> T:
        """Give what an act gives, as soon as it succeeds.

        Raises:
            StorageError: if the time is over, or waiting does not help.
        """
        if self._is_over() and self._last is not None:
            raise self._last  # the server is away: everyone is told of it at once
        while True:
            try:
                result = act()
            except StorageError as error:
                if error.passing is None:
                    self._until, self._last = time.monotonic(), error  # nobody else is to wait as long for the same
                if not error.passing:
                    raise
                self._wait(error)
            else:
                self._worked()
                return result

    def _wait(self, error: StorageError) -> None:
        if self._until is None:
            self._until = time.monotonic() + self._seconds
            _log.warning("write_repeated", error=str(error))
        self._last = error
        if self._is_over():
            raise error
        time.sleep(min(self._pause, max(0.0, self._until - time.monotonic())))
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)

    def _worked(self) -> None:
        self._pause, self._last = SHORTEST_PAUSE_S, None

    def _is_over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until
