"""The rows of section 5.3 for `metadata`, `state` and a message's `metadata`: changes by JSON Pointer."""

from typing import Any

import pytest

from ledger.domain.session import Session
from ledger.domain.view import View
from tests.unit.domain.meeting import AGENT, USER, Edit, Meeting, first, holding, ids, meet, put, said


def keep(document: str, value: dict[str, Any]) -> Edit:
    """Give the edit that makes a document hold `value`."""

    def edit(session: Session) -> None:
        if document != "message":
            setattr(session, document, value)
        elif session.messages:
            session.messages[0] = session.messages[0].model_copy(update={"metadata": value})
        else:
            session.add_message(said("x", metadata=value))

    return edit


def kept(document: str, view: View) -> Any:
    """Give what a document of the view holds."""
    return view.messages[0].metadata if document == "message" else getattr(view, document)


DOCUMENTS = pytest.mark.parametrize("document", ["state", "metadata", "message"])
ROOTS = {"state": "/state", "metadata": "/metadata", "message": "/messages/x/metadata"}


def clash(document: str, base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> Meeting:
    """Let two writers make something else of one document."""
    return meet(first(keep(document, base)), keep(document, theirs), keep(document, mine))


@DOCUMENTS
@pytest.mark.parametrize(
    ("base", "theirs", "mine", "merged"),
    [
        ({}, {"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1}, {"a": 2}),
        ({"d": {"a": 1, "b": 1}}, {"d": {"a": 2, "b": 1}}, {"d": {"a": 1, "b": 2}}, {"d": {"a": 2, "b": 2}}),
        ({}, {"new": {"a": 1}}, {"new": {"b": 2}}, {"new": {"a": 1, "b": 2}}),
        ({}, {"new": {"x": {"a": 1}}}, {"new": {"x": {"b": 2}, "y": 3}}, {"new": {"x": {"a": 1, "b": 2}, "y": 3}}),
        ({"new": 1}, {"new": {"a": 1}}, {"new": {"b": 2}}, {"new": {"a": 1, "b": 2}}),
        ({}, {"new": {}}, {"new": {"b": 2}}, {"new": {"b": 2}}),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 1, "": 2}}, {"a/b": {"~": 3}}, {"a/b": {"~": 3, "": 2}}),
    ],
)
def test_disjoint_paths_both_stand(
    document: str, base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any], merged: dict[str, Any]
) -> None:
    """Two writers who changed different paths, at whatever depth, overrule nobody, also in an object that both made."""
    meeting = clash(document, base, theirs, mine)
    other_order = clash(document, base, mine, theirs)

    assert merged == kept(document, meeting.merged) == kept(document, other_order.merged)
    if base != {"new": 1}:  # where both replaced a value, they agree that it is gone, but not on what came
        assert [] == meeting.overruled == other_order.overruled


@DOCUMENTS
@pytest.mark.parametrize(
    ("base", "theirs", "mine", "merged", "path", "lost"),
    [
        ({}, {"a": 1}, {"a": 2}, {"a": 2}, "/a", 1),
        ({"a": 0}, {"a": 1}, {}, {}, "/a", 1),
        ({"a": 0}, {}, {"a": 2}, {"a": 2}, "/a", None),
        ({"a": 1}, {"a": 1.0}, {"a": True}, {"a": True}, "/a", 1.0),
        ({"d": {"a": 0}}, {"d": {"a": 1}}, {"d": 5}, {"d": 5}, "/d/a", 1),
        ({"d": {"a": 0}}, {"d": {"a": 1}}, {}, {}, "/d/a", 1),
        ({"d": {"a": 0}}, {}, {"d": {"a": 2}}, {"d": {"a": 2}}, "/d", None),
        ({"d": {"a": 0}}, {"d": 5}, {"d": {"a": 2}}, {"d": {"a": 2}}, "/d", 5),
        ({}, {"d": {"a": 1, "b": 1}}, {"d": {"a": 2}}, {"d": {"a": 2, "b": 1}}, "/d/a", 1),
        ({}, {"d": {"x": 1}}, {"d": [2]}, {"d": [2]}, "/d", {"x": 1}),
        ({}, {"l": [1]}, {"l": [2]}, {"l": [2]}, "/l", [1]),
        ({"l": [0, 1]}, {"l": [0, 1, 2]}, {"l": [0]}, {"l": [0]}, "/l", [2]),
        ({"l": [0, 1]}, {"l": [1]}, {"l": [0, 1, 2]}, {"l": [0, 1, 2]}, "/l", [1]),
        ({"l": [0]}, {}, {"l": [0, 1]}, {"l": [0, 1]}, "/l", None),
    ],
)
def test_of_one_path_the_later_save_stands(  # noqa: PLR0917 - the columns of the table
    document: str,
    base: dict[str, Any],
    theirs: dict[str, Any],
    mine: dict[str, Any],
    merged: dict[str, Any],
    path: str,
    lost: object,
) -> None:
    """The same path, or one above the other, is a conflict: the later save stands, what gave way is recorded."""
    meeting = clash(document, base, theirs, mine)

    assert merged == kept(document, meeting.merged)
    assert [("ui", 2, ROOTS[document] + path, lost)] == meeting.overruled


