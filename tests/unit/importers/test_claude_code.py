from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.importers.claude_code import read_transcript
from ledger.importers.steps import Answered, Asked, Described, Item, ModelNamed, Said, Summarised, Titled, Withdrawn
from tests.unit.importers.samples import (
    ANSWERS,
    QUESTIONS,
    SESSION,
    Record,
    as_lines,
    call,
    came_back,
    conversation,
    line,
    problems,
    skipped,
    spoken,
    steps,
    text,
    typed,
)


def read(*records: Record | str) -> list[Item]:
    """Give what the reader says of a transcript."""
    return list(read_transcript("t.jsonl", as_lines(list(records))))


def happened(item: Any, kind: Any) -> list[Any]:
    """Give what of a kind happened in a step."""
    return [happening for happening in item.happenings if isinstance(happening, kind)]


def test_each_line_with_a_message_is_a_step() -> None:
    """Time travel walks the recorded history line by line, under keys that name the lines."""
    found = read(*conversation())

    assert [
        "import:u1",
        "import:a1",
        "import:a2",
        "import:u2",
        "import:a3",
        "import:u3",
        "import:s2",
        "import:title:1:",
        "import:a4",
    ] == [step.key if "title" not in step.key else step.key[:15] for step in steps(found)]
    assert {SESSION} == {step.session_id for step in steps(found)}
    assert ["file-history-snapshot", "progress", "system/turn_duration"] == skipped(found)
    assert [] == problems(found)


def test_a_step_keeps_when_it_happened_and_who_did_it() -> None:
    """What a person did is the person's, with the authority of a user; everything else is the recorder's."""
    writers = [(step.key, step.writer, step.authority) for step in steps(read(*conversation()))[:5]]

    assert [
        ("import:u1", "user", "user"),
        ("import:a1", "claude-code", "runtime"),
        ("import:a2", "claude-code", "runtime"),
        ("import:u2", "user", "user"),
        ("import:a3", "claude-code", "runtime"),
    ] == writers
    assert datetime(2026, 3, 1, 8, 2, 18, tzinfo=UTC) == steps(read(*conversation()))[3].occurred_at


@pytest.mark.parametrize("shorter", range(len(conversation())))
def test_a_grown_transcript_begins_with_the_steps_that_it_had(shorter: int) -> None:
    """The steps of a line never depend on what follows: importing a part and then the whole is importing the whole."""
    records = conversation()
    part, whole = steps(read(*records[:shorter])), steps(read(*records))

    assert whole[: len(part)] == part


def test_one_call_can_ask_several_questions() -> None:
    """Each question of an `AskUserQuestion` call is one of its own, with its index, options and descriptions."""
    asked = [happening.question for step in steps(read(*conversation())) for happening in happened(step, Asked)]

    assert ["toolu_1#0", "toolu_1#1"] == [question.id for question in asked]
    assert ["Which environment?", "Which checks?"] == [question.text for question in asked]
    assert ["Where", "Checks"] == [question.header for question in asked]
    assert [False, True] == [question.multiple for question in asked]
    assert [{"label": "staging", "description": "The rehearsal"}, "prod"] == asked[0].model_dump()["options"]
    assert {"clarification"} == {question.kind for question in asked}
    assert {"AskUserQuestion"} == {question.source for question in asked}


def test_the_result_of_the_call_answers_them() -> None:
    """The answers come from the person, by the question's text; free text is as good as an option."""
    (answer,) = happened(steps(read(*conversation()))[3], Answered)

    assert Answered("toolu_1", "user", answers=ANSWERS) == answer


def test_a_result_without_structure_answers_with_its_text() -> None:
    """Where the answers cannot be told apart, what came back is kept as it is, not taken apart by guesswork."""
    records = [
        spoken("a1", 0, call("toolu_1", "AskUserQuestion", {"questions": QUESTIONS})),
        came_back("u1", 5, "toolu_1", "User has answered: staging"),
    ]

    assert [Answered("toolu_1", "user", answer="User has answered: staging")] == happened(
        steps(read(*records))[1], Answered
    )


@pytest.mark.parametrize(
    ("content", "result", "reason", "by"),
    [
        ("The user doesn't want to proceed.\nSTOP.", "User rejected tool use", "User rejected tool use", "user"),
        ("The user doesn't want to proceed.\nSTOP.", None, "The user doesn't want to proceed.", "user"),
        ("InputValidationError: no questions", None, "InputValidationError: no questions", None),
    ],
)
def test_a_rejected_call_withdraws_its_questions(content: str, result: Any, reason: str, by: str | None) -> None:
    """Nobody waits for a call that was rejected or failed; the reason and who rejected it are kept."""
    found = steps(
        read(
            spoken("a1", 0, call("toolu_1", "AskUserQuestion", {"questions": QUESTIONS})),
            came_back("u1", 5, "toolu_1", content, result, is_error=True),
        )
    )

    assert [Withdrawn("toolu_1", reason, by)] == happened(found[1], Withdrawn)
    assert (by or "claude-code") == found[1].writer


