from datetime import timedelta

import pytest

from ledger.domain.spans import span


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59.4), "59 s"),
        (timedelta(seconds=59.6), "1 min"),
        (timedelta(minutes=2, seconds=15), "2 min"),
        (timedelta(minutes=18, seconds=56), "19 min"),
        (timedelta(minutes=59, seconds=40), "1 h"),
        (timedelta(hours=16, minutes=4), "16 h 4 min"),
        (timedelta(hours=23, minutes=59, seconds=45), "1 d"),
        (timedelta(days=3, hours=4, minutes=50), "3 d 4 h"),
    ],
)
def test_spans_are_told_in_the_units_that_matter(wait: timedelta, expected: str) -> None:
    """At most two units; a clock that ran backwards waited no time."""
    assert expected == span(wait)
