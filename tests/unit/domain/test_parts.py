"""Messages, tool calls and questions: immutable at every depth, equal by typed content, shared between copies."""

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ledger.domain.parts import Message, Option, Question, QuestionStatus, ToolCall

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def full() -> Message:
    """Give a message that has everything."""
    return Message.assistant(
        "I deploy",
        id="m1",
        parts=[{"type": "text", "text": "I deploy"}],
        reasoning="because",
        tool_calls=[ToolCall(id="c1", name="deploy", arguments={"to": ["prod", {"fast": True}]})],
        created_at=NOW,
        metadata={"tags": ["a"]},
        native={"format": "openai", "data": {"x": [1]}},
    )


def question(**fields: Any) -> Question:
    """Give a question."""
    return Question(**{"id": "c#0", "tool_call_id": "c", "text": "Which?", "options": ["a", "b"]} | fields)


@pytest.mark.parametrize("field", Message.model_fields)
def test_a_field_cannot_be_assigned_or_deleted(field: str) -> None:
    """A `TypeError` that says what to do instead."""
    message = full()

    with pytest.raises(TypeError, match=r"immutable.*model_copy"):
        setattr(message, field, getattr(message, field))
    with pytest.raises(TypeError, match="immutable"):
        delattr(message, field)
    assert full() == message


def test_json_inside_cannot_be_changed() -> None:
    """At every depth, in everything that a message, a tool call or a question holds."""
    message = full()
    inside: list[Any] = [
        lambda: message.parts.append(1),
        lambda: message.parts[0].update(x=1),
        lambda: message.tool_calls.append(ToolCall(id="x", name="x")),
        lambda: message.tool_calls[0].arguments["to"].append(1),
        message.tool_calls[0].arguments["to"][1].clear,
        message.metadata["tags"].clear,
        lambda: message.metadata.pop("tags"),
        message.native["data"]["x"].pop,  # type: ignore[index]  # it has one
        lambda: question().options.append(Option(label="c")),
        question(answer={"a": [1]}).answer["a"].pop,
    ]
    for change in inside:
        with pytest.raises(TypeError, match="immutable"):
            change()
    assert full() == message


def test_a_part_is_its_own_copy_of_what_it_was_made_of() -> None:
    """Whoever made it may go on with their lists and dictionaries."""
    metadata, data, arguments = {"tags": ["a"]}, {"x": [1]}, [1]

    message = Message.user(metadata=metadata, native={"data": data})
    call = ToolCall(id="c", name="f", arguments=arguments)
    metadata["tags"].append("b")
    data["x"].append(2)
    arguments.append(2)

    assert {"tags": ["a"]} == message.metadata
    assert {"data": {"x": [1]}} == message.native
    assert [1] == call.arguments


@pytest.mark.parametrize(
    "part", [full(), question(answer=[1]), Option(label="a"), ToolCall(id="c", name="f")], ids=repr
)
def test_copies_share_the_part(part: Any) -> None:
    """What cannot change need not be copied: comparing copies is comparing pointers."""
    assert copy.copy(part) is part
    assert copy.deepcopy([part])[0] is part
    assert part.model_copy() is part
    assert part.model_copy(deep=True) is part


def test_a_changed_copy_is_checked() -> None:
    """Unlike pydantic's own, `model_copy(update=…)` takes only what the model takes."""
    message = full()

    assert "corrected" == message.model_copy(update={"content": "corrected"}).content
    assert {"a": (1,)} == message.model_copy(update={"metadata": {"a": (1,)}}).metadata
    assert "m1" == message.model_copy(update={"content": "corrected"}).id
    for update in ({"content": 5}, {"no_such_field": 1}, {"created_at": datetime(2026, 1, 1)}):  # noqa: DTZ001 - on purpose
        with pytest.raises(ValidationError):
            message.model_copy(update=update)


@pytest.mark.parametrize(
    "part", [full(), question(answer={"a": [1.5]}, status="answered")], ids=["message", "question"]
)
def test_parts_survive_pickle_and_json(part: Any) -> None:
    """They come back equal, and still refuse to change."""
    for revived in (
        pickle.loads(pickle.dumps(part)),  # noqa: S301 - our own
        type(part).model_validate_json(part.model_dump_json()),
        type(part).model_validate(part.model_dump()),
        type(part).model_validate(part.model_dump(mode="json")),
    ):
        assert part == revived
        assert part.model_dump_json() == revived.model_dump_json()
        with pytest.raises(TypeError):
            revived.id = "other"


