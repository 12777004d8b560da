"""The session: plain containers in a shell that its owner changes, and the verbs of a question's life."""

import copy
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from ledger.domain.session import Message, Option, Question, QuestionStatus, Session, session_of, tracking_of
from ledger.errors import InvalidSession, QuestionNotPending
from tests.unit.domain.meeting import START, first, said

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def fresh() -> Session:
    """Give a session that is not saved yet."""
    return Session.new("s", model="m", created_at=NOW)


def loaded() -> Session:
    """Give a session at version 1 that holds one of everything."""

    def fill(session: Session) -> None:
        session.add_message(said("a", metadata={"k": [1]}))
        session.ask("call", "Which?", options=["x", "y"])
        session.metadata["list"] = [1, {"deep": True}]
        session.state["n"] = 1
        session.summary = {"text": ["so far"]}

    return session_of(first(fill))


def test_a_new_session_is_empty_and_unsaved() -> None:
    """What is not given is empty, and the times are one."""
    session = Session.new("s", model="gpt-5")

    assert ("s", None, False, "gpt-5", [], {}, {}, {}, None) == (
        session.id,
        session.title,
        session.pinned,
        session.model,
        session.messages,
        session.questions,
        session.metadata,
        session.state,
        session.summary,
    )
    assert (0, 0, None, None, None) == (
        session.version,
        session.metadata_version,
        session.parent_session_id,
        session.root_session_id,
        session.forked_from,
    )
    assert session.created_at == session.updated_at
    assert session.created_at.tzinfo is not None


@pytest.mark.parametrize("field", ["id", "version", "metadata_version", "forked_from", "created_at", "updated_at"])
def test_what_the_log_decides_is_read_only(field: str) -> None:
    """The log says who a session is and where it stands, not its owner."""
    session = loaded()

    with pytest.raises(ValidationError, match="frozen"):
        setattr(session, field, getattr(session, field))


def test_a_misspelt_field_is_an_error() -> None:
    """It would not be saved."""
    with pytest.raises(ValueError, match="titel"):
        fresh().titel = "x"  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="titel"):
        Session.new("s", model="m", titel="x")


def test_messages_is_a_plain_list() -> None:
    """Append, insert, remove, replace and reorder in it as in any."""
    session = fresh()

    added = session.add_message(said("a"))
    session.messages.insert(0, said("b"))

    assert list is type(session.messages)
    assert session.messages[1] is added


def test_a_question_is_pending_until_it_is_answered() -> None:
    """It waits in `questions` under its own id, with what the agent gave; the answer is in its place afterwards."""
    session = fresh()

    asked = session.ask(
        "call",
        "Which?",
        options=["x", {"label": "y", "description": "why not"}, Option(label="z")],
        kind="approval",
        allow_custom=False,
        multiple=True,
        header="Choose",
        source="hook",
    )

    assert {"call#0": asked} == session.questions
    assert [asked] == session.pending_questions
    assert ("call", 0, "approval", "Choose", "hook", False, True, "pending") == (
        asked.tool_call_id,
        asked.index,
        asked.kind,
        asked.header,
        asked.source,
        asked.allow_custom,
        asked.multiple,
        asked.status,
    )
    assert ["x", Option(label="y", description="why not"), "z"] == asked.options

    answered = session.answer(asked, {"choice": ["x"]}, by="ann")

    assert answered is session.questions["call#0"]
    assert ("answered", {"choice": ["x"]}, "ann") == (answered.status, answered.answer, answered.resolved_by)
    assert session.pending_question is None
    assert [] == session.pending_questions
    assert asked.is_pending  # the part that was handed out never changes


def test_the_other_ways_out() -> None:
    """Withdrawn with a reason, or expired; each with who did it."""
    session = fresh()
    session.ask("a", "One?")
    session.ask("b", "Two?")

    withdrawn = session.withdraw("a", "not needed", by="agent")
    expired = session.expire("b", by="timer")

    assert ("withdrawn", "not needed", "agent") == (withdrawn.status, withdrawn.reason, withdrawn.resolved_by)
    assert ("expired", "timer") == (expired.status, expired.resolved_by)


@pytest.mark.parametrize("by_object", [True, False])
def test_a_question_takes_the_place_of_another(*, by_object: bool) -> None:
    """The old one is superseded, the new one says by which it came."""
    session = fresh()
    old = session.ask("call", "Which?")

    new = session.ask("call", "Which of these?", supersedes=old if by_object else "call")

    assert ("call#0", "call#1") == (new.supersedes, new.id)
    assert QuestionStatus.SUPERSEDED == session.questions["call#0"].status
    assert [new] == session.pending_questions


