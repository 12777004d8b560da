"""The life of one question, as its course tells it event by event."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.domain import events as e
from ledger.domain.events import Change, Event
from ledger.domain.parts import Question
from ledger.domain.transitions import Course, Transition

START = datetime(2026, 1, 1, tzinfo=UTC)
ASKED = e.QuestionAsked(question=Question(id="c/1#0", tool_call_id="c/1", text="Which?"))
OTHER = e.QuestionAsked(question=Question(id="d#0", tool_call_id="d", text="Else?"))
ANSWERED = e.QuestionAnswered(question_id="c/1#0", answer={"to": "prod"}, by="ada")
CREATED = e.SessionCreated(session_id="s", created_at=START)


def at(version: int) -> datetime:
    """Give the time of a version in these stories."""
    return START + timedelta(minutes=version)


Save = tuple[int, Sequence[Change]] | tuple[int, Sequence[Change], Sequence[e.Agreement]] | list[Change]


def course(*saves: Save) -> list[Transition]:
    """Follow `c/1#0` through saves from version 1 on: each its base, if that is not the version before, its changes,
    and what it agreed on.
    """
    followed, found = Course("c/1#0"), []
    for version, save in enumerate(saves, 1):
        base, changes, agreed = (*save, [])[:3] if isinstance(save, tuple) else (version - 1, save, [])
        event = Event(
            session_id="s", version=version, base_version=base, event_id="0", recorded_at=START, writer=f"w{version}",
            changes=tuple(changes), agreed=tuple(agreed),
        )  # fmt: skip
        found += followed.take(event, at(version))
    return found


def told(*saves: Save) -> list[tuple[int, str, Any]]:
    """Give version, kind and detail of each transition."""
    return [(transition.version, transition.kind, transition.detail) for transition in course(*saves)]


def test_a_transition_says_who_did_it_when_and_from_which_base() -> None:
    """All that the event says of itself, and the effective time that it is given."""
    assert [
        Transition(session_id="s", kind="asked", version=2, writer="w2", base_version=1, at=at(2), detail="Which?"),
        Transition(
            session_id="s", kind="answered", version=3, writer="w3", base_version=2, at=at(3), by="ada",
            detail={"to": "prod"},
        ),
    ] == course([CREATED], [ASKED, OTHER], [ANSWERED])  # fmt: skip


@pytest.mark.parametrize(
    ("change", "kind", "detail"),
    [
        (e.QuestionWithdrawn(question_id="c/1#0", reason="moot"), "withdrawn", "moot"),
        (e.QuestionSuperseded(question_id="c/1#0", superseded_by="d#0"), "superseded", "d#0"),
        (e.QuestionExpired(question_id="c/1#0"), "expired", None),
        (e.QuestionLost(question_id="c/1#0"), "lost", None),
        (e.QuestionOmitted(question_id="c/1#0"), "omitted", None),
        (e.QuestionAnswered(question_id="c/1#0", answer=None), "answered", None),
        (
            e.ChangeOverruled(side="writer", writer="w", version=2, path="/questions/c~11#0", value={"answer": 1}),
            "overruled",
            {"answer": 1},
        ),
    ],
)
def test_each_change_is_a_transition(change: Change, kind: str, detail: object) -> None:
    """What the change says beside the question's id is the detail."""
    assert (2, kind, detail) == told([ASKED], [change])[-1]


def test_other_questions_do_not_matter() -> None:
    """The course is of one question."""
    assert [] == told([OTHER], [e.QuestionAnswered(question_id="d#0", answer=1)], (0, []))


def test_a_lost_question_comes_back_and_is_answered_in_one_save() -> None:
    """Both are told, in the order of the changes."""
    saves: list[list[Change]] = [[ASKED], [e.QuestionLost(question_id="c/1#0")]]

    assert ["asked", "lost", "recovered", "answered"] == [
        kind for _, kind, _ in told(*saves, [e.QuestionRecovered(question_id="c/1#0"), ANSWERED])
    ]


