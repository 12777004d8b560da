"""For all meetings of two writers: nothing is lost, nothing is there twice, and what gave way is in the record."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.apply import apply_changes
from ledger.domain.diff_json import diff_json
from ledger.domain.events import Change, Event
from ledger.domain.merge import rebase
from ledger.domain.payload import decode_payload, encode_payload
from ledger.domain.values import json_equal, split
from ledger.domain.view import View
from tests.property.domain.states import FEW, edits, meetings, views

NOTHING = object()

Met = tuple[View, list[Event], View, View, list[Change], frozenset[str]]


def rebased(met: Met, authority: Any = "runtime") -> tuple[list[Change], View, list[tuple[str, Any]]]:
    """Give the rebased changes, the merged view, and what gave way by path."""
    base, events, head, ours, changes, defaulted = met
    result = rebase(base, ours, head, changes, events, writer="w", authority=authority, defaulted=defaulted)
    return (
        result.changes,
        apply_changes(head, result.changes),
        [(change.path, change.value) for change in result.overruled],
    )


def at(root: Any, pointer: str) -> Any:
    """Give what a pointer points at."""
    for key in split(pointer):
        root = root.get(key, NOTHING) if isinstance(root, dict) else NOTHING
    return root


def same(a: Any, b: Any) -> bool:
    """Compare what two pointers point at, which may be nothing."""
    return a is b if a is NOTHING or b is NOTHING else json_equal(a, b)


def touch(a: str, b: str) -> bool:
    """Tell whether two pointers are the same, or one lies above the other."""
    return a == b or a.startswith(f"{b}/") or b.startswith(f"{a}/")


@FEW
@given(meetings())
def test_no_message_is_lost(met: Met) -> None:
    """One is missing only if a side removed it, and the other had not revised it; none is there twice."""
    base, _, head, ours, _, _ = met
    _, merged, _ = rebased(met)

    was, mine, theirs = ({message.id: message for message in view.messages} for view in (base, ours, head))
    after = [message.id for message in merged.messages]
    assert len(after) == len(set(after))
    for name in {*was, *mine, *theirs}:
        removed = (name in was and name not in mine and was[name] == theirs.get(name)) or (
            name in was and name not in theirs and (name not in mine or was[name] == mine[name])
        )
        assert (name in after) is not removed


@FEW
@given(meetings())
def test_what_the_writer_did_not_reorder_keeps_the_heads_order(met: Met) -> None:
    """Nothing that stands is moved unless the writer moved what it had loaded; its additions keep their own order."""
    base, _, head, ours, changes, _ = met
    _, merged, _ = rebased(met)
    if any(change.type == "messages_reordered" for change in changes):
        return

    after = [message.id for message in merged.messages]
    assert [m.id for m in head.messages if m.id in after] == [
        name for name in after if name in {m.id for m in head.messages}
    ]
    known = {message.id for message in (*base.messages, *head.messages)}
    appended = [m.id for m in ours.messages if m.id not in known]
    assert set(appended) <= set(after)


@FEW
@given(meetings())
def test_no_question_is_lost(met: Met) -> None:
    """All that either asked stand; one that is open at the head is closed only by the writer's own word."""
    _, _, head, ours, changes, _ = met
    result, merged, _ = rebased(met)

    texts = {question.text for question in merged.questions.values()}
    assert {question.text for view in (head, ours) for question in view.questions.values()} == texts
    resolved = {getattr(change, "question_id", None) for change in result}
    for name, question in head.questions.items():
        if merged.questions[name] != question:
            assert question.is_pending
            assert name in resolved
    assert len(texts) == len(merged.questions)
    open_here = {question.text for question in ours.questions.values() if question.is_pending}
    closed_there = {question.text for question in head.questions.values() if not question.is_pending}
    assert open_here - closed_there <= {question.text for question in merged.questions.values() if question.is_pending}
    assert all(change.type != "question_omitted" for change in changes)


@FEW
@given(meetings())
def test_disjoint_paths_both_stand_and_the_rest_is_in_the_record(met: Met) -> None:
    """Of a path that only one side touched, its value stands; where both did, what does not stand is recorded."""
    base, _, head, ours, _, _ = met
    _, merged, gone = rebased(met)

    theirs = [path for _, path, _ in diff_json(base.state, head.state, "", "")]
    mine = [path for _, path, _ in diff_json(base.state, ours.state, "", "")]
    for paths, others, side in ((theirs, mine, head), (mine, theirs, ours)):
        for path in paths:
            stands = same(at(side.state, path), at(merged.state, path))
            if not any(touch(path, other) for other in others):
                assert stands
            elif not stands and not both_hold(at(side.state, path), at(merged.state, path)):
                assert any(touch(f"/state{path}", record) for record, _ in gone)


def both_hold(part: Any, whole: Any) -> bool:
    """Whether all of `part` stands in `whole`: an object that both filled, or a list that both extended."""
    if isinstance(part, dict) and isinstance(whole, dict):
        inside = [(item, whole.get(key, NOTHING)) for key, item in part.items()]
        return all(same(item, other) or both_hold(item, other) for item, other in inside)
    if isinstance(part, list) and isinstance(whole, list):
        return all(any(json_equal(item, other) for other in whole) for item in part)
    return False


@FEW
@given(meetings(), st.sampled_from(["runtime", "user"]))
def test_a_title_goes_by_authority_and_nobody_is_silenced(met: Met, authority: str) -> None:
    """A user's word stands against a runtime's; between equals the later save; the other is in the record."""
    base, events, head, ours, _, _ = met
    _, merged, gone = rebased(met, authority)

    setters = [event.authority for event in events for change in event.changes if change.type == "title_changed"]
    if ours.title == base.title:
        assert head.title == merged.title
    elif not setters:
        assert ours.title == merged.title
    else:
        expected = head.title if (authority, setters[-1]) == ("runtime", "user") else ours.title
        assert expected == merged.title
        lost = {head.title, ours.title} - {expected}
        assert lost == {value for path, value in gone if path == "/title"}


@FEW
@given(meetings())
def test_a_rebase_changes_nothing_that_it_is_given(met: Met) -> None:
    """Pure, and what it gives can be stored and read."""
    before = copy.deepcopy([(view.state, view.metadata) for view in (met[0], met[2], met[3])])
    changes, merged, _ = rebased(met)

    assert json_equal(before, [(view.state, view.metadata) for view in (met[0], met[2], met[3])])
    assert merged == apply_changes(met[2], decode_payload(encode_payload(changes)).changes)
    assert rebased(met)[0] == changes


@FEW
@given(meetings())
def test_a_rebase_repeated_adds_nothing(met: Met) -> None:
    """The same stale save a second time: messages and questions are there already, and only those can tell."""
    base, events, _, ours, changes, defaulted = met
    _, merged, _ = rebased(met)

    again = rebase(base, ours, merged, changes, events, writer="w", authority="runtime", defaulted=defaulted)
    twice = apply_changes(merged, again.changes)

    assert {message.id for message in merged.messages} >= {message.id for message in twice.messages}
    assert merged.questions.keys() == twice.questions.keys()


@FEW
@given(st.data())
def test_on_its_own_base_a_rebase_is_the_save_itself(data: st.DataObject) -> None:
    """Where nobody saved meanwhile, the changes stand as they are."""
    base = data.draw(views())
    _, changes, defaulted = data.draw(edits(base, "o"))
    ours = apply_changes(base, changes)

    result = rebase(base, ours, base, changes, [], writer="w", defaulted=defaulted)

    assert () == result.overruled
    assert ours == apply_changes(base, result.changes)
