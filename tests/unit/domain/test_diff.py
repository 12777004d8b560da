"""The changes between two states: what they are, and what they cost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.domain import diff_messages as diff_messages_module
from ledger.domain import events as e
from ledger.domain.apply import apply_changes
from ledger.domain.diff import diff
from ledger.domain.events import Change
from ledger.domain.session import Message, Session, session_of
from ledger.domain.view import View
from tests.unit.domain.meeting import AUTHORITATIVE, START, Edit, changes_of, first, holding, put, said


def types(changes: list[Change]) -> list[str]:
    """Give what sort of changes they are."""
    return [change.type for change in changes]


def keep(**fields: Any) -> Edit:
    """Give the edit that makes session state hold `fields`."""
    return put(state=fields)


def test_an_unchanged_session_has_no_changes() -> None:
    """Whatever it holds; and whatever it holds again, equal but another object."""
    view = first(lambda s: [s.add_message(said("a")), s.ask("c", "Which?"), s.state.update(a=[1]), put(summary=[1])(s)])

    assert [] == diff(view, session_of(view))
    assert [] == diff(view, view)
    assert [] == diff(view, Session.model_validate_json(session_of(view).model_dump_json()))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (put(title="t"), [e.TitleChanged(title="t")]),
        (put(pinned=True), [e.PinnedChanged(pinned=True)]),
        (put(model="n"), [e.ModelChanged(model="n")]),
        (put(summary=[1]), [e.SummaryChanged(summary=[1])]),
        (put(parent_session_id="p"), [e.ParentChanged(parent_session_id="p", root_session_id=None)]),
        (put(root_session_id="r"), [e.ParentChanged(parent_session_id=None, root_session_id="r")]),
        (put(metadata={"a": 1}), [e.MetadataSet(path="/a", value=1)]),
        (put(metadata={"owner": {"x": 1}}), [e.MetadataSet(path="/owner", value={"x": 1}, authoritative=True)]),
        (keep(a=1), [e.StateSet(path="/a", value=1)]),
        (holding("a"), [e.MessageAppended(message=said("a"))]),
    ],
)
def test_one_edit_is_one_change(edit: Edit, expected: list[Change]) -> None:
    """Each field has its own, in the past tense."""
    assert expected == changes_of(first(), edit)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {}, [e.StateRemoved(path="/a")]),
        ({"a": 1}, {"a": 1.0}, [e.StateSet(path="/a", value=1.0)]),
        ({"a": 1}, {"a": True}, [e.StateSet(path="/a", value=True)]),
        ({"d": {"a": 1, "b": 1}}, {"d": {"a": 2, "b": 1}}, [e.StateSet(path="/d/a", value=2)]),
        ({"d": {"a": 1}}, {"d": {}}, [e.StateRemoved(path="/d/a")]),
        ({"d": {"a": 1}}, {"d": [1]}, [e.StateSet(path="/d", value=[1])]),
        ({"d": [1]}, {"d": {"a": 1}}, [e.StateSet(path="/d", value={"a": 1})]),
        ({"l": [1]}, {"l": [1, 2, 3]}, [e.StateExtended(path="/l", values=[2, 3])]),
        ({"l": []}, {"l": [1]}, [e.StateExtended(path="/l", values=[1])]),
        ({"l": [1]}, {"l": (1, 2)}, [e.StateExtended(path="/l", values=[2])]),
        ({"l": [1, 2]}, {"l": [2]}, [e.StateSet(path="/l", value=[2])]),
        ({"l": [1]}, {"l": [1.0, 2]}, [e.StateSet(path="/l", value=[1.0, 2])]),
        ({"l": [{"a": 1}]}, {"l": [{"a": 2}]}, [e.StateSet(path="/l", value=[{"a": 2}])]),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, [e.StateSet(path="/a~1b/~0", value=2)]),
        ({"": {"": 1}}, {"": {"": 2}}, [e.StateSet(path="//", value=2)]),
        ({"a": None}, {}, [e.StateRemoved(path="/a")]),
    ],
)
def test_json_is_compared_by_path(before: dict[str, Any], after: dict[str, Any], expected: list[Change]) -> None:
    """Objects key by key at every depth; a list that only grew by what it grew; any other list as a whole."""
    base = first(keep(**before))

    changes = changes_of(base, keep(**after))

    assert expected == changes
    assert json_of(after) == apply_changes(base, changes).state


def json_of(value: Any) -> Any:
    """Give what JSON makes of it."""
    if isinstance(value, dict):
        return {key: json_of(item) for key, item in value.items()}
    return [json_of(item) for item in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "ab", ["message_appended", "message_appended"]),
        ("ab", "abc", ["message_appended"]),
        ("ab", "xab", ["message_inserted"]),
        ("ab", "axyb", ["message_inserted", "message_inserted"]),
        ("ab", "axby", ["message_inserted", "message_appended"]),
        ("abc", "ac", ["message_removed"]),
        ("abc", "", ["message_removed"] * 3),
        ("abc", "cba", ["messages_reordered"]),
        ("abcd", "bacd", ["messages_reordered"]),
        ("abc", "xc", ["message_removed", "message_removed", "message_inserted"]),
        ("abc", "cxa", ["message_removed", "messages_reordered", "message_inserted"]),
        ("ab", "xy", ["message_removed", "message_removed", "message_appended", "message_appended"]),
    ],
)
def test_messages_are_aligned_by_id(before: str, after: str, expected: list[str]) -> None:
    """What went, what moved, what came; what stayed is not mentioned, and the fold gives the list."""
    base = first(holding(before))
    changes = changes_of(base, holding(after))

    assert expected == types(changes)
    assert tuple(after) == tuple(message.id for message in apply_changes(base, changes).messages)


def test_a_reordering_names_only_what_moved() -> None:
    """Two that changed places in a long list are two ids."""
    (change,) = changes_of(first(holding("abcdefgh")), holding("abcgefdh"))

    assert e.MessagesReordered(order=["g", "d"]) == change


def test_the_metadata_of_a_message_is_changed_by_path() -> None:
    """So that two writers who edit different keys of it both stand; the rest of a message is revised as a whole."""
    base = first(lambda s: s.add_message(said("a", metadata={"k": [1], "l": 1})))

    def edit(session: Session) -> None:
        session.messages[0] = session.messages[0].model_copy(update={"metadata": {"k": [1, 2], "m": 1}, "content": "x"})

    revised, *rest = changes_of(base, edit)

    assert isinstance(revised, e.MessageRevised)
    assert ("x", {"k": [1], "l": 1}) == (revised.message.content, revised.message.metadata)
    assert [
        e.MessageMetadataRemoved(message_id="a", path="/l"),
        e.MessageMetadataExtended(message_id="a", path="/k", values=[2]),
        e.MessageMetadataSet(message_id="a", path="/m", value=1),
    ] == rest


def test_an_equal_message_is_no_change() -> None:
    """Another object that says the same."""
    base = first(holding("ab"))

    assert [] == changes_of(base, lambda s: s.messages.__setitem__(0, Message(**s.messages[0].model_dump())))


def test_questions_are_asked_before_any_is_resolved() -> None:
    """So that each resolution finds what it speaks of."""

    def edit(session: Session) -> None:
        session.ask("a", "One?")
        session.answer("a", {"x": (1,)}, by="ann")
        session.ask("b", "Two?")
        session.ask("b", "Three?", supersedes="b")
        session.ask("c", "Four?")
        session.withdraw("c", "no", by="agent")
        session.ask("d", "Five?")
        session.expire("d", by="timer")

    changes = changes_of(first(), edit)

    assert ["question_asked"] * 5 == types(changes[:5])
    assert all(change.question.is_pending for change in changes[:5] if isinstance(change, e.QuestionAsked))
    assert [
        e.QuestionAnswered(question_id="a#0", answer={"x": [1]}, by="ann"),
        e.QuestionSuperseded(question_id="b#0", superseded_by="b#1"),
        e.QuestionWithdrawn(question_id="c#0", reason="no", by="agent"),
        e.QuestionExpired(question_id="d#0", by="timer"),
    ] == changes[5:]


def test_a_question_that_vanished_is_omitted_and_a_resolved_one_is_put_back() -> None:
    """A pending one needs a reason to go; a resolved one is history, and comes back without a word."""

    def two(session: Session) -> None:
        session.ask("a", "One?")
        session.ask("b", "Two?")
        session.answer("b", 1)

    base = first(two)
    changes = changes_of(base, lambda s: s.questions.clear())

    assert [e.QuestionOmitted(question_id="a#0")] == changes
    assert base.questions == apply_changes(base, changes).questions


def test_the_lost_and_recovered() -> None:
    """Imports lose and find questions; whoever resolves a lost one recovers it first."""
    base = first(lambda s: s.ask("a", "One?"))
    lose: Edit = lambda s: s.questions.update({"a#0": s.questions["a#0"].model_copy(update={"status": "lost"})})  # noqa: E731

    def find_and_answer(session: Session) -> None:
        session.recover("a#0")
        session.answer("a#0", 1)

    lost = apply_changes(base, changes_of(base, lose))

    assert [e.QuestionLost(question_id="a#0")] == changes_of(base, lose)
    assert [e.QuestionRecovered(question_id="a#0")] == changes_of(lost, lambda s: s.recover("a#0"))
    assert ["question_recovered", "question_answered"] == types(changes_of(lost, find_and_answer))


def test_enumerations_are_stored_once() -> None:
    """The value of an enumeration in the state is no change at every later save."""
    from http import HTTPMethod, HTTPStatus

    base = first(keep(method="GET", status=200))

    assert [] == changes_of(base, keep(method=HTTPMethod.GET, status=HTTPStatus.OK))


def test_a_diff_reads_only() -> None:
    """Pure: neither side is changed, and nothing in the changes is the caller's own."""
    base = first(keep(a=[1]))
    session = session_of(base)
    session.state["b"] = inner = {"x": [1]}

    changes = diff(base, session)
    inner["x"].append(2)

    assert [e.StateSet(path="/b", value={"x": [1]})] == changes
    assert {"a": [1]} == base.state


