"""For all pairs of states: what `compare` tells is enough to make the one of the other, and no more than is needed."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.apply import apply
from ledger.domain.compare import compare
from ledger.domain.document import Document
from ledger.domain.parts import Message
from ledger.domain.session_diff import MessagesDiff, PathDiff, SessionDiff
from ledger.domain.values import json_equal, thaw
from ledger.domain.view import View
from tests.property.domain.states import FEW, edits, event_on, views

FIELDS = {
    "title": "title",
    "pinned": "pinned",
    "model": "model",
    "summary": "summary",
    "parent": "parent_session_id",
    "root": "root_session_id",
}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[View, View]:
    """Give two states: two moments of one history, either way round, or two of which neither knows the other."""
    a = draw(views())
    if draw(st.booleans()):
        b = draw(views())
    else:
        b = a
        for number in range(draw(st.integers(1, 2))):
            _, changes, _ = draw(edits(b, f"e{number}"))
            b = apply(b, event_on(b, changes))
    return (b, a) if draw(st.booleans()) else (a, b)


def rebuilt_messages(before: Sequence[Message], diff: MessagesDiff) -> list[Message]:
    """Take out what went or moved, revise the rest, and put what came or moved to its position."""
    gone = {each.id for each in (*diff.removed, *diff.moved)}
    revised = {each.id: each.after for each in diff.revised}
    messages = [revised.get(message.id) or message for message in before if message.id not in gone]
    for each in sorted((*diff.added, *diff.moved), key=lambda each: each.position_after or 0):
        assert each.after is not None
        assert each.position_after is not None
        messages.insert(each.position_after, each.after)
    return messages


def rebuilt_document(before: Any, differences: Sequence[PathDiff]) -> Any:
    """Make each difference at its path."""
    document = Document(before)
    for each in differences:
        if each.kind == "removed":
            document.remove(each.path)
        else:
            document.set(each.path, thaw(each.after))
    return document.root


@FEW
@given(pairs())
def test_what_a_diff_tells_makes_b_of_a(pair: tuple[View, View]) -> None:
    """Fields, messages in their order, questions and documents: all of `b` follows from `a` and the diff."""
    a, b = pair
    diff = compare(a, b)

    for name, field in FIELDS.items():
        told = getattr(diff, name)
        assert json_equal(getattr(b, field), told.after if told else getattr(a, field))
    assert list(b.messages) == rebuilt_messages(a.messages, diff.messages)
    questions = dict(a.questions)
    for each in diff.questions.removed:
        del questions[each.id]
    for kind in ("asked", "resolved", "reopened", "changed"):
        questions |= {each.id: each.after for each in getattr(diff.questions, kind)}
    assert dict(b.questions) == questions
    assert json_equal(b.metadata, rebuilt_document(a.metadata, diff.metadata))
    assert json_equal(b.state, rebuilt_document(a.state, diff.state))


def turned_round(diff: SessionDiff) -> dict[str, int]:
    """Give the counts of the diff that leads back."""
    names = {
        "messages_added": "messages_removed",
        "messages_removed": "messages_added",
        "questions_asked": "questions_removed",
        "questions_removed": "questions_asked",
        "questions_resolved": "questions_reopened",
        "questions_reopened": "questions_resolved",
    }
    return {names.get(name, name): count for name, count in diff.stat.items()}


@FEW
@given(pairs())
def test_the_way_back_is_as_long(pair: tuple[View, View]) -> None:
    """From `b` to `a` what was added is removed, and as much is revised and moved; only equal states have no diff."""
    a, b = pair
    diff = compare(a, b)

    assert turned_round(diff) == compare(b, a).stat
    assert compare(a, a).is_empty
    assert compare(b, b).is_empty


@FEW
@given(pairs())
def test_no_fewer_messages_could_have_moved(pair: tuple[View, View]) -> None:
    """Of the messages that both hold, no larger part stands in one order in both."""
    a, b = pair
    moved = {each.id for each in compare(a, b).messages.moved}
    place = {message.id: number for number, message in enumerate(a.messages)}
    kept = [place[message.id] for message in b.messages if message.id in place]

    longest = max(
        (size for size in range(len(kept) + 1) if any(list(c) == sorted(c) for c in combinations(kept, size))),
    )

    assert len(kept) - longest == len(moved)


@FEW
@given(pairs())
def test_each_difference_is_told_once(pair: tuple[View, View]) -> None:
    """Every message and question is counted where it belongs; nothing that is told is the same on both sides."""
    a, b = pair
    diff = compare(a, b)
    found = diff.messages

    both = {each.id for each in (*found.revised, *found.moved)}
    assert len(b.messages) == found.unchanged + len(found.added) + len(both)
    assert len(a.messages) == found.unchanged + len(found.removed) + len(both)
    assert [] == [each for each in found.revised if each.before == each.after]
    told = [each.id for kind in found_questions(diff) for each in kind]
    assert sorted(told) == sorted(
        name for name in {*a.questions, *b.questions} if a.questions.get(name) != b.questions.get(name)
    )
    for each in (*diff.metadata, *diff.state):
        assert each.kind != "changed" or not json_equal(each.before, each.after)
    assert diff == SessionDiff.model_validate_json(diff.model_dump_json())


def found_questions(diff: SessionDiff) -> list[Any]:
    """Give the lists of questions."""
    return [getattr(diff.questions, kind) for kind in type(diff.questions).model_fields]
