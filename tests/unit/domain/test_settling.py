"""How a session is brought to the head after its save, whatever became of that, and of the saves beside it."""

import copy
import math
import pickle
from typing import Any

import pytest

from ledger.domain.events import ChangeOverruled, MessageAppended, QuestionOmitted
from ledger.domain.session import Session, session_of, tracking_of
from ledger.domain.submission import abandon, settle, submit, unsettled
from ledger.errors import InvalidSession
from tests.property.domain.memory_log import MemoryLog
from tests.unit.domain.meeting import START, ids, said

WORDS: dict[str, Any] = {"writer": "agent", "authority": "runtime"}


def begun() -> tuple[MemoryLog, Session]:
    """Give a log that holds a session, and that session."""
    log = MemoryLog()
    session = Session.new("s", "m", created_at=START)
    session.add_message(said("a"))
    session.state["log"] = ["first"]
    log.save(session)
    return log, session


def test_a_save_takes_the_session_at_the_call() -> None:
    """What is edited afterwards is not in it, and is not lost."""
    log, session = begun()
    session.state["deep"] = {"n": [1]}
    session.add_message(said("b"))

    submission = submit(session, **WORDS)
    session.state["deep"]["n"].append(2)
    session.add_message(said("c"))
    log.finish(session, submission)

    assert (2, "ab", {"n": [1]}) == (log.head.version, ids(log.head), log.head.state["deep"])
    assert (2, "abc", {"n": [1, 2]}) == (session.version, ids(session), session.state["deep"])
    log.save(session)
    assert (3, "abc", {"n": [1, 2]}) == (log.head.version, ids(log.head), log.head.state["deep"])


def test_edits_made_since_are_rebased_on_what_the_save_met() -> None:
    """Others saved before it: their work comes in, the caller's own stays unsaved on top, in the same containers."""
    log, session = begun()
    other = log.load()
    other.messages.insert(0, said("x"))
    other.state["log"].append("other")
    log.save(other)
    session.add_message(said("b"))
    messages, entries = session.messages, session.state["log"]

    submission = submit(session, **WORDS)
    session.add_message(said("c"))
    entries.append("mine")
    log.finish(session, submission)

    assert messages is session.messages
    assert entries is session.state["log"]
    assert ("xab", "xabc") == (ids(log.head), ids(session))
    assert ["first", "other", "mine"] == entries
    log.save(session)
    assert session_of(log.head) == session


def test_saves_of_one_session_settle_in_the_order_of_their_calls() -> None:
    """Each takes what came since the call before it; in the end the session is at the last of them."""
    log, session = begun()
    submissions = []
    for name in "bcd":
        session.add_message(said(name))
        session.state["log"].append(name)
        submissions.append(submit(session, **WORDS))
    session.state["log"].append("unsaved")

    for submission in submissions:
        log.finish(session, submission)

    assert [["a"], ["b"], ["c"], ["d"]] == [
        [change.message.id for change in event.changes if isinstance(change, MessageAppended)] for event in log.events
    ]
    assert ["first", "b", "c", "d"] == log.head.state["log"]
    assert ["first", "b", "c", "d", "unsaved"] == session.state["log"]
    assert [0, 1, 2, 3] == [event.base_version for event in log.events]
    assert 4 == session.version


@pytest.mark.parametrize("fault", ["early", "late", "unanswered", "cancelled"])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_failure_between_them_loses_and_repeats_nothing(fault: Any, which: int) -> None:
    """Whichever of several saves under way fails, and however: the later ones carry what it would have saved."""
    log, session = begun()
    submissions = []
    for name in "bcd":
        session.add_message(said(name))
        session.state["log"].append(name)
        submissions.append(submit(session, **WORDS))

    for place, submission in enumerate(submissions):
        log.finish(session, submission, fault if place == which else None)
    log.save(session)

    assert "abcd" == ids(log.head)
    assert ["first", "b", "c", "d"] == log.head.state["log"]
    assert session_of(log.head) == session