def test_clearing_withdraws_all() -> None:
    """Every open question, with one reason; the resolved ones stay as they are."""
    session = fresh()
    session.ask("a", "One?")
    session.ask("b", "Two?")
    session.ask("c", "Three?")
    session.answer("b", "yes")

    cleared = session.clear_pending_question("the run was stopped")

    assert ["a#0", "c#0"] == [question.id for question in cleared]
    assert {"the run was stopped"} == {question.reason for question in cleared}
    assert "answered" == session.questions["b#0"].status
    assert [] == session.clear_pending_question("again")


def test_the_index_defaults_to_the_next_free() -> None:
    """One call can carry several questions, and the resolved ones keep their places."""
    session = fresh()
    session.ask("call", "One?")
    session.ask("call", "Three?", index=2)
    session.answer("call#0", "yes")
    session.ask("call", "Two?")
    session.ask("call", "Four?")

    assert ["call#0", "call#2", "call#1", "call#3"] == list(session.questions)
    assert ["Three?", "Two?", "Four?"] == [question.text for question in session.pending_questions]


def test_a_taken_index_with_another_text_is_refused() -> None:
    """The same text again is the same question, so that asking can be repeated."""
    session = fresh()
    asked = session.ask("call", "Which?", index=0)

    assert session.ask("call", "Which?", index=0) is asked
    with pytest.raises(InvalidSession, match=r"call#0 asks 'Which\?' already"):
        session.ask("call", "Who?", index=0)
    assert {"call#0": asked} == session.questions


@pytest.mark.parametrize("verb", ["answer", "withdraw", "expire"])
@pytest.mark.parametrize("resolve", [lambda s: s.answer("call#0", 1), lambda s: s.expire("call#0")], ids=["a", "e"])
def test_a_resolved_question_is_not_resolved_again(verb: str, resolve: Any) -> None:
    """Whatever was first stands, here as in the log."""
    session = fresh()
    session.ask("call", "Which?")
    resolve(session)
    before = dict(session.questions)

    for name in ("call#0", "call", session.questions["call#0"]):
        with pytest.raises(QuestionNotPending, match=r"it is (answered|expired)"):
            getattr(session, verb)(name, *([] if verb == "expire" else ["x"]))
    assert before == session.questions


def test_a_question_is_named_by_itself_its_id_or_its_call() -> None:
    """A call that has several open needs the id; one that has none is an error."""
    session = fresh()
    one = session.ask("call", "One?")
    session.ask("call", "Two?")

    with pytest.raises(QuestionNotPending, match="2 open: name call#0, call#1"):
        session.answer("call", "yes")
    with pytest.raises(QuestionNotPending, match="no such question was asked"):
        session.answer("other", "yes")
    session.answer(one, "yes")
    session.answer("call", "also")

    assert ["yes", "also"] == [question.answer for question in session.questions.values()]


def test_a_question_that_moved_is_found_by_what_it_asks() -> None:
    """Its save met another question under its id; an answer by object never goes to a stranger's question."""
    session = fresh()
    asked = session.ask("call", "Mine?")
    theirs = Question(id="call#0", tool_call_id="call", text="Theirs?")
    session.questions.clear()
    session.questions["call#0"] = theirs
    session.questions["call#1"] = asked.model_copy(update={"id": "call#1", "index": 1})

    session.answer(asked, "yes")

    assert theirs is session.questions["call#0"]
    assert "yes" == session.questions["call#1"].answer
    del session.questions["call#1"]
    with pytest.raises(QuestionNotPending, match="no such question"):
        session.answer(asked, "yes")


def test_a_tool_message_answers_nothing() -> None:
    """That a result names the call is no word of the person who was asked."""
    session = fresh()
    session.ask("call", "Which?")

    session.add_message(Message.tool("prod", "call"))

    assert ["call#0"] == [question.id for question in session.pending_questions]


