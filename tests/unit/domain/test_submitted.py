"""What a caller submits: whatever could not be stored, or not be read again, is refused by name."""

import math
from datetime import datetime
from typing import Any

import pytest

from ledger.domain.apply import apply_changes
from ledger.domain.session import Message, Question, Session, ToolCall
from ledger.domain.values import MAX_DEPTH
from ledger.errors import InvalidSession
from tests.unit.domain.meeting import Edit, changes_of, first, put, said


def keep(**fields: Any) -> Edit:
    """Give the edit that makes session state hold `fields`."""
    return put(state=fields)


def question(**fields: Any) -> Edit:
    """Give the edit that puts a question of these fields in the place of the open one."""

    def edit(session: Session) -> None:
        session.questions["a#0"] = session.questions["a#0"].model_copy(update=fields)

    return edit


OTHER = Question(id="b#0", tool_call_id="b", text="Other?")


class LoudMessage(Message):
    volume: int = 11


ENDLESS: dict[str, Any] = {}
ENDLESS["self"] = ENDLESS


@pytest.mark.parametrize(
    ("edit", "path", "problem"),
    [
        (put(title=5), "/title", "a int, not text"),
        (put(title="\ud800"), "/title", "lone surrogate"),
        (put(pinned="yes"), "/pinned", "not true or false"),
        (put(model=None), "/model", "not text"),
        (put(summary={"a": math.nan}), "/summary/a", "nan is not JSON"),
        (put(parent_session_id=5), "/parent_session_id", "not text"),
        (put(messages="ab"), "/messages", "a str, not a list"),
        (put(messages=["a"]), "/messages/0", "a str, not a Message"),
        (put(messages=[said("a"), said("a")]), "/messages/1", "'a' appears twice"),
        (put(messages=[said("m"), said("m")]), "/messages/1", "'m' appears twice"),
        (put(messages=[said("a\0b")]), "/messages/0/id", "holds a NUL"),
        (put(messages=[said("")]), "/messages/0/id", "empty"),
        (put(messages=[said("m"), said("a", metadata={"x": [math.inf]})]), "/messages/1/metadata/x/0", "inf"),
        (put(messages=[said("a", parts=[{"x": object()}])]), "/messages/0/parts/0/x", "type object"),
        (put(messages=[said("a", native={1: 2})]), "/messages/0/native", "JSON keys are text"),
        (
            put(messages=[said("a", tool_calls=[ToolCall(id="c", name="f", arguments={"x": math.nan})])]),
            "/messages/0/tool_calls/0/arguments/x",
            "nan",
        ),
        (put(messages=[LoudMessage(role="user")]), "/messages/0", "a LoudMessage, not a Message"),
        (put(messages=[Message.model_construct(id="a")]), "/messages/0", "a Message without role"),  # type: ignore[call-arg]  # on purpose
        (put(questions=[]), "/questions", "a list, not a dict"),
        (put(questions={"b#0": "x"}), "/questions/b#0", "a str, not a Question"),
        (put(questions={"c#0": OTHER}), "/questions/c#0", "the key is 'c#0'"),
        (put(questions={5: OTHER}), "/questions/5", "the key is 5"),
        (
            put(questions={"x": Question(id="x", tool_call_id="b", text="Other?")}),
            "/questions/x/id",
            "the id of question 0 of b is b#0",
        ),
        (question(text="Who?"), "/questions/a#0", "text cannot change"),
        (question(options=["x"]), "/questions/a#0", "cannot change"),
        (question(answer="yes"), "/questions/a#0", "pending has no answer"),
        (question(status="withdrawn", answer=1), "/questions/a#0", "withdrawn has no answer"),
        (question(status="expired", reason="r", answer=1), "/questions/a#0", "expired has no answer and reason"),
        (question(status="superseded"), "/questions/a#0", "none supersedes it"),
        (question(status="answered", answer={"x": math.nan}), "/questions/a#0/answer/x", "nan"),
        (put(metadata=[]), "/metadata", "a list, not a dict"),
        (put(metadata={"k": {1, 2}}), "/metadata/k", "type set"),
        (put(state=None), "/state", "a NoneType, not a dict"),
        (put(state={1: 2}), "/state", "the key 1"),
        (put(state={"d": {"a": {b"x": 1}}}), "/state/d/a", "JSON keys are text"),
        (put(state={"d": ENDLESS}), "/state/d/self/self", f"more than {MAX_DEPTH} levels"),
    ],
)
def test_what_cannot_be_stored_is_named(edit: Edit, path: str, problem: str) -> None:
    """`InvalidSession`, with the session, the place and the reason, and nothing was written."""
    base = first(lambda s: [s.add_message(said("m")), s.ask("a", "Which?"), s.state.update(d={"a": {}})])

    with pytest.raises(InvalidSession) as caught:
        changes_of(base, edit)

    error = caught.value
    assert "s" == error.session_id
    assert error.path.startswith(path)
    assert problem in error.problem
    assert "nothing was written" in str(error)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"tool_success": "yes"}, "/messages/0/tool_success"),
        ({"created_at": datetime(2026, 1, 1)}, "/messages/0/created_at"),  # noqa: DTZ001 - on purpose
        ({"created_at": "2026-01-01"}, "/messages/0/created_at"),
        ({"parts": {}}, "/messages/0/parts"),
        ({"metadata": []}, "/messages/0/metadata"),
        ({"native": 5}, "/messages/0/native"),
        ({"tool_calls": None}, "/messages/0/tool_calls"),
        ({"tool_calls": [{"id": "c", "name": "f"}]}, "/messages/0/tool_calls/0"),
        ({"role": None}, "/messages/0/role"),
        ({"reasoning": 5}, "/messages/0/reasoning"),
        ({"reasoning": "\ud83d"}, "/messages/0/reasoning"),
        ({"tool_call_id": "\ud83d"}, "/messages/0/tool_call_id"),
    ],
)
def test_a_message_that_nobody_checked_is_checked(fields: dict[str, Any], path: str) -> None:
    """`model_construct` takes anything, but what is stored has to be readable for ever."""
    message = Message.model_construct(**{**said("a").__dict__, **fields})

    with pytest.raises(InvalidSession) as caught:
        changes_of(first(), put(messages=[message]))

    assert path == caught.value.path