@pytest.mark.parametrize("fault", ["early", "late"])
def test_a_failed_save_leaves_the_session_as_it_was(fault: Any) -> None:
    """Content, version, base and edits; the next save stores all of it."""
    log, session = begun()
    session.add_message(said("b"))
    session.ask("c", "Which?")
    before, base = session.model_copy(), tracking_of(session).base

    log.save(session, fault)

    assert before == session
    assert base is tracking_of(session).base
    assert [] == tracking_of(session).flights
    log.save(session)
    assert (2, "ab", ["c#0"]) == (log.head.version, ids(log.head), list(log.head.questions))


def test_an_unknown_outcome_keeps_the_event_id() -> None:
    """So that the next save finds the event in the log; a save that settles ends it."""
    log, session = begun()
    session.add_message(said("b"))
    log.save(session, "unanswered")

    assert log.events[-1].event_id == unsettled(session)
    assert 1 == session.version
    log.save(session)
    assert (None, 2, 2) == (unsettled(session), session.version, log.head.version)


def test_a_refused_save_is_not_remembered() -> None:
    """It is known not to be in the log."""
    _, session = begun()
    submission = submit(session, **WORDS)

    abandon(session, submission, ambiguous=False)

    assert unsettled(session) is None
    assert submission.event_id != submit(session, **WORDS).event_id


def test_settling_twice_is_settling_once() -> None:
    """A later save of the same session may have settled before."""
    log, session = begun()
    first = submit(session, **WORDS)
    session.add_message(said("b"))
    second = submit(session, **WORDS)
    log.finish(session, first, "cancelled")
    log.finish(session, second)
    assert first.outcome is not None

    settle(session, first, first.outcome)
    abandon(session, first, ambiguous=True)

    assert (3, "ab", None) == (session.version, ids(session), unsettled(session))


def test_a_session_that_lost_its_base_takes_its_version_of_the_log() -> None:
    """JSON and pickle do not carry it; what the session says is its version is what it is compared with."""
    log, session = begun()
    other = log.load()
    other.add_message(said("x"))
    log.save(other)
    session.add_message(said("b"))
    session.state["log"].append("b")

    revived = pickle.loads(pickle.dumps(session))  # noqa: S301 - our own
    submission = submit(revived, **WORDS)
    assert submission.base is None
    assert submission.changes is None
    revived.state["log"].append("since")
    log.finish(revived, submission)

    assert 1 == log.events[-1].base_version
    assert "axb" == ids(log.head) == ids(revived)
    assert ["first", "b"] == log.head.state["log"]
    assert ["first", "b", "since"] == revived.state["log"]


def test_two_saves_under_way_that_both_lost_their_base() -> None:
    """The second is compared with what the first took."""
    log, session = begun()
    revived = Session.model_validate_json(session.model_dump_json())
    submissions = []
    for name in "bc":
        revived.add_message(said(name))
        revived.state["log"].append(name)
        submissions.append(submit(revived, **WORDS))

    for submission in submissions:
        log.finish(revived, submission)

    assert ["first", "b", "c"] == log.head.state["log"]
    assert session_of(log.head) == revived


def test_a_question_that_was_dropped_and_asked_over_is_another() -> None:
    """The dropped one keeps its id in the log, also where the session forgot it; the new one moves."""
    log, session = begun()
    session.ask("c", "Old?")
    log.save(session)
    known, lost = copy.copy(session), session
    del known.questions["c#0"]
    del lost.questions["c#0"]
    lost = pickle.loads(pickle.dumps(lost))  # noqa: S301 - our own

    for dropped in (known, lost):
        dropped.ask("c", f"New for {dropped is known}?")
        log.save(dropped)
        assert "Old?" == dropped.questions["c#0"].text

    assert ["Old?", "New for True?", "New for False?"] == [q.text for q in log.head.questions.values()]
    assert all(question.is_pending for question in log.head.questions.values())
    assert all(QuestionOmitted(question_id="c#0") in event.changes for event in log.events[2:])


def test_an_omission_is_recorded_by_the_save_that_follows_a_failed_one() -> None:
    """What the failed save would have said, the next one says."""
    log, session = begun()
    session.ask("c", "Which?")
    log.save(session)
    session.questions.clear()
    first = submit(session, **WORDS)
    second = submit(session, **WORDS)

    log.finish(session, first, "late")
    log.finish(session, second)

    assert (QuestionOmitted(question_id="c#0"),) == log.events[-1].changes
    assert ["c#0"] == list(session.questions)