def test_a_lost_question_can_be_recovered() -> None:
    """Importers find again what an earlier copy had lost; nothing else is recovered."""
    session = fresh()
    asked = session.ask("call", "Which?")
    session.questions["call#0"] = asked.model_copy(update={"status": "lost"})

    with pytest.raises(QuestionNotPending, match="it is lost"):
        session.answer("call#0", "x")
    assert session.recover("call#0") == asked
    for name in ("call#0", asked, "other"):
        with pytest.raises(QuestionNotPending, match=f"question {getattr(name, 'id', name)} .* it is not lost"):
            session.recover(name)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, Session.model_copy], ids=["copy", "deepcopy", "model_copy"])
def test_a_copy_is_independent(make: Any) -> None:
    """Changing it, at any depth, changes nothing of the original; the immutable parts are shared."""
    session, untouched = loaded(), loaded()

    twin = make(session)
    assert session == twin
    assert twin.messages[0] is session.messages[0]
    twin.messages.append(said("b"))
    twin.questions.clear()
    twin.metadata["list"][1]["deep"] = False
    twin.state["n"] = 2
    twin.summary["text"].append("more")
    twin.title = "other"

    assert untouched == session
    assert tracking_of(twin).base is tracking_of(session).base


def test_a_copy_takes_checked_updates() -> None:
    """As pydantic's `model_copy`, but the new values have to be of the field's type."""
    session = loaded()

    twin = session.model_copy(update={"title": "new", "messages": [said("z")]})

    assert ("new", "z", 1) == (twin.title, twin.messages[0].id, twin.version)
    assert session.title is None
    with pytest.raises(ValidationError):
        session.model_copy(update={"pinned": "perhaps"})
    with pytest.raises(ValidationError):
        session.model_copy(update={"nothing": 1})


def test_a_copy_under_another_id_is_another_session() -> None:
    """It was never saved, so it has no version, and all that it holds is new."""
    twin = loaded().model_copy(update={"id": "t"})

    assert ("t", 0, 0) == (twin.id, twin.version, twin.metadata_version)
    base = tracking_of(twin).base
    assert base is not None
    assert ("t", 0, 0) == (base.session_id, base.version, len(base.messages))


def test_json_and_pickle_keep_what_it_holds_and_its_version() -> None:
    """What it was loaded from stays behind: that is as large as the session, and the log has it."""
    session = loaded()

    for revived in (
        pickle.loads(pickle.dumps(session)),  # noqa: S301 - our own
        Session.model_validate_json(session.model_dump_json()),
        Session.model_validate(session.model_dump()),
        Session.model_validate(json.loads(session.model_dump_json())),
    ):
        assert session == revived
        assert 1 == revived.version
        assert tracking_of(revived).base is None
        revived.metadata["list"].append(1)
        revived.state["n"] = 5
    assert loaded() == session


def test_a_fresh_session_knows_after_json_that_it_is_fresh() -> None:
    """Version 0 needs no log to be known."""
    session = fresh()
    session.ask("call", "Which?")

    for revived in (pickle.loads(pickle.dumps(session)), Session.model_validate_json(session.model_dump_json())):  # noqa: S301
        base = tracking_of(revived).base
        assert base is not None
        assert (0, {}) == (base.version, base.questions)
    assert {"call#0"} == tracking_of(pickle.loads(pickle.dumps(session))).defaulted  # noqa: S301


def test_equality_is_of_content_and_typed() -> None:
    """Where a session was loaded from does not matter, what it holds does."""
    session = loaded()

    assert session == session_of(first()).model_copy(update=session.model_dump())
    assert session != "s"
    changes: list[dict[str, Any]] = [{"state": {"n": 1.0}}, {"state": {"n": True}}, {"messages": []}, {"version": 2}]
    for change in changes:
        assert session != session.model_copy(update=change)
    with pytest.raises(TypeError, match="unhashable"):
        hash(session)


def test_the_repr_is_short() -> None:
    """In a log line or a debugger, not the whole conversation."""
    session = loaded()
    session.messages += [said(f"m{number}", "x" * 1000) for number in range(100)]

    assert "<Session s v1: 101 messages, 1 pending>" == repr(session) == str(session)
    assert "<Session s v0: 0 messages>" == repr(fresh())


def test_a_loaded_session_is_its_owners_own() -> None:
    """Two loads of one view share the immutable parts and nothing else; the view never changes."""
    view = first(lambda session: session.metadata.update(a=[1]))
    one, other = session_of(view), session_of(view)

    one.metadata["a"].append(2)
    one.messages.append(said("x"))

    assert {"a": [1]} == other.metadata == view.metadata
    assert [] == other.messages
    assert (START, 1) == (one.created_at, one.version)
