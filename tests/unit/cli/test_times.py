from datetime import UTC, datetime, timedelta, timezone

from ledger.cli.times import instant


def test_times_are_told_in_utc() -> None:
    """A time of any zone is shown as ISO 8601 in UTC, ready to be pasted as a revision."""
    there = datetime(2026, 2, 10, 23, 55, 43, tzinfo=timezone(timedelta(hours=2)))

    assert "2026-02-10T21:55:43Z" == instant(there)
    assert datetime(2026, 2, 10, 21, 55, 43, tzinfo=UTC) == datetime.fromisoformat(instant(there))
