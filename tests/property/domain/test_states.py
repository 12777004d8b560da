"""For all states of a session: the diff leads from one to the other, the fold is pure, the text gives it back."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.apply import apply, apply_changes, fold
from ledger.domain.diff import diff
from ledger.domain.events import QuestionLost, StateSet
from ledger.domain.omission import guard, omitted
from ledger.domain.parts import QuestionStatus
from ledger.domain.payload import decode_payload, encode_payload
from ledger.domain.session import Session, session_of
from ledger.domain.values import json_equal
from ledger.domain.view import View
from tests.property.domain.states import AUTHORITATIVE, FEW, JSON, edits, event_on, views

FIELDS = ("title", "pinned", "model", "summary", "parent_session_id", "root_session_id", "metadata", "state")


def picture(view: View) -> Any:
    """Give a deep copy of what a view holds, to see whether someone changed it."""
    return copy.deepcopy((view.metadata, view.state, view.summary, tuple(view.messages), dict(view.questions)))


@FEW
@given(st.data())
def test_the_diff_of_two_states_leads_from_one_to_the_other(data: st.DataObject) -> None:
    """fold(diff(a, b)) on a is b, typed, after the guard put back what was dropped without a reason."""
    a = data.draw(views())
    b, _, _ = data.draw(edits(a, "o"))
    dropped = {
        name: b.questions.pop(name)
        for name in data.draw(st.sets(st.sampled_from(sorted(a.questions) or ["-"])))
        if name in b.questions
    }

    changes = guard("s", diff(a, b, AUTHORITATIVE), "keep")
    result = apply_changes(a, changes)

    assert all(json_equal(getattr(b, name), getattr(result, name)) for name in FIELDS)
    assert tuple(b.messages) == result.messages
    kept = {name: a.questions[name] for name in dropped}
    assert {**b.questions, **kept} == result.questions
    assert {name for name in kept if a.questions[name].is_pending} == set(omitted(changes))
    assert [] == diff(result, session_of(result))


@FEW
@given(st.data())
def test_an_import_may_lose_what_was_dropped(data: st.DataObject) -> None:
    """With `lose`, what another store forgot is lost in the record, and only that."""
    a = data.draw(views())
    b = session_of(a)
    b.questions.clear()

    result = apply_changes(a, guard("s", diff(a, b), "lose"))

    expected = {name: QuestionStatus.LOST if q.is_pending else q.status for name, q in a.questions.items()}
    assert expected == {name: question.status for name, question in result.questions.items()}
    assert all(isinstance(change, QuestionLost) for change in guard("s", diff(a, b), "lose"))


@FEW
@given(st.data())
def test_what_is_stored_is_what_was_saved(data: st.DataObject) -> None:
    """decode(encode(changes)) are the changes, and encode to the same bytes again: the digest stays what it was."""
    view = data.draw(views())
    _, changes, _ = data.draw(edits(view, "o"))

    encoded = encode_payload(changes)
    decoded = decode_payload(encoded).changes

    assert tuple(changes) == decoded
    assert encoded == encode_payload(decoded)
    assert apply_changes(view, changes) == apply_changes(view, decoded)


@FEW
@given(JSON)
def test_any_json_is_stored_as_it_is(value: object) -> None:
    """Whatever Hypothesis thinks of, typed, in the text and back."""
    change = StateSet(path="/a", value=value)

    (decoded,) = decode_payload(encode_payload([change])).changes

    assert change == decoded


@FEW
@given(st.data())
def test_the_fold_is_pure_and_the_same_in_steps(data: st.DataObject) -> None:
    """Nothing given is changed; all events at once make the view that they make one by one."""
    first = data.draw(views())
    view, events, before = first, [], [(first, picture(first))]
    for number in range(3):
        _, changes, _ = data.draw(edits(view, f"e{number}"))
        events.append(event_on(view, changes))
        view = apply(view, events[-1])
        before.append((view, picture(view)))

    assert view == fold(first, events)
    assert view == fold(fold(first, events[:1]), events[1:])
    assert all(json_equal(picture(past), seen) for past, seen in before)


@FEW
@given(st.data())
def test_a_session_is_its_own_copy_of_a_view(data: st.DataObject) -> None:
    """Whatever its owner does to it, the view and other sessions at the view stay as they are."""
    view = data.draw(views())
    before, other = picture(view), session_of(view)
    data.draw(edits(view, "o"))

    assert json_equal(before, picture(view))
    assert other == session_of(view)


@FEW
@given(views())
def test_a_session_survives_json_and_copies(view: View) -> None:
    """Equal, typed, and again at no distance from where it was loaded."""
    session = session_of(view)
    revived = Session.model_validate_json(session.model_dump_json())

    assert session == revived == copy.deepcopy(session) == session.model_copy()
    assert [] == diff(view, revived)
