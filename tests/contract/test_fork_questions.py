"""The catalog and the records of questions know a fork as what it holds, and tell where its questions were asked."""

from __future__ import annotations

from typing import Any

from ledger import Message, Session
from tests.contract.faces import Book


async def records(book: Book, session_id: str | None = None) -> list[tuple[Any, ...]]:
    """Give, of each record: whose, which, how it stands, which version asked, by whom, and where if elsewhere."""
    return [
        (
            record.session_id,
            record.id,
            str(record.status),
            record.asked_version,
            record.asked_by,
            record.asked_in and (record.asked_in.session_id, record.asked_in.version),
        )
        for record in await book.questions(session_id)
    ]


async def two_questions(book: Book) -> Session:
    """Save a session whose version 2 asks `a#0`, 3 asks `b#0`, and 4 answers `a#0`."""
    session = await book.saved(title="Deployment", parent_session_id="root")
    session.ask("a", "Which?", header="Target", options=["x", "y"])
    session.add_message(Message.user("one"))
    await book.save(session, writer="planner")
    session.ask("b", "And?")
    session.add_message(Message.user("two"))
    await book.save(session)
    session.answer("a", "x")
    await book.save(session)
    return session


async def test_the_catalog_counts_what_a_fork_took_over(book: Book) -> None:
    """Messages and open questions are those of the version that was forked, and then the fork's own."""
    await two_questions(book)
    child = await book.fork("s1", "child", at=2)
    await book.fork("s1", "head")
    grandchild = await book.fork("child", "grandchild")
    grandchild.add_message(Message.user("more"))
    grandchild.answer("a", "y")
    await book.save(grandchild)

    lines = {line.id: line for line in await book.sessions()}
    assert {"s1": (2, 1, 4), "child": (1, 1, 1), "head": (2, 1, 1), "grandchild": (2, 0, 2)} == {
        name: (line.messages, line.pending_questions, line.version) for name, line in lines.items()
    }
    assert {("Deployment", "gpt-5")} == {(line.title, line.model) for line in lines.values()}
    assert (child.created_at, child.updated_at) == (lines["child"].created_at, lines["child"].updated_at)
    assert {"s1", "child", "head", "grandchild"} == {line.id for line in await book.sessions(parent="root")}
    assert {"s1", "child", "head"} == {line.id for line in await book.sessions(pending=True)}


async def test_open_questions_have_a_record_in_the_fork(book: Book) -> None:
    """Each says where it was really asked, when and by whom; one that was resolved by then has no record there."""
    await two_questions(book)
    await book.fork("s1", "early", at=2)
    await book.fork("s1", "late")

    assert [("early", "a#0", "pending", 1, "planner", ("s1", 2))] == await records(book, "early")
    assert [("late", "b#0", "pending", 1, "support-bot", ("s1", 3))] == await records(book, "late")
    asked = {record.session_id: record for record in await book.questions() if record.id == "a#0"}
    assert asked["s1"].asked_at == asked["early"].asked_at
    assert (["x", "y"], "Target") == ([option.label for option in asked["early"].options], asked["early"].header)
    assert ("b#0",) == (await book.head("late")).open_questions


async def test_a_fork_of_a_fork_names_who_asked_first(book: Book) -> None:
    """However often it was taken over, it was asked once."""
    await two_questions(book)
    await book.fork("s1", "child", at=2)
    child = await book.load("child")
    child.ask("c", "Here?")
    await book.save(child, writer="tester")
    await book.fork("child", "grandchild")
    await book.fork("grandchild", "great")

    expected = [("a#0", "planner", ("s1", 2)), ("c#0", "tester", ("child", 2))]
    for session_id in ("grandchild", "great"):
        assert [(session_id, name, "pending", 1, writer, place) for name, writer, place in expected] == await records(
            book, session_id
        )


async def test_each_ends_its_question_for_itself(book: Book) -> None:
    """The record of the one is closed by its own answer, with the fork's versions, and the other stays as it is."""
    await two_questions(book)
    await book.fork("s1", "child", at=2)
    await book.answer("child", "a#0", "y", by="Ada", writer="ui")

    (record,) = await book.questions("child")
    assert ("answered", "y", "Ada", 2, 1) == (
        str(record.status), record.answer, record.resolved_by, record.resolved_version, record.resolved_base_version,
    )  # fmt: skip
    assert "x" == (await book.questions("s1"))[0].answer
    assert ["b#0"] == [record.id for record in await book.questions(status="pending")]


async def test_a_question_that_was_lost_before_the_fork_can_be_found_in_it(book: Book) -> None:
    """It has no record in the fork while it is lost, and one from then on, that names who asked."""
    session = await book.saved()
    session.ask("a", "Which?")
    await book.save(session, writer="planner")
    session.questions.clear()
    await book.save(session, on_omission="lose")
    await book.fork("s1", "child")
    grandchild = await book.fork("child", "grandchild")
    assert [] == await records(book, "grandchild")

    grandchild.recover("a#0")
    await book.save(grandchild)

    assert [("grandchild", "a#0", "pending", 1, "planner", ("s1", 2))] == await records(book, "grandchild")
    assert [] == await records(book, "child")
    assert [("s1", "a#0", "lost", 2, "planner", None)] == await records(book, "s1")


async def test_a_question_that_was_lost_before_the_fork_and_is_again_was_never_another(book: Book) -> None:
    """A stale save that had seen it lost would undo nothing."""
    session = await book.saved()
    session.ask("a", "Which?")
    await book.save(session)
    session.questions.clear()
    await book.save(session, on_omission="lose")
    child = await book.fork("s1", "child")
    stale, early = await book.load("child"), await book.load("child")
    child.recover("a#0")
    await book.save(child)
    await book.save(early, writer="early")
    child.questions.clear()
    await book.save(child, on_omission="lose")
    await book.save(stale, writer="late")

    (record,) = await book.questions("child")
    assert ("lost", ["early"]) == (str(record.status), [save.writer for save in record.averted])


async def test_a_stale_save_that_never_saw_what_was_taken_over_is_noted(book: Book) -> None:
    """A fresh session saved over a fork would have dropped the open question in a store that overwrites."""
    await two_questions(book)
    await book.fork("s1", "child", at=2)
    await book.save(Session.new("child", "gpt-5"), writer="scheduler")

    (record,) = await book.questions("child")
    assert [(2, "scheduler", 0)] == [(save.version, save.writer, save.base_version) for save in record.averted]


async def test_the_read_models_are_built_again_as_they_were(book: Book) -> None:
    """From the log alone, with the parent deleted, created anew, and gone on since."""
    await two_questions(book)
    await book.fork("s1", "child", at=3)
    await book.fork("child", "grandchild")
    await book.answer("grandchild", "b#0", "yes")
    await book.delete("s1")
    await book.create(Session.new("s1", "gpt-6"))
    before = await book.sessions(), await book.questions()

    await book.rebuild()

    assert before == (await book.sessions(), await book.questions())
    assert 4 + 2 == len(before[1])
