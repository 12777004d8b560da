"""A framework's own item comes back from a message exactly as it went in, and no long text is stored twice."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Message, ToolCall
from ledger.adapters.natives import SHORT, item_of, native_of, spelling

#: What PostgreSQL and a UTF-8 file can hold: no half of a surrogate pair.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.text('ab/~\\"é😀\u2028', max_size=80)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
LONG = "Which of the two environments do you mean, staging or production?"


def message_of(
    item: Any, *, content: str = "", reasoning: str | None = None, arguments: tuple[Any, ...] = ()
) -> Message:
    """Make the message that an adapter would make of an item, as it is after it was stored."""
    message = Message(
        role="assistant",
        content=content,
        reasoning=reasoning,
        tool_calls=[ToolCall(id=f"call_{n}", name="tool", arguments=each) for n, each in enumerate(arguments)],
        native=native_of("test", item, content=content, reasoning=reasoning, arguments=arguments),
    )
    return Message.model_validate_json(message.model_dump_json())


@given(
    item=json_values,
    content=texts,
    reasoning=st.none() | texts,
    arguments=st.lists(json_values, max_size=2).map(tuple),
)
def test_what_goes_in_comes_out(item: Any, content: str, reasoning: str | None, arguments: tuple[Any, ...]) -> None:
    """Whatever the message says beside it: equal, typed, the members of objects in their order."""
    message = message_of(item, content=content, reasoning=reasoning, arguments=arguments)

    assert json.dumps(item) == json.dumps(item_of(message))


@given(st.data())
def test_what_the_message_says_comes_out_too(data: st.DataObject) -> None:
    """Items that repeat what stands in the message's fields, whole and in part, and in any spelling."""
    said = data.draw(st.text("ab é😀", min_size=SHORT, max_size=120), label="content")
    arguments = data.draw(st.dictionaries(texts, json_values, min_size=1, max_size=3), label="arguments")
    repeated = st.sampled_from([said, said[3:], arguments, json.dumps(arguments), json.dumps(arguments, indent=1)])
    item = data.draw(st.dictionaries(texts, st.lists(repeated | json_values, max_size=3), max_size=3), label="item")
    message = message_of(item, content=said, reasoning=said[::-1], arguments=(arguments,))

    assert json.dumps(item) == json.dumps(item_of(message))


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        ({"role": "user", "content": LONG}, {"content": LONG}),
        ({"content": [{"text": LONG[:60]}, {"text": LONG[60:]}]}, {"content": LONG}),
        ({"summary": [{"text": LONG}]}, {"reasoning": LONG}),
        ({"arguments": json.dumps({"question": LONG})}, {"arguments": ({"question": LONG},)}),
        ({"arguments": '{"question":"' + LONG + '"}'}, {"arguments": ({"question": LONG},)}),
        ({"action": {"commands": [LONG]}}, {"arguments": ({"commands": [LONG]},)}),
        ({"arguments": '{ "question":"' + LONG + '"}'}, {"arguments": ('{ "question":"' + LONG + '"}',)}),
        ({"response": {"said": [LONG], "n": 1.0}}, {"content": json.dumps({"said": [LONG], "n": 1.0})}),
        ({"one": LONG, "two": {"deep": [LONG]}}, {}),
    ],
    ids=[
        "content",
        "parts",
        "reasoning",
        "spaced",
        "compact",
        "as JSON",
        "as it was written",
        "written out",
        "twice in the item",
    ],
)
def test_a_long_text_is_stored_once(item: Any, fields: dict[str, Any]) -> None:
    """What the message says in fields of its own is not repeated in its native, nor is a text in itself."""
    message = message_of(item, **fields)
    stored = message.model_dump_json()

    assert item == item_of(message)
    assert 1 == stored.count("two environments")


def test_what_is_short_stays_where_it_is() -> None:
    """A note of where it was would cost more than the text."""
    assert {"format": "test", "data": {"role": "user", "content": "hi"}} == native_of(
        "test", {"role": "user", "content": "hi"}, content="hi"
    )


def test_numbers_of_different_types_are_not_the_same_arguments() -> None:
    """1, 1.0 and true are told apart, and so is the order of members."""
    item = {"one": {"a": 1, "text": LONG}, "two": {"a": 1.0, "text": LONG}, "three": {"text": LONG, "a": 1}}
    message = message_of(item, arguments=({"a": 1, "text": LONG},))

    assert json.dumps(item) == json.dumps(item_of(message))
    assert message.native is not None
    assert ["arguments", 0] == message.native["cut"]["/one"]


def test_the_item_is_the_callers_own() -> None:
    """Changing what comes out changes neither the message nor what comes out next."""
    message = message_of({"parts": [{"text": LONG}]}, content=LONG)
    item_of(message)["parts"][0]["text"] = "changed"

    assert {"parts": [{"text": LONG}]} == item_of(message)


def test_a_message_of_another_origin_has_no_item() -> None:
    """What did not come from a framework says so."""
    assert item_of(Message.user("hi")) is None


def test_a_spelling_is_one_that_a_program_writes() -> None:
    """Indented or uneven JSON is nobody's habit, and cannot be written again."""
    value = {"a": "é", "b": [1]}

    assert "spaced ascii" == spelling(value, json.dumps(value))
    assert "compact" == spelling(value, '{"a":"é","b":[1]}')
    assert spelling(value, json.dumps(value, indent=2)) is None


@pytest.mark.parametrize(
    "blanked",
    [
        {"content": ""},
        {"tool_calls": []},
        {"native": {"format": "test", "data": {"text": None, "call": None}, "cut": None}},
        {"native": {"format": "test", "data": {"text": None, "call": None}, "cut": {"/text": None, "/call": []}}},
        {"native": {"format": "test", "data": None, "cut": {"/text": ["content", 0, 4], "/call": ["arguments", 0]}}},
        {"native": {}},
    ],
    ids=["content", "calls", "cuts", "each cut", "data", "all"],
)
def test_what_was_redacted_is_missing_from_the_item(blanked: dict[str, Any]) -> None:
    """And breaks nothing else of it."""
    message = message_of({"text": LONG, "call": {"of": LONG}}, content=LONG, arguments=({"of": LONG},))
    item = item_of(message.model_copy(update=blanked))

    assert item is None or {"text": LONG, "call": {"of": LONG}} != item


def test_what_was_written_out_and_redacted_is_missing_too() -> None:
    """The text that it was read from is there no more."""
    written = json.dumps({"said": [LONG], "n": 1.0})
    message = message_of({"response": {"said": [LONG], "n": 1.0}}, content=written)

    assert {"response": None} == item_of(message.model_copy(update={"content": ""}))
