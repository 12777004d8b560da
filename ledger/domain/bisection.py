"""A binary search over versions whose ends differ, as `git bisect` searches: some may have to be passed over. Pure."""

from __future__ import annotations

__all__ = ["Bisection"]


class Bisection:
    """Finds, among places of which the first and the last differ, the first that is not as the one before it.

    >>> search = Bisection(9)
    >>> while (place := search.next()) is not None:
    ...     search.tell(place, differs=place >= 6)
    >>> search.candidates
    [6]
    """

    def __init__(self, places: int) -> None:
        #: The last place known to be as the first one, and the first place known to differ.
        self._same = 0
        self._differs = places - 1
        self._skipped: set[int] = set()

    @property
    def left(self) -> int:
        """How many places can still be asked about."""
        return self._differs - self._same - 1 - sum(self._same < place < self._differs for place in self._skipped)

    @property
    def steps(self) -> int:
        """About how many of them will have to be."""
        return self.left.bit_length()

    def next(self) -> int | None:
        """Give the place to ask about: of those that were not skipped, the one nearest to the middle."""
        middle = (self._same + self._differs) // 2
        for distance in range(self._differs - self._same):
            for place in (middle - distance, middle + distance):
                if self._same < place < self._differs and place not in self._skipped:
                    return place
        return None

    def tell(self, place: int, *, differs: bool) -> None:
        """Say whether a place differs from the first one."""
        if differs:
            self._differs = place
        else:
            self._same = place

    def skip(self, place: int) -> None:
        """Say that nothing can be said of a place."""
        self._skipped.add(place)

    @property
    def candidates(self) -> list[int]:
        """The places that can be the first that differs; when the search has ended, all but the last were skipped."""
        return list(range(self._same + 1, self._differs + 1))
