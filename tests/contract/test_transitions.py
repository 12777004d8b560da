"""What became of one question: every transition, from the save that asked to the one that ended it, and beyond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger import DamagedRecord, LedgerError, Message, QuestionNotFound, Session, SessionNotFound, Transition
from ledger.store import question_trail
from tests.contract.faces import Book
from tests.contract.tampering import drop_triggers

NOON = datetime(2026, 2, 10, 12, 0, tzinfo=UTC)


def brief(transitions: list[Transition]) -> list[tuple[int, str, str, int]]:
    """Give version, kind, writer and base of each."""
    return [(it.version, it.kind, it.writer, it.base_version) for it in transitions]


async def asked_behind_a_scheduler(book: Book) -> Session:
    """Let a scheduler load version 1, and an agent ask in version 2; give the scheduler's copy."""
    agent = await book.saved()
    scheduler: Session = await book.load("s1")
    agent.ask("call_1", "Which environment?")
    await book.save(agent, writer="agent")
    return scheduler


async def test_a_stale_save_is_averted_and_omits_nothing(book: Book) -> None:
    """The scheduler never had the question: a store that overwrites would have dropped it there."""
    scheduler = await asked_behind_a_scheduler(book)
    scheduler.add_message(Message.system("tick"))
    await book.save(scheduler, writer="scheduler")
    await book.answer("s1", "call_1#0", "prod", by="ada", writer="ui", authority="user")

    transitions = await book.transitions("s1", "call_1#0")

    assert [(2, "asked", "agent", 1), (3, "averted", "scheduler", 1), (4, "answered", "ui", 3)] == brief(transitions)
    assert ("user", "ada", "prod") == (transitions[-1].authority, transitions[-1].by, transitions[-1].detail)


async def test_an_omission_is_told(book: Book) -> None:
    """Whoever had it and left it out is named."""
    agent = await book.saved()
    agent.ask("call_1", "Which?")
    await book.save(agent)
    agent.questions.clear()
    await book.save(agent, writer="restarted")

    assert (3, "omitted", "restarted", 2) == brief(await book.transitions("s1", "call_1#0"))[-1]


async def test_times_are_effective_times(book: Book) -> None:
    """As time travel sees them: an import's own times, which never run backwards, whatever saves lie between."""
    agent = await book.saved()
    await book.save(agent, occurred_at=NOON.replace(year=2999))
    await book.save(agent, occurred_at=NOON.replace(year=3000))
    agent.ask("call_1", "Which?")
    await book.save(agent, occurred_at=NOON)
    await book.save(agent, occurred_at=NOON.replace(year=3001))
    await book.answer("s1", "call_1#0", 1, occurred_at=NOON + timedelta(hours=1))

    transitions = await book.transitions("s1", "call_1#0")

    assert [NOON.replace(year=3000), NOON.replace(year=3001)] == [transition.at for transition in transitions]
    assert [transition.at for transition in transitions] == [
        (await book.load("s1", at=transition.version)).updated_at for transition in transitions
    ]


async def test_an_id_that_was_asked_in_two_lives_has_both(book: Book) -> None:
    """In their order; the end of the first life withdrew it."""
    for text in ("First?", "Second?"):
        session = Session.new("s1", "gpt-5")
        session.ask("call_1", text)
        await book.create(session)
        await book.delete("s1", reason="done")

    assert [
        (1, "asked", "First?"), (2, "withdrawn", "done"), (3, "asked", "Second?"), (4, "withdrawn", "done"),
    ] == [(it.version, it.kind, it.detail) for it in await book.transitions("s1", "call_1#0")]  # fmt: skip


