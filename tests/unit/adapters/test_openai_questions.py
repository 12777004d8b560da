"""Which items ask something, what their results answer, and what is known of a call that has none."""

import json
from typing import Any

import pytest

from ledger import Message, Session
from ledger.adapters.openai_items import message_of
from ledger.adapters.openai_questions import (
    Outcome,
    Verdict,
    answer_of,
    ask,
    asked_by,
    known_of,
    outcome_of,
    questions_of,
    resolve,
    verdict_of,
)

CALL = {"type": "function_call", "call_id": "call_1", "name": "delete_file", "arguments": '{"path": "/x"}'}
REQUEST = {"type": "mcp_approval_request", "id": "ma_1", "name": "delete", "arguments": "{}", "server_label": "s"}


def asking(name: str = "ask_user", **arguments: Any) -> dict[str, Any]:
    """Make a call of a tool that asks."""
    return {"type": "function_call", "call_id": "call_1", "name": name, "arguments": json.dumps(arguments)}


def output(text: str, call_id: str = "call_1") -> dict[str, Any]:
    """Make the result of a call."""
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def session_of(*items: dict[str, Any]) -> Session:
    """Make a session in which each call asks what it may, as if its run had been interrupted there."""
    session = Session.new("s1", model="")
    for item in items:
        ask(session, asked_by(item, waits=True))
        session.add_message(message_of(item))
    return session


@pytest.mark.parametrize(
    "name", ["ask_user", "askUser", "Ask-User", "AskUserQuestion", "request_user_input", "clarify", "human_input"]
)
def test_a_tool_that_exists_to_ask_is_known_by_its_name(name: str) -> None:
    """However its maker writes it; and it asks whether its call waits or not."""
    (question,) = asked_by(asking(name, question="Where?"), waits=False)

    assert ("Where?", "clarification", name) == (question.text, question.kind, question.source)


@pytest.mark.parametrize("name", ["text", "prompt", "message", "query"])
def test_its_question_stands_under_one_of_several_names(name: str) -> None:
    """Tools are written by many."""
    assert ["Where?"] == [question.text for question in asked_by(asking(**{name: "Where?"}), waits=False)]


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (["a", "b"], ["a", "b"]),
        ([{"label": "a", "description": "one"}, {"label": "b", "description": 7}, {"name": "c"}, 8], ["a", "b"]),
        ("a or b", []),
        (None, []),
    ],
)
def test_its_options_are_those_that_have_a_label(options: Any, labels: list[str]) -> None:
    """Everything else of them is in the call."""
    (question,) = asked_by(asking(question="Where?", options=options), waits=False)

    assert labels == list(map(str, question.options))


def test_it_may_ask_several() -> None:
    """Each with a heading and options of its own."""
    questions = asked_by(
        asking(questions=[{"question": "Where?", "header": "Place", "multiSelect": True}, "When?", {"n": 1}, 7]),
        waits=False,
    )

    assert [("call_1#0", "Where?", "Place", True), ("call_1#1", "When?", None, False)] == [
        (each.id, each.text, each.header, each.multiple) for each in questions
    ]


@pytest.mark.parametrize("arguments", [{}, {"question": ""}, {"question": 7}, {"questions": "Where?"}])
def test_one_that_asks_nothing_is_a_call_like_any_other(arguments: dict[str, Any]) -> None:
    """It needs an approval where it waits, and nothing where it does not."""
    assert [] == asked_by(asking(**arguments), waits=False)
    assert ["approval"] == [question.kind for question in asked_by(asking(**arguments), waits=True)]


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (CALL, 'Approve delete_file(path="/x")?'),
        ({**CALL, "arguments": "not JSON"}, "Approve delete_file(not JSON)?"),
        ({**CALL, "arguments": "[1, 2]"}, "Approve delete_file([1, 2])?"),
        ({**CALL, "arguments": "x" * 500}, f"Approve delete_file({'x' * 159}…)?"),
        ({"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}}, 'Approve shell(commands=["ls"])?'),
        (REQUEST, "Approve delete()?"),
    ],
)
def test_a_call_that_waits_asks_for_its_approval(item: dict[str, Any], text: str) -> None:
    """And says what would be done."""
    (question,) = asked_by(item, waits=True)

    assert (text, "approval", ["approve", "reject"]) == (
        question.text,
        question.kind,
        list(map(str, question.options)),
    )


