"""Several sessions in one transaction: all or none."""

from __future__ import annotations

import pytest

from ledger import InvalidSession, LedgerError, Message, QuestionOmittedError, Session, SessionDeleted, VersionConflict
from tests.contract.faces import Book, versions


async def three(book: Book) -> list[Session]:
    """Save three sessions, each of which waits for an answer."""
    sessions = []
    for name in ("s1", "s2", "s3"):
        session = Session.new(name, "gpt-5")
        session.ask("call_1", "Which?")
        await book.save(session)
        sessions.append(session)
    return sessions


async def test_each_session_gets_its_receipt(book: Book) -> None:
    """In the order of the call; each is an event of its own, by the same writer."""
    sessions = [*await three(book), Session.new("s0", "gpt-5")]
    for session in sessions:
        session.add_message(Message.user(session.id))

    receipts = await book.save_all(sessions, writer="batch", authority="user")

    assert [("s1", 2), ("s2", 2), ("s3", 2), ("s0", 1)] == [(r.session_id, r.version) for r in receipts]
    for session, receipt in zip(sessions, receipts, strict=True):
        assert receipt.version == session.version
        assert await book.load(session.id) == session
        event = (await book.history(session.id))[-1]
        assert ("batch", "user", receipt.digest) == (event.writer, event.authority, event.digest)


async def test_a_stale_one_among_them_is_rebased(book: Book) -> None:
    """As it would be alone."""
    sessions = await three(book)
    await book.append("s2", Message.user("theirs"))
    for session in sessions:
        session.add_message(Message.user("mine"))

    receipts = await book.save_all(sessions)

    assert [(2, 1), (3, 1), (2, 1)] == [(receipt.version, receipt.base_version) for receipt in receipts]
    assert ["theirs", "mine"] == [message.content for message in sessions[1].messages]
    assert await book.load("s2") == sessions[1]


REFUSALS: tuple[type[LedgerError], ...] = (VersionConflict, SessionDeleted, InvalidSession, QuestionOmittedError)


async def provoke(refused: type[LedgerError], book: Book, sessions: list[Session]) -> dict[str, object]:
    """Make one of them unfit to be saved, and give the keywords with which that is refused."""
    if refused is VersionConflict:
        await book.append("s2", Message.user("theirs"))
        return {"expected_version": 1}
    if refused is SessionDeleted:
        await book.delete("s3")
    elif refused is InvalidSession:
        sessions[2].state["x"] = float("nan")
    else:
        sessions[1].questions.clear()
    return {"on_omission": "raise"}


@pytest.mark.parametrize("refused", REFUSALS, ids=lambda error: str(error.__name__))
async def test_if_one_is_refused_none_is_saved(book: Book, refused: type[LedgerError]) -> None:
    """Whatever refuses one of them, nothing is written, and every session is as it was."""
    sessions = await three(book)
    for session in sessions:
        session.add_message(Message.user("mine"))
    keywords = await provoke(refused, book, sessions)
    held, log = repr([session.model_dump() for session in sessions]), book.query("SELECT * FROM feed")

    with pytest.raises(refused):
        await book.save_all(sessions, **keywords)

    assert log == book.query("SELECT * FROM feed")
    assert held == repr([session.model_dump() for session in sessions])
    assert 2 == (await book.save(sessions[0])).version


async def test_expected_versions_one_for_all_or_one_for_each(book: Book) -> None:
    """A session that the mapping does not name may have any."""
    sessions = await three(book)
    await book.save(sessions[2])

    with pytest.raises(VersionConflict):
        await book.save_all(sessions, expected_version=1)
    with pytest.raises(VersionConflict) as caught:
        await book.save_all(sessions, expected_version={"s1": 1, "s2": 2})
    assert ("s2", 2, 1) == (caught.value.session_id, caught.value.expected, caught.value.actual)

    receipts = await book.save_all(sessions, expected_version={"s1": 1, "s3": 2})
    assert [2, 2, 3] == [receipt.version for receipt in receipts]


async def test_one_session_twice_is_refused(book: Book) -> None:
    """Two states of one session in one batch have no order."""
    sessions = await three(book)

    with pytest.raises(InvalidSession, match=r"s1.*twice"):
        await book.save_all([sessions[0], await book.load("s1")])
    assert [1] == await versions(book)
    assert [] == await book.save_all([])
