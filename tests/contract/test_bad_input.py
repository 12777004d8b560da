"""What cannot be stored is refused before anything is written, and the error says where it is."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger import InvalidSession, LedgerError, Message, Question, Session, ToolCall
from tests.contract.backends import in_memory, on_one_face
from tests.contract.faces import Book, OpenBook, versions

Edit = Callable[[Session], object]


def deep(levels: int) -> Any:
    """Nest lists."""
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def looped() -> dict[str, Any]:
    """Make a dictionary that holds itself."""
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def put(name: str, value: Any) -> Edit:
    """Set a field past the checks of the model, as a careless caller may."""
    return lambda session: session.__dict__.update({name: value})


def ask_by_hand(key: str, **fields: Any) -> Edit:
    """Put a question into the dictionary without the verb."""
    made = Question(**{"id": "call_1#0", "tool_call_id": "call_1", "text": "Which?", **fields})
    return lambda session: session.questions.update({key: made})


BAD: dict[str, tuple[Edit, str]] = {
    "NaN": (lambda s: s.state.update(a={"b": [1, math.nan]}), "/state/a/b/1"),
    "infinity": (lambda s: s.metadata.update(a=-math.inf), "/metadata/a"),
    "a lone surrogate": (lambda s: s.state.update(a="\ud800"), "/state/a"),
    "a lone surrogate in a key": (lambda s: s.state.update({"a": {"\udfff": 1}}), "/state/a"),
    "a lone surrogate in a message": (lambda s: s.messages.append(Message.user("\ud83d")), "/messages/0/content"),
    "an object": (lambda s: s.state.update(a=object()), "/state/a"),
    "a set": (lambda s: s.state.update(a=[{1}]), "/state/a/0"),
    "bytes": (lambda s: s.metadata.update(a=b"x"), "/metadata/a"),
    "a time": (lambda s: s.state.update(a=datetime(2026, 1, 1, tzinfo=UTC)), "/state/a"),
    "a complex number": (lambda s: s.state.update(a=1j), "/state/a"),
    "a key that is no text": (lambda s: s.state.update({"a": {1: 2}}), "/state/a"),
    "a slash in a key": (lambda s: s.state.update({"a/b~": {"c": math.nan}}), "/state/a~1b~0/c"),
    "too deep": (lambda s: s.state.update(a=deep(500)), "/state/a"),
    "a loop": (lambda s: s.state.update(a=looped()), "/state/a/self"),
    "a huge integer": (lambda s: s.state.update(a=10**5000), "/state/a"),
    "a summary that is no JSON": (put("summary", {"a": {1, 2}}), "/summary/a"),
    "a title that is no text": (put("title", 5), "/title"),
    "a pin that is no boolean": (put("pinned", 1), "/pinned"),
    "a model that is none": (put("model", None), "/model"),
    "messages that are no list": (put("messages", {}), "/messages"),
    "questions that are no dict": (put("questions", []), "/questions"),
    "metadata that is no dict": (put("metadata", []), "/metadata"),
    "state that is none": (put("state", None), "/state"),
    "a message that is none": (put("messages", [{"role": "user"}]), "/messages/0"),
    "an id twice": (lambda s: s.messages.extend([Message.user("a", id="m"), Message.user("b", id="m")]), "/messages/1"),
    "an empty message id": (lambda s: s.messages.append(Message.user("a", id="")), "/messages/0/id"),
    "a NUL in a message id": (lambda s: s.messages.append(Message.user("a", id="a\0b")), "/messages/0/id"),
    "metadata of a message": (lambda s: s.messages.append(Message.user("a", metadata={"x": math.nan})), "/messages/0"),
    "arguments of a call": (
        lambda s: s.messages.append(Message.assistant("", tool_calls=[ToolCall(id="c", name="n", arguments={1, 2})])),
        "/messages/0/tool_calls/0/arguments",
    ),
    "a native item": (
        lambda s: s.messages.append(Message.user("a", native={"format": "x", "data": b""})),
        "/messages/0/native/data",
    ),
    "a question under another key": (ask_by_hand("another"), "/questions/another"),
    "a question that is none": (put("questions", {"x": "Which?"}), "/questions/x"),
    "an answer that is no JSON": (lambda s: s.answer(s.ask("call_1", "?"), {1, 2}), "/questions/call_1#0/answer"),
    "an answer without an end": (ask_by_hand("call_1#0", answer="early"), "/questions/call_1#0"),
    "a lone surrogate in a question": (lambda s: s.ask("call_1", "\ud800"), "/questions/call_1#0/text"),
}


@on_one_face
@in_memory
@pytest.mark.parametrize(("edit", "path"), BAD.values(), ids=BAD)
async def test_what_cannot_be_stored_is_refused_with_its_place(book: Book, edit: Edit, path: str) -> None:
    """Saved anew or as a change: the error names the path, nothing is written, and the session is as it was."""
    fresh, saved = Session.new("new", "gpt-5"), await book.saved("saved")
    for session in (fresh, saved):
        edit(session)
        before = {name: copy(value) for name, value in session.__dict__.items()}

        with pytest.raises(InvalidSession, match="nothing was written") as caught:
            await book.save(session)

        assert caught.value.path.startswith(path)
        assert session.id == caught.value.session_id
        assert isinstance(caught.value, ValueError)
        assert before == session.__dict__
    assert [1] == await versions(book, "saved")
    assert ["saved"] == [summary.id for summary in await book.sessions()]


BAD_CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "a writer without a name": ({"writer": ""}, "/writer"),
    "a NUL in the writer": ({"writer": "a\0"}, "/writer"),
    "a writer that is no text": ({"writer": 5}, "/writer"),
    "a writer of 70,000 bytes": ({"writer": "w" * 70_000}, "/writer"),
    "an authority that there is not": ({"authority": "root"}, "/authority"),
    "a key that is no text": ({"key": 5}, "/key"),
    "a time without a zone": ({"occurred_at": datetime(2026, 1, 1)}, "/occurred_at"),  # noqa: DTZ001 - on purpose
    "a time that is text": ({"occurred_at": "2026-01-01T00:00:00Z"}, "/occurred_at"),
    "a word for omissions that there is not": ({"on_omission": "shrug"}, "/on_omission"),
    "an expected version that is text": ({"expected_version": "1"}, "/expected_version"),
    "an expected version that is a boolean": ({"expected_version": True}, "/expected_version"),
}


@in_memory
@pytest.mark.parametrize(("keywords", "path"), BAD_CALLS.values(), ids=BAD_CALLS)
async def test_a_call_that_cannot_be_recorded_is_refused(book: Book, keywords: dict[str, Any], path: str) -> None:
    """What is said of a save is part of the record: a word that nobody knows is not taken for another."""
    session = Session.new("s1", "gpt-5")
    session.ask("call_1", "Which?")
    await book.save(session)
    session.questions.clear()

    with pytest.raises(InvalidSession) as caught:
        await book.save(session, **keywords)

    assert (path, "s1") == (caught.value.path, caught.value.session_id)
    assert [1] == await versions(book)
    assert ("call_1#0",) == (await book.save(session)).omissions


@in_memory
@pytest.mark.parametrize(
    ("keywords", "path"),
    [({"writer": ""}, "/writer"), ({"writer": "w" * 70_000}, "/writer"), ({"authority": "root"}, "/authority"),
     ({"key": ""}, "/key"), ({"reason": "\ud800"}, "/reason"), ({"reason": 5}, "/reason")],
    ids=["no writer", "a long writer", "authority", "key", "a lone surrogate", "a number"],
)  # fmt: skip
async def test_a_deletion_that_cannot_be_recorded_is_refused(book: Book, keywords: dict[str, Any], path: str) -> None:
    """The session lives on."""
    session = await book.saved()

    with pytest.raises(InvalidSession) as caught:
        await book.delete("s1", **keywords)

    assert path == caught.value.path
    assert session == await book.load("s1")


@pytest.mark.parametrize("session_id", ["", "a\0b", "\ud800"])
async def test_an_id_that_cannot_be_stored_is_refused(book: Book, session_id: str) -> None:
    """By every verb that would write under it; those that read find nothing."""
    with pytest.raises(InvalidSession, match="/id"):
        await book.save(Session.new(session_id, "gpt-5"))
    with pytest.raises(InvalidSession, match="/id"):
        await book.delete(session_id)
    for call in (book.load(session_id), book.history(session_id), book.append(session_id, Message.user("x"))):
        with pytest.raises(LedgerError):
            await call
    assert [] == await book.feed()


async def test_ids_are_texts_of_any_kind(book: Book) -> None:
    """Case, spaces, slashes, percent signs and any script tell one from another; nothing is folded."""
    ids = ["a", "A", " a", "a ", "a/b", "%", "_", "ä", "a\u0308", "\U0001f600", "x" * 5000, "'; --", "a@1", "-1", "q:x"]
    for number, session_id in enumerate(ids):
        await book.saved(session_id, title=f"{number}")

    assert [f"{number}" for number in range(len(ids))] == [(await book.load(name)).title for name in ids]
    assert set(ids) == {summary.id for summary in await book.sessions()}
    assert (await book.verify()).ok


class Colour(enum.StrEnum):
    """An heir of text, as callers like them."""

    RED = "red"


class Level(enum.IntEnum):
    """An heir of numbers."""

    HIGH = 3


async def test_heirs_of_json_types_are_stored_as_what_they_inherit_from(book: Book) -> None:
    """Enumerations and tuples come back as plain JSON."""
    session = await book.saved()
    session.state.update(colour=Colour.RED, level=Level.HIGH, pair=(1, (2,)), **{Colour.RED: 1})

    await book.save(session)

    state = (await book.load("s1")).state
    assert {"colour": "red", "level": 3, "pair": [1, [2]], "red": 1} == state
    assert (str, int, list) == tuple(type(state[name]) for name in ("colour", "level", "pair"))
    await book.save(session)
    assert () == (await book.history("s1"))[2].changes


@on_one_face
async def test_a_save_over_the_limit_is_refused(open_book: OpenBook) -> None:
    """20 MiB are more than the limit of 16: the error names the largest part, the limit, and how to raise it."""
    book = await open_book()
    session = await book.saved()
    session.add_message(Message.user("small"))
    session.add_message(Message.user("x" * (20 * 2**20)))

    with pytest.raises(InvalidSession, match=r"20\.0 MiB, more than the limit of 16 MiB.*max_event_bytes") as caught:
        await book.save(session)

    assert "/messages/1" == caught.value.path
    assert [1] == await versions(book)
    assert (1, 2) == (session.version, len(session.messages))
    session.messages[1] = Message.user("x" * (15 * 2**20))
    assert 2 == (await book.save(session)).version


@on_one_face
async def test_the_limit_can_be_raised_and_lowered(open_book: OpenBook) -> None:
    """It is the ledger's, and counts the bytes of one save; the first save of a session is no exception."""
    book = await open_book(max_event_bytes=32 * 2**20)
    large = Session.new("large", "gpt-5")
    large.state["blob"] = "x" * (20 * 2**20)
    await book.save(large)
    assert 20 * 2**20 == len((await book.load("large")).state["blob"])
    await book.close()

    small = await open_book(max_event_bytes=1000, url="sqlite://")
    session = Session.new("small", "gpt-5")
    session.state["blob"] = "ü" * 600
    with pytest.raises(InvalidSession, match="/state/blob"):
        await small.save(session)
    session.state["blob"] = "ü" * 300
    assert 1 == (await small.save(session)).version
