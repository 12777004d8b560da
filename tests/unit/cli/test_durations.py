from datetime import timedelta

import click
import pytest

from ledger.cli.durations import Duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("1h30m", timedelta(minutes=90)),
        ("2D 4H", timedelta(days=2, hours=4)),
        ("1.5h", timedelta(minutes=90)),
        ("1w", timedelta(weeks=1)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, expected: timedelta) -> None:
    """As people write them, in any order of size."""
    assert expected == Duration().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no duration; write 90s, 15m, 1h, 2d or 1h30m"),
        ("90", "'90' is no duration;"),
        ("-1h", "'-1h' is no duration;"),
        ("1h90", "'1h90' is no duration: '90' is not one;"),
        ("1h2h", "'1h2h' has hours twice"),
        ("1 year", "'1 year' is no duration;"),
        ("9999999999d", "longer than there has been time"),
        ("9" * 400 + "s", "longer than there has been time"),
    ],
)
def test_what_is_none_is_refused_with_examples(text: str, said: str) -> None:
    """Naming what could not be read."""
    with pytest.raises(click.BadParameter, match="^" + said if not said.startswith("longer") else said):
        Duration().convert(text, None, None)
