"""The rows of section 5.3 for questions: the first resolution stands, an open question stays open."""

from typing import Any

import pytest

from ledger.domain.events import QuestionOmitted, QuestionRecovered
from ledger.domain.session import QuestionStatus, Session
from tests.unit.domain.meeting import Edit, Meeting, first, meet, put

#: The question that every history here begins with.
OPEN = "call#0"


def asked(session: Session) -> None:
    """Ask the question that every history here begins with."""
    session.ask("call", "Which environment?", options=["staging", "prod"])


def ask(text: str, **fields: Any) -> Edit:
    """Give the edit that asks something else of the same call."""
    return lambda session: session.ask("call", text, **fields)


def answer(answer: object, by: str | None = None) -> Edit:
    """Give the edit that answers the open question."""
    return lambda session: session.answer(OPEN, answer, by=by)


def lose(session: Session) -> None:
    """Mark the open question as lost."""
    session.questions[OPEN] = session.questions[OPEN].model_copy(update={"status": "lost"})


def outcomes(meeting: Meeting) -> dict[str, str]:
    """Give what became of each question."""
    return {question.id: str(question.status) for question in meeting.merged.questions.values()}


def withdraw(session: Session) -> None:
    """Withdraw the open question."""
    session.withdraw(OPEN, "no longer needed", by="agent")


def expire(session: Session) -> None:
    """Let the open question expire."""
    session.expire(OPEN)


def supersede(session: Session) -> None:
    """Ask a better one in the place of the open question."""
    session.ask("call", "Which region?", supersedes=OPEN)


RESOLUTIONS: dict[str, Edit] = {
    "answered": answer("prod"),
    "withdrawn": withdraw,
    "expired": expire,
    "superseded": supersede,
}


def test_questions_of_two_writers_are_both_open() -> None:
    """Two calls that ask are no conflict."""
    meeting = meet(first(asked), lambda s: s.ask("a", "One?"), lambda s: s.ask("b", "Two?"))

    assert {OPEN: "pending", "a#0": "pending", "b#0": "pending"} == outcomes(meeting)


def test_a_defaulted_index_moves_to_the_next_free() -> None:
    """Both asked the same call without choosing an index: both are open, the later under another id."""
    meeting = meet(first(asked), ask("Theirs?"), ask("Mine?"), defaulted=frozenset({"call#1"}))

    assert ["Which environment?", "Theirs?", "Mine?"] == [q.text for q in meeting.merged.questions.values()]
    assert {"call#1": "call#2"} == meeting.rebased.renamed
    assert ("call#2", 2) == (meeting.merged.questions["call#2"].id, meeting.merged.questions["call#2"].index)
    assert [] == meeting.overruled


def test_a_moved_question_takes_no_id_that_its_own_save_uses() -> None:
    """The next free index is free among the writer's own questions too."""

    def mine(session: Session) -> None:
        session.ask("call", "Mine?")
        session.ask("call", "Also mine?", index=2)

    meeting = meet(first(asked), ask("Theirs?"), mine, defaulted=frozenset({"call#1"}))

    assert {"call#1": "Theirs?", "call#2": "Also mine?", "call#3": "Mine?"} == {
        question.id: question.text for question in meeting.merged.questions.values() if question.id != OPEN
    }


def test_an_explicit_id_with_another_text_gives_way() -> None:
    """The first stands; what the other asked is recorded, and its answer with it."""

    def mine(session: Session) -> None:
        session.ask("call", "Mine?", index=1)
        session.answer("call#1", "yes", by="me")

    meeting = meet(first(asked), ask("Theirs?", index=1), mine)

    assert "Theirs?" == meeting.merged.questions["call#1"].text
    assert meeting.merged.questions["call#1"].is_pending
    question, outcome = meeting.records
    assert ("/questions/call#1", "Mine?") == (question.path, question.value["text"])
    assert {"status": "answered", "answer": "yes", "by": "me"} == outcome.value


@pytest.mark.parametrize("defaulted", [frozenset(), frozenset({"call#1"})])
def test_the_same_question_from_both_is_one(defaulted: frozenset[str]) -> None:
    """One id that asks the same is one question."""
    meeting = meet(first(asked), ask("Same?"), ask("Same?"), defaulted=defaulted)

    assert {OPEN: "pending", "call#1": "pending"} == outcomes(meeting)
    assert {} == meeting.rebased.renamed
    assert [] == meeting.overruled


def test_a_stale_copy_saved_a_hundred_times_asks_once() -> None:
    """A question that had to move is found where it moved to."""
    base = first(asked)
    head = meet(base, ask("Theirs?"), ask("Mine?"), defaulted=frozenset({"call#1"})).merged
    for _ in range(100):
        head = meet(base, put(questions=dict(head.questions)), ask("Mine?"), defaulted=frozenset({"call#1"})).merged

    assert {OPEN: "Which environment?", "call#1": "Theirs?", "call#2": "Mine?"} == {
        question.id: question.text for question in head.questions.values()
    }


def test_what_was_said_of_a_moved_question_moves_along() -> None:
    """Its answer, and the question that supersedes it, name it by its new id."""

    def mine(session: Session) -> None:
        session.ask("call", "Mine?")
        session.ask("call", "Better?", supersedes="call#1")
        session.answer("call#2", "yes")

    meeting = meet(first(asked), ask("Theirs?"), mine, defaulted=frozenset({"call#1", "call#2"}))

    moved = meeting.rebased.renamed["call#1"]
    successor = meeting.merged.questions["call#2"]
    assert {OPEN: "pending", "call#1": "pending", moved: "superseded", "call#2": "answered"} == outcomes(meeting)
    assert (moved, "Better?") == (successor.supersedes, successor.text)