async def test_a_long_history_is_read_a_page_at_a_time(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever lies on the border of two pages is told once."""
    monkeypatch.setattr(question_trail, "PAGE", 2)
    scheduler = await asked_behind_a_scheduler(book)
    for number in range(4):
        await book.append("s1", Message.user(str(number)))
    await book.save(scheduler, writer="scheduler")
    await book.answer("s1", "call_1#0", "prod", writer="ui")

    assert [(2, "asked"), (7, "averted"), (8, "answered")] == [
        (it.version, it.kind) for it in await book.transitions("s1", "call_1#0")
    ]


async def test_messages_that_speak_of_questions_are_no_transitions(book: Book) -> None:
    """What is looked for in the stored text is only a first guess."""
    agent = await book.saved()
    agent.ask("call_1", "Which?")
    agent.metadata['"question_answered"'] = {"question_id": "call_1#0"}
    await book.save(agent)
    agent.add_message(Message.user('{"type":"question_answered","question_id":"call_1#0"}'))
    await book.save(agent)

    assert ["asked"] == [it.kind for it in await book.transitions("s1", "call_1#0")]


async def test_an_unknown_question_is_not_found(book: Book) -> None:
    """The error names both, and the command that lists the questions."""
    await asked_behind_a_scheduler(book)

    with pytest.raises(QuestionNotFound, match="`ledger questions s1`") as raised:
        await book.transitions("s1", "call_1")
    assert ("s1", "call_1") == (raised.value.session_id, raised.value.question_id)
    with pytest.raises(SessionNotFound):
        await book.transitions("s2", "call_1#0")


async def test_what_the_read_model_does_not_know_is_found_in_the_log(book: Book) -> None:
    """The record is the truth, and the read model a way to get there sooner."""
    await asked_behind_a_scheduler(book)
    await book.questions()
    book.execute("DELETE FROM questions")

    assert ["asked"] == [it.kind for it in await book.transitions("s1", "call_1#0")]


#: But where any column takes anything.
NO_COLUMN_TAKES = (
    "UPDATE events SET recorded_at = 'noon' WHERE version = 3",
    "UPDATE events SET writer = x'ff' WHERE version = 2",
)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM payloads WHERE version = 3",
        "DELETE FROM events WHERE version = 3",
        "DELETE FROM events WHERE version = 4",
        *NO_COLUMN_TAKES,
    ],
)
async def test_a_damaged_record_is_told_not_skipped(book: Book, damage: str) -> None:
    """What might have been the loss that one looks for is not passed over."""
    if book.on_server and damage in NO_COLUMN_TAKES:
        pytest.skip("a server keeps to the types of its columns")
    await asked_behind_a_scheduler(book)
    for number in range(2):
        await book.append("s1", Message.user(str(number)))
    await book.questions()
    drop_triggers(book)
    book.execute(damage)

    with pytest.raises(LedgerError) as raised:
        await book.transitions("s1", "call_1#0")
    assert isinstance(raised.value, DamagedRecord)


async def test_a_fork_tells_what_happened_before_it_began(book: Book) -> None:
    """Of the session that it came from, under its name; what came there after the join is no part of it."""
    scheduler = await asked_behind_a_scheduler(book)
    await book.save(scheduler, writer="scheduler")
    await book.fork("s1", "f1", at=3)
    await book.answer("s1", "call_1#0", "prod", writer="ui")
    await book.append("f1", Message.user("elsewhere"))
    await book.fork("f1", "f2", at=1)
    await book.delete("f1")
    await book.answer("f2", "call_1#0", "staging", writer="ada")

    assert [("s1", 2, "asked"), ("s1", 3, "averted"), ("s1", 4, "answered")] == whose(
        await book.transitions("s1", "call_1#0")
    )
    assert [
        ("s1", 2, "asked"), ("s1", 3, "averted"), ("f1", 1, "forked"), ("f2", 1, "forked"), ("f2", 2, "answered"),
    ] == whose(await book.transitions("f2", "call_1#0"))  # fmt: skip


async def test_a_fork_from_before_the_question_never_asked_it(book: Book) -> None:
    """What its parent asked later is none of its questions."""
    await asked_behind_a_scheduler(book)
    await book.fork("s1", "f1", at=1)

    with pytest.raises(QuestionNotFound):
        await book.transitions("f1", "call_1#0")


def whose(transitions: list[Transition]) -> list[tuple[str, int, str]]:
    """Give session, version and kind of each."""
    return [(it.session_id, it.version, it.kind) for it in transitions]
