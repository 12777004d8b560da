import pytest

from ledger import InvalidSession, Message, Question, Session
from ledger.importers.play import play
from ledger.importers.steps import Answered, Asked, Described, ModelNamed, Said, Summarised, Titled, Withdrawn


def question(index: int, text: str) -> Question:
    """Give a question of the one call that these tests know."""
    return Question(id=f"call_1#{index}", tool_call_id="call_1", index=index, text=text)


@pytest.fixture
def session() -> Session:
    """Give a session that has asked two questions."""
    session = Session.new("s1", "gpt-5")
    play(session, [Asked(question(0, "Where?")), Asked(question(1, "When?"))])
    return session


def test_answers_find_their_questions_by_text(session: Session) -> None:
    """Each question gets its own answer, in whatever order they came."""
    play(session, [Answered("call_1", "user", answers={"When?": "now", "Where?": "staging"})])

    assert ["staging", "now"] == [it.answer for it in session.questions.values()]
    assert {"user"} == {it.resolved_by for it in session.questions.values()}


def test_a_question_that_the_answers_leave_out_is_withdrawn(session: Session) -> None:
    """The call came back, so nobody waits any more; that it brought no answer is the reason."""
    play(session, [Answered("call_1", "user", answers={"Where?": "staging"})])

    assert ["answered", "withdrawn"] == [it.status for it in session.questions.values()]
    assert "the call came back without an answer to it" == session.questions["call_1#1"].reason


def test_one_answer_can_stand_for_all(session: Session) -> None:
    """What cannot be told apart answers each question of the call."""
    play(session, [Answered("call_1", "user", answer="staging, now")])

    assert ["staging, now"] * 2 == [it.answer for it in session.questions.values()]


def test_a_rejected_call_withdraws_every_question(session: Session) -> None:
    """The reason and who rejected it are kept."""
    play(session, [Withdrawn("call_1", "User rejected tool use", "user")])

    assert {("withdrawn", "User rejected tool use", "user")} == {
        (str(it.status), it.reason, it.resolved_by) for it in session.questions.values()
    }


def test_a_call_that_asked_nothing_answers_nothing(session: Session) -> None:
    """Most tool results are no answers; a question that was answered keeps its first answer."""
    play(session, [Answered("call_2", "user", answer="x"), Answered("call_1", "user", answer="first")])
    play(session, [Answered("call_1", "user", answer="second"), Withdrawn("call_1", "late", None)])

    assert ["first", "first"] == [it.answer for it in session.questions.values()]


def test_asking_the_same_again_asks_once(session: Session) -> None:
    """A line that was copied into another file asks nothing new; another text under the same id is an error."""
    play(session, [Asked(question(0, "Where?"))])

    assert 2 == len(session.questions)
    with pytest.raises(InvalidSession, match="asks 'Where\\?' already"):
        play(session, [Asked(question(0, "Why?"))])


def test_a_title_of_the_recorder_gives_way_to_a_persons(session: Session) -> None:
    """The recorder may change what it said itself, never what someone said in the ledger."""
    play(session, [Titled("Deployment", "claude-code")])
    play(session, [Titled("The deployment", "claude-code")])
    titles = [session.title]
    session.title = "Mine"
    play(session, [Titled("Deployment again", "claude-code")])

    assert ["The deployment", "Mine"] == [*titles, session.title]


def test_the_rest_is_the_sessions() -> None:
    """Messages, model, metadata and summary go where the ledger keeps them."""
    session = Session.new("s1", "")
    session.metadata["team"] = "ops"
    message = Message.user("Hello")
    play(session, [Said(message), ModelNamed("gpt-5"), Described({"cwd": "/x"}), Summarised({"message_id": "m1"})])

    assert [message] == session.messages
    assert ("gpt-5", {"message_id": "m1"}) == (session.model, session.summary)
    assert {"team": "ops", "cwd": "/x"} == session.metadata
