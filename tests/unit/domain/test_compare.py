from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger import MessageDiff, Place, SessionDiff, ValueDiff
from ledger.domain.compare import compare
from ledger.domain.messages import Messages
from ledger.domain.parts import Message, Question, QuestionStatus
from ledger.domain.view import View

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


def message(name: str, content: str = "", **fields: Any) -> Message:
    """Give a message of that id."""
    return Message(id=name, role="user", content=content or name, created_at=NOON, **fields)


def talk(names: str) -> View:
    """Give a view that holds a message for each letter."""
    return View("s1", version=1, alive=True, messages=Messages(message(name) for name in names))


def ids(differences: tuple[MessageDiff, ...]) -> str:
    """Give the letters of messages that `talk` made."""
    return "".join(each.id for each in differences)


def question(name: str = "c#0", **fields: Any) -> Question:
    """Give a question of the tool call `c`."""
    return Question(id=name, tool_call_id="c", **{"text": "Which?", **fields})


def with_question(*questions: Question) -> View:
    """Give a view that holds these questions."""
    return View("s1", version=1, alive=True, questions={each.id: each for each in questions})


def test_equal_states_have_an_empty_diff() -> None:
    """What is equal is equal, whether it is one object or two, and each count is 0."""
    a, b = talk("abc"), talk("abc")

    for diff in (compare(a, a), compare(a, b)):
        assert diff.is_empty
        assert {0} == set(diff.stat.values())
        assert 3 == diff.messages.unchanged


def test_the_sides_are_named() -> None:
    """Two sessions, each at a version of its own."""
    diff = compare(View("s1", version=7, alive=True), View("fork", version=2, alive=True))

    assert (Place("s1", 7), Place("fork", 2)) == (diff.a, diff.b)
    assert diff.is_empty


@pytest.mark.parametrize(
    ("before", "after", "added", "removed", "moved"),
    [
        ("abc", "abcde", "de", "", ""),
        ("abc", "", "", "abc", ""),
        ("abc", "xabc", "x", "", ""),
        ("abc", "axbyc", "xy", "", ""),
        ("abcde", "ace", "", "bd", ""),
        ("abcde", "bcdea", "", "", "a"),
        ("abcde", "eabcd", "", "", "e"),
        ("abcdef", "adbcef", "", "", "d"),
        ("abcdef", "xfadybc", "xy", "e", "fd"),
    ],
)
def test_messages_are_aligned_by_id(before: str, after: str, added: str, removed: str, moved: str) -> None:
    """An insertion moves nothing, and of what changed its place as few as can be are called moved."""
    found = compare(talk(before), talk(after)).messages

    assert (added, removed, set(moved)) == (ids(found.added), ids(found.removed), set(ids(found.moved)))
    assert len(moved) == len(found.moved)
    assert len(set(before) & set(after)) - len(moved) == found.unchanged
    assert () == found.revised


def test_positions_are_places_in_the_lists() -> None:
    """From 0, in the list of the side that has the message."""
    found = compare(talk("abcd"), talk("xacb")).messages

    assert [("x", None, 0)] == [(each.id, each.position_before, each.position_after) for each in found.added]
    assert [("d", 3, None)] == [(each.id, each.position_before, each.position_after) for each in found.removed]
    assert [("c", 2, 2)] == [(each.id, each.position_before, each.position_after) for each in found.moved]


def test_a_revised_message_has_both_texts() -> None:
    """Before and after, and where it stands in each."""
    a = View("s1", messages=Messages([message("a"), message("b", "to staging")]))
    b = View("s1", messages=Messages([message("x"), message("a"), message("b", "to prod")]))

    (revised,) = compare(a, b).messages.revised

    assert MessageDiff("b", message("b", "to staging"), message("b", "to prod"), 1, 2) == revised


def test_a_message_can_be_revised_and_moved() -> None:
    """It is in both lists, and no longer unchanged."""
    a = View("s1", messages=Messages([message("a"), message("b"), message("c")]))
    b = View("s1", messages=Messages([message("c", "other"), message("a"), message("b")]))

    found = compare(a, b).messages

    assert ("c", "c", 2) == (ids(found.revised), ids(found.moved), found.unchanged)


def test_metadata_of_a_message_is_a_part_of_it() -> None:
    """What differs in type alone differs."""
    a = View("s1", messages=Messages([message("a", metadata={"n": 1})]))
    b = View("s1", messages=Messages([message("a", metadata={"n": True})]))

    assert 1 == compare(a, b).stat["messages_revised"]


ANSWERED = {"status": QuestionStatus.ANSWERED, "answer": "prod"}


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        (None, question(), "asked"),
        (None, question(**ANSWERED), "asked"),
        (question(), question(**ANSWERED), "resolved"),
        (question(), question(status=QuestionStatus.LOST), "resolved"),
        (question(status=QuestionStatus.LOST), question(), "reopened"),
        (question(**ANSWERED), question(), "reopened"),
        (question(**ANSWERED), question(**{**ANSWERED, "answer": "staging"}), "changed"),
        (question(), question(text="Who?"), "changed"),
        (question(), question(text="Who?", **ANSWERED), "changed"),
        (question(), None, "removed"),
    ],
)
def test_questions_are_told_by_what_became_of_them(before: Question | None, after: Question | None, kind: str) -> None:
    """Each is in one list, with how it stands on either side."""
    diff = compare(*(with_question(*([side] if side else [])) for side in (before, after)))

    (found,) = getattr(diff.questions, kind)
    assert ("c#0", before, after) == (found.id, found.before, found.after)
    assert {f"questions_{kind}": 1} == {name: count for name, count in diff.stat.items() if count}