@DOCUMENTS
@pytest.mark.parametrize(
    ("base", "both"),
    [({}, {"a": 1}), ({"a": 0}, {}), ({"d": {"a": 0}}, {"d": {}}), ({"l": [1, 2]}, {"l": [1]})],
)
def test_the_same_twice_is_no_conflict(document: str, base: dict[str, Any], both: dict[str, Any]) -> None:
    """Two writers who set or remove the same overrule nobody."""
    meeting = clash(document, base, both, both)

    assert both == kept(document, meeting.merged)
    assert [] == meeting.overruled


@DOCUMENTS
@pytest.mark.parametrize(
    ("base", "theirs", "mine", "merged"),
    [
        ([0], [0, 1], [0, 2], [0, 1, 2]),
        ([], [1], [2], [1, 2]),
        ([0], [0, 1, 1], [0, 1], [0, 1, 1, 1]),
        ([[0]], [[0], [1]], [[0], [2]], [[0], [1], [2]]),
    ],
)
def test_lists_that_both_extended_hold_both(
    document: str, base: list[Any], theirs: list[Any], mine: list[Any], merged: list[Any]
) -> None:
    """What both added stands: theirs, then the writer's."""
    meeting = clash(document, {"l": base}, {"l": theirs}, {"l": mine})

    assert {"l": merged} == kept(document, meeting.merged)
    assert [] == meeting.overruled


def test_a_list_that_was_replaced_and_then_grew_has_not_merely_grown() -> None:
    """The writer's whole list stands, and all that it replaced is recorded, also what came in several saves."""
    theirs: list[Any] = [
        (put(state={"l": [9]}), ("a", "runtime")),
        (put(state={"l": [9, 10]}), ("b", "runtime")),
    ]

    meeting = meet(first(put(state={"l": [0]})), theirs, put(state={"l": [0, 1]}))

    assert {"l": [0, 1]} == meeting.merged.state
    assert [("a", 2, "/state/l", [9]), ("b", 3, "/state/l", [10])] == meeting.overruled


def test_every_extension_that_gives_way_is_recorded() -> None:
    """A list that grew twice and is then removed by a stale writer: both additions are in the record."""
    theirs: list[Any] = [
        (put(state={"l": [0, 1]}), ("a", "runtime")),
        (put(state={"l": [0, 1, 2]}), ("b", "runtime")),
    ]

    meeting = meet(first(put(state={"l": [0]})), theirs, put(state={}))

    assert {} == meeting.merged.state
    assert [("a", 2, "/state/l", [1]), ("b", 3, "/state/l", [2])] == meeting.overruled


def test_what_a_later_save_of_theirs_undid_gave_way_to_that_one() -> None:
    """Only what stood at the head can be overruled by the writer."""
    theirs: list[Any] = [
        (put(state={"d": {"a": 1}}), ("a", "runtime")),
        (put(state={"d": 5}), ("b", "runtime")),
    ]

    meeting = meet(first(put(state={"d": {"a": 0}})), theirs, put(state={"d": {"a": 2}}))

    assert [("b", 3, "/state/d", 5)] == meeting.overruled


