"""What an item of the Responses API says is in the fields of its message, and the item comes back as it went in."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from ledger import Message
from ledger.adapters.openai_items import accepted, as_stored, called_by, item_of, items_of, message_of, result_of
from ledger.errors import InvalidSession
from tests.unit.adapters.openai_samples import LONG, SAMPLES, conversations, items

CANCELLED = "Cancelled: this call has no recorded result."


def call(call_id: Any, **fields: Any) -> dict[str, Any]:
    """Make a call of a tool."""
    return {"type": "function_call", "call_id": call_id, "name": "tool", "arguments": "{}"} | fields


def output(call_id: Any, text: str = "done") -> dict[str, Any]:
    """Make its result."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def unknown(_: str) -> None:
    """Know nothing of any call."""


USER = {"role": "user", "content": "hurry"}


@given(items)
def test_what_goes_in_comes_out(item: dict[str, Any]) -> None:
    """Of any shape, through what the ledger stores, its keys in their order."""
    message = Message.model_validate_json(message_of(as_stored(item)).model_dump_json())

    assert json.dumps(item) == json.dumps(item_of(message))


@pytest.mark.parametrize("item", SAMPLES, ids=[f"{n} {item.get('type')}" for n, item in enumerate(SAMPLES)])
def test_a_long_text_is_stored_once(item: dict[str, Any]) -> None:
    """Whichever field of whichever type it is in."""
    stored = message_of(item).model_dump_json()

    assert min(1, json.dumps(item).count(LONG)) == stored.count(LONG)


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (SAMPLES[1], {"role": "user", "content": LONG}),
        (SAMPLES[3], {"role": "assistant", "content": LONG}),
        (SAMPLES[4], {"role": "assistant", "content": LONG}),
        (SAMPLES[5], {"role": "assistant", "content": "", "reasoning": LONG}),
        (SAMPLES[7], {"role": "tool", "content": LONG, "tool_call_id": "call_1"}),
        (SAMPLES[14], {"role": "tool", "content": LONG, "tool_call_id": "call_4"}),
        (SAMPLES[20], {"role": "tool", "tool_success": False, "tool_call_id": None}),
        (SAMPLES[24], {"role": "tool", "content": LONG}),
        (SAMPLES[26], {"role": "tool", "content": f"not approved: {LONG}", "tool_success": False}),
        (SAMPLES[27], {"role": "assistant", "content": ""}),
        (SAMPLES[29], {"role": "unknown", "content": ""}),
        (SAMPLES[31], {"role": "unknown", "content": ""}),
        ({"role": "critic", "content": "no"}, {"role": "critic", "content": "no"}),
    ],
)
def test_a_message_says_what_its_item_says(item: dict[str, Any], fields: dict[str, Any]) -> None:
    """So that every command can tell it."""
    message = message_of(item)

    assert fields == {name: getattr(message, name) for name in fields}


@pytest.mark.parametrize(
    ("item", "name", "arguments"),
    [
        (SAMPLES[6], "ask_user", {"question": LONG}),
        (SAMPLES[9], "sql", f"SELECT '{LONG}'"),
        (SAMPLES[11], "computer", {"type": "type", "text": LONG}),
        (SAMPLES[25], "t", {"a": LONG}),
        (call("c", arguments="not JSON"), "tool", "not JSON"),
        (call("c", arguments='{"a": NaN}'), "tool", '{"a": NaN}'),
        (call("c", arguments='{"a": "\\ud800"}'), "tool", '{"a": "\\ud800"}'),
        (call("c", arguments="[" * 200 + "]" * 200), "tool", "[" * 200 + "]" * 200),
        (call("c", arguments='{"a":\n' + "1" * 60 + "}"), "tool", '{"a":\n' + "1" * 60 + "}"),
    ],
)
def test_a_call_is_told_by_name_and_arguments(item: dict[str, Any], name: str, arguments: Any) -> None:
    """Arguments that are JSON inside a text become that JSON; what no program would write so, stays as it is."""
    (made,) = message_of(item).tool_calls

    assert (name, arguments) == (made.name, made.arguments)
    assert item == item_of(message_of(item))


@pytest.mark.parametrize("call_id", ["", "with\0NUL", 7, None])
def test_what_cannot_be_an_id_is_none(call_id: Any) -> None:
    """The item is kept all the same."""
    assert called_by(call(call_id)) is None
    assert result_of(output(call_id)) is None
    assert [] == message_of(call(call_id)).tool_calls


