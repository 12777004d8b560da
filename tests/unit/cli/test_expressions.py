"""JMESPath on the command line: what is no expression is pointed at, and what has no value says why."""

from __future__ import annotations

import json
from typing import Any

import pytest

import ledger
from ledger import Message, Session
from ledger.cli.expressions import Documents, MalformedExpression, Unevaluable, is_true, read_expression


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 0, "it is empty"),
        ("messages[?role ==", 17, "it ends too early"),
        ("a b", 2, "this is not expected here"),
        ("messages[?x == 3]", 15, "a number is written `3`, with the backticks"),
        ("a[?b == 'x]", 8, "unclosed ' delimiter"),
        ("#", 0, "unknown token #"),
        ("title || foo(@)", 9, "there is no function foo()"),
        ("[length(@, @)]", 1, "length() takes 1 argument, not 2"),
        ("{a: not_null()}", 4, "not_null() takes at least 1 argument, not 0"),
        ("(" * 5000 + "a", 0, "it is nested too deeply"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_expression_is_pointed_at(text: str, position: int, says: str) -> None:
    """Before anything is loaded, and with the place as a value too."""
    with pytest.raises(MalformedExpression) as raised:
        read_expression(text)

    assert says in raised.value.message
    assert (text, position) == (raised.value.expression, raised.value.position)
    assert 2 == raised.value.exit_code


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a..b", ["  a..b", "    ^"]),
        ("'ä漢' b", ["  'ä漢' b", "        ^"]),
        ("a\n\tb", ["  a  b", "     ^"]),
        ("'\x1b[2J' b", ["  ' [2J' b", "         ^"]),
    ],
)
def test_the_caret_stands_below_the_place(text: str, lines: list[str]) -> None:
    """In columns of the terminal, which wide characters take two of; on one line, whatever is in it."""
    with pytest.raises(MalformedExpression) as raised:
        read_expression(text)

    assert lines == raised.value.message.splitlines()[1:]


def test_of_a_long_expression_the_place_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caret is of no use on another line of the terminal than what it points at."""
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(MalformedExpression) as raised:
        read_expression("a || " * 40 + "b c" + " || d" * 40)
    _, shown, caret = raised.value.message.splitlines()

    assert "c" == shown[caret.index("^")]
    assert len(shown) <= 40


@pytest.mark.parametrize(
    ("text", "document", "expected"), [("a.b", {"a": {"b": 1}}, 1), ("a", {}, None), ("a", None, None)]
)
def test_an_expression_has_a_value(text: str, document: Any, expected: Any) -> None:
    """What is not there is null, as JMESPath has it."""
    assert expected == read_expression(text).value(document)


def test_where_there_is_no_session_functions_give_null() -> None:
    """A deletion in the middle of a history does not end a watch."""
    assert read_expression("length(messages)").value(None) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("length(title)", r"length\(\) takes string or array or object, not null"),
        ("messages[::0]", "zero|step"),
        ("sort_by(messages, &x)", "sort_by"),
    ],
)
def test_what_has_no_value_says_why(text: str, says: str) -> None:
    """In a sentence of its own, and not as a traceback."""
    with pytest.raises(Unevaluable, match=says):
        read_expression(text).value({"title": None, "messages": [{"x": 1}, {"x": "a"}]})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (False, False),
        ("", False),
        ([], False),
        ({}, False),
        (0, True),
        (0.0, True),
        ("a", True),
        ([0], True),
    ],
)
def test_truth_is_that_of_jmespath(value: Any, expected: bool) -> None:  # noqa: FBT001 - a table
    """Zero is true: it is a value."""
    assert expected is is_true(value)


def test_documents_are_what_a_session_dumps() -> None:
    """However much of the one before it is used again."""
    session = Session.new("s1", "gpt-5", metadata={"a": [1]})
    documents = Documents()
    expected, found = [], []
    for number in range(3):
        session.add_message(Message.user(str(number)))
        if number == 1:
            session.messages[0] = Message.assistant("other", id=session.messages[0].id)
            session.ask("call_1", "Which?")
        found.append(json.dumps(documents.of(session)))
        expected.append(json.dumps(session.model_dump(mode="json")))

    assert expected == found
    assert documents.of(None) is None


def test_documents_follow_a_replay() -> None:
    """Messages of versions that are gone are never taken for those of another version."""
    with ledger.open("sqlite://") as book:
        session = Session.new("s1", "gpt-5")
        for number in range(20):
            session.messages[:] = [Message.user(f"{number} {place}", id=str(place)) for place in range(number % 4)]
            book.save(session)
        documents = Documents()

        for step in book.replay("s1"):
            assert step.after is not None
            assert documents.of(step.after) == step.after.model_dump(mode="json")