def test_an_answer_that_came_too_late_is_recorded_by_the_next_save() -> None:
    """It was given while a save was under way that brought another's answer: that one stands, and no word is lost."""
    log, session = begun()
    session.ask("c", "Which?")
    log.save(session)
    other = log.load()
    other.answer("c", "theirs")
    log.save(other)

    submission = submit(session, **WORDS)
    session.answer("c", "mine", by="me")
    log.finish(session, submission)
    assert "theirs" == session.questions["c#0"].answer
    log.save(session)
    log.save(session)

    recorded = [c for event in log.events for c in event.changes if isinstance(c, ChangeOverruled)]
    assert [("/questions/c#0", {"status": "answered", "answer": "mine", "by": "me"})] == [
        (record.path, record.value) for record in recorded
    ]


def test_a_users_title_is_not_overruled_by_an_edit_made_meanwhile() -> None:
    """The runtime had not seen it, so the user's title stands as in any other rebase."""
    log, session = begun()
    user = log.load()
    user.title = "the user's"
    log.save(user, writer="ui", authority="user")

    submission = submit(session, **WORDS)
    session.title = "the agent's"
    log.finish(session, submission)
    log.save(session)

    assert "the user's" == log.head.title == session.title
    assert ["the agent's"] == [c.value for c in log.events[-1].changes if isinstance(c, ChangeOverruled)]


def test_a_question_asked_meanwhile_moves_out_of_the_way() -> None:
    """It is not saved yet, so nothing could record that it gave way, not even where its index was chosen."""
    log, session = begun()
    other = log.load()
    other.ask("c", "Theirs?", index=0)
    log.save(other)

    submission = submit(session, **WORDS)
    mine = session.ask("c", "Mine?", index=0)
    log.finish(session, submission)
    session.answer(mine, "yes")
    log.save(session)

    assert {"Theirs?": None, "Mine?": "yes"} == {q.text: q.answer for q in log.head.questions.values()}


def test_a_question_that_moved_once_may_move_again() -> None:
    """It took an index that nobody chose, so it gives way where the next save meets another one there."""
    log, session = begun()
    for text in ("Theirs?", "Theirs too?"):
        other = log.load()
        other.ask("c", text)
        submission = submit(session, **WORDS)
        if text == "Theirs?":
            session.ask("c", "Mine?", index=0)
        log.save(other)
        log.finish(session, submission)
    log.save(session)

    assert ["Theirs?", "Theirs too?", "Mine?"] == [question.text for question in log.head.questions.values()]


def test_a_saved_index_is_the_questions_own() -> None:
    """A key that stands for the answer to one question does not stand for the answer to another of the same call."""
    log, session = begun()
    session.ask("c", "One?")
    session.ask("c", "Two?")
    log.save(session)
    twin = session.model_copy()
    session.answer("c#0", "yes")
    twin.answer("c#1", "yes")

    assert submit(session, **WORDS, key="k").key_digest != submit(twin, **WORDS, key="k").key_digest


def test_an_edit_made_meanwhile_that_cannot_be_saved_undoes_nothing() -> None:
    """The save is in the log and stays there; once the edit is mended, the next save goes on from it."""
    log, session = begun()
    other = log.load()
    other.add_message(said("x"))
    log.save(other)
    session.state["log"].append("b")

    submission = submit(session, **WORDS)
    session.state["bad"] = math.nan
    log.finish(session, submission)
    assert math.isnan(session.state["bad"])
    with pytest.raises(InvalidSession, match="/state/bad"):
        submit(session, **WORDS)
    session.state["bad"] = 1
    log.save(session)

    assert ["first", "b"] == log.head.state["log"]
    assert ("ax", {"log": ["first", "b"], "bad": 1}) == (ids(log.head), session.state)
    assert session_of(log.head) == session


def test_a_copy_knows_of_a_save_under_way() -> None:
    """If that is stored before the copy is saved, the copy finds it; it does not do the same work twice."""
    log, session = begun()
    session.state["log"].append("b")
    submission = submit(session, **WORDS)
    twin = copy.deepcopy(session)
    twin.state["log"].append("twin")
    log.finish(session, submission)

    log.save(twin)

    assert ["first", "b", "twin"] == log.head.state["log"]
    assert [1, 2, 3] == [event.version for event in log.events]
    assert ["first", "b"] == session.state["log"]