@pytest.mark.parametrize("theirs", RESOLUTIONS)
@pytest.mark.parametrize("mine", RESOLUTIONS)
def test_the_first_resolution_stands(theirs: str, mine: str) -> None:
    """Whatever both did to one question, the head's stands and the writer's is recorded, unless they agree."""
    meeting = meet(first(asked), RESOLUTIONS[theirs], RESOLUTIONS[mine])

    assert theirs == outcomes(meeting)[OPEN]
    assert [] == meeting.overruled if theirs == mine else [f"/questions/{OPEN}"] == [r.path for r in meeting.records]
    if theirs != mine:
        assert mine == meeting.records[0].value["status"]
    if mine == "superseded":
        assert "pending" == outcomes(meeting)["call#1"]  # a superseding question is still asked


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (answer("prod"), answer("staging")),
        (answer("prod", by="ann"), answer("prod", by="bob")),
        (answer(1), answer(1.0)),
        (withdraw, lambda session: session.withdraw(OPEN, "another reason", by="agent")),
        (supersede, lambda session: session.ask("call", "Which cloud?", index=5, supersedes=OPEN)),
    ],
    ids=["answer", "resolver", "type", "reason", "successor"],
)
def test_two_resolutions_of_one_kind_that_differ_are_recorded(earlier: Edit, later: Edit) -> None:
    """Another answer, resolver, reason or successor is another outcome, and nobody's words are lost."""
    meeting = meet(first(asked), earlier, later)

    assert [("agent", 3, f"/questions/{OPEN}")] == [record[:3] for record in meeting.overruled]


@pytest.mark.parametrize("mine", RESOLUTIONS)
def test_a_lost_question_that_the_writer_resolved_is_recovered(mine: str) -> None:
    """The other side of an imported history lost it; whoever still had it resolves it all the same."""
    meeting = meet(first(asked), lose, RESOLUTIONS[mine])

    assert mine == outcomes(meeting)[OPEN]
    assert QuestionRecovered(question_id=OPEN) in meeting.rebased.changes


@pytest.mark.parametrize("theirs", RESOLUTIONS)
def test_losing_is_no_resolution(theirs: str) -> None:
    """What the head resolved, a writer that lost it does not unresolve; that it was lost there is recorded."""
    meeting = meet(first(asked), RESOLUTIONS[theirs], lose)

    assert theirs == outcomes(meeting)[OPEN]
    assert [{"status": "lost"}] == [record.value for record in meeting.records]


def test_what_the_writer_did_not_know_stays_open() -> None:
    """A stale copy that never had the question does not omit it."""
    meeting = meet(first(), asked, lambda session: session.state.update(a=1))

    assert {OPEN: "pending"} == outcomes(meeting)
    assert not any(isinstance(change, QuestionOmitted) for change in meeting.rebased.changes)


def test_only_what_is_pending_at_the_head_can_be_omitted() -> None:
    """The writer dropped a question that was answered meanwhile: nothing was lost, so nothing is recorded."""

    def drop(session: Session) -> None:
        del session.questions[OPEN]

    omitted = meet(first(asked), lambda session: session.state.update(a=1), drop)
    resolved = meet(first(asked), answer("prod"), drop)

    assert [QuestionOmitted(question_id=OPEN)] == omitted.rebased.changes
    assert {OPEN: "pending"} == outcomes(omitted)
    assert [] == resolved.rebased.changes
    assert {OPEN: "answered"} == outcomes(resolved)


def test_a_question_is_not_superseded_by_one_that_could_not_be_asked() -> None:
    """The id of the successor asks something else here, so the old question stays open and the attempt is recorded."""
    meeting = meet(
        first(asked),
        ask("Theirs?", index=7),
        lambda session: session.ask("call", "Mine?", index=7, supersedes=OPEN),
    )

    assert {OPEN: "pending", "call#7": "pending"} == outcomes(meeting)
    assert "Theirs?" == meeting.merged.questions["call#7"].text
    assert ["/questions/call#7", f"/questions/{OPEN}"] == [record.path for record in meeting.records]


def test_a_question_does_not_name_a_stranger_as_what_it_supersedes() -> None:
    """What it superseded could not be asked; under that id stands another's question."""

    def mine(session: Session) -> None:
        session.ask("call", "Mine?", index=7)
        session.ask("call", "Better?", index=8, supersedes="call#7")

    meeting = meet(first(asked), ask("Theirs?", index=7), mine)

    assert {OPEN: "pending", "call#7": "pending", "call#8": "pending"} == outcomes(meeting)
    assert meeting.merged.questions["call#8"].supersedes is None


def test_both_recovered_a_lost_question() -> None:
    """A recovery twice is one; an answer of only one of them stands."""

    def recover(session: Session) -> None:
        session.recover(OPEN)

    def recover_and_answer(session: Session) -> None:
        session.recover(OPEN)
        session.answer(OPEN, "prod")

    lost = meet(first(asked), lambda session: session.state.update(a=1), lose).merged

    assert QuestionStatus.PENDING == meet(lost, recover, recover).merged.questions[OPEN].status
    assert "prod" == meet(lost, recover, recover_and_answer).merged.questions[OPEN].answer
    assert "prod" == meet(lost, recover_and_answer, recover).merged.questions[OPEN].answer