@pytest.mark.parametrize(
    ("name", "fields", "before", "after"),
    [
        ("title", {"title": "Deployment"}, None, "Deployment"),
        ("pinned", {"pinned": True}, False, True),
        ("model", {"model": "gpt-5"}, "", "gpt-5"),
        ("summary", {"summary": {"text": [1]}}, None, {"text": [1]}),
        ("parent", {"parent_session_id": "p"}, None, "p"),
        ("root", {"root_session_id": "r"}, None, "r"),
    ],
)
def test_a_field_that_differs_has_both_values(name: str, fields: dict[str, Any], before: Any, after: Any) -> None:
    """And the others are `None`."""
    diff = compare(View("s1"), View("s1", **fields))

    assert {name: ValueDiff(before, after)} == diff.fields
    assert 1 == diff.stat["fields"]
    assert not diff.is_empty


def test_a_summary_is_compared_typed() -> None:
    """1 and true are two summaries."""
    assert ValueDiff(before=1, after=True) == compare(View("s1", summary=1), View("s1", summary=True)).summary
    assert compare(View("s1", summary=[1]), View("s1", summary=[1])).is_empty


@pytest.mark.parametrize("document", ["metadata", "state"])
def test_documents_are_told_by_path(document: str) -> None:
    """What is missing differs from null, objects are compared at every depth, lists as a whole."""
    before: dict[str, Any] = {"gone": None, "same": [1], "deep": {"a/b": {"~": 1}, "list": [1]}, "null": None}
    after: dict[str, Any] = {"same": [1], "deep": {"a/b": {"~": 1.0}, "list": [1, 2]}, "null": {"a": 1}, "new": None}

    sides: list[dict[str, Any]] = [{document: before}, {document: after}]

    found = getattr(compare(*(View("s1", **side) for side in sides)), document)

    assert {
        "/gone": ("removed", None, None),
        "/deep/a~1b/~0": ("changed", 1, 1.0),
        "/deep/list": ("changed", [1], [1, 2]),
        "/null": ("changed", None, {"a": 1}),
        "/new": ("added", None, None),
    } == {each.path: (each.kind, each.before, each.after) for each in found}


def test_json_has_every_value_and_reads_back() -> None:
    """What is printed validates as the same diff again."""
    a = View(
        "s1", version=3, alive=True, title="x", summary={"n": 1}, metadata={"a": [1]},
        messages=Messages([message("a"), message("b")]), questions={"c#0": question()},
    )  # fmt: skip
    b = View(
        "s2", version=1, alive=True, state={"k": {"l": None}}, messages=Messages([message("b", "new"), message("x")]),
        questions={"c#0": question(**ANSWERED)},
    )  # fmt: skip
    diff = compare(a, b)
    dumped = diff.model_dump(mode="json")

    assert {"session_id": "s1", "version": 3} == dumped["a"]
    assert {"before": "x", "after": None} == dumped["title"]
    assert dumped["pinned"] is None
    assert {"id", "before", "after", "position_before", "position_after"} == set(dumped["messages"]["added"][0])
    assert [{"path": "/a", "kind": "removed", "before": [1], "after": None}] == dumped["metadata"]
    assert "prod" == dumped["questions"]["resolved"][0]["after"]["answer"]
    assert diff == SessionDiff.model_validate_json(diff.model_dump_json())


@pytest.mark.parametrize(
    "change",
    [
        lambda diff: diff.messages.added.append(1),
        lambda diff: diff.metadata[0].after.update(x=1),
        lambda diff: setattr(diff, "title", None),
        lambda diff: setattr(diff.metadata[0], "path", ""),
    ],
    ids=["list", "value", "field", "leaf"],
)
def test_a_diff_is_immutable(change: Callable[[SessionDiff], Any]) -> None:
    """It shares what it tells of with the states, at every depth."""
    diff = compare(View("s1"), View("s1", metadata={"a": {"b": 1}}))

    with pytest.raises((TypeError, AttributeError, ValueError)):
        change(diff)


def test_what_is_shared_is_not_looked_into() -> None:
    """Ten thousand messages that both states hold are told equal without one being compared by content."""

    class Unequalled(Message):
        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = Message.__hash__

    shared = [Unequalled(id=str(number), role="user", created_at=NOON) for number in range(10_000)]
    a = View("s1", version=1, messages=Messages(shared))
    b = View("s1", version=2, messages=Messages([*shared[:9_000], message("new"), *shared[9_000:]]))

    found = compare(a, b).messages

    assert (10_000, "new") == (found.unchanged, ids(found.added))