@pytest.mark.parametrize(
    "arguments", [{}, {"questions": "Where?"}, {"questions": [{"question": 7}, 7]}, "Where?", None]
)
def test_what_a_model_wrote_need_not_be_a_question(arguments: Any) -> None:
    """A malformed call is content like any other: it is kept as a tool call, and asks nothing."""
    (step,) = steps(read(spoken("a1", 0, call("toolu_1", "AskUserQuestion", arguments))))

    assert [] == happened(step, Asked)
    assert arguments == happened(step, Said)[0].message.tool_calls[0].arguments


@pytest.mark.parametrize(
    "fields",
    [
        {"isMeta": True},
        {"isCompactSummary": True},
        {"origin": {"kind": "task-notification"}},
        {"message": {"content": "<local-command-stdout>ok</local-command-stdout>"}},
        {"message": {"content": "<task-notification>done</task-notification>"}},
    ],
)
def test_what_the_program_put_into_a_persons_turn_is_not_theirs(fields: Record) -> None:
    """A line of type `user` is not always a person's; nothing else gets their authority."""
    (step,) = steps(read(typed("u1", 0, "Hello") | fields))

    assert ("claude-code", "runtime") == (step.writer, step.authority)


def test_what_was_typed_while_the_agent_worked_is_the_persons() -> None:
    """A queued prompt stands on no line of type `user`, and is their word all the same."""
    queued = {"type": "queued_command", "commandMode": "prompt", "prompt": [text("Use staging instead")]}
    found = read(line("attachment", "q1", 3, attachment=queued))

    assert ["Use staging instead"] == [said.message.content for said in happened(steps(found)[0], Said)]
    assert "user" == steps(found)[0].writer


@pytest.mark.parametrize(
    "attachment",
    [
        {"type": "file", "content": "…"},
        {"type": "queued_command", "commandMode": "task-notification", "prompt": "done"},
        {"type": "queued_command", "prompt": "hello", "origin": {"kind": "peer"}},
        {"type": "queued_command", "prompt": "hello", "isMeta": True},
    ],
)
def test_other_attachments_are_passed_over(attachment: Record) -> None:
    """Reminders and files that the program adds are no part of the conversation; they are counted."""
    assert [f"attachment/{attachment['type']}"] == skipped(read(line("attachment", "q1", 3, attachment=attachment)))


def test_a_subagent_is_a_session_of_its_own() -> None:
    """A sidechain has its own id, and its parent is the session that started it."""
    found = steps(
        read(
            typed("u1", 0, "Deploy it"),
            typed("b1", 1, "Look at the logs", isSidechain=True, agentId="a2898e3"),
            spoken("b2", 2, text("They are clean"), isSidechain=True, agentId="a2898e3"),
        )
    )

    assert [SESSION, f"agent-a2898e3-{SESSION}", f"agent-a2898e3-{SESSION}"] == [step.session_id for step in found]
    assert [None, SESSION, SESSION] == [step.opening.parent_session_id for step in found]
    assert SESSION == found[1].opening.root_session_id
    assert "claude-code" == found[1].writer


def test_a_subagent_without_a_name_is_told_by_its_first_line() -> None:
    """Old releases name no agent: its lines hang together by their parents."""
    records = [
        typed("11111111-1", 0, "Look at the logs", isSidechain=True),
        typed("22222222-2", 1, "Look at the tests", isSidechain=True),
        spoken("33333333-3", 2, text("Clean"), isSidechain=True, parentUuid="11111111-1"),
        spoken("44444444-4", 3, text("Red"), isSidechain=True, parentUuid="22222222-2"),
        spoken("55555555-5", 4, text("Really"), isSidechain=True, parentUuid="33333333-3"),
    ]
    homes = [step.session_id.split("-")[1] for step in steps(read(*records))]

    assert ["11111111", "22222222", "11111111", "22222222", "11111111"] == homes


def test_a_resumed_session_says_what_it_continues() -> None:
    """Each line belongs to the session that it names; the later one knows the earlier."""
    found = steps(
        read(
            typed("u1", 0, "Hello", sessionId="one"),
            typed("u2", 9, "Again", sessionId="two"),
            typed("u3", 10, "More", sessionId="two"),
        )
    )

    assert ["one", "two", "two"] == [step.session_id for step in found]
    assert [None, "one", None] == [happened(step, Described)[0].metadata.get("continues") for step in found]


def test_the_session_knows_where_and_on_what_it_ran() -> None:
    """What every line repeats is the session's, not the message's."""
    metadata = happened(steps(read(typed("u1", 0, "Hello")))[0], Described)[0].metadata

    assert {
        "source": "claude-code",
        "cwd": "/home/someone/project",
        "git_branch": "main",
        "client_version": "2.1.38",
    } == metadata


def test_the_model_is_the_one_that_spoke() -> None:
    """A message that the program made up in the model's place names no model."""
    found = steps(read(spoken("a1", 0, text("Hi")), spoken("a2", 1, text("Error"), message={"model": "<synthetic>"})))

    assert [["claude-opus-4-6"], []] == [[named.model for named in happened(step, ModelNamed)] for step in found]


