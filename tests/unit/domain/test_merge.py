"""The table of the design's section 5.3: title, pinned and the other fields of a session."""

import pytest

from ledger.domain.apply import apply_changes
from ledger.domain.diff import diff
from ledger.domain.events import Change, ChangeOverruled, StateSet, TitleChanged
from ledger.domain.merge import rebase
from ledger.domain.session import Session
from tests.unit.domain.meeting import AGENT, USER, Edit, Writer, first, meet, put, said


@pytest.mark.parametrize("first_writer", [USER, AGENT], ids=["user first", "agent first"])
def test_a_users_title_stands(first_writer: Writer) -> None:
    """A user beats the runtime on the title, whoever saves first; the agent's title is recorded."""
    edits: dict[Writer, Edit] = {USER: put(title="the user's"), AGENT: put(title="the agent's")}
    second_writer = AGENT if first_writer == USER else USER

    meeting = meet(first(), edits[first_writer], edits[second_writer], they=first_writer, me=second_writer)

    assert "the user's" == meeting.merged.title
    assert [("agent", 3 if second_writer == AGENT else 2, "/title", "the agent's")] == meeting.overruled
    assert ("writer" if second_writer == AGENT else "head") == meeting.records[0].side


@pytest.mark.parametrize("first_writer", [USER, AGENT], ids=["user first", "agent first"])
def test_a_users_authoritative_key_stands(first_writer: Writer) -> None:
    """The metadata keys that the ledger was opened with as authoritative go by the same rule as the title."""
    edits: dict[Writer, Edit] = {USER: put(metadata={"owner": "u"}), AGENT: put(metadata={"owner": "a"})}
    second_writer = AGENT if first_writer == USER else USER

    meeting = meet(first(), edits[first_writer], edits[second_writer], they=first_writer, me=second_writer)

    assert {"owner": "u"} == meeting.merged.metadata
    assert [("agent", 3 if second_writer == AGENT else 2, "/metadata/owner", "a")] == meeting.overruled


def test_other_metadata_keys_are_anyones() -> None:
    """Where a key is not authoritative, the later save stands, also over a user's."""
    meeting = meet(first(), put(metadata={"colour": "u"}), put(metadata={"colour": "a"}), they=USER, me=AGENT)

    assert {"colour": "a"} == meeting.merged.metadata
    assert [("ui", 2, "/metadata/colour", "u")] == meeting.overruled


def test_a_users_pin_stands() -> None:
    """What a user unpinned, a stale agent does not pin."""
    meeting = meet(first(), [(put(pinned=True), USER), (put(pinned=False), USER)], put(pinned=True), me=AGENT)

    assert meeting.merged.pinned is False
    assert [("agent", 4, "/pinned", True)] == meeting.overruled


def test_the_last_change_to_a_field_decides() -> None:
    """A runtime that had seen the user's title may change it, and then a later runtime may change that."""
    theirs = [(put(title="the user's"), USER), (put(title="the runtime's"), ("loop", "runtime"))]

    meeting = meet(first(), theirs, put(title="the agent's"), me=AGENT)

    assert "the agent's" == meeting.merged.title
    assert [("loop", 3, "/title", "the runtime's")] == meeting.overruled


@pytest.mark.parametrize("authority", ["user", "runtime"])
def test_between_equals_the_later_save_stands(authority: str) -> None:
    """Two users, or two runtimes: the later save of a title stands, the earlier is recorded."""
    meeting = meet(
        first(),
        put(title="earlier"),
        put(title="later"),
        they=("a", authority),  # type: ignore[arg-type]
        me=("b", authority),  # type: ignore[arg-type]
    )

    assert "later" == meeting.merged.title
    assert [("a", 2, "/title", "earlier")] == meeting.overruled