def test_comparing_ten_thousand_messages_compares_pointers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A save costs what changed: an unchanged message is the same object, and nobody looks into it."""
    base = first(lambda s: s.messages.extend(said(f"m{number}") for number in range(10_000)))
    session = session_of(base)
    session.add_message(said("new"))

    def look(one: Any, other: Any) -> bool:
        assert getattr(one, "id", 1) != getattr(other, "id", 2), "someone looked into an unchanged message"
        return False

    monkeypatch.setattr(Message, "__eq__", look)
    monkeypatch.setattr(diff_messages_module, "json_equal", look)

    assert ["message_appended"] == types(diff(base, session))
    del session.messages[5_000]
    assert ["message_removed", "message_appended"] == types(diff(base, session))
    session.messages.clear()
    assert 10_000 == len(diff(base, session))


def test_removing_ten_thousand_messages_is_linear() -> None:
    """Each removal costs the same, however long the list is."""
    base = first(lambda s: s.messages.extend(said(f"m{number}") for number in range(10_000)))

    emptied = apply_changes(base, changes_of(base, lambda s: s.messages.clear()))
    kept = apply_changes(base, changes_of(base, lambda s: s.messages.__delitem__(slice(0, 9_999))))

    assert () == emptied.messages
    assert ["m9999"] == [message.id for message in kept.messages]


def test_authoritative_marks_are_per_key() -> None:
    """The first key of the path decides, whole names only."""
    view = View("s", alive=True, created_at=datetime(2026, 1, 1, tzinfo=UTC), updated_at=START)
    after = session_of(view)
    after.metadata.update({"owner": {"a": 1}, "owners": 1, "a/b": 1})

    marks = {
        change.path: change.authoritative
        for change in diff(view, after, AUTHORITATIVE | {"a/b"})
        if isinstance(change, e.MetadataSet)
    }

    assert {"/owner": True, "/owners": False, "/a~1b": True} == marks
