"""What was blanked in an export is nowhere in it, is told wherever it goes, and everything else still adds up."""

from __future__ import annotations

import logging

import pytest

from ledger import IdempotencyConflict, InvalidExport, Message, Redaction, Session, ToolCall
from ledger.exchange.lines import LineReader
from tests.contract.faces import Book, OpenBook
from tests.contract.tampering import drop_triggers
from tests.contract.travelling import record, rewritten

HIDDEN = "4711-0815"
#: Every place where the history below holds it.
PATHS = (
    "/title", "/summary", "/messages/*", "/questions/*", "/metadata/card", "/metadata/log", "/state/*/card",
)  # fmt: skip


@pytest.fixture
async def other(open_book: OpenBook) -> Book:
    """Give a ledger of somebody else."""
    return await open_book(url="sqlite://", writer="auditor")


async def secretive(book: Book) -> None:
    """Record a history that holds one text at every place that a session has, and in what gave way in two rebases."""
    session = Session.new("s1", "gpt-5", title=f"Card {HIDDEN}", summary={"card": HIDDEN})
    session.add_message(Message.user(HIDDEN, id="m1", parts=[{"text": HIDDEN}], metadata={"card": HIDDEN}))
    call = ToolCall(id="call_1", name="pay", arguments={"card": HIDDEN})
    session.add_message(Message.assistant("", id="m2", reasoning=HIDDEN, tool_calls=[call], native={"text": HIDDEN}))
    session.ask("call_1", f"Pay with {HIDDEN}?", options=[HIDDEN], header=HIDDEN)
    session.metadata.update(card=HIDDEN, log=[HIDDEN], other="stays")
    session.state["payment"] = {"card": HIDDEN, "amount": 12}
    await book.save(session, key="k1")
    for writer, title in (("ui", HIDDEN), ("scheduler", f"Job {HIDDEN}")):
        stale = await book.load("s1", 1)
        stale.title = title
        stale.messages[0] = stale.messages[0].model_copy(update={"content": f"{writer} {HIDDEN}"})
        stale.metadata["card"] = f"{writer} {HIDDEN}"
        stale.metadata["log"].append(HIDDEN)
        stale.state["payment"]["card"] = f"{writer} {HIDDEN}"
        stale.answer("call_1", f"{writer}: {HIDDEN}", by=writer)
        await book.save(stale, writer=writer, authority="user" if writer == "ui" else "runtime", key=f"k-{writer}")
    session = await book.load("s1")
    session.ask("call_2", f"Again {HIDDEN}?")
    del session.messages[1]
    await book.save(session)
    await book.delete("s1", reason=f"no {HIDDEN}")


async def test_what_was_blanked_is_nowhere_in_the_file(book: Book, other: Book) -> None:
    """In no change, no overruled value, no tombstone, no digest; and every version loads without it."""
    await secretive(book)
    whole, lines = "".join(await book.export("s1")), await book.export("s1", redact=PATHS)

    assert whole.count(HIDDEN) > 30
    assert HIDDEN not in "".join(lines)
    imported = await other.import_(lines)
    assert ((1, 2, 3, 4, 5), 5) == (imported.sessions[0].redacted, imported.saves)
    for version in range(1, 5):
        there, here = await book.load("s1", version), await other.load("s1", version)
        assert HIDDEN not in here.model_dump_json()
        assert [message.id for message in there.messages] == [message.id for message in here.messages]
        assert [q.status for q in there.questions.values()] == [q.status for q in here.questions.values()]
        assert ("stays", 12) == (here.metadata["other"], here.state["payment"]["amount"])
    assert HIDDEN not in str([*await other.history("s1"), *await other.questions("s1"), *await other.sessions()])


async def test_it_is_told_and_the_rest_verifies(book: Book, other: Book) -> None:
    """Every hash but those of the blanked payloads; which these are, `verify` says, of one session and of all."""
    lines = await record(book)
    await other.import_(await book.export("s1", redact=["/title"]))
    redacted = tuple(
        Redaction(session_id="s1", version=version, paths=("/title", *also))
        for version, also in ((1, ("key_digest",)), (2, ()), (3, ("key_digest",)))
    )

    for verification in (await other.verify(), await other.verify("s1")):
        assert (True, redacted) == (verification.ok, verification.redacted)
    assert [e.digest for e in await book.history("s1")] == [e.digest for e in await other.history("s1")]
    # Neither does the whole session bring back what is here without, nor does it conflict with it.
    assert 0 == (await other.import_(lines)).saves
    assert redacted == (await other.verify()).redacted