def test_what_is_no_json_is_stored_as_the_frameworks_own_stores_do() -> None:
    """Keys become text and tuples lists, in the same words."""
    item = {"role": "user", 1: (1, 2), None: {True: "yes", 1.5: "no"}}

    assert json.loads(json.dumps(item)) == as_stored(item)


@pytest.mark.parametrize(
    ("value", "problem"),
    [(b"x", "bytes"), (datetime(2026, 1, 1, tzinfo=UTC), "datetime"), (Message.user("x"), "Message"), ({1}, "set")],
)
def test_what_no_store_takes_is_named_with_its_place(value: Any, problem: str) -> None:
    """Bytes, times, models of whatever library."""
    with pytest.raises(InvalidSession, match=problem) as refused:
        as_stored({"content": [{"data": value}]}, "/items/3")

    assert "/items/3/content/0/data" == refused.value.path


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message.user("hi"), [{"role": "user", "content": "hi"}]),
        (
            Message.user("hi", native={"format": "adk-event", "data": {"author": "user"}}),
            [{"role": "user", "content": "hi"}],
        ),
        (Message(role="critic", content="no"), [{"role": "system", "content": "no"}]),
        (Message.tool("done", "a"), [output("a")]),
        (Message(role="tool", content="of no call"), [{"role": "system", "content": "of no call"}]),
        (Message.assistant(tool_calls=[{"id": "a", "name": "tool"}]), [call("a")]),
        (
            Message.assistant(
                "both", tool_calls=[{"id": "a", "name": "tool"}, {"id": "b", "name": "tool", "arguments": "x"}]
            ),
            [{"role": "assistant", "content": "both"}, call("a"), call("b", arguments="x")],
        ),
    ],
)
def test_a_message_of_another_origin_is_told_in_items(message: Message, expected: list[dict[str, Any]]) -> None:
    """A person's UI, an import, another framework: the agent goes on with all of it."""
    assert expected == items_of(message)


@pytest.mark.parametrize("value", [Message.user("x"), "hello", None, [1]])
def test_an_item_is_an_object(value: Any) -> None:
    """And nothing else."""
    with pytest.raises(InvalidSession, match="not an item"):
        as_stored(value, "/items/0")


@pytest.mark.parametrize(
    "healthy",
    [
        [USER, call("a"), output("a"), USER],
        [USER, call("a"), call("b"), output("a"), output("b")],
        [USER, SAMPLES[5], call("a"), SAMPLES[3], output("a")],
        [USER, call("a"), output("a"), call("a"), output("a")],
        [SAMPLES[25], SAMPLES[26]],
    ],
)
def test_a_history_that_is_accepted_is_given_as_it_is(healthy: list[dict[str, Any]]) -> None:
    """Calls at the same time stand together, and their results after them."""
    assert healthy == accepted(healthy, unknown)


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ([call("a"), USER], [call("a"), output("a", CANCELLED), USER]),
        ([call("a"), USER, output("a")], [call("a"), output("a"), USER]),
        ([output("a"), USER], [USER]),
        ([output("a"), call("a")], [call("a"), output("a")]),
        ([call("a"), output("a", "1"), output("a", "2")], [call("a"), output("a", "2")]),
        (
            [call("a"), output("a"), USER, call("a"), USER],
            [call("a"), output("a"), USER, call("a"), output("a", CANCELLED), USER],
        ),
        ([call("a"), call("b"), output("b")], [call("a"), output("a", CANCELLED), call("b"), output("b")]),
    ],
    ids=["cancelled", "late", "of no call", "early", "twice", "used again", "one of two"],
)
def test_a_broken_history_is_mended(broken: list[dict[str, Any]], mended: list[dict[str, Any]]) -> None:
    """Every call has its result before somebody speaks, and every result its call."""
    assert mended == accepted(broken, unknown)


def test_a_result_that_is_no_text_is_nothing_to_make_up() -> None:
    """The framework leaves such a call out."""
    assert [SAMPLES[11], USER] == accepted([SAMPLES[11], USER], unknown)


def test_of_an_id_that_is_used_again_the_last_call_is_known() -> None:
    """What is known is of the call that was made last."""
    given_to_model = accepted([call("a"), USER, call("a")], {"a": "staging"}.get)

    assert [CANCELLED, "staging"] == [item["output"] for item in given_to_model if result_of(item)]


@given(conversations)
def test_mending_is_done_once(history: list[dict[str, Any]]) -> None:
    """What was mended is accepted, and nothing but calls and results was touched."""
    once = accepted(history, unknown)

    assert once == accepted(once, unknown)
    assert [item for item in history if result_of(item) is None] == [item for item in once if result_of(item) is None]
