"""What a long run says of itself: how far it is, and at the end what it went through."""

import time
from collections import Counter
from collections.abc import Callable

__all__ = ["Figures"]

#: How often a run says how far it is.
EVERY_S = 15.0


class Figures:
    """Counts what happened in a test, says how far it is now and then, and at the end what it came to.

    Args:
        name: of the test.
        say: prints a line at once, past what pytest captures.
    """

    def __init__(self, name: str, say: Callable[[str], None]) -> None:
        self._name = name
        self._say = say
        self._counts: Counter[str] = Counter()
        self._began = self._said = time.monotonic()

    def __getitem__(self, what: str) -> int:
        return self._counts[what]

    def count(self, **counts: int) -> None:
        """Add to what is counted, each under its name."""
        self._counts.update(counts)

    def progress(self, done: int, of: int) -> None:
        """Say how far it is, if that was not said for a while."""
        now = time.monotonic()
        if now - self._said >= EVERY_S:
            self._said = now
            self._say(f"{self._name}: {done:,} of {of:,}, {self._summary()}")

    def close(self) -> None:
        """Say what it came to."""
        self._say(f"{self._name}: {self._summary()}")

    def _summary(self) -> str:
        counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(self._counts.items()))
        return f"{counts} in {time.monotonic() - self._began:.0f} s"
