import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.importers.records import (
    UnreadableRecord,
    as_object,
    digest,
    named_kind,
    object_in,
    optional_text,
    parse_json,
    text_in,
    time_in,
)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b'{"a": NaN}', "it holds NaN, which is no JSON"),
        (b'{"a": -Infinity}', "it holds -Infinity, which is no JSON"),
        (b'{"a": "\\ud800"}', "its text holds half of a surrogate pair"),
        (b'{"\\uDC00": 1}', "its text holds half of a surrogate pair"),
        (b'{"a": "\xff"}', "it is not UTF-8 (byte 7)"),
        (b'{"a": ', "it is not JSON (expecting value at character 6)"),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"1" * 5_000, "it holds a number of more than 4,300 digits"),
    ],
)
def test_what_is_no_json_is_named(raw: bytes, what: str) -> None:
    """JSON from outside is read strictly: what Python would let pass, or fail at, gets a sentence."""
    with pytest.raises(UnreadableRecord) as refused:
        parse_json(raw)

    assert what == refused.value.what
    assert refused.value.hint


def test_what_is_json_is_read_as_it_is() -> None:
    """Escaped pairs, astral characters and a byte order mark are no faults."""
    assert {"a": "🚀 🚀", "b": [1, 1.5, None, True]} == parse_json(
        b'\xef\xbb\xbf{"a": "\\ud83d\\ude80 \xf0\x9f\x9a\x80", "b": [1, 1.5, null, true]}'
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null"),
        (True, "true or false"),
        (1, "a number"),
        (1.5, "a number"),
        ("a", "text"),
        ({}, "an object"),
        ([], "a list"),
    ],
)
def test_every_kind_of_json_has_a_name(value: Any, said: str) -> None:
    """A person reads what was found in the words of JSON."""
    assert said == named_kind(value)


@pytest.mark.parametrize(
    ("read", "record", "what"),
    [
        (lambda record: as_object(record["a"]), {"a": 1}, "the record is a number, not an object"),
        (lambda record: object_in(record, "a"), {"a": []}, "a is a list, not an object"),
        (lambda record: object_in(record, "a"), {}, "a is missing"),
        (lambda record: optional_text(record, "a"), {"a": 1}, "a is a number, not text"),
        (lambda record: text_in(record, "a"), {}, "a is missing"),
        (lambda record: text_in(record, "a"), {"a": ""}, "a is empty"),
        (lambda record: time_in(record, "a"), {"a": 17}, "a is a number, not text"),
        (lambda record: time_in(record, "a"), {"a": "soon"}, "a is 'soon', not an ISO 8601 time"),
        (lambda record: time_in(record, "a"), {"a": "0001-01-01T00:00:00+14:00"}, None),
    ],
)
def test_a_wrong_type_is_named_with_its_field(read: Any, record: dict[str, Any], what: str | None) -> None:
    """A field of another type than it should have is refused, never guessed."""
    with pytest.raises(UnreadableRecord) as refused:
        read(record)

    assert refused.value.what == (what or "a is '0001-01-01T00:00:00+14:00', not an ISO 8601 time")


def test_times_come_in_utc() -> None:
    """A time without a zone is UTC, as these records mean it; another zone is brought there."""
    expected = datetime(2026, 3, 1, 8, tzinfo=UTC)

    assert expected == time_in({"a": "2026-03-01T08:00:00"}, "a")
    assert expected == time_in({"a": "2026-03-01T08:00:00Z"}, "a")
    assert expected == time_in({"a": "2026-03-01T10:00:00+02:00"}, "a")
    assert time_in({}, "a") is None


def test_a_digest_stands_for_content_not_spelling() -> None:
    """The same JSON in another order or spacing is the same step."""
    one, other = json.loads('{"a": 1, "b": "ä"}'), json.loads('{"b":"\\u00e4","a":1}')

    assert digest(one) == digest(other)
    assert digest(one) != digest({"a": 2, "b": "ä"})
