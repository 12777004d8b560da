"""The ways to name a revision (design, section 5.6): what parses, and what each error says."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ledger.domain.revisions import AtKey, AtQuestion, AtTime, AtVersion, parse_revision
from ledger.errors import InvalidRevision


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (7, AtVersion(7)),
        (-1, AtVersion(-1)),
        (0, AtVersion(0)),
        ("12", AtVersion(12)),
        ("-1", AtVersion(-1)),
        ("+3", AtVersion(3)),
        (" 12 ", AtVersion(12)),
        ("20260210", AtVersion(20_260_210)),
        ("q:call_1#0", AtQuestion("call_1#0")),
        ("q:a:b c", AtQuestion("a:b c")),
        ("q:12", AtQuestion("12")),
        ("key:K", AtKey("K")),
        ("key:q:1", AtKey("q:1")),
        ("2026-02-10T21:55:43Z", AtTime(datetime(2026, 2, 10, 21, 55, 43, tzinfo=UTC))),
        ("2026-02-10T21:55:43.123456+00:00", AtTime(datetime(2026, 2, 10, 21, 55, 43, 123_456, tzinfo=UTC))),
        ("2026-02-10 22:55+01:00", AtTime(datetime(2026, 2, 10, 21, 55, tzinfo=UTC))),
        (
            datetime(2026, 2, 10, 22, 55, tzinfo=timezone(timedelta(hours=1))),
            AtTime(datetime(2026, 2, 10, 21, 55, tzinfo=UTC)),
        ),
    ],
)
def test_what_names_a_revision(at: Any, expected: object) -> None:
    """A version, a distance from the head, a time in any zone, the asking of a question, a key."""
    assert expected == parse_revision(at)


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("", "neither a number nor a time"),
        ("latest", "neither a number nor a time"),
        ("--1", "neither a number nor a time"),
        ("1.5", "neither a number nor a time"),
        ("\uff11\uff12", "neither a number nor a time"),
        ("9" * 19, "neither a number nor a time"),
        ("2026-13-01T00:00Z", "neither a number nor a time"),
        ("2026-02-10", "no zone"),
        ("2026-02-10T21:55:43", "no zone"),
        ("0001-01-01T00:00:00+14:00", "out of range"),
        ("9999-12-31T23:59:59-14:00", "out of range"),
        ("q:", "nothing follows 'q:'"),
        ("key:", "nothing follows 'key:'"),
        (True, "a boolean"),
        (1.0, "a float"),
        (None, "a NoneType"),
        (datetime(2026, 2, 10), "no zone"),  # noqa: DTZ001 - on purpose
    ],
)
def test_what_does_not(at: Any, problem: str) -> None:
    """A `ValueError` that shows what was given, what is wrong with it, and every form that is not."""
    with pytest.raises(InvalidRevision, match=problem) as caught:
        parse_revision(at)

    assert isinstance(caught.value, ValueError)
    assert at is caught.value.revision
    assert repr(at) in str(caught.value)
    assert '"-1"' in str(caught.value)
