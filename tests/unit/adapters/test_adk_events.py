"""An event of ADK, and the messages that it becomes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given

from ledger import Message, ToolCall
from ledger.adapters.adk_events import event_of, events_of, latest, messages_of
from tests.unit.adapters.adk_samples import HISTORIES, event

LONG = "a text that is long enough not to be stored a second time, whatever it says"


def _messages(events: list[dict[str, Any]]) -> list[Message]:
    return [message for each in events for message in messages_of(each)]


@given(events=HISTORIES)
def test_events_come_back_as_they_went_in(events: list[dict[str, Any]]) -> None:
    """Of any events, known or not, what comes back from their messages is equal to what was put in."""
    messages = _messages(events)

    assert events == list(events_of(messages))
    assert events[::-1] == list(latest(messages))


@given(events=HISTORIES)
def test_events_come_back_from_what_is_stored(events: list[dict[str, Any]]) -> None:
    """So they do when their messages were written as JSON and read again, and each message has an id of its own."""
    messages = [Message.model_validate_json(message.model_dump_json()) for message in _messages(events)]

    assert events == list(events_of(messages))
    assert len(messages) == len({message.id for message in messages})


def test_a_message_says_what_its_event_says() -> None:
    """Text, thoughts and calls are fields of the message."""
    (message,) = messages_of(
        event(
            {"text": "Let me see. ", "thought": True},
            {"text": "It is "},
            {"text": "sunny."},
            {"function_call": {"id": "c1", "name": "look_up", "args": {"city": "Ulm"}}},
        )
    )

    assert ("assistant", "It is sunny.", "Let me see. ") == (message.role, message.content, message.reasoning)
    assert [ToolCall(id="c1", name="look_up", arguments={"city": "Ulm"})] == message.tool_calls
    assert ("e1", {"author": "agent"}) == (message.id, message.metadata)
    assert datetime(2023, 11, 14, 22, 13, 20, 500000, UTC) == message.created_at


def test_each_result_is_a_message() -> None:
    """Of several results in one event each is a tool's message, in their order."""
    brought = [
        {"function_response": {"id": "c1", "name": "look_up", "response": {"result": "sunny"}}},
        {"function_response": {"id": "c2", "name": "look_up", "response": {"error": "no such city"}}},
        {"function_response": {"id": "c3", "name": "look_up", "response": {"wind": 3, "rain": False}}},
    ]

    messages = messages_of(event(*brought, author="agent"))

    assert ["tool"] * 3 == [message.role for message in messages]
    assert ["c1", "c2", "c3"] == [message.tool_call_id for message in messages]
    assert ["sunny", "no such city", '{"wind": 3, "rain": false}'] == [message.content for message in messages]
    assert [None, False, None] == [message.tool_success for message in messages]


def test_a_result_beside_text_stands_behind_it() -> None:
    """What a person says beside an answer is a message of theirs, and the answer is the tool's."""
    said, answered = messages_of(
        event(
            {"text": "Here you are"},
            {"function_response": {"id": "c1", "name": "ask_user", "response": {"result": "staging"}}},
            author="user",
        )
    )

    assert ("user", "Here you are") == (said.role, said.content)
    assert ("tool", "staging", "c1") == (answered.role, answered.content, answered.tool_call_id)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"error_code": "429", "error_message": "too many requests"}, "too many requests"),
        ({"input_transcription": {"text": "hello there"}}, "hello there"),
        ({"actions": {"compaction": {"compacted_content": {"parts": [{"text": "so far"}]}}}}, "so far"),
        ({"output": {"total": 3}}, '{"total": 3}'),
        ({"content": {"parts": [{"code_execution_result": {"output": "42"}}]}}, "42"),
        ({"actions": {"state_delta": {"a": 1}}}, ""),
        ({"content": None}, ""),
    ],
)
def test_an_event_without_text_says_what_it_can(fields: dict[str, Any], expected: str) -> None:
    """A transcription, an error, a summary or an output is what a message says that has no text."""
    assert expected == messages_of(event(**fields))[0].content


@pytest.mark.parametrize(
    "part",
    [
        {"text": LONG},
        {"text": LONG, "thought": True},
        {"function_call": {"id": "c1", "name": "look_up", "args": {"what": LONG}}},
        {"function_response": {"id": "c1", "name": "look_up", "response": {"result": LONG}}},
        {"function_response": {"id": "c1", "name": "look_up", "response": {"said": f'"{LONG}"\n', "n": 1}}},
    ],
)
def test_nothing_long_is_kept_twice(part: dict[str, Any]) -> None:
    """What the message says in a field of its own is not in the item that it keeps."""
    for message in [*messages_of(event(part)), *messages_of(event({"function_response": {}}, part))]:
        assert 1 >= message.model_dump_json().count(LONG)


def test_a_call_without_an_id_gets_one() -> None:
    """Some models give their calls no ids; the event comes back without one all the same."""
    unnamed = event({"text": "so"}, {"function_call": {"name": "look_up", "args": {}}})

    (message,) = messages_of(unnamed)

    assert ["e1/1"] == [call.id for call in message.tool_calls]
    assert [unnamed] == list(events_of([message]))


def test_an_event_without_a_result_that_was_removed() -> None:
    """A result that somebody took out of the record is missing from its event, and nothing else is."""
    first = {"function_response": {"id": "c1", "name": "a", "response": {"result": "1"}}}
    second = {"function_response": {"id": "c2", "name": "b", "response": {"result": "2"}}}
    third = {"function_response": {"id": "c3", "name": "c", "response": {"result": "3"}}}
    messages = messages_of(event(first, second, third))
    del messages[1]

    assert [event(first, third)] == list(events_of(messages))


def test_what_came_from_elsewhere_is_an_event_too() -> None:
    """A message that a person wrote at a UI, or another program, is given to ADK as what it says."""
    call = ToolCall(id="c1", name="look_up", arguments={"n": 1})
    messages = [
        Message.user("Deploy it", id="m1"),
        Message.assistant("On it", id="m2", tool_calls=[call]),
        Message.tool("done", "c1", id="m3"),
    ]

    made = list(events_of(messages))

    assert ["m1", "m2", "m3"] == [each["id"] for each in made]
    assert ["user", "assistant", "user"] == [each["author"] for each in made]
    assert [{"text": "Deploy it"}] == made[0]["content"]["parts"]
    assert {"id": "c1", "name": "look_up", "args": {"n": 1}} == made[1]["content"]["parts"][1]["function_call"]
    assert {"result": "done"} == made[2]["content"]["parts"][0]["function_response"]["response"]
    assert messages[0].created_at.timestamp() == made[0]["timestamp"]


def test_an_event_is_found_by_its_id() -> None:
    """So that one that is delivered again is known."""
    events = [event({"text": name}, event_id=name) for name in "abc"]
    messages = _messages(events)

    assert events[1] == event_of("b", messages)
    assert event_of("d", messages) is None
