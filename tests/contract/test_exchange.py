"""A session that was exported is, wherever it is imported, the same to the last hash; and nothing else gets in."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import (
    DamagedRecord,
    IdempotencyConflict,
    InvalidExport,
    InvalidRedaction,
    Message,
    SessionDeleted,
    SessionDiverged,
    SessionExists,
    SessionNotFound,
)
from tests.contract.faces import Book, OpenBook
from tests.contract.tampering import drop_triggers
from tests.contract.travelling import record, rewritten


@pytest.fixture
async def other(open_book: OpenBook) -> Book:
    """Give a ledger of somebody else."""
    return await open_book(url="sqlite://", writer="auditor")


async def test_an_export_is_the_same_session_elsewhere(book: Book, other: Book) -> None:
    """Every version, hash, key and time, the questions, the usage; and it verifies with the id of its origin."""
    lines = await record(book)
    imported = await other.import_(lines)

    assert [("s1", 5, 5, 0, 2, ())] == [
        (one.session_id, one.version, one.saves, one.skipped, one.usage_records, one.redacted)
        for one in imported.sessions
    ]
    assert imported.sessions[0].origin == book.database.ledger_id.hex() != other.database.ledger_id.hex()
    assert await book.history("s1") == await other.history("s1")
    for version in (1, 2, 3, 5):
        assert await book.load("s1", version) == await other.load("s1", version)
    with pytest.raises(SessionDeleted):
        await other.load("s1", 4)
    assert await book.questions("s1") == await other.questions("s1")
    assert await book.sessions() == await other.sessions()
    assert await book.keys("s1") == await other.keys("s1")
    assert await book.head("s1") == await other.head("s1")
    assert await book.usage("s1") == await other.usage("s1")
    assert await book.usage_by_session() == await other.usage_by_session()
    assert [item.position for item in await other.feed()] == [1, 2, 3, 4, 5]
    for verification in (await other.verify(), await other.verify("s1")):
        assert (True, 1, 5, ()) == (verification.ok, verification.sessions, verification.events, verification.redacted)
    assert lines == await other.export("s1")


async def test_a_second_import_adds_nothing(book: Book, other: Book) -> None:
    """Neither a save nor a usage record, in the ledger that it came from neither."""
    lines = await record(book)
    await other.import_(lines)
    for again in (other, book):
        imported = await again.import_(lines)

        assert (0, 5, 0) == (imported.saves, imported.sessions[0].skipped, imported.sessions[0].usage_records)
        assert 5 == len(await again.history("s1"))
        assert 2 == (await again.usage("s1")).records


async def test_a_longer_export_adds_what_is_new(book: Book, other: Book) -> None:
    """The tail goes behind what is there; a shorter export afterwards adds nothing."""
    short = await record(book)
    await other.import_(short)
    await book.append("s1", Message.user("more"))
    await book.record_usage("s1", {"input_tokens": 1})
    (imported,) = (await other.import_(await book.export("s1"))).sessions

    assert (1, 5, 1) == (imported.saves, imported.skipped, imported.usage_records)
    assert 0 == (await other.import_(short)).saves
    assert await book.load("s1") == await other.load("s1")
    assert (await other.verify()).ok


async def test_what_was_saved_on_both_sides_is_not_mixed(book: Book, other: Book) -> None:
    """Two pasts of one session are told apart, whichever is longer; nothing of the file is written."""
    await other.import_(await record(book))
    await book.append("s1", Message.user("here"))
    await other.append("s1", Message.user("there"))
    await other.append("s1", Message.user("and there"))
    before = await other.history("s1")
    for here, there in ((book, other), (other, book)):
        with pytest.raises(SessionDiverged, match="session s1 exists already") as caught:
            await there.import_(await here.export("s1"))
        assert isinstance(caught.value, SessionExists)
    assert before == await other.history("s1")
    assert (await other.verify()).ok


async def test_an_id_that_is_taken_is_refused_and_nothing_of_the_file_is_written(book: Book, other: Book) -> None:
    """Not even the other sessions of the export: it is looked at as a whole first."""
    await book.saved("s0")
    await record(book)
    await other.saved("s1")
    with pytest.raises(SessionDiverged, match="one of another origin") as caught:
        await other.import_(await book.export())

    assert ("s1", 1) == (caught.value.session_id, caught.value.version)
    assert ["s1"] == other.sync.ids()
    assert 1 == len(await other.feed())


async def test_several_sessions_and_all(book: Book, other: Book) -> None:
    """The order is that of the call, or of the ids; deleted ones come along with all."""
    for session_id in ("b", "a", "gone"):
        await book.saved(session_id)
    await book.delete("gone")

    assert ["b", "a"] == [s.session_id for s in (await other.import_(await book.export(["b", "a", "b"]))).sessions]
    everything = (await other.import_(await book.export())).sessions
    assert [("a", 0), ("b", 0), ("gone", 2)] == [(one.session_id, one.saves) for one in everything]
    assert await book.sessions() == await other.sessions()


async def test_an_empty_ledger_has_an_export_too(book: Book, other: Book) -> None:
    """It is whole, and adds nothing."""
    assert () == (await other.import_(await book.export())).sessions


async def test_who_was_never_saved_is_not_exported(book: Book) -> None:
    """It is said at the call, before any line."""
    await book.saved("s1")
    with pytest.raises(SessionNotFound):
        await book.export(["s1", "nobody"])
    with pytest.raises(InvalidRedaction, match="/nothing"):
        await book.export("s1", redact=["/nothing"])


async def test_a_fork_brings_what_it_was_forked_from(book: Book, other: Book) -> None:
    """Up to the join, and no further; the fork of a fork too, and each loads and verifies elsewhere."""
    session = await book.saved("root")
    session.ask("call_1", "Which?")
    await book.save(session)
    await book.fork("root", "child", at=2)
    await book.append("root", Message.user("after the fork"))
    await book.append("child", Message.user("in the child"))
    await book.fork("child", "grandchild")
    await book.delete("child")
    lines = await book.export("grandchild")
    imported = await other.import_(lines)

    assert [("root", 2), ("child", 2), ("grandchild", 1)] == [(s.session_id, s.version) for s in imported.sessions]
    assert await book.load("grandchild") == await other.load("grandchild")
    assert await book.load("root", 2) == await other.load("root")
    assert await book.questions("grandchild") == await other.questions("grandchild")
    for session_id in (None, "grandchild", "child"):
        assert (await other.verify(session_id)).ok
    assert lines == await other.export("grandchild")
    # All of it, later: what had only come along goes on, the child with its deletion.
    assert [1, 1, 0] == sorted((s.saves for s in (await other.import_(await book.export())).sessions), reverse=True)
    assert (await other.verify()).ok
    assert await book.sessions() == await other.sessions()


async def test_a_fork_without_what_it_was_forked_from_is_refused(book: Book, other: Book) -> None:
    """Somebody cut its parent out of the file, and counted anew."""
    await book.saved("root")
    await book.fork("root", "child")

    def without_parent(documents: list[dict[str, Any]]) -> None:
        del documents[1:3]
        documents[-1]["end"].update(sessions=1, events=1)

    with pytest.raises(InvalidExport, match="it was forked from root@1, which is not before it"):
        await other.import_(rewritten(await book.export("child"), without_parent))
    assert [] == other.sync.ids()


async def test_a_line_may_end_as_on_windows_and_the_last_one_need_not(book: Book, other: Book) -> None:
    """What mail and editors do to the ends of lines changes nothing that is said."""
    lines = await record(book)
    for text in ("".join(lines).replace("\n", "\r\n"), "".join(lines).rstrip("\n"), "".join(lines) + "\n\n"):
        await other.import_(text)
        await other.import_(text.encode())
        await other.import_(text.encode().splitlines(keepends=True))
        await other.import_(text.splitlines())
    assert 5 == len(await other.history("s1"))


async def test_usage_that_was_added_here_stays(book: Book, other: Book) -> None:
    """A record of the file that is there already is not counted again, and a key never stands for two records."""
    await other.import_(await record(book))
    await other.record_usage("s1", {"input_tokens": 100}, key="here")
    await book.record_usage("s1", {"input_tokens": 1})
    await other.import_(await book.export("s1"))

    assert (4, 143) == ((usage := await other.usage("s1")).records, usage.totals["input_tokens"])
    await book.record_usage("s1", {"input_tokens": 7}, key="here")
    await book.append("s1", Message.user("more"))
    with pytest.raises(IdempotencyConflict):
        await other.import_(await book.export("s1"))
    assert 5 == len(await other.history("s1"))


async def test_progress_is_told_of_both(book: Book, other: Book) -> None:
    """The last word is that all is done."""
    told: list[tuple[int, int]] = []
    await record(book)
    lines = await book.export("s1", progress=lambda *at: told.append(at))
    await other.import_(lines, progress=lambda *at: told.append(at))

    assert [(5, 5), (5, 5)] == told


async def test_an_altered_record_is_not_exported(book: Book) -> None:
    """An export that blanked something would hide for ever that it had been altered."""
    await record(book)
    drop_triggers(book)
    book.execute("UPDATE payloads SET body = replace(body, 'home', 'here')")
    with pytest.raises(DamagedRecord, match="version 1 of session s1 is damaged: its payload was altered"):
        await book.export("s1")


async def test_what_is_exported_is_of_one_moment(book: Book, other: Book) -> None:
    """Who saves while the lines are read changes neither their number nor what they say."""
    session = await book.saved("s1")
    for number in range(300):
        session.title = f"{number}"
        await book.save(session)
    lines = []
    async for line in book.each("export", "s1"):
        lines.append(line)
        if len(lines) in (2, 250):
            await book.append("s1", Message.user("meanwhile"))

    assert 301 == (await other.import_(lines)).saves
    assert 303 == (await book.head("s1")).version
