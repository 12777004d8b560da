"""The rows of section 5.3 for the list of messages."""

import pytest

from ledger.domain.apply import apply_changes
from ledger.domain.diff import diff
from ledger.domain.merge_messages import merge_messages
from ledger.domain.session import Session
from tests.unit.domain.meeting import Edit, first, holding, ids, meet, said


def revising(**contents: str) -> Edit:
    """Give the edit that puts other content into messages."""

    def edit(session: Session) -> None:
        session.messages[:] = [
            message.model_copy(update={"content": contents[message.id]}) if message.id in contents else message
            for message in session.messages
        ]

    return edit


def both(*edits: Edit) -> Edit:
    """Give the edit that does several one after the other."""

    def edit(session: Session) -> None:
        for one in edits:
            one(session)

    return edit


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "merged"),
    [
        # Appended, both: theirs, then the writer's.
        ("", "x", "y", "xy"),
        ("ab", "abx", "aby", "abxy"),
        ("ab", "abxy", "abzw", "abxyzw"),
        # The same message from both is one message.
        ("a", "ax", "ax", "ax"),
        ("a", "axy", "ax", "axy"),
        ("a", "ax", "axy", "axy"),
        ("a", "axb", "ayx", "axby"),
        # Inserted: behind its nearest surviving predecessor, theirs first.
        ("ab", "ab", "axb", "axb"),
        ("ab", "ayb", "axb", "ayxb"),
        ("ab", "yab", "xab", "yxab"),
        ("ab", "aby", "axb", "axby"),
        ("abc", "ac", "abxc", "axc"),
        ("abc", "c", "abxc", "xc"),
        ("abc", "abcz", "axbyc", "axbycz"),
        ("ab", "cab", "axb", "caxb"),
        # Removed.
        ("abc", "abc", "ac", "ac"),
        ("abc", "bc", "ab", "b"),
        ("abc", "abcx", "ab", "abx"),
        ("ab", "", "abx", "x"),
        ("ab", "b", "axb", "xb"),
        # Reordered: the writer's order over the ids that it knew, the others behind their predecessors.
        ("abc", "abc", "cba", "cba"),
        ("abc", "abcx", "cba", "cxba"),
        ("abc", "xabc", "cba", "xcba"),
        ("abc", "axbc", "cba", "cbax"),
        ("abc", "bca", "cba", "cba"),
        ("abc", "ac", "cba", "ca"),
        ("abc", "cab", "abxc", "cabx"),
        ("abc", "cba", "abcx", "cbax"),
        ("abc", "abcx", "cbay", "cxbay"),
    ],
)
def test_two_lists_merge(base: str, theirs: str, mine: str, merged: str) -> None:
    """Each row of the table over ids: nothing lost, nothing twice, nothing of the head's reordered unasked."""
    meeting = meet(first(holding(base)), holding(theirs), holding(mine))

    assert merged == ids(meeting.merged)


@pytest.mark.parametrize(
    ("base", "theirs", "mine"),
    [("ab", "abx", "aby"), ("abc", "bc", "ab"), ("ab", "ayb", "axb"), ("abc", "abcx", "cba")],
)
def test_what_can_stand_side_by_side_overrules_nobody(base: str, theirs: str, mine: str) -> None:
    """Additions, removals and one reordering leave nothing to record."""
    assert [] == meet(first(holding(base)), holding(theirs), holding(mine)).overruled


def test_of_two_revisions_the_later_stands() -> None:
    """Both revised one message: the later save's text stands, the earlier one is recorded as a whole."""
    meeting = meet(first(holding("ab")), revising(a="earlier"), revising(a="later"))

    assert "later" == meeting.merged.messages[0].content
    ((writer, version, path, value),) = meeting.overruled
    assert ("ui", 2, "/messages/a") == (writer, version, path)
    assert isinstance(value, dict)
    assert "earlier" == value["content"]


def test_a_revision_both_made_is_one() -> None:
    """The same revision twice is no conflict."""
    meeting = meet(first(holding("ab")), revising(a="same"), revising(a="same"))

    assert "same" == meeting.merged.messages[0].content
    assert [] == meeting.overruled


def test_a_revision_and_a_change_of_metadata_both_stand() -> None:
    """The text of a message and its metadata are disjoint."""

    def note(session: Session) -> None:
        session.messages[0] = session.messages[0].model_copy(update={"metadata": {"seen": True}})

    for theirs, mine in ((revising(a="new"), note), (note, revising(a="new"))):
        meeting = meet(first(holding("ab")), theirs, mine)

        assert ("new", {"seen": True}) == (meeting.merged.messages[0].content, meeting.merged.messages[0].metadata)
        assert [] == meeting.overruled


