"""The fold: a view and an event make the next view."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.domain import events as e
from ledger.domain.apply import apply, apply_changes, fold
from ledger.domain.events import Change, Event
from ledger.domain.parts import Part, Question
from ledger.domain.view import View
from ledger.errors import UnknownChange
from tests.unit.domain.meeting import START, event_on, first, holding, ids, said

CREATED = e.SessionCreated(session_id="s", title="t", model="m", summary={"a": [1]}, created_at=START)
QUESTION = Question(id="c#0", tool_call_id="c", text="Which?")


def after(*changes: Change, view: View | None = None) -> View:
    """Give the view after a save of these changes."""
    view = view or first()
    return apply(view, event_on(view, changes))


def test_the_first_event_brings_a_session_to_life() -> None:
    """What a constructor was given stands in `SessionCreated`."""
    view = apply(View("s"), event_on(View("s"), [CREATED]))

    assert ("s", 1, "agent:1", True, 1, "t", "m", {"a": [1]}, START) == (
        view.session_id,
        view.version,
        view.digest,
        view.alive,
        view.life_version,
        view.title,
        view.model,
        view.summary,
        view.created_at,
    )


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        (e.TitleChanged(title="x"), "title", "x"),
        (e.PinnedChanged(pinned=True), "pinned", True),
        (e.ModelChanged(model="n"), "model", "n"),
        (e.SummaryChanged(summary=[1]), "summary", [1]),
        (e.ParentChanged(parent_session_id="p", root_session_id="r"), "root_session_id", "r"),
        (e.MessageAppended(message=said("a")), "messages", (said("a"),)),
        (e.MetadataSet(path="/a/b", value=1), "metadata", {"a": {"b": 1}}),
        (e.StateSet(path="/a~1b", value=1), "state", {"a/b": 1}),
        (e.StateExtended(path="/l", values=[1]), "state", {"l": [1]}),
        (e.StateRemoved(path="/a/b"), "state", {}),
        (e.QuestionAsked(question=QUESTION), "questions", {"c#0": QUESTION}),
        (e.ChangeOverruled(side="head", writer="w", version=1, path="/title", value="x"), "title", None),
        (e.QuestionOmitted(question_id="c#0"), "questions", {}),
    ],
    ids=lambda value: getattr(value, "type", None),
)
def test_each_change_does_its_one_thing(change: Change, field: str, value: object) -> None:
    """And nothing else, but for the version, the digest and the time."""
    before = first()
    view = after(change)

    assert value == getattr(view, field)
    touched = {field: getattr(view, field), "metadata_version": view.metadata_version}
    if isinstance(change, e.ParentChanged):
        touched["parent_session_id"] = "p"
    assert replace(before, version=2, digest="agent:2", updated_at=view.updated_at, **touched) == view


@pytest.mark.parametrize(
    ("start", "changes", "expected"),
    [
        ("ab", [e.MessageInserted(message=said("x"), after="a")], "axb"),
        ("ab", [e.MessageInserted(message=said("x"), after=None)], "xab"),
        ("ab", [e.MessageInserted(message=said("x"), after="b"), e.MessageAppended(message=said("y"))], "abxy"),
        ("ab", [e.MessageAppended(message=said("y")), e.MessageInserted(message=said("x"), after="y")], "abyx"),
        ("abc", [e.MessageRemoved(message_id="a"), e.MessageRemoved(message_id="c")], "b"),
        ("a", [e.MessageRemoved(message_id="a"), e.MessageAppended(message=said("b"))], "b"),
        ("abcd", [e.MessagesReordered(order=["d", "b"])], "adcb"),
        ("abc", [e.MessageRemoved(message_id="b"), e.MessagesReordered(order=["c", "a"])], "ca"),
    ],
)
def test_the_list_of_messages_is_edited_by_id(start: str, changes: list[Change], expected: str) -> None:
    """Insertions name their predecessor, reorderings the places that they share."""
    assert expected == ids(after(*changes, view=first(holding(start))))


def test_a_revision_keeps_the_metadata() -> None:
    """That travels by path."""
    base = first(lambda s: s.add_message(said("a", metadata={"k": 1})))

    view = after(e.MessageRevised(message=said("a", "new")), view=base)

    assert ("new", {"k": 1}) == (view.messages[0].content, view.messages[0].metadata)


def test_a_messages_metadata_is_edited_by_path() -> None:
    """Set, extended and removed; the message is another one, the others are the same objects."""
    base = first(lambda s: s.messages.extend([said("a", metadata={"k": [1], "l": 1}), said("b")]))

    view = after(
        e.MessageMetadataExtended(message_id="a", path="/k", values=[2]),
        e.MessageMetadataRemoved(message_id="a", path="/l"),
        e.MessageMetadataSet(message_id="a", path="/m/n", value=0),
        view=base,
    )

    assert {"k": [1, 2], "m": {"n": 0}} == view.messages[0].metadata
    assert {"k": [1], "l": 1} == base.messages[0].metadata
    assert base.messages[1] is view.messages[1]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (e.QuestionAnswered(question_id="c#0", answer=[1], by="a"), {"status": "answered", "answer": [1]}),
        (e.QuestionWithdrawn(question_id="c#0", reason="r", by="a"), {"status": "withdrawn", "reason": "r"}),
        (e.QuestionExpired(question_id="c#0", by="a"), {"status": "expired"}),
    ],
)
def test_a_resolution_says_how_and_by_whom(change: Change, expected: dict[str, Any]) -> None:
    """The question keeps its place, with its outcome."""
    view = after(e.QuestionAsked(question=QUESTION), change)

    assert QUESTION.model_copy(update={"resolved_by": "a", **expected}) == view.questions["c#0"]
    assert () == view.pending


def test_superseded_lost_and_recovered() -> None:
    """One status each; what was lost can be pending again."""
    asked = after(e.QuestionAsked(question=QUESTION))
    lost = after(e.QuestionLost(question_id="c#0"), view=asked)

    assert (
        "superseded"
        == after(e.QuestionSuperseded(question_id="c#0", superseded_by="c#1"), view=asked).questions["c#0"].status
    )
    assert "lost" == lost.questions["c#0"].status
    assert QUESTION == after(e.QuestionRecovered(question_id="c#0"), view=lost).questions["c#0"]


def test_an_omission_leaves_the_question_pending() -> None:
    """That is the point of it."""
    assert ("c#0",) == after(e.QuestionAsked(question=QUESTION), e.QuestionOmitted(question_id="c#0")).pending


def test_metadata_version_counts_the_marks() -> None:
    """The event says what is authoritative, so that every process counts alike."""
    view = after(
        e.TitleChanged(title="a"),
        e.PinnedChanged(pinned=True),
        e.MetadataSet(path="/x", value=1, authoritative=True),
        e.MetadataSet(path="/y", value=1),
        e.StateSet(path="/z", value=1),
    )

    assert 3 == view.metadata_version
    assert (
        5
        == after(
            e.TitleChanged(title="b"), e.MetadataRemoved(path="/x", authoritative=True), view=view
        ).metadata_version
    )


def test_effective_time_never_runs_backwards() -> None:
    """The original time where an import kept one, else when it was recorded, but never before the event before."""

    def at(view: View, recorded: int, occurred: int | None = None) -> View:
        moments = {"recorded_at": START + timedelta(hours=recorded)}
        if occurred is not None:
            moments["occurred_at"] = START + timedelta(hours=occurred)
        return apply(view, event_on(view, []).model_copy(update=moments))

    view = at(View("s"), 100, 5)
    times = []
    for recorded, occurred in ((101, 7), (102, 6), (103, 6), (104, 8), (9, None)):
        view = at(view, recorded, occurred)
        assert view.updated_at is not None
        times.append((view.updated_at - START) / timedelta(hours=1))

    assert [7, 7, 7, 8, 9] == times


def test_a_tombstone_ends_a_life_and_the_next_begins_empty() -> None:
    """Versions and the count of marks run on; nothing that the earlier life held is in the later one."""
    full = after(e.QuestionAsked(question=QUESTION), e.StateSet(path="/a", value=1), view=first(holding("ab")))
    buried = apply(full, event_on(full, [e.SessionWasDeleted()]).model_copy(update={"kind": "deleted"}))
    created = e.SessionCreated(session_id="s", model="other", created_at=datetime(2027, 1, 1, tzinfo=UTC))
    reborn = after(created, e.MessageAppended(message=said("z")), view=buried)

    assert (False, 3, 1) == (buried.alive, buried.version, buried.life_version)
    assert "ab" == ids(buried)
    assert (True, 4, 4, "other", "z", {}, {}) == (
        reborn.alive,
        reborn.version,
        reborn.life_version,
        reborn.model,
        ids(reborn),
        reborn.state,
        reborn.questions,
    )


def test_without_events_the_view_is_itself() -> None:
    """Nothing is copied to find out that nothing happened."""
    view = first()

    assert view is fold(view, ())


def test_what_did_not_change_is_shared() -> None:
    """Holding all views of a history costs what differs between them."""
    base = first(lambda s: [s.add_message(said("a")), s.ask("c", "Which?"), s.state.update(a={"x": [1]}, b={"y": [2]})])

    view = after(e.StateSet(path="/a/x", value=2), view=base)

    assert base.messages is view.messages
    assert base.questions is view.questions
    assert base.metadata is view.metadata
    assert base.state["b"] is view.state["b"]
    assert {"a": {"x": [1]}, "b": {"y": [2]}} == base.state


def test_what_an_event_holds_is_not_shared_with_the_view() -> None:
    """A later change of the view leaves the event as it was written."""
    changes: list[Change] = [e.StateSet(path="/l", value=[{"a": 1}]), e.StateExtended(path="/l", values=[2])]

    view = apply_changes(first(), changes)
    again = apply_changes(view, [e.StateExtended(path="/l", values=[3]), e.StateSet(path="/m", value=0)])

    assert [{"a": 1}, 2] == view.state["l"]
    assert [{"a": 1}, 2, 3] == again.state["l"]
    assert [{"a": 1}] == changes[0].value  # type: ignore[union-attr]  # it has one


def test_an_unknown_change_is_never_skipped() -> None:
    """What it did would be missing from the state, for ever."""

    class MoodChanged(Part):
        type: str = "mood_changed"

    event = Event.model_construct(**{**event_on(first(), []).__dict__, "changes": (MoodChanged(),)})

    with pytest.raises(UnknownChange, match="mood_changed"):
        apply(first(), event)


def test_missing_parents_come_back_as_objects() -> None:
    """Also where a value stands in the way."""
    base = first(lambda s: s.state.update(a=5))

    assert {"a": {"b": {"c": 1}}} == after(e.StateSet(path="/a/b/c", value=1), view=base).state
    assert {"a": {"b": [1]}} == after(e.StateExtended(path="/a/b", values=[1]), view=base).state
    assert {"a": [1]} == after(e.StateExtended(path="/a", values=[1]), view=base).state
    assert {"a": 5} == after(e.StateRemoved(path="/a/b"), view=base).state
