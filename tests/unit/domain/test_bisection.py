"""A binary search over places whose ends differ."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.bisection import Bisection


def found(places: int, first: int, skipped: frozenset[int] = frozenset()) -> tuple[list[int], int]:
    """Search for the first place that differs, and give what is left and how many places were asked about."""
    search, asked = Bisection(places), 0
    while (place := search.next()) is not None:
        asked += 1
        if place in skipped:
            search.skip(place)
        else:
            search.tell(place, differs=place >= first)
    assert 0 == search.left
    return search.candidates, asked


@pytest.mark.parametrize("places", [2, 3, 4, 5, 16, 17, 33])
def test_every_planted_place_is_found_in_about_log2_questions(places: int) -> None:
    """Wherever it is, and without asking about the ends."""
    for first in range(1, places):
        candidates, asked = found(places, first)

        assert [first] == candidates
        assert asked <= math.ceil(math.log2(places))


@given(st.data())
def test_what_is_skipped_leaves_only_itself_in_doubt(data: st.DataObject) -> None:
    """The place is among the candidates, and all of these but the last were skipped."""
    places = data.draw(st.integers(2, 60))
    first = data.draw(st.integers(1, places - 1))
    skipped = frozenset(data.draw(st.sets(st.integers(1, places - 2)) if places > 2 else st.just(set())))
    candidates, asked = found(places, first, skipped)

    assert first in candidates
    assert set(candidates[:-1]) <= skipped
    assert asked <= places - 2
    if first not in skipped and first - 1 not in skipped:
        assert [first] == candidates


def test_it_says_how_much_is_left() -> None:
    """Of the places between the ends, those that are neither known nor skipped."""
    search = Bisection(14)
    told = [(search.left, search.steps)]
    for place, differs in ((6, False), (9, True)):
        search.tell(place, differs=differs)
        told.append((search.left, search.steps))
    search.skip(7)
    told.append((search.left, search.steps))

    assert [(12, 4), (6, 3), (2, 2), (1, 1)] == told


def test_neighbours_leave_nothing_to_ask() -> None:
    """The second is the one that differs."""
    assert ([1], 0) == found(2, 1)
