"""The short way in and out of JSON: it gives what pydantic gives, or leaves it to pydantic."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ledger.domain.part_json import dump_parts, iso, read_message, read_time
from ledger.domain.parts import Message, Option, Part, Question, ToolCall
from ledger.domain.payload import Payload, decode_changes, decode_payload, encode_payload
from tests.unit.domain.meeting import START, said
from tests.unit.domain.test_payload import CHANGES, MESSAGE, NOW

WRITTEN: dict[str, Any] = json.loads(dump_parts({"message": MESSAGE}))["message"]


@pytest.mark.parametrize("message", [MESSAGE, said("bare"), Message.tool("", "c", success=True, created_at=NOW)])
def test_a_message_is_read_as_pydantic_reads_it(message: Message) -> None:
    """Equal, typed, and with the same fields told apart from those that are left out."""
    text = json.dumps(json.loads(dump_parts({"message": message}))["message"])
    expected = Message.model_validate_json(text)

    read = read_message(json.loads(text))

    assert read is not None
    assert expected == read == message
    assert list(expected.__dict__) == list(read.__dict__)
    assert expected.model_fields_set == read.model_fields_set
    assert expected.model_dump() == read.model_dump()
    assert expected.model_dump_json() == read.model_dump_json()
    with pytest.raises(TypeError):
        read.metadata["a"] = 1


@pytest.mark.parametrize("name", [*Message.model_fields, "unknown"])
@pytest.mark.parametrize("value", [None, 0, 1.5, True, "x", [], {}, [1], [None], [{"id": "c"}], {"a": 1}], ids=repr)
def test_what_is_no_message_is_left_to_pydantic(name: str, value: Any) -> None:
    """What is read the short way, pydantic reads too and reads alike: a damaged record stays one."""
    told = {**WRITTEN, name: value}

    read = read_message(dict(told))

    assert read is None or Message.model_validate_json(json.dumps(told)) == read


@pytest.mark.parametrize("name", list(WRITTEN))
def test_what_has_to_be_told_cannot_be_left_out(name: str) -> None:
    """Without an id, a role or a time it is no message; anything else has a default, as in pydantic."""
    told = {key: value for key, value in WRITTEN.items() if key != name}

    read = read_message(told)

    assert (name in {"id", "role", "created_at"}) is (read is None)
    assert read is None or Message.model_validate_json(json.dumps(told)) == read


@pytest.mark.parametrize("text", [iso(START), iso(NOW), "0001-01-01T00:00:00.000001Z", "9999-12-31T23:59:59.999999Z"])
def test_a_time_is_read_as_it_is_written(text: str) -> None:
    """Back to the microsecond, and aware."""
    read = read_time(text)

    assert read is not None
    assert text == iso(read)


@pytest.mark.parametrize(
    "text",
    [
        None,
        5,
        "",
        "yesterday",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-01-01 00:00:00Z",
        "2026-01-01T000000.1",
    ],
)
def test_what_is_written_otherwise_is_no_time(text: Any) -> None:
    """It is left to pydantic, which knows more ways to write one."""
    assert read_time(text) is None


@pytest.mark.parametrize(
    "part",
    [MESSAGE, ToolCall(id="c", name="f"), Question(id="c#0", tool_call_id="c", text="?", options=[Option(label="a")])],
    ids=lambda part: type(part).__name__,
)
def test_a_part_is_written_without_its_defaults(part: Part) -> None:
    """And read by pydantic as it was; so is one in a list, or under a key."""
    text = dump_parts({"one": part, "many": [part], "keyed": {"k": part}, "none": [], "empty": {}})

    told = json.loads(text)

    assert told["one"] == told["many"][0] == told["keyed"]["k"]
    assert part == type(part).model_validate(told["one"])
    assert all(type(part).model_fields[name].default != value for name, value in told["one"].items())


def test_the_fold_gets_what_a_payload_holds() -> None:
    """Every change, in order, a message standing for the change that appended it; short way or not."""
    expected = [_bare(change) for change in CHANGES]
    encoded = encode_payload(CHANGES, key="k", occurred_at=NOW)

    for text in (encoded, encoded.replace(b"Z", b"+00:00")):
        assert expected == [_bare(change) for change in decode_changes(text)]
        assert Payload.model_validate_json(text) == decode_payload(text)


def _bare(change: Any) -> Any:
    return change.message if getattr(change, "type", "") == "message_appended" else change


def test_a_message_that_is_damaged_is_explained_by_pydantic() -> None:
    """With the place of what is wrong."""
    encoded = encode_payload([CHANGES[8]]).replace(b'"role":"assistant"', b'"role":7')

    for decode in (decode_payload, decode_changes):
        with pytest.raises(ValidationError, match=r"changes\.0\.message_appended\.message\.role"):
            decode(encoded)
