"""A question that cannot be meant is refused by name: it is not left to the database, and is no empty answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ledger import InvalidArgument, LedgerError, Message
from tests.contract.backends import in_memory
from tests.contract.faces import Book, versions

#: Every reading method, and those that carry sessions, with arguments that it takes.
CALLS: dict[str, dict[str, Any]] = {
    "load": {"session_id": "s1"},
    "locate": {"session_id": "s1"},
    "head": {"session_id": "s1"},
    "keys": {"session_id": "s1"},
    "events_after": {"session_id": "s1", "version": 1, "digest": "00"},
    "load_or_create": {"session_id": "s1", "model": "gpt-5"},
    "history": {"session_id": "s1"},
    "feed": {},
    "sessions": {},
    "questions": {"session_id": "s1"},
    "usage": {"session_id": "s1"},
    "diff": {"session_id": "s1", "a": 1},
    "replay": {"session_id": "s1"},
    "transitions": {"session_id": "s1", "question_id": "call_1#0"},
    "averted": {"session_id": "s1"},
    "averted_between": {"session_id": "s1", "first": 1, "last": 1},
    "blame": {"session_id": "s1"},
    "fork": {"session_id": "s1", "new_id": "s2"},
    "export": {"session_ids": "s1"},
    "import_": {"lines": []},
    "verify": {"session_id": "s1"},
    "snapshot": {"session_id": "s1"},
    "rebuild": {},
}
NO_TEXT: tuple[Any, ...] = (5, True, b"s1", 1.5, ["s1"], {}, {"s1"}, object(), timedelta(1))
NO_NUMBER: tuple[Any, ...] = ("1", True, b"1", 1.5, [1], {}, object(), 10**30, -(10**30))
NO_CALLABLE: tuple[Any, ...] = (5, "x", b"x", [], {})
SURROGATE = "a\ud800"

ROWS: list[tuple[str, str, tuple[Any, ...]]] = [
    *((name, "session_id", (None, *NO_TEXT)) for name, taken in CALLS.items()
      if "session_id" in taken and name not in {"questions", "usage", "averted", "verify"}),
    *((name, "session_id", NO_TEXT) for name in ("questions", "usage", "averted", "verify")),
    ("events_after", "version", (None, *NO_NUMBER)),
    ("events_after", "digest", (None, *NO_TEXT)),
    ("history", "after", (None, *NO_NUMBER)),
    ("history", "upto", (-1, *NO_NUMBER)),
    ("history", "limit", (-1, *NO_NUMBER)),
    ("feed", "after", (None, *NO_NUMBER)),
    ("feed", "limit", (-1, *NO_NUMBER)),
    ("sessions", "prefix", (SURROGATE, *NO_TEXT)),
    ("sessions", "parent", (SURROGATE, *NO_TEXT)),
    ("sessions", "before", (5, "s1", b"s1", {})),
    ("sessions", "limit", (-1, *NO_NUMBER)),
    ("questions", "status", ("open", "", "PENDING", SURROGATE, *NO_TEXT)),
    ("questions", "writer", (SURROGATE, *NO_TEXT)),
    ("questions", "text", (SURROGATE, *NO_TEXT)),
    ("questions", "open_for", (5, "1h", 1.5, b"1", [])),
    ("diff", "other", NO_TEXT),
    ("transitions", "question_id", (None, *NO_TEXT)),
    ("averted_between", "first", (None, *NO_NUMBER)),
    ("averted_between", "last", (None, *NO_NUMBER)),
    ("export", "session_ids", (5, True, b"s1", 1.5, object())),
    ("export", "session_ids[1]", (["s1", 5], ("s1", None), ["s1", b"s1"])),
    ("export", "redact", (None, 5, b"/title", object())),
    ("export", "redact[0]", ([5], [None], [b"/title"])),
    ("import_", "lines", (None, 5, 1.5, object())),
    ("verify", "expect", (5, "s1", ["s1"], {5: (1, "00")})),
    ("verify", "expect['s1']", ({"s1": 1}, {"s1": None}, {"s1": ("1", "00")}, {"s1": (1, b"0")}, {"s1": (1,)})),
    *((name, "progress", NO_CALLABLE) for name in ("averted", "blame", "export", "import_", "verify", "rebuild")),
]  # fmt: skip


@in_memory
@pytest.mark.parametrize(("method", "name", "values"), ROWS, ids=[f"{row[0]}-{row[1]}" for row in ROWS])
async def test_an_argument_that_means_nothing_is_named(
    book: Book, method: str, name: str, values: tuple[Any, ...]
) -> None:
    """Whatever the wrong type, the error is one of the ledger's and says which argument; nothing is written."""
    session = await book.saved()
    session.ask("call_1", "Which?")
    await book.save(session)

    for value in values:
        with pytest.raises(InvalidArgument, match="cannot be") as caught:
            await getattr(book, method)(**{**CALLS[method], name.split("[", maxsplit=1)[0]: value})

        assert name == caught.value.name
        assert str(caught.value).startswith(name)
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, LedgerError)
    assert [1, 2] == await versions(book)
    assert ["s1"] == book.sync.ids()


async def test_what_cannot_be_told_of_is_refused_before_anything_is_imported(book: Book) -> None:
    """A wrong `progress` would otherwise be found out when the first session is written already."""
    exported = await book.export()

    with pytest.raises(InvalidArgument, match="progress cannot be 5: it is an int, which cannot be called"):
        await book.import_(exported, progress=5)

    assert [] == book.sync.ids()


async def test_text_that_no_session_has_is_no_mistake(book: Book) -> None:
    """Whoever filters by what is nowhere is told that there is nothing."""
    session = await book.saved()
    session.add_message(Message.user("one"))
    await book.save(session)

    assert [] == await book.questions(writer="a\0b", text="", status="lost")
    assert [] == await book.sessions(prefix="a\0b", parent="", limit=0)
    assert ([], []) == (await book.history("s1", after=2**40), await book.feed(limit=0))
    assert [1, 2] == [event.version for event in await book.history("s1", after=-5, upto=2**40)]