@pytest.mark.parametrize(
    ("field", "earlier", "later"),
    [("model", "m1", "m2"), ("summary", {"text": "one"}, ["two"]), ("summary", "gone", None)],
)
def test_of_another_field_the_later_save_stands(field: str, earlier: object, later: object) -> None:
    """Model and summary are no one's in particular, not even a user's."""
    base = first(put(summary="base"))

    meeting = meet(base, put(**{field: earlier}), put(**{field: later}), they=USER, me=AGENT)

    assert later == getattr(meeting.merged, field)
    assert [("ui", 2, f"/{field}", earlier)] == meeting.overruled


def test_parent_and_root_travel_together() -> None:
    """A parent without its root would point into another tree, so one save gives both; both are recorded."""
    meeting = meet(
        first(),
        put(parent_session_id="p1", root_session_id="r1"),
        put(parent_session_id="p2", root_session_id="r2"),
    )

    assert ("p2", "r2") == (meeting.merged.parent_session_id, meeting.merged.root_session_id)
    assert [("ui", 2, "/parent_session_id", {"parent_session_id": "p1", "root_session_id": "r1"})] == meeting.overruled


def test_agreement_overrules_nobody() -> None:
    """Two writers who say the same are no conflict."""
    meeting = meet(first(), put(title="same", model="same"), put(title="same", model="same"), they=USER, me=AGENT)

    assert ("same", "same") == (meeting.merged.title, meeting.merged.model)
    assert [] == meeting.overruled


def test_what_nobody_else_touched_is_saved_as_it_is() -> None:
    """A rebase over events that went elsewhere changes nothing of the save."""

    def mine(session: Session) -> None:
        session.title = "mine"
        session.state["a"] = 1
        session.add_message(said("x"))

    meeting = meet(first(), put(model="theirs", metadata={"b": 2}), mine)

    assert ("mine", "theirs", {"a": 1}, {"b": 2}) == (
        meeting.merged.title,
        meeting.merged.model,
        meeting.merged.state,
        meeting.merged.metadata,
    )
    assert [] == meeting.overruled


def test_a_title_that_a_user_confirmed_stays_the_users() -> None:
    """The user says what a runtime had said already: that is a user's word from then on."""
    base = first()
    confirmed = meet(base, put(title="same"), put(title="same"), they=("loop", "runtime"), me=USER)

    assert any(isinstance(change, TitleChanged) for change in confirmed.rebased.changes)


def test_a_record_goes_with_the_save_that_carries_it() -> None:
    """What an earlier rebase of the same edits overruled is not dropped by the next."""
    base = first()
    record = ChangeOverruled(side="writer", writer="agent", version=2, path="/title", value="mine")
    changes: list[Change] = [record, StateSet(path="/a", value=1)]

    rebased = rebase(base, apply_changes(base, changes), base, changes)

    assert (record,) == rebased.overruled


def test_one_value_is_recorded_once() -> None:
    """Two of the writer's changes that meet one of the head's make one record."""
    base = first(put(state={"a": {"b": 1, "c": 2}}))

    def mine(session: Session) -> None:
        session.state["a"]["b"], session.state["a"]["c"] = 10, 20

    meeting = meet(base, put(state={}), mine)

    assert {"a": {"b": 10, "c": 20}} == meeting.merged.state
    assert [("ui", 2, "/state/a", None)] == meeting.overruled


def test_a_rebase_leaves_what_it_is_given() -> None:
    """Pure: base, ours and head are the same afterwards."""
    base = first(put(state={"list": [1], "deep": {"a": 1}}))
    head = apply_changes(base, [StateSet(path="/deep/a", value=2)])
    changes: list[Change] = [StateSet(path="/deep/a", value=3), StateSet(path="/list", value=[])]
    ours = apply_changes(base, changes)

    rebase(base, ours, head, changes)

    assert {"list": [1], "deep": {"a": 1}} == base.state
    assert {"list": [1], "deep": {"a": 2}} == head.state
    assert {"list": [], "deep": {"a": 3}} == ours.state
    assert [] == diff(base, base)