def test_a_removal_gives_way_to_a_revision() -> None:
    """The writer removed what the head had revised: it stays, in its place, and the removal is recorded."""
    meeting = meet(first(holding("abc")), revising(b="better"), holding("ac"))

    assert "abc" == ids(meeting.merged)
    assert "better" == meeting.merged.messages[1].content
    assert [("agent", 3, "/messages/b", None)] == meeting.overruled
    assert "writer" == meeting.records[0].side


@pytest.mark.parametrize(
    ("theirs", "merged"), [("ac", "abc"), ("acx", "abcx"), ("c", "bc"), ("axc", "abxc"), ("", "b"), ("ca", "cab")]
)
def test_a_revision_brings_back_what_was_removed(theirs: str, merged: str) -> None:
    """The writer revised what the head had removed: back in its place, and the removal is recorded."""
    meeting = meet(first(holding("abc")), holding(theirs), revising(b="better"))

    assert merged == ids(meeting.merged)
    assert "better" == next(message.content for message in meeting.merged.messages if message.id == "b")
    assert ("ui", 2, "/messages/b", None) in meeting.overruled


def test_what_was_inserted_behind_a_message_that_came_back_stands_behind_it() -> None:
    """A message that came back is a predecessor that survived."""
    meeting = meet(first(holding("abc")), holding("ac"), both(revising(b="better"), holding("abxc")))

    assert "abxc" == ids(meeting.merged)


def test_of_one_id_with_two_contents_the_later_save_stands() -> None:
    """Both added a message of one id that says different things: one message, the later, and a record of the other."""

    def adding(content: str) -> Edit:
        return lambda session: session.add_message(said("x", content))

    meeting = meet(first(holding("a")), adding("earlier"), adding("later"))

    assert "ax" == ids(meeting.merged)
    assert "later" == meeting.merged.messages[1].content
    assert "/messages/x" == meeting.overruled[0][2]


def test_when_each_copy_was_made_is_no_content() -> None:
    """Two processes import one record: only the stamp differs, so the first is kept and nobody is overruled."""
    stamped = said("x").model_copy(update={"created_at": "2026-02-02T00:00:00Z"})

    meeting = meet(first(holding("a")), holding("ax"), lambda session: session.add_message(stamped))

    assert said("x") == meeting.merged.messages[1]
    assert [] == meeting.overruled


def test_an_order_that_gave_way_is_recorded() -> None:
    """Both reordered: the writer's order stands, the head's is in the record."""
    meeting = meet(first(holding("abc")), holding("bca"), holding("cba"))

    assert [("ui", 2, "/messages", ["b", "c", "a"])] == meeting.overruled


def test_an_order_both_made_is_one() -> None:
    """The same reordering twice is no conflict."""
    meeting = meet(first(holding("abc")), holding("cba"), holding("cba"))

    assert "cba" == ids(meeting.merged)
    assert [] == meeting.overruled


def test_a_stale_copy_saved_a_hundred_times_adds_its_message_once() -> None:
    """The same stale session again and again: nothing lost, nothing twice."""
    base = first(holding("ab"))
    head = base
    for _ in range(100):
        meeting = meet(base, holding(ids(head)), holding("abx"))
        head = meeting.merged

    assert "abx" == ids(head)


def test_a_merge_reads_only_its_arguments() -> None:
    """Pure: the merged list is made of the very messages that were given."""
    base, ours, head = (first(holding(letters)).messages for letters in ("ab", "abx", "aby"))

    merged = merge_messages(base, ours, head)

    assert [head[0], head[1], head[2], ours[2]] == merged.messages
    assert all(any(message is given for given in (*ours, *head)) for message in merged.messages)


def test_ten_thousand_messages_rebase_by_what_changed() -> None:
    """The head is walked once, whatever is done to it: half of 10,000 removed while the other half is revised."""
    base = first(lambda session: session.messages.extend(said(f"m{number}") for number in range(10_000)))

    def keep_even(session: Session) -> None:
        session.messages[:] = session.messages[::2]

    def revise_odd(session: Session) -> None:
        session.messages[1::2] = [m.model_copy(update={"metadata": {"k": 1}}) for m in session.messages[1::2]]

    meeting = meet(base, keep_even, revise_odd)

    assert 10_000 == len(meeting.merged.messages)
    assert [message.id for message in base.messages] == [message.id for message in meeting.merged.messages]
    assert meeting.merged.messages == apply_changes(meeting.head, diff(meeting.head, meeting.merged)).messages
