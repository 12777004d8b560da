"""A save on top of an earlier one of its session: one that was under way, or one whose reply was lost."""

import copy
from typing import Any

import pytest

from ledger.domain.events import ChangeOverruled, QuestionOmitted
from ledger.domain.session import Session, session_of
from ledger.domain.submission import submit
from tests.property.domain.memory_log import MemoryLog
from tests.unit.domain.meeting import START, Edit, ids, said

WORDS: dict[str, Any] = {"writer": "agent", "authority": "runtime"}


def begun() -> tuple[MemoryLog, Session]:
    """Give a log that holds a session, and that session."""
    log = MemoryLog()
    session = Session.new("s", "m", created_at=START)
    session.state["log"] = []
    log.save(session)
    return log, session


def add(session: Session, name: str) -> None:
    """Add a message and an item of a list: what is made twice shows in the one, what is lost in both."""
    session.add_message(said(name))
    session.state["log"].append(name)


def others(log: MemoryLog, edit: Edit) -> None:
    """Let someone else save."""
    session = log.load()
    edit(session)
    log.save(session, writer="other")


def whole(log: MemoryLog, session: Session, names: str) -> None:
    """Check that all of `names` stand once, in the log and in the session."""
    assert sorted(names) == sorted(ids(log.head)) == sorted(log.head.state["log"])
    assert session_of(log.head) == session


def test_an_answer_given_meanwhile_follows_its_question() -> None:
    """The save met another question of that id, and moved this one; the answer is in the session, at its new place."""
    log, session = begun()
    others(log, lambda s: s.ask("c", "Theirs?"))
    session.ask("c", "Mine?")
    submission = submit(session, **WORDS)
    session.answer("c#0", "yes")

    log.finish(session, submission)

    assert {"c#0": None, "c#1": "yes"} == {name: question.answer for name, question in session.questions.items()}
    log.save(session)
    assert {"Theirs?": None, "Mine?": "yes"} == {q.text: q.answer for q in log.head.questions.values()}


def test_a_question_can_move_twice() -> None:
    """Once on top of the save before it, and again on what came in between."""
    log, session = begun()
    others(log, lambda s: s.ask("c", "Theirs?"))
    first = submit(session, **WORDS)
    session.ask("c", "Mine?")
    second = submit(session, **WORDS)
    log.finish(session, first)
    others(log, lambda s: s.ask("c", "Theirs too?"))

    log.finish(session, second)

    assert ["Theirs?", "Theirs too?", "Mine?"] == [question.text for question in log.head.questions.values()]
    assert session_of(log.head) == session


def test_a_question_can_move_twice_after_a_lost_reply() -> None:
    """Once on top of what was stored, and again on what others saved since."""
    log, session = begun()
    others(log, lambda s: s.ask("c", "Theirs?"))
    log.save(session, "unanswered")
    others(log, lambda s: s.ask("c", "Theirs too?"))
    session.ask("c", "Mine?")

    log.save(session)

    assert ["Theirs?", "Theirs too?", "Mine?"] == [question.text for question in log.head.questions.values()]
    assert session_of(log.head) == session


def test_a_cancelled_save_is_settled_before_the_next_fails() -> None:
    """It was stored, though nobody waited; the next save stands on it, also if that one's reply is lost."""
    log, session = begun()
    log.save(session, "cancelled")
    add(session, "b")
    log.save(session, "unanswered")

    log.save(session)

    whole(log, session, "b")
    assert 3 == len(log.events)


@pytest.mark.parametrize(
    "faults",
    [
        ("cancelled", "late"),
        ("early", "cancelled"),
        ("cancelled", "early", "unanswered"),
        ("unanswered", "early"),
        ("unanswered", "early", "early"),
        ("late", "early", "unanswered"),
    ],
    ids="-".join,
)
def test_whatever_became_of_the_saves_before(faults: Any) -> None:
    """Cancelled and lost in any order: each edit is there once."""
    log, session = begun()
    for name, fault in zip("bcd", faults, strict=False):
        add(session, name)
        log.save(session, fault)

    log.save(session)

    whole(log, session, "bcd"[: len(faults)])


def test_two_lost_replies_in_a_row() -> None:
    """Each is found in its turn, and only what came after it is saved again."""
    log, session = begun()
    for name in "bcd":
        add(session, name)
        log.save(session, "unanswered")
    others(log, lambda s: s.add_message(said("x")))
    session.state["log"].append("x")

    log.save(session)

    whole(log, session, "bcdx")
    assert [1, 2, 3, 4, 5, 6] == [event.version for event in log.events]


def test_a_lost_reply_and_then_a_failure_that_stores_nothing() -> None:
    """What was found is the base from then on; what the failure carried is unsaved."""
    log, session = begun()
    add(session, "b")
    log.save(session, "unanswered")
    add(session, "c")
    log.save(session, "late")
    assert 2 == session.version
    add(session, "d")

    log.save(session)

    whole(log, session, "bcd")