@pytest.mark.parametrize(
    ("base", "expected"),
    [(0, (4, "averted", None)), (1, (4, "averted", None)), (2, (4, "averted", "pending")), (3, (3, "answered"))],
)
def test_a_copy_that_held_it_otherwise_would_have_undone_what_was_saved(base: int, expected: tuple[Any, ...]) -> None:
    """What it held is the state at its base: nothing, or the question as it was then."""
    last = told([CREATED], [ASKED], [ANSWERED], (base, []))[-1]

    assert expected == last[: len(expected)]


def test_every_stale_copy_counts_by_its_own_base() -> None:
    """Two jobs that loaded before the asking would both have dropped the question, whoever saves first."""
    assert [(2, "asked"), (3, "averted"), (4, "averted")] == [
        (version, kind) for version, kind, _ in told([CREATED], [ASKED], (1, []), (1, []), (2, []))
    ]


def test_a_copy_that_brought_the_same_would_have_undone_nothing() -> None:
    """A retry from another process asks the same again: the save says that both agreed."""
    agreed = [e.Agreement(path="/questions/c~11#0")]
    others = [e.Agreement(path="/questions/c~11#0/x"), e.Agreement(path="/title")]

    assert [(2, "asked", "Which?")] == told([CREATED], [ASKED], (1, [], agreed))
    assert [(2, "asked", "Which?"), (3, "averted", None)] == told([CREATED], [ASKED], (1, [], others))


def test_what_came_back_to_where_the_copy_held_it_is_not_undone() -> None:
    """Lost and recovered since the copy was loaded: it holds the question as the newest version does."""
    lost, found = e.QuestionLost(question_id="c/1#0"), e.QuestionRecovered(question_id="c/1#0")

    assert ["asked", "lost", "recovered"] == [kind for _, kind, _ in told([ASKED], [lost], [found], (1, []))]


def test_a_stale_save_that_ends_the_question_itself_undoes_nothing() -> None:
    """What it changed stands in the ledger too."""
    lost: list[Change] = [e.QuestionLost(question_id="c/1#0")]
    found_and_answered: list[Change] = [e.QuestionRecovered(question_id="c/1#0"), ANSWERED]

    assert "averted" not in [kind for _, kind, _ in told([ASKED], lost, (1, found_and_answered))]


def test_an_answer_that_came_second_is_overruled_and_would_have_undone_the_first() -> None:
    """Both are true of one save."""
    second = e.ChangeOverruled(side="writer", writer="w3", version=3, path="/questions/c~11#0", value={"answer": 2})

    assert ["asked", "answered", "overruled", "averted"] == [
        kind for _, kind, _ in told([ASKED], [ANSWERED], (1, [second]))
    ]


def test_each_life_of_a_session_asks_for_itself() -> None:
    """A copy from before the second life cannot hold its question, and the first life's does not count."""
    withdrawn = e.QuestionWithdrawn(question_id="c/1#0", reason="the session was deleted")

    assert [(1, "asked"), (2, "withdrawn"), (4, "asked"), (5, "averted")] == [
        (version, kind) for version, kind, _ in told([CREATED, ASKED], [withdrawn], (0, [CREATED]), [ASKED], (0, []))
    ]


def test_a_fork_takes_the_question_along() -> None:
    """All writers of the fork have it from the first version on, and one that knows nothing would drop it."""
    forked = e.SessionForked(session_id="f", from_session_id="s", from_version=3, from_digest="00", created_at=START)
    parent, followed = [CREATED], Course("c/1#0")
    events = [
        Event(
            session_id=name, version=version, base_version=base, event_id="0", recorded_at=START, writer="w",
            changes=tuple(changes),
        )
        for name, version, base, changes in (
            ("s", 1, 0, parent), ("s", 2, 1, [ASKED]), ("f", 1, 0, [forked]), ("f", 2, 1, []), ("f", 3, 1, []),
            ("f", 4, 0, []),
        )
    ]  # fmt: skip
    found = [transition for event in events for transition in followed.take(event, START)]

    assert [("s", 2, "asked", "Which?"), ("f", 1, "forked", "s@3"), ("f", 4, "averted", None)] == [
        (transition.session_id, transition.version, transition.kind, transition.detail) for transition in found
    ]


def test_a_fork_from_before_the_question_does_not_know_it() -> None:
    """It has no life there."""
    forked = e.SessionForked(session_id="f", from_session_id="s", from_version=3, from_digest="00", created_at=START)

    assert [] == told([forked], [])