async def test_a_redacted_session_travels_on(book: Book, other: Book, open_book: OpenBook) -> None:
    """What had been blanked before is still told, beside what is blanked on the next way."""
    await record(book)
    third = await open_book(url="sqlite://")
    await other.import_(await book.export("s1", redact=["/title"]))
    again = await other.export("s1")
    assert again == await other.export("s1")
    await third.import_(again)
    assert (await other.verify()).redacted == (await third.verify()).redacted
    fourth = await open_book(url="sqlite://")
    await fourth.import_(await third.export("s1", redact=["/questions/*/text"]))

    paths = [redaction.paths for redaction in (await fourth.verify()).redacted]
    assert ("/questions/*/text", "/title", "key_digest") == paths[0]
    assert (True, 4) == ((await fourth.verify()).ok, len(paths))


async def test_a_redacted_session_goes_on_elsewhere(book: Book, other: Book) -> None:
    """What is saved onto it is whole; a key whose digest was withheld stands, and no retry can be told from another."""
    await record(book)
    await other.import_(await book.export("s1", redact=["/title"]))
    await other.append("s1", Message.user("here"))

    assert [1, 2, 3] == [redaction.version for redaction in (await other.verify()).redacted]
    with pytest.raises(IdempotencyConflict):
        await other.append("s1", Message.user("again"), key="turn-1")


async def test_a_longer_redacted_export_adds_its_tail(book: Book, other: Book) -> None:
    """Whichever of the two was redacted: what was there stays as it is."""
    await other.import_(await record(book))
    await book.append("s1", Message.user(HIDDEN))
    imported = await other.import_(await book.export("s1", redact=["/messages/*/content"]))

    assert (1, (6,)) == (imported.saves, imported.sessions[0].redacted)
    assert [6] == [redaction.version for redaction in (await other.verify()).redacted]
    assert "[redacted]" == (await other.load("s1")).messages[-1].content


async def test_what_was_made_here_cannot_come_back_redacted(book: Book) -> None:
    """A ledger that lost its tail does not take it back without what was in it; with nothing new, nothing is said."""
    await record(book)
    lines = await book.export("s1", redact=["/title"])
    assert 0 == (await book.import_(lines)).saves
    await book.feed()  # where it is queued, it gets its positions now
    drop_triggers(book)
    for table in ("events", "payloads", "feed", "heads", "sessions"):
        book.execute(f"DELETE FROM {table}")
    with pytest.raises(InvalidExport, match="cannot come back to it without what was redacted") as caught:
        await book.import_(lines)

    assert ("s1", 1) == (caught.value.session_id, caught.value.version)
    assert [] == await book.feed()


@pytest.mark.parametrize("salted", ["without", "with"])
async def test_nobody_passes_an_altered_payload_off_as_redacted(book: Book, salted: str) -> None:
    """In a session of the ledger's own it is a problem, whatever the payload says of itself."""
    await record(book)
    drop_triggers(book)
    marked = "substr(replace(body, 'Ada', 'Eve'), 1, length(body) - 1) || ',\"redacted\":[\"/title\"]}'"
    salt = book.literal(bytes(32)) if salted == "without" else "salt"
    book.execute(f"UPDATE payloads SET body = {marked}, salt = {salt} WHERE version = 2")
    found = await book.verify()

    assert ((), 2) == (found.redacted, found.problems[0].version)
    assert "its payload was" in found.problems[0].what


async def test_a_redacted_payload_cannot_pass_as_whole(book: Book, other: Book) -> None:
    """Who takes the mark off has a payload that does not fit its commitment."""
    await record(book)
    await other.import_(await book.export("s1", redact=["/title"]))
    drop_triggers(other)
    other.execute("UPDATE payloads SET body = replace(body, ',\"redacted\":[\"/title\"]', '') WHERE version = 2")

    assert [2] == [problem.version for problem in (await other.verify()).problems]


async def test_more_redactions_than_the_session_tells_are_refused(book: Book, other: Book) -> None:
    """The line of the session says all that was blanked in it."""
    await record(book)
    lines = await book.export("s1", redact=["/title"])

    def told_less(documents: list[dict[str, dict[str, object]]]) -> None:
        documents[1]["session"]["redacted"] = []

    with pytest.raises(InvalidExport, match="more of it was redacted than the line of its session says"):
        await other.import_(rewritten(lines, told_less))


async def test_a_text_that_stands_elsewhere_is_warned_of(book: Book, caplog: pytest.LogCaptureFixture) -> None:
    """Once a path, with the first save where it does."""
    await secretive(book)
    with caplog.at_level(logging.WARNING, "ledger.exchange.exporting"):
        await book.export("s1", redact=["/messages/*/content", "/pinned"])

    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("redaction_incomplete session_id='s1' version=1 path='/messages/*/content'")


async def test_one_path_may_be_given_as_it_is(book: Book) -> None:
    """Text where several were asked for is one path, not its letters."""
    await record(book)
    header = LineReader(await book.export("s1", redact="/title")).first()

    assert ["/title"] == header["redacted"]