def test_an_omission_that_was_recorded_is_not_recorded_again() -> None:
    """The earlier try was stored and said it; the next save under way has nothing to add."""
    log, session = begun()
    session.ask("c", "Which?")
    log.save(session)
    session.questions.clear()
    first = submit(session, **WORDS)
    second = submit(session, **WORDS)

    log.finish(session, first, "unanswered")
    log.finish(session, second)

    assert [QuestionOmitted(question_id="c#0")] == [change for event in log.events[2:] for change in event.changes]
    assert session_of(log.head) == session


def test_a_question_dropped_after_a_lost_reply_is_put_back() -> None:
    """What was withdrawn in the save that was stored is resolved, so its absence is no word of anyone's."""
    log, session = begun()
    session.ask("c", "Which?")
    log.save(session)
    session.withdraw("c", "no longer needed")
    log.save(session, "unanswered")
    session.questions.clear()

    log.save(session)

    assert "withdrawn" == log.head.questions["c#0"].status
    assert session_of(log.head) == session


def test_an_answer_that_was_changed_after_a_lost_reply_came_too_late() -> None:
    """The first resolution stands, and it was in the log already."""
    log, session = begun()
    asked = session.ask("c", "Which?")
    log.save(session)
    session.answer("c", "first")
    log.save(session, "unanswered")
    session.questions["c#0"] = asked
    session.answer("c", "second")

    log.save(session)

    assert "first" == log.head.questions["c#0"].answer == session.questions["c#0"].answer


def test_a_copy_made_with_saves_under_way_removes_nothing_of_others() -> None:
    """What the original becomes when its saves settle is nothing to the copy: it did not see what came in."""
    log, session = begun()
    others(log, lambda s: add(s, "x"))
    submissions = []
    for name in "bc":
        add(session, name)
        submissions.append(submit(session, **WORDS))
    twin = copy.copy(session)
    for submission in submissions:
        log.finish(session, submission)
    add(twin, "d")

    log.save(twin)

    whole(log, twin, "xbcd")


def test_a_failed_save_passes_its_unknown_outcome_on() -> None:
    """It was a retry itself, and was refused before it could find out; the save behind it looks for the same event."""
    log, session = begun()
    add(session, "b")
    log.save(session, "unanswered")
    add(session, "c")
    first = submit(session, **WORDS)
    add(session, "d")
    second = submit(session, **WORDS)

    log.finish(session, first, "early")
    log.finish(session, second)

    whole(log, session, "bcd")
    assert [[], ["b"], ["c", "d"]] == [
        [change.message.id for change in event.changes if change.type == "message_appended"] for event in log.events
    ]


def test_questions_that_move_one_after_another_keep_apart() -> None:
    """The place that one moves to is where the next one stood: what is said of the first is not taken for the next."""
    log, session = begun()
    others(log, lambda s: s.ask("c", "Theirs?"))
    session.ask("c", "Mine?")
    submission = submit(session, **WORDS)
    session.ask("c", "Mine too?")
    session.withdraw("c#0", "no longer needed")

    log.finish(session, submission)
    log.save(session)

    assert {"Theirs?": "pending", "Mine?": "withdrawn", "Mine too?": "pending"} == {
        question.text: str(question.status) for question in log.head.questions.values()
    }
    assert session_of(log.head) == session


def test_questions_asked_between_saves_under_way_move_for_all_of_them() -> None:
    """What a later save took, and what none has taken, stand in the session where they will stand in the log."""
    log, session = begun()
    others(log, lambda s: s.ask("c", "Theirs?"))
    submissions = [submit(session, **WORDS)]
    for text in ("Mine?", "Mine too?"):
        session.ask("c", text)
        submissions.append(submit(session, **WORDS))
    session.ask("c", "Unsaved?")

    for submission in submissions:
        log.finish(session, submission)
        assert ["Theirs?", "Mine?", "Mine too?", "Unsaved?"] == [q.text for q in session.questions.values()]
        submit(session.model_copy(), **WORDS)  # whenever it is saved again, it can be
    log.save(session)

    assert ["Theirs?", "Mine?", "Mine too?", "Unsaved?"] == [q.text for q in log.head.questions.values()]
    assert session_of(log.head) == session


def test_what_was_said_of_a_question_that_gave_way_is_recorded() -> None:
    """Its index was chosen and taken, so the save recorded it; the answer that came meanwhile is recorded too."""
    log, session = begun()
    others(log, lambda s: s.ask("c", "Theirs?", index=0))
    session.ask("c", "Mine?", index=0)
    submission = submit(session, **WORDS)
    session.answer("c#0", "for mine", by="me")

    log.finish(session, submission)
    log.save(session)

    values = [change.value for event in log.events for change in event.changes if isinstance(change, ChangeOverruled)]
    assert ["Mine?", None] == [value.get("text") for value in values]
    assert {"status": "answered", "answer": "for mine", "by": "me"} == values[1]
    assert {"Theirs?": None} == {q.text: q.answer for q in session.questions.values()}