@pytest.mark.parametrize("status", ["answered", "withdrawn", "expired", "superseded"])
def test_an_outcome_cannot_be_changed(status: str) -> None:
    """Neither back to pending nor into another outcome, nor in what it says."""

    def resolved(session: Session) -> None:
        session.ask("a", "Which?")
        if status == "superseded":
            session.ask("b", "Better?", supersedes="a#0")
        elif status == "answered":
            session.answer("a#0", "yes")
        elif status == "withdrawn":
            session.withdraw("a#0", "no")
        else:
            session.expire("a#0")

    base = first(resolved)
    changes: list[dict[str, Any]] = [
        {"status": "pending", "answer": None, "reason": None},
        {"status": "lost", "answer": None, "reason": None},
        {"status": "answered", "answer": "no", "reason": None},
        {"resolved_by": "someone else"},
    ]
    for fields in changes:
        with pytest.raises(InvalidSession, match=f"the question is {status} already"):
            changes_of(base, question(**fields))


def test_extensions_name_the_place_in_the_whole_list() -> None:
    """The path of what is wrong is that in the session, not in the addition."""
    base = first(keep(l=[1, 2, 3]))

    with pytest.raises(InvalidSession) as caught:
        changes_of(base, keep(l=[1, 2, 3, 4, {"x": math.nan}]))

    assert "/state/l/4/x" == caught.value.path


def test_depth_counts_from_the_document() -> None:
    """A session does not grow deeper than what can be read by going a level deeper with every save."""
    view = first(keep(a={}))
    levels = 2  # the state, and what is in it

    def deepen(session: Session) -> None:
        node: Any = session.state
        for _ in range(levels - 1):
            node = node["a"]
        node["a"] = {}

    while levels < MAX_DEPTH:
        view = apply_changes(view, changes_of(view, deepen))
        levels += 1

    with pytest.raises(InvalidSession, match="levels deep"):
        changes_of(view, deepen)
