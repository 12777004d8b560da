from ledger.importers.claude_messages import assistant_message, user_messages
from tests.unit.importers.samples import call, came_back, line, spoken, text, typed


def test_what_a_message_says_is_in_its_fields() -> None:
    """Text, reasoning and tool calls go where every reader of the ledger looks for them."""
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}
    record = spoken("a1", 0, thinking, text("Right."), text("Go."), call("toolu_1", "Bash", {"command": "ls"}))
    message = assistant_message(record, "a1", None)

    assert ("assistant", "Right.\n\nGo.", "Hm.") == (message.role, message.content, message.reasoning)
    assert [("toolu_1", "Bash", {"command": "ls"})] == [(it.id, it.name, it.arguments) for it in message.tool_calls]
    assert [] == message.parts


def test_what_is_no_text_is_kept_as_it_is() -> None:
    """Pictures, and whatever a later release invents, stay as the parts that they are."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    (message,) = user_messages(typed("u1", 0, "x") | {"message": {"content": [image, text("Look")]}}, "u1", None)

    assert [image] == message.parts
    assert "Look" == message.content


def test_native_keeps_what_the_fields_do_not() -> None:
    """The rest of a line is kept under its own names; what every line repeats, and what is empty, is not."""
    record = spoken(
        "a1",
        0,
        text("Hi"),
        parentUuid="u1",
        requestId="req_1",
        message={"stop_reason": None, "usage": {"input_tokens": 3}},
    )
    message = assistant_message(record, "a1", None)

    assert {
        "format": "claude-code",
        "data": {"parentUuid": "u1", "requestId": "req_1", "message_id": "msg_a1", "model": "claude-opus-4-6"},
    } == message.native


def test_a_signature_is_kept_with_the_reasoning() -> None:
    """Without it the reasoning could never be handed back to the model that had it."""
    message = assistant_message(spoken("a1", 0, {"type": "thinking", "thinking": "", "signature": "c2ln"}), "a1", None)

    assert message.reasoning is None
    assert message.native is not None
    assert "c2ln" == message.native["data"]["signature"]


def test_a_long_result_is_stored_once() -> None:
    """A tool's second copy of its result is left out, but for the short facts that the first does not tell."""
    long = "line\n" * 1_000
    result = {
        "stdout": long,
        "originalFile": long,
        "durationMs": 812,
        "interrupted": True,
        "mode": "content",
        "note": "line",
    }
    (message,) = user_messages(came_back("u1", 0, "toolu_1", long, result), "u1", None)

    assert long == message.content
    assert message.native is not None
    assert {"durationMs": 812, "interrupted": True, "mode": "content"} == message.native["data"]["toolUseResult"]


def test_notes_beside_an_answer_are_kept() -> None:
    """What the person noted while answering stands nowhere else."""
    notes = {"Which environment?": {"notes": "until Friday"}}
    (message,) = user_messages(came_back("u1", 0, "toolu_1", "ok", {"annotations": notes}), "u1", None)

    assert message.native is not None
    assert notes == message.native["data"]["toolUseResult"]["annotations"]


def test_each_result_of_a_line_is_a_message() -> None:
    """A line can bring several results and words of the person: their order, and an id for each, are kept."""
    results = [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("one"), text("two")]},
        {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": True},
    ]
    record = line("user", "u1", 0, message={"content": [text("Before"), *results, text("After")]})
    messages = list(user_messages(record, "u1", None))

    assert [
        ("u1", "user", "Before"),
        ("u1#1", "tool", "one\n\ntwo"),
        ("u1#2", "tool", ""),
        ("u1#3", "user", "After"),
    ] == [(message.id, message.role, message.content) for message in messages]
    assert [None, "toolu_1", "toolu_2", None] == [message.tool_call_id for message in messages]
    assert [None, True, False, None] == [message.tool_success for message in messages]