def test_a_user_inside_an_authoritative_key_stands_against_a_runtime_above_it() -> None:
    """The rule for authoritative keys holds at every depth: a runtime does not replace what holds a user's value."""
    base = first(put(metadata={"owner": {"name": "x", "mail": "y"}}))

    meeting = meet(
        base, put(metadata={"owner": {"name": "u", "mail": "y"}}), put(metadata={"owner": None}), they=USER, me=AGENT
    )

    assert {"owner": {"name": "u", "mail": "y"}} == meeting.merged.metadata
    assert [("agent", 3, "/metadata/owner", None)] == meeting.overruled


def test_a_runtime_that_agrees_with_a_user_is_not_overruled() -> None:
    """Giving way to one's own value is no loss to record."""
    meeting = meet(first(), put(metadata={"owner": "same"}), put(metadata={"owner": "same"}), they=USER, me=AGENT)

    assert {"owner": "same"} == meeting.merged.metadata
    assert [] == meeting.overruled


def test_metadata_of_a_message_that_was_removed_brings_it_back() -> None:
    """An edit to a message's metadata is a revision: it stands, whole, and the removal is overruled."""
    base = first(lambda session: session.messages.extend([said("a"), said("x", metadata={"k": 1, "l": 1})]))

    def mine(session: Session) -> None:
        session.messages[1] = session.messages[1].model_copy(update={"metadata": {"k": 2, "l": 1}})

    meeting = meet(base, holding("a"), mine)

    assert "ax" == ids(meeting.merged)
    assert {"k": 2, "l": 1} == meeting.merged.messages[1].metadata
    assert [("ui", 2, "/messages/x", None)] == meeting.overruled


def test_an_id_with_a_slash_is_one_step_of_the_path() -> None:
    """Message ids are anyone's, so they are escaped wherever they stand in a pointer."""
    base = first(lambda session: session.add_message(said("a/b~c", metadata={"k": 0})))

    def set_to(value: int) -> Edit:
        def edit(session: Session) -> None:
            session.messages[0] = session.messages[0].model_copy(update={"metadata": {"k": value}})

        return edit

    meeting = meet(base, set_to(1), set_to(2))

    assert {"k": 2} == meeting.merged.messages[0].metadata
    assert [("ui", 2, "/messages/a~1b~0c/metadata/k", 1)] == meeting.overruled


@pytest.mark.parametrize(
    ("theirs", "lost"),
    [
        ({"d": {"a": 5}}, [("/d/a", 5)]),
        ({"d": {"a": {"b": 1}}}, []),
        ({"d": {"a": {"b": {"c": 1}}}}, [("/d/a/b", {"c": 1})]),
    ],
)
def test_an_object_that_both_made_is_compared_at_every_depth(theirs: dict[str, Any], lost: list[Any]) -> None:
    """A value in the way is overruled where it stands; the same value is no conflict."""
    meeting = clash("state", {}, theirs, {"d": {"a": {"b": 1}}})

    assert {"d": {"a": {"b": 1}}} == meeting.merged.state
    assert lost == [(path.removeprefix("/state"), value) for _, _, path, value in meeting.overruled]


def test_what_was_done_to_a_message_goes_with_it() -> None:
    """Removed and added anew, it is another message: what was set in the first one stands in nobody's way."""

    def note(session: Session) -> None:
        session.messages[0] = session.messages[0].model_copy(update={"metadata": {"k": 1}})

    base = first(lambda session: session.add_message(said("x", metadata={"k": 0})))

    def mine(session: Session) -> None:
        session.messages[0] = session.messages[0].model_copy(update={"metadata": {"k": 2}})

    they = ("ui", "runtime")
    meeting = meet(base, [(note, they), (holding(""), they), (holding("x"), they)], mine)  # type: ignore[list-item]

    assert {"k": 2} == meeting.merged.messages[0].metadata
    assert [] == meeting.overruled
