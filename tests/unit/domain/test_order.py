import random
from itertools import combinations

import pytest

from ledger.domain.order import longest_increasing


@pytest.mark.parametrize(
    ("numbers", "places"),
    [
        ([], []),
        ([7], [0]),
        ([0, 1, 2], [0, 1, 2]),
        ([1, 2, 3, 0], [0, 1, 2]),
        ([3, 0, 1, 2], [1, 2, 3]),
        ([0, 3, 1, 2, 4], [0, 2, 3, 4]),
        ([2, 1, 0], [2]),
    ],
)
def test_what_stays_is_what_one_move_leaves_in_order(numbers: list[int], places: list[int]) -> None:
    """One item that was moved is the only one left out, wherever it went."""
    assert places == longest_increasing(numbers)


def test_none_is_longer() -> None:
    """Compared with a search through all subsequences of short permutations."""
    chance = random.Random(1)
    for _ in range(100):
        numbers = chance.sample(range(7), 7)
        found = longest_increasing(numbers)
        chosen = [numbers[place] for place in found]
        longest = max(
            size for size in range(1, 8) for each in combinations(numbers, size) if list(each) == sorted(each)
        )

        assert sorted(found) == found
        assert sorted(chosen) == chosen
        assert longest == len(found)