@pytest.mark.parametrize(
    "item",
    [
        {"type": "tool_search_call", "call_id": "c", "arguments": {}},
        {"type": "program", "call_id": "c", "code": "1"},
        {"type": "file_search_call", "id": "c"},
        {"role": "user", "content": "hi"},
        output("done"),
    ],
)
def test_what_nobody_approves_asks_nothing(item: dict[str, Any]) -> None:
    """The provider answers it, or it is no call."""
    assert [] == asked_by(item, waits=True)


def test_a_request_for_approval_asks_without_waiting() -> None:
    """It is nothing else."""
    assert ["ma_1#0"] == [question.id for question in asked_by(REQUEST, waits=False)]


@pytest.mark.parametrize(
    ("item", "kind", "verdict", "outcome"),
    [
        (output("done"), "approval", None, Outcome("approve")),
        (output("Tool execution was not approved."), "approval", None, Outcome("reject")),
        (
            output("no!"),
            "approval",
            Verdict(approved=False, message="no!"),
            Outcome({"decision": "reject", "message": "no!"}),
        ),
        (output("prod"), "clarification", None, Outcome("prod")),
        (output("prod"), "clarification", Verdict(approved=True), Outcome("prod")),
        (output("no!"), "clarification", Verdict(approved=False, message="no!"), Outcome(reason="no!")),
        (
            {"type": "mcp_approval_response", "approval_request_id": "ma_1", "approve": True, "reason": ""},
            "approval",
            None,
            Outcome("approve"),
        ),
    ],
)
def test_a_result_says_what_was_decided(
    item: dict[str, Any], kind: str, verdict: Verdict | None, outcome: Outcome
) -> None:
    """By itself, or by what the framework knows of it."""
    assert outcome == outcome_of(item, kind, verdict)


@pytest.mark.parametrize(
    "verdict", [Verdict(approved=True), Verdict(approved=False), Verdict(approved=False, message="no!")]
)
def test_an_answer_is_read_as_it_was_written(verdict: Verdict) -> None:
    """A verdict goes through the ledger and comes back."""
    session = session_of(CALL)
    session.answer("call_1#0", answer_of(verdict))

    assert verdict == verdict_of(session.questions["call_1#0"])


def test_a_question_that_was_withdrawn_lets_nothing_run() -> None:
    """Its reason is what the model is told."""
    session = session_of(CALL)
    assert verdict_of(session.questions["call_1#0"]) is None
    session.withdraw("call_1#0", "nobody is there")

    assert Verdict(approved=False, message="nobody is there") == verdict_of(session.questions["call_1#0"])


def test_the_questions_of_a_call_are_those_of_the_latest_of_its_id() -> None:
    """Some providers use ids again; a call that is over asks nothing any more."""
    session = session_of(asking(question="Where?"))
    assert ["call_1#0"] == [question.id for question in questions_of(session, "call_1")]
    resolve(session, output("prod"))
    session.add_message(message_of(output("prod")))
    assert [] == questions_of(session, "call_1")
    ask(session, asked_by(CALL, waits=True))
    session.add_message(message_of(CALL))

    assert ["call_1#1"] == [question.id for question in questions_of(session, "call_1")]
    assert [] == questions_of(session, "call_2")


def test_a_message_of_another_origin_has_questions_too() -> None:
    """Whoever asked in the ledger itself is answered as well."""
    session = Session.new("s1", model="")
    session.add_message(Message.assistant(tool_calls=[{"id": "call_1", "name": "delete_file"}]))
    session.ask("call_1", "Sure?")

    assert resolve(session, output("yes"))
    assert "yes" == session.questions["call_1#0"].answer


@pytest.mark.parametrize(
    ("answers", "known"),
    [
        ([], "Pending: the call waits for an answer: Where?; When?"),
        (["prod"], "Pending: the call waits for an answer: When?"),
        (["prod", ["now", "later"]], 'Where? prod\nWhen? ["now", "later"]'),
    ],
)
def test_what_is_known_of_a_call_is_what_was_answered(answers: list[Any], known: str) -> None:
    """Once all of it was."""
    session = session_of(asking(questions=["Where?", "When?"]))
    for index, answer in enumerate(answers):
        session.answer(f"call_1#{index}", answer)

    assert known == known_of(questions_of(session, "call_1"))


def test_nothing_is_known_of_what_was_withdrawn() -> None:
    """Nor of what was never asked."""
    session = session_of(CALL)
    session.clear_pending_question("nobody is there")

    assert known_of(questions_of(session, "call_1")) is None
    assert known_of([]) is None