def test_titles_are_steps_once() -> None:
    """The program repeats a title; a title that a person chose is theirs, and stands over those of the model."""
    ai = {"type": "ai-title", "aiTitle": "Deployment", "sessionId": SESSION}
    chosen = {"type": "custom-title", "customTitle": "The big one", "sessionId": SESSION}
    found = steps(read(ai, typed("u1", 0, "Deploy it"), ai, chosen, ai, chosen))

    assert ["import:u1", "import:title:1:", "import:title:2:"] == [
        step.key if "title" not in step.key else step.key[:15] for step in found
    ]
    assert [Titled("Deployment", "claude-code")] == happened(found[1], Titled)
    assert [Titled("The big one", "claude-code")] == happened(found[2], Titled)
    assert [("claude-code", "runtime"), ("user", "user")] == [(step.writer, step.authority) for step in found[1:]]


def test_a_summary_names_the_conversation_that_ends_with_its_leaf() -> None:
    """Summaries of other conversations stand in the same file; they name nothing here."""
    mine = {"type": "summary", "summary": "Deployment", "leafUuid": "u2"}
    theirs = {"type": "summary", "summary": "Something else", "leafUuid": "u99"}
    found = read(theirs, mine, typed("u1", 0, "Hello"), typed("u2", 1, "Bye"))

    assert [[], [], ["Deployment"]] == [[titled.title for titled in happened(step, Titled)] for step in steps(found)]
    assert ["title of another session"] == skipped(found)


def test_a_compacted_conversation_points_at_its_summary() -> None:
    """The long text is stored once, as the message that it is."""
    (step,) = steps(read(typed("u1", 0, "So far we …", isCompactSummary=True)))

    assert [Summarised({"format": "claude-code", "message_id": "u1"})] == happened(step, Summarised)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ('{"type": "user", "mess', "the last line is torn: it ends in the middle of a record; import again once"),
        (typed("u2", 1, "x") | {"timestamp": 17}, "timestamp is a number, not text"),
        (typed("u2", 1, "x") | {"sessionId": None}, "sessionId is missing"),
        (typed("u2", 1, "x") | {"uuid": {}}, "uuid is an object, not text"),
        (typed("u2", 1, "x") | {"cwd": []}, "cwd is a list, not text"),
        (typed("u2", 1, "x") | {"isSidechain": "no"}, "isSidechain is text, not true or false"),
        (typed("u2", 1, "x") | {"message": "x"}, "message is text, not an object"),
        (typed("u2", 1, "x") | {"message": {"content": 7}}, "message.content is a number, neither text nor a list"),
        (typed("u2", 1, "x") | {"message": {"content": [7]}}, "a part of message.content is a number, not an object"),
        (typed("u2", 1, "x") | {"message": {"content": [{"type": "text", "text": 7}]}}, "text is a number, not text"),
        (spoken("a2", 1, {"type": "tool_use", "name": "Bash", "input": {}}), "id is missing"),
        ({"type": 7}, "type is a number, not text"),
        ({"no": "type"}, "type is missing"),
        ({"type": "custom-title", "customTitle": 7, "sessionId": SESSION}, "customTitle is a number, not text"),
        ({"type": "of-tomorrow"}, "the record type 'of-tomorrow' is not known, and such lines are not imported"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_the_rest_comes_in(record: Record | str, problem: str) -> None:
    """One sentence says which line, what is wrong with it, and what to do; everything around it is imported."""
    before, after = typed("u1", 0, "Before"), typed("u3", 2, "After")
    records: list[Record | str] = [before, record] if isinstance(record, str) else [before, record, after]
    found = read(*records)

    assert 1 == len(problems(found))
    assert problems(found)[0].startswith("t.jsonl:2: ")
    assert problem in problems(found)[0]
    assert ["import:u1", "import:u3"][: len(records) - 1] == [step.key for step in steps(found)]


def test_an_unknown_type_is_reported_once_and_counted_always() -> None:
    """A thousand lines of a new type are one sentence, not a thousand."""
    found = read(*[{"type": "of-tomorrow"}] * 3)

    assert 1 == len(problems(found))
    assert ["of-tomorrow"] * 3 == skipped(found)


def test_lines_without_an_id_are_told_by_their_content() -> None:
    """Even then a second import finds every one, and two equal lines are two."""
    same = typed("u1", 0, "ok")
    del same["uuid"]
    keys = [step.key for step in steps(read(same, same))]

    assert 2 == len(set(keys))
    assert keys == [step.key for step in steps(read(same, same, typed("u2", 1, "more")))][:2]


def test_a_line_without_a_time_is_imported_without_one() -> None:
    """What is not recorded is not made up."""
    record = typed("u1", 0, "ok")
    del record["timestamp"]

    assert steps(read(record))[0].occurred_at is None


def test_a_turn_without_content_is_passed_over() -> None:
    """An empty list of parts holds no message."""
    assert ["user without content"] == skipped(read(typed("u1", 0, "x") | {"message": {"content": []}}))
