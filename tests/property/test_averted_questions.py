"""What a question notes of stale saves, against a plain look at every two states that a save lay between."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import ledger
from ledger import Event, Ledger, Session, SessionDeleted
from ledger.domain.values import split

WRITERS = ("agent", "scheduler", "ui")
DOINGS = (
    "save", "save", "ask", "ask_the_same", "answer", "withdraw", "forget", "lose", "lose", "recover", "recover",
    "fresh", "fresh", "die",
)  # fmt: skip
#: Each step: who, what, how far behind the newest version its copy is, and a place among several.
STEPS = st.lists(
    st.tuples(st.sampled_from(WRITERS), st.sampled_from(DOINGS), st.integers(0, 4), st.integers(0, 2)),
    min_size=8,
    max_size=24,
)


def edit(session: Session, what: str, number: int, place: int) -> None:
    """Change a copy, where there is something of that kind to change."""
    pending = session.pending_questions
    lost = [question for question in session.questions.values() if question.status == "lost"]
    match what:
        case "ask":
            session.ask("call", f"{number}?")
        case "ask_the_same" if f"same#{place}" not in session.questions:
            session.ask("same", "Which?", index=place)
        case "answer" if pending:
            session.answer(pending[place % len(pending)], place)
        case "withdraw" if pending:
            session.withdraw(pending[place % len(pending)], "enough")
        case "forget" | "lose" if pending:
            del session.questions[pending[place % len(pending)].id]
        case "recover" if lost:
            session.recover(lost[place % len(lost)].id)


def play(book: Ledger, steps: list[tuple[str, str, int, int]]) -> None:
    """Let writers save copies of any age; now and then somebody reads, so that the projection comes up bit by bit."""
    session = Session.new("s", "m")
    edit(session, "ask_the_same", 0, 0)
    book.save(session)
    for number, (writer, what, back, place) in enumerate(steps):
        head = book.head("s")
        assert head is not None
        if what == "die" and not head.deleted:
            book.delete("s", writer=writer)
        elif head.deleted or what == "fresh":
            session = Session.new("s", "m")
            edit(session, "ask_the_same", number, place)
            (book.create if head.deleted else book.save)(session, writer=writer)
        else:
            session = book.load("s", at=max(head.version - back, head.life))
            edit(session, what, number, place)
            book.save(session, writer=writer, on_omission="lose" if what == "lose" else "keep")
        if place == 0:
            book.questions("s")


def standings(book: Ledger, version: int) -> dict[str, str]:
    """Give where each question stood after a version: nothing, where nothing lived."""
    try:
        return {each.id: str(each.status) for each in book.load("s", at=version).questions.values()} if version else {}
    except SessionDeleted:
        return {}


def own(event: Event) -> set[str]:
    """Give the questions that a save brought as they stand after it."""
    ids = {question_id for agreement in event.agreed for question_id in split(agreement.path)[1:2]}
    for change in event.changes:
        plain: dict[str, Any] = change.model_dump()
        if change.type == "question_asked":
            ids.add(plain["question"]["id"])
        elif change.type.startswith("question_") and change.type != "question_omitted":
            ids.add(plain["question_id"])
    return ids


def plainly_averted(book: Ledger) -> set[tuple[str, int]]:
    """Give what each stale save held otherwise than it stood before it, and had not brought itself."""
    return {
        (question_id, event.version)
        for event in book.history("s")
        if event.base_version < event.version - 1
        for question_id, status in standings(book, event.version - 1).items()
        if question_id not in own(event) and standings(book, event.base_version).get(question_id) != status
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
@example(steps=[("ui", "lose", 0, 0), ("agent", "recover", 0, 0), ("scheduler", "save", 2, 0)])
@example(steps=[("ui", "lose", 0, 0), ("agent", "answer", 1, 0)])
@example(steps=[("ui", "die", 0, 0), ("agent", "fresh", 0, 1), ("scheduler", "save", 0, 0), ("ui", "fresh", 0, 2)])
@example(
    steps=[("ui", "die", 0, 0), ("ui", "fresh", 0, 0), ("ui", "save", 0, 1), ("ui", "fresh", 0, 1), ("ui", "die", 0, 0)]
)
def test_questions_note_exactly_the_saves_that_held_them_otherwise(steps: list[tuple[str, str, int, int]]) -> None:
    """Nothing missed, nothing invented; a rebuild finds the same, and so does the story of each question."""
    with ledger.open("sqlite://") as book:
        play(book, steps)
        records = book.questions("s")
        noted = {(record.id, save.version) for record in records for save in record.averted}
        told = {
            (question_id, each.version)
            for question_id in {record.id for record in records}
            for each in book.transitions("s", question_id)
            if each.kind == "averted"
        }
        book.rebuild("questions")

        assert plainly_averted(book) == noted
        assert told == noted
        assert records == book.questions("s")
