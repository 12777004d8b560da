from datetime import UTC, datetime, timedelta, timezone

import pytest

from ledger.cli.times import instant, span


def test_times_are_told_in_utc() -> None:
    """A time of any zone is shown as ISO 8601 in UTC, ready to be pasted as a revision."""
    there = datetime(2026, 2, 10, 23, 55, 43, tzinfo=timezone(timedelta(hours=2)))

    assert "2026-02-10T21:55:43Z" == instant(there)
    assert datetime(2026, 2, 10, 21, 55, 43, tzinfo=UTC) == datetime.fromisoformat(instant(there))


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=-3), "0 s"),
        (timedelta(seconds=59.4), "59 s"),
        (timedelta(seconds=59.6), "1 min"),
        (timedelta(minutes=2, seconds=15), "2 min 15 s"),
        (timedelta(minutes=18, seconds=56), "19 min"),
        (timedelta(minutes=59, seconds=40), "1 h"),
        (timedelta(hours=16), "16 h"),
        (timedelta(hours=16, minutes=4), "16 h 4 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=3, hours=4, minutes=31), "3 d 5 h"),
    ],
)
def test_spans_are_told_in_the_units_that_matter(wait: timedelta, expected: str) -> None:
    """At most two units, rounded to the smaller of them."""
    assert expected == span(wait)
