"""A session is brought to another state in place: containers and what did not change stay the same objects."""

from dataclasses import replace
from http import HTTPMethod
from typing import Any

import pytest

from ledger.domain.frozen import freeze
from ledger.domain.in_place import become, stamp
from ledger.domain.session import Session, session_of
from ledger.domain.view import View
from tests.unit.domain.meeting import START, first, ids, said


def holding(state: dict[str, Any]) -> View:
    """Give a view whose state is this."""
    return replace(first(), state=state)


def test_the_containers_stay() -> None:
    """Whoever holds one of them goes on with it."""
    session = session_of(first(lambda s: [s.add_message(said("a")), s.ask("c", "Which?"), s.state.update(a=1)]))
    target = replace(first(lambda s: [s.add_message(said("b")), s.metadata.update(x=1)]), title="t")
    containers = (session.messages, session.questions, session.metadata, session.state)

    become(session, target)

    assert all(
        a is b
        for a, b in zip(containers, (session.messages, session.questions, session.metadata, session.state), strict=True)
    )
    assert ("b", "t", {}, {"x": 1}, {}) == (
        ids(session),
        session.title,
        session.questions,
        session.metadata,
        session.state,
    )


def test_what_did_not_change_inside_stays() -> None:
    """At every depth: an object whose content the head did not touch is the caller's own object still."""
    state: dict[str, Any] = {"same": {"x": [1]}, "changed": {"inner": {"y": 1}, "n": 1}, "gone": {}}
    session = session_of(holding(state))
    same, changed, inner = session.state["same"], session.state["changed"], session.state["changed"]["inner"]

    become(session, holding({"same": {"x": [1]}, "changed": {"inner": {"y": 1}, "n": 2}, "new": {"z": 1}}))

    assert {"same": {"x": [1]}, "changed": {"inner": {"y": 1}, "n": 2}, "new": {"z": 1}} == session.state
    assert same is session.state["same"]
    assert changed is session.state["changed"]
    assert inner is session.state["changed"]["inner"]


@pytest.mark.parametrize(
    ("present", "target", "kept"),
    [
        ([{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 9}, {"id": 2}], {0: 0, 1: 2}),
        ([{"id": 1}, {"id": 2}], [{"id": 2}], {1: 0}),
        ([{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}, {"id": 3}], {0: 0, 1: 1}),
        ([{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2, "done": True}], {0: 0, 1: 1}),
        ([{"id": 1}], [], {}),
        ([], [{"id": 1}], {}),
        ([{"id": 1}, {"id": 1}], [{"id": 1}], {0: 0}),
        ([{"id": 1}], [{"id": 1}, {"id": 1}], {0: 0}),
    ],
)
def test_an_item_of_a_list_never_becomes_its_neighbour(
    present: list[Any], target: list[Any], kept: dict[int, int]
) -> None:
    """Others added in front of what the caller had added: the caller's object is still its own, further behind."""
    session = session_of(holding({"list": present}))
    before = list(session.state["list"])

    become(session, holding({"list": target}))

    assert target == session.state["list"]
    for old, new in kept.items():
        assert before[old] is session.state["list"][new]


def test_nothing_of_the_view_is_the_sessions() -> None:
    """A view is shared; what a session holds is its owner's to change."""
    target = holding({"a": {"b": [1]}})
    session = session_of(first())

    become(session, target)
    session.state["a"]["b"].append(2)

    assert {"a": {"b": [1]}} == target.state


def test_values_that_are_stored_alike_stay_as_they_are() -> None:
    """An enumeration, a tuple: the caller's way to write it is no difference."""
    session = session_of(first())
    session.state.update(method=HTTPMethod.GET, pair=(1, 2), other=(1, 2))

    become(session, holding({"method": "GET", "pair": [1, 2], "other": [1, 3]}))

    assert HTTPMethod.GET is session.state["method"]
    assert (1, 2) == session.state["pair"]
    assert [1, 3] == session.state["other"]


def test_what_cannot_be_changed_is_replaced() -> None:
    """A caller may have put a message's metadata, or a tuple, in the place of a container."""
    frozen = freeze({"a": [1]})
    session = session_of(first())
    session.metadata = frozen
    session.state = {"copy": frozen}
    session.messages = (said("a"),)  # type: ignore[assignment]  # it is not checked before the save

    become(session, replace(first(), metadata={"a": [1, 2]}, state={"copy": {"a": [1]}}, messages=first().messages))

    assert {"a": [1, 2]} == session.metadata
    assert frozen is session.state["copy"]
    assert [] == session.messages
    session.metadata["b"] = 1
    session.add_message(said("b"))


def test_questions_that_did_not_change_are_the_same_objects() -> None:
    """They are immutable, so whoever holds one may compare by identity."""
    view = first(lambda s: [s.ask("a", "One?"), s.ask("b", "Two?")])
    session = Session.model_validate_json(session_of(view).model_dump_json())
    one = session.questions["a#0"]
    target = replace(view, questions={**view.questions, "b#0": view.questions["b#0"].model_copy(update={"answer": 1})})

    become(session, target)

    assert one is session.questions["a#0"]
    assert 1 == session.questions["b#0"].answer


def test_a_stamp_says_where_it_stands() -> None:
    """Version, marks and times are the log's."""
    session = Session.new("s", "m")

    stamp(session, replace(first(), version=7, metadata_version=3, forked_from={"session_id": "p"}))

    assert (7, 3, START, {"session_id": "p"}) == (
        session.version,
        session.metadata_version,
        session.created_at,
        session.forked_from,
    )
