"""What ADK's events do to the questions of a session."""

from __future__ import annotations

from typing import Any

import pytest
from google.adk.events import Event
from google.adk.events._interrupts import index_open_interrupts
from google.adk.events._rewind_events import _apply_rewinds
from hypothesis import given

from ledger import Session
from ledger.adapters.adk_questions import Asked, outcomes_of, settle
from tests.unit.adapters.adk_samples import WAITING, event


def _call(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    return {"function_call": {"id": call_id, "name": name, "args": arguments}}


def _response(call_id: str, name: str = "ask_user", **response: Any) -> dict[str, Any]:
    return {"function_response": {"id": call_id, "name": name, "response": response}}


def _asks(part: dict[str, Any]) -> dict[str, Any]:
    return event(part, long_running_tool_ids=[part["function_call"]["id"]])


def _played(*events: dict[str, Any]) -> Session:
    session = Session.new("s1", model="")
    for place, each in enumerate(events):
        settle(session, outcomes_of(each, lambda before=events[:place]: list(before)))  # type: ignore[misc]
    return session


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            _call("c1", "ask_user", question="Which?", options=["a", "b"]),
            Asked("c1", "Which?", "clarification", ("a", "b"), "ask_user"),
        ),
        (
            _call("c1", "get_user_choice", options=["a", "b"]),
            Asked("c1", "Which one?", "clarification", ("a", "b"), "get_user_choice"),
        ),
        (
            _call("c1", "adk_request_input", message="How many?"),
            Asked("c1", "How many?", "clarification", (), "adk_request_input"),
        ),
        (
            _call("c1", "book_flight", to="Ulm", seats=2),
            Asked("c1", 'It waits for book_flight(to="Ulm", seats=2)', "long_running", (), "book_flight"),
        ),
        (
            _call(
                "c1",
                "adk_request_confirmation",
                originalFunctionCall={"id": "c0", "name": "delete", "args": {"path": "/x"}},
                toolConfirmation={"hint": "Really?"},
            ),
            Asked("c1", 'Really? delete(path="/x")', "confirmation", ("confirm", "reject"), "adk_request_confirmation"),
        ),
        (
            _call("c1", "adk_request_credential", authConfig={"secret": "x"}),
            Asked("c1", "A tool needs a credential", "credential", (), "adk_request_credential"),
        ),
    ],
)
def test_a_call_that_is_waited_for_is_a_question(part: dict[str, Any], expected: Asked) -> None:
    """What it asks is what its arguments say, or else what it is."""
    assert [expected] == outcomes_of(_asks(part), list)


def test_a_call_that_is_not_waited_for_is_none() -> None:
    """A tool that comes back at once asks nothing."""
    assert [] == outcomes_of(event(_call("c1", "look_up")), list)


def test_an_id_without_its_call_is_waited_for_all_the_same() -> None:
    """ADK goes by the ids, so nothing that it waits for is missing from the questions."""
    assert [Asked("c9", "It waits for the call c9", "long_running")] == outcomes_of(
        event(long_running_tool_ids=["c9"]), list
    )


def test_what_a_person_answers_is_the_answer() -> None:
    """It is written without the wrapping that ADK puts around a single value."""
    session = _played(_asks(_call("c1", "ask_user")), event(_response("c1", result="staging"), author="user"))

    (question,) = session.questions.values()
    assert ("answered", "staging", "user") == (question.status, question.answer, question.resolved_by)


def test_what_a_tool_says_meanwhile_is_no_answer() -> None:
    """A tool that takes long says that it is pending, and its question stays so."""
    session = _played(_asks(_call("c1", "book_flight")), event(_response("c1", "book_flight", status="pending")))

    assert ["c1#0"] == [question.id for question in session.pending_questions]


def test_a_confirmation_is_answered_with_all_that_was_said() -> None:
    """Whether it was confirmed, and what came with it, is the answer."""
    session = _played(
        _asks(_call("c1", "adk_request_confirmation")),
        event(_response("c1", "adk_request_confirmation", confirmed=True, payload={"n": 1}), author="user"),
    )

    assert {"confirmed": True, "payload": {"n": 1}} == session.questions["c1#0"].answer


def test_a_credential_is_written_nowhere_else() -> None:
    """That there is an answer is known; the secret is in the event alone."""
    session = _played(
        _asks(_call("c1", "adk_request_credential")),
        event(_response("c1", "adk_request_credential", exchangedAuthCredential={"apiKey": "secret"}), author="user"),
    )

    assert "secret" not in session.model_dump_json()
    assert "answered" == session.questions["c1#0"].status


def test_an_id_that_is_used_again_asks_again() -> None:
    """A loop may wait for one id each time around; each time is a question."""
    session = _played(
        _asks(_call("c1", "ask_user", question="One?")),
        event(_response("c1", result="1"), author="user"),
        _asks(_call("c1", "ask_user", question="Two?")),
    )

    assert [("c1#0", "answered"), ("c1#1", "pending")] == [
        (each.id, each.status) for each in session.questions.values()
    ]


def test_of_two_calls_with_one_id_the_one_that_asks_is_the_question() -> None:
    """Whichever of them comes last."""
    for calls in (("adk_request_input", "look_up"), ("look_up", "adk_request_input")):
        session = _played(event(*(_call("c1", name, message=f"{name}?") for name in calls)))

        assert ["adk_request_input?"] == [question.text for question in session.pending_questions]


def test_a_rewind_takes_questions_back() -> None:
    """What was asked in the rewound invocations is withdrawn, and says why."""
    session = _played(
        {**_asks(_call("c1", "ask_user")), "invocation_id": "i1"},
        {**_asks(_call("c2", "ask_user")), "invocation_id": "i2"},
        event(author="user", invocation_id="i3", actions={"rewind_before_invocation_id": "i2"}),
    )

    assert ["c1#0"] == [question.id for question in session.pending_questions]
    gone = session.questions["c2#0"]
    assert ("withdrawn", "rewound to before i2", "user") == (gone.status, gone.reason, gone.resolved_by)


def test_a_rewind_asks_again_what_had_been_answered() -> None:
    """A question whose answer was rewound is open again, as a question of its own."""
    session = _played(
        {**_asks(_call("c1", "ask_user", question="Which?")), "invocation_id": "i1"},
        {**event(_response("c1", result="this"), author="user"), "invocation_id": "i2"},
        event(author="user", invocation_id="i3", actions={"rewind_before_invocation_id": "i2"}),
    )

    assert [("c1#1", "Which?")] == [(question.id, question.text) for question in session.pending_questions]
    assert "this" == session.questions["c1#0"].answer


@given(events=WAITING)
def test_what_is_pending_is_what_adk_waits_for(events: list[dict[str, Any]]) -> None:
    """After any events, rewinds among them, the calls of the pending questions are those that ADK takes for open."""
    session = _played(*events)

    standing = _apply_rewinds([Event.model_validate(each) for each in events])
    assert set(index_open_interrupts(standing)) == {each.tool_call_id for each in session.pending_questions}