def test_a_dump_is_the_readers_own() -> None:
    """`model_dump` gives plain containers, also of what was read, and so frozen, before."""
    message = full()
    assert message.metadata
    assert message.native

    dumped = message.model_dump()
    dumped["metadata"]["tags"].append("b")
    dumped["native"]["data"]["x"].append(2)

    assert full() == message


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"metadata": {"n": 1}}, {"metadata": {"n": 1.0}}),
        ({"metadata": {"n": 1}}, {"metadata": {"n": True}}),
        ({"parts": [0]}, {"parts": [False]}),
        ({"native": None}, {"native": {}}),
        ({"content": "a"}, {"content": "b"}),
    ],
    ids=repr,
)
def test_equality_is_typed(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Two messages that would be stored differently differ."""
    assert Message.user(id="x", created_at=NOW, **a) != Message.user(id="x", created_at=NOW, **b)
    assert Message.user(id="x", created_at=NOW, **a) == Message.user(id="x", created_at=NOW, **a)


def test_equality_does_not_depend_on_who_looked() -> None:
    """A part that was read, and so frozen, equals one that was not."""
    read, unread = full(), full()
    assert read.metadata
    assert read.tool_calls[0].arguments

    assert unread == read
    assert read == unread
    assert 1 == len({read, unread})


def test_what_a_constructor_stamps() -> None:
    """A message has an id of its own and an aware time; everything else is empty."""
    one, other = Message.user("hello"), Message.user("hello")

    assert one.id != other.id
    assert one.created_at.tzinfo is UTC
    assert ("user", "hello", [], None, [], None, None, {}, None) == (
        one.role,
        one.content,
        one.parts,
        one.reasoning,
        one.tool_calls,
        one.tool_call_id,
        one.tool_success,
        one.metadata,
        one.native,
    )


def test_the_makers_name_the_role() -> None:
    """Four roles that every framework knows; any other is `Message(role=…)`."""
    result = Message.tool("done", "c1", success=False)

    assert ["user", "assistant", "system", "tool", "developer"] == [
        message.role
        for message in (Message.user(), Message.assistant(), Message.system(), result, Message(role="developer"))
    ]
    assert ("done", "c1", False) == (result.content, result.tool_call_id, result.tool_success)
    assert Message.tool("done", "c1").tool_success is None


def test_an_option_without_a_description_is_its_label() -> None:
    """Written and compared as the bare text; with a description it is an object."""
    asked = question(options=["staging", {"label": "prod", "description": "the real one"}])

    assert ["staging", Option(label="prod", description="the real one")] == asked.options
    assert "staging" in asked.options
    assert "prod" not in asked.options
    assert ["staging", {"label": "prod", "description": "the real one"}] == asked.model_dump()["options"]
    assert "staging" == str(asked.options[0])
    assert question(options=["a"]).options == ["a"]


def test_a_status_equals_its_string() -> None:
    """So that JSON, SQL and code speak of it alike."""
    assert "pending" == question().status
    assert QuestionStatus.ANSWERED == question(status="answered").status
    assert '"answered"' in question(status="answered").model_dump_json()
    with pytest.raises(ValidationError):
        question(status="forgotten")


def test_what_a_question_asks_is_not_what_became_of_it() -> None:
    """Two questions ask the same if all but their outcome, id and index agree."""
    asked = question()

    assert asked.asks_the_same(question(status="answered", answer="a", resolved_by="ui"))
    assert asked.asks_the_same(question(id="c#1", index=1))
    assert not asked.asks_the_same(question(text="Who?"))
    assert not asked.asks_the_same(question(options=["a"]))
    assert not asked.asks_the_same(question(multiple=True))


@pytest.mark.parametrize("value", [5, "text", [1], None], ids=repr)
def test_metadata_is_an_object(value: object) -> None:
    """What is to be addressed by path has to be an object."""
    with pytest.raises(ValidationError, match="JSON object"):
        Message.user(metadata=value)


@pytest.mark.parametrize("value", [5, "text", {"a": 1}, None], ids=repr)
def test_parts_are_an_array(value: object) -> None:
    """What grows is a list."""
    with pytest.raises(ValidationError, match="JSON array"):
        Message.user(parts=value)


def test_options_can_be_told_apart_in_sets() -> None:
    """By their labels, like the text that they equal."""
    assert {"a", "b"} == {Option(label="a"), "a", Option(label="b")}


def test_json_that_holds_itself_is_refused() -> None:
    """Not followed for ever."""
    endless: dict[str, Any] = {}
    endless["self"] = endless

    with pytest.raises(ValidationError, match="nested too deeply"):
        Message.user(metadata=endless)
