"""Replays, searches and the lives of questions, over arbitrary histories of three writers."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import Session
from ledger.cli.expressions import read_expression
from ledger.cli.judging import ExpressionJudge
from ledger.cli.searching import search
from ledger.domain.values import join
from tests.property.test_histories import STEPS, Edits, Play

STANDING = {
    "asked": "pending", "recovered": "pending", "answered": "answered", "withdrawn": "withdrawn",
    "superseded": "superseded", "expired": "expired", "lost": "lost",
}  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=10, max_size=30), data=st.data())
def test_what_explains_a_history_agrees_with_its_past(
    steps: list[tuple[str, str, int, Edits]], data: st.DataObject
) -> None:
    """Each step is between what its version and the one before it load; searches and transitions tell the same."""
    play = Play()
    try:
        for doing, name, pick, edits in steps:
            getattr(play, doing)(name, pick, edits)
        check_replay(play, data)
        check_search(play, data)
        check_transitions(play)
        check_averted(play)
    finally:
        play.book.close()


def check_replay(play: Play, data: st.DataObject) -> None:
    """From any version to any later one, and before it what stood there."""
    past: dict[int, Session | None] = {0: None, **play.past}
    first = data.draw(st.integers(1, len(play.past)), label="first")
    last = data.draw(st.integers(first, len(play.past)), label="last")
    replayed = list(play.book.replay("s", first, last))

    assert list(range(first, last + 1)) == [step.event.version for step in replayed]
    for step in data.draw(st.permutations(replayed), label="looked at in this order"):
        assert past[step.event.version - 1] == step.before
        assert past[step.event.version] == step.after


def check_search(play: Play, data: st.DataObject) -> None:
    """What is found differs from the good end, and the version before it does not."""
    number = data.draw(st.integers(0, 6), label="messages")
    judge = ExpressionJudge(read_expression(f"length(messages) > `{number}` && pinned != `true`"))
    places = play.book.places("s")
    outcome = search(play.book, places, judge)
    truth = [judge.verdict(judge.judge(place, play.past[place.version])) for place in places]

    if truth[0] == truth[-1]:
        assert [] == outcome.candidates
    else:
        (found,) = outcome.candidates
        assert (truth[0], truth[-1]) == (truth[found.version - 2], truth[found.version - 1])


def check_transitions(play: Play) -> None:
    """The last move of a question is where it stands, and times are those of the versions."""
    for version in reversed(play.past):
        session = play.past[version]
        if session is None:
            continue
        questions: dict[str, Any] = session.questions
        for question_id, question in questions.items():
            told = [it for it in play.book.transitions("s", question_id) if it.version <= version]
            standing = [STANDING[it.kind] for it in told if it.kind in STANDING]
            assert question.status == standing[-1]
            for it in told:
                past = play.past[it.version]
                assert past is None or past.updated_at == it.at
        return


def check_averted(play: Play) -> None:
    """Where a question's own life says that overwriting would have lost it, the save's list of losses names it."""
    lost = {
        (save.version, loss.path, loss.cause)
        for save in play.book.averted("s")
        for loss in save.losses
        if loss.kind == "question"
    }
    causes = {"averted": "stale", "omitted": "omitted"}
    told = {
        (transition.version, join("/questions", record), causes[transition.kind])
        for record in {record.id for record in play.book.questions("s")}
        for transition in play.book.transitions("s", record)
        if transition.kind in causes
    }

    assert lost == told
