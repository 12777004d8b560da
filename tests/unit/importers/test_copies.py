"""The history of a store that overwrites, copy after copy, on a real ledger."""

from typing import Any

from ledger import Ledger, Message, Session
from ledger.importers.bamboo import copy_steps, read_copy
from ledger.importers.player import Player
from ledger.importers.report import ImportReport
from tests.unit.importers.samples import BAMBOO_PENDING, Record, bamboo, bamboo_message

USER = bamboo_message("m1", 1, "user", "Deploy it")
ASKING = bamboo_message("m2", 2, "tool", '{"status": "awaiting"}', tool_call_id="call_1")
ANSWERED = ASKING | {"content": "Selected response: staging"}


def take(book: Ledger, *documents: Record) -> ImportReport:
    """Play copies in their order, as if each came from an import of its own."""
    report = ImportReport()
    for document in documents:
        player = Player(book, report)
        assert [] == list(player.play(copy_steps(read_copy("session.json", document))))
    return report


def statuses(book: Ledger) -> list[str]:
    """Give where the questions of the session stand."""
    return [str(question.status) for question in book.load("bam-1").questions.values()]


def changes(book: Ledger) -> list[list[str]]:
    """Give the types of the changes, save by save."""
    return [[change.type for change in event.changes] for event in book.history("bam-1")]


def test_a_question_that_vanishes_is_lost(book: Ledger) -> None:
    """The store no longer holds it and nobody answered: the log says so, and the question is still known."""
    take(book, bamboo(3, USER, pending=BAMBOO_PENDING), bamboo(9, USER))

    assert ["lost"] == statuses(book)
    assert "question_lost" in changes(book)[-1]
    assert ["pending"] == [str(it.status) for it in book.load("bam-1", at=2).questions.values()]


def test_a_lost_question_that_comes_back_is_recovered(book: Ledger) -> None:
    """A later copy waits for it again: it is the same question, pending as before."""
    pending = bamboo(3, USER, pending=BAMBOO_PENDING)
    report = take(book, pending, bamboo(9, USER), bamboo(12, USER, pending=BAMBOO_PENDING))

    assert ["pending"] == statuses(book)
    assert "question_recovered" in changes(book)[-1]
    assert 1 == report.recovered


def test_a_new_tool_message_answers_at_its_own_time(book: Ledger) -> None:
    """The answer is a save of its own, by the person, when they gave it and not when the store was written."""
    answer = bamboo_message("m3", 7, "tool", "Selected response: staging", tool_call_id="call_1")
    take(book, bamboo(3, USER, pending=BAMBOO_PENDING), bamboo(9, USER, answer))
    (record,) = book.questions("bam-1")

    assert ("answered", "staging", "user") == (str(record.status), record.answer, record.resolved_by)
    assert record.resolved_at is not None
    assert 7 == record.resolved_at.second


def test_a_changed_tool_message_answers(book: Ledger) -> None:
    """Bamboo writes the answer over the message that kept its place."""
    take(book, bamboo(3, USER, ASKING, pending=BAMBOO_PENDING), bamboo(9, USER, ANSWERED))

    assert ["answered"] == statuses(book)
    assert {"message_revised", "question_answered"} <= set(changes(book)[-1])


def test_an_unchanged_tool_message_answers_nothing(book: Ledger) -> None:
    """What stood there while the question was open cannot be its answer."""
    take(book, bamboo(3, USER, ASKING, pending=BAMBOO_PENDING), bamboo(9, USER, ASKING))

    assert ["lost"] == statuses(book)


def test_the_answer_to_a_lost_question_recovers_it(book: Ledger) -> None:
    """It was answered after all, and the log tells both."""
    answer = bamboo_message("m3", 12, "tool", "staging", tool_call_id="call_1")
    report = take(book, bamboo(3, USER, pending=BAMBOO_PENDING), bamboo(9, USER), bamboo(13, USER, answer))

    assert ["answered"] == statuses(book)
    assert 1 == report.recovered


def test_another_question_in_the_one_slot_loses_the_first(book: Ledger) -> None:
    """The store holds one; nothing says that the second was asked instead of the first."""
    other = BAMBOO_PENDING | {"tool_call_id": "call_2", "question": "Really?"}
    take(book, bamboo(3, USER, pending=BAMBOO_PENDING), bamboo(9, USER, pending=other))

    assert ["lost", "pending"] == statuses(book)


def test_a_store_that_went_back_asks_anew(book: Ledger) -> None:
    """An answered question that is pending in a later copy was overwritten: the first answer stays on record."""
    take(
        book,
        bamboo(3, USER, ASKING, pending=BAMBOO_PENDING),
        bamboo(9, USER, ANSWERED),
        bamboo(12, USER, ASKING, pending=BAMBOO_PENDING),
    )

    assert ["answered", "pending"] == statuses(book)
    assert ["call_1#0", "call_1#1"] == list(book.load("bam-1").questions)


def test_an_answer_in_the_ledger_outlives_a_store_that_does_not_know_it(book: Ledger) -> None:
    """The store still waits; the question is not asked a second time for that."""
    take(book, bamboo(3, USER, pending=BAMBOO_PENDING))
    book.answer("bam-1", "call_1#0", "prod", writer="ui", authority="user")
    take(book, bamboo(9, USER, pending=BAMBOO_PENDING), bamboo(12, USER))

    assert ["answered"] == statuses(book)


def test_messages_that_a_copy_no_longer_holds_are_gone(book: Ledger) -> None:
    """A stale writer shrank the session: each version still shows what the store held then."""
    second, third = bamboo_message("m2", 2, "assistant", "On it"), bamboo_message("m3", 3, "user", "Stop")
    take(book, bamboo(4, USER, second, third), bamboo(9, USER, second), bamboo(12, USER, second, third))
    history = [[message.id for message in book.load("bam-1", at=version).messages] for version in range(1, 7)]

    assert [["m1"], ["m1", "m2"], ["m1", "m2", "m3"], ["m1", "m2", "m3"], ["m1", "m2"], ["m1", "m2", "m3"]] == history


def test_what_others_put_into_the_ledger_stays(book: Ledger) -> None:
    """A message, a title, a pin and a note that did not come from the store are not the store's to remove."""
    take(book, bamboo(3, USER, title="Deployment", metadata={"team": "ops", "old": "1"}))

    def edit(session: Session) -> None:
        session.messages.insert(1, Message.user("A note", id="note"))
        session.title, session.pinned = "Mine", True
        session.metadata["reviewed"] = "yes"

    book.update("bam-1", edit, writer="ui", authority="user")
    take(
        book, bamboo(9, USER, bamboo_message("m2", 8, "assistant", "Done"), title="Deployed", metadata={"team": "dev"})
    )
    session = book.load("bam-1")

    assert ["m1", "note", "m2"] == [message.id for message in session.messages]
    assert ("Mine", True) == (session.title, session.pinned)
    assert {"source": "bamboo", "team": "dev", "reviewed": "yes"} == session.metadata


def test_the_store_may_change_what_it_said_itself(book: Ledger) -> None:
    """Its title, pin, model and summary follow the copies."""
    take(book, bamboo(3, USER, title="One", pinned=True, model="a"))
    take(book, bamboo(9, USER, title="Two", pinned=False, model="b", conversation_summary={"content": "So far"}))
    session: Any = book.load("bam-1")

    assert ("Two", False, "b", {"content": "So far"}) == (session.title, session.pinned, session.model, session.summary)
