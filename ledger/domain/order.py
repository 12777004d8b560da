"""What kept its place in a new order. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["longest_increasing"]


def longest_increasing(numbers: Sequence[int]) -> list[int]:
    """Give the places of a longest increasing subsequence of distinct numbers, from left to right.

    What is left over is the fewest items that have to move to bring the rest into their order. It takes n log n steps
    (patience sorting), and n where the numbers are in order already.

    >>> longest_increasing([0, 3, 1, 2])
    [0, 2, 3]
    """
    if all(first < second for first, second in pairwise(numbers)):
        return list(range(len(numbers)))
    # Of the increasing runs of each length, the one that ends lowest: its last number, and the place of that.
    lowest: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for place, number in enumerate(numbers):
        length = bisect_left(lowest, number)
        before.append(ends[length - 1] if length else -1)
        lowest[length : length + 1] = [number]
        ends[length : length + 1] = [place]
    found = []
    place = ends[-1]
    while place >= 0:
        found.append(place)
        place = before[place]
    return found[::-1]
