"""The catalog: one line for each session that lives, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ledger import Message, Session, SessionSummary
from tests.contract.faces import Book

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


async def save_at(book: Book, session: Session, minute: int) -> None:
    """Save it as of a minute in this story."""
    await book.save(session, occurred_at=NOON + timedelta(minutes=minute))


def ids(summaries: list[SessionSummary]) -> list[str]:
    """Give the ids, in order."""
    return [summary.id for summary in summaries]


async def test_a_line_says_what_a_list_shows(book: Book) -> None:
    """Messages and pending questions are counts; times are those of the session itself."""
    session = Session.new("s1", "gpt-5", title="Deployment", created_at=NOON)
    session.messages += [Message.user("one"), Message.user("two"), Message.user("three")]
    session.ask("call_1", "Which?")
    session.ask("call_2", "And?")
    await save_at(book, session, 1)
    session.messages.pop()
    session.messages.insert(0, Message.system("zero"))
    session.messages.pop()
    session.answer("call_1", "staging")
    session.model = "gpt-6"
    await save_at(book, session, 2)

    (summary,) = await book.sessions()

    assert (
        SessionSummary(
            id="s1",
            title="Deployment",
            model="gpt-6",
            version=2,
            messages=2,
            pending_questions=1,
            created_at=NOON,
            updated_at=NOON + timedelta(minutes=2),
        )
        == summary
    )


async def test_every_line_agrees_with_its_session(book: Book) -> None:
    """Whatever was done to a session, the catalog counts what a load shows."""
    for name in ("a", "b", "c"):
        session = await book.saved(name, title=name)
        session.messages += [Message.user("1"), Message.user("2")]
        session.ask("call_1", "Which?")
        await book.save(session)
        stale = await book.load(name, at=1)
        stale.ask("call_1", "Other?", supersedes=None)
        stale.title = None
        await book.save(stale)
        session = await book.load(name)
        session.messages.reverse()
        session.questions.clear()
        await book.save(session, on_omission="lose" if name == "b" else "keep")
    session = await book.load("b")
    session.recover("call_1#1")
    await book.save(session)
    await book.delete("c")
    await book.create(Session.new("c", "gpt-4"))

    for summary in await book.sessions():
        head = await book.load(summary.id)
        assert (head.title, head.model, head.version) == (summary.title, summary.model, summary.version)
        assert (len(head.messages), len(head.pending_questions)) == (summary.messages, summary.pending_questions)
        assert (head.created_at, head.updated_at) == (summary.created_at, summary.updated_at)
    assert {"a": 2, "b": 1, "c": 0} == {s.id: s.pending_questions for s in await book.sessions()}


async def test_the_newest_comes_first(book: Book) -> None:
    """By the effective time of the last save; where those are equal, by id."""
    for name, minute in (("old", 1), ("twin-b", 5), ("new", 9), ("twin-a", 5)):
        await save_at(book, Session.new(name, "gpt-5"), minute)

    assert ["new", "twin-a", "twin-b", "old"] == ids(await book.sessions())


async def test_a_page_goes_on_behind_the_last_line_of_the_one_before(book: Book) -> None:
    """The cursor skips nothing and repeats nothing, also among equal times."""
    for number in range(7):
        await save_at(book, Session.new(f"s{number}", "gpt-5"), number // 3)
    seen: list[SessionSummary] = []
    while page := await book.sessions(before=seen[-1] if seen else None, limit=2):
        assert len(page) <= 2
        seen += page

    assert ["s6", "s3", "s4", "s5", "s0", "s1", "s2"] == ids(seen) == ids(await book.sessions())


async def test_filters(book: Book) -> None:
    """By pending questions, by the beginning of the id, by parent; several together narrow further."""
    for number, name in enumerate(("run-1", "run-2", "Run-3", "ru", "run_4", "run%")):
        session = Session.new(name, "gpt-5", parent_session_id="root" if number % 2 else None)
        if number < 2:
            session.ask("call_1", "Which?")
        await save_at(book, session, -number)

    assert ["run-1", "run-2"] == ids(await book.sessions(pending=True))
    assert ["Run-3", "ru", "run_4", "run%"] == ids(await book.sessions(pending=False))
    assert ["run-1", "run-2"] == ids(await book.sessions(prefix="run-"))
    assert ["run_4"] == ids(await book.sessions(prefix="run_"))
    assert ["run%"] == ids(await book.sessions(prefix="run%"))
    assert ["run-2", "ru", "run%"] == ids(await book.sessions(parent="root"))
    assert ["run-2"] == ids(await book.sessions(parent="root", pending=True, prefix="run"))
    assert [] == ids(await book.sessions(limit=0))
    assert 6 == len(await book.sessions(prefix=""))


async def test_only_what_lives_is_listed(book: Book) -> None:
    """A deleted session is gone from it, and back with its next life, counted anew."""
    session = await book.saved(title="old")
    session.add_message(Message.user("one"))
    session.ask("call_1", "Which?")
    await book.save(session)
    await book.delete("s1")
    assert [] == await book.sessions()

    await book.create(Session.new("s1", "gpt-4"))

    (summary,) = await book.sessions()
    assert (None, "gpt-4", 4, 0, 0) == (
        summary.title, summary.model, summary.version, summary.messages, summary.pending_questions,
    )  # fmt: skip


async def test_a_save_is_listed_at_once(book: Book) -> None:
    """The catalog catches up when it is read; nobody has to wait for it, or run anything."""
    assert [] == await book.sessions()
    session = await book.saved()
    assert [1] == [summary.version for summary in await book.sessions()]
    await book.save(session)
    assert [2] == [summary.version for summary in await book.sessions()]
