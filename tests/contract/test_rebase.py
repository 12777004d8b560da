"""A stale save is rebased on the head: the table of the design's section 5.3, through a real ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger import ChangeOverruled, Session, SessionDeleted
from tests.contract.backends import in_memory, on_one_face
from tests.contract.faces import Book, OpenBook, versions
from tests.contract.rebase_rows import ROWS, Edit, Row, ids, message, put


async def begin(book: Book) -> None:
    """Save the session that every row begins from."""
    session = Session.new("s1", "gpt-5", title="t")
    session.messages += [message("m1"), message("m2"), message("m3")]
    session.ask("call_1", "Which?")
    session.state.update({"a": {"x": 1, "y": 1}, "list": [1], "deep": {"in": {"list": [1]}}})
    session.metadata["k"] = 1
    await book.save(session)


def told(overruled: tuple[ChangeOverruled, ...]) -> list[tuple[str, str, str, Any]]:
    """Give side, writer, path and value; of a message that gave way, its content."""
    return [
        (o.side, o.writer, o.path, o.value["content"] if isinstance(o.value, dict) and "role" in o.value else o.value)
        for o in overruled
    ]


@on_one_face
@in_memory
@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_a_stale_save_is_rebased_row_by_row(book: Book, row: Row) -> None:
    """Both sides stand as the table says; who gave way is in the receipt and in the event; the writer sees the head."""
    await begin(book)
    ours, theirs = await book.load("s1"), await book.load("s1")
    row.theirs(theirs)
    row.ours(ours)
    await book.save(theirs, writer="other")

    receipt = await book.save(ours, writer="scheduler")

    head = await book.load("s1")
    assert (3, 1) == (receipt.version, receipt.base_version)
    assert row.expected == row.reads(head)
    assert head == ours
    assert list(row.overruled) == told(receipt.overruled)
    event = (await book.history("s1", after=2))[0]
    assert receipt.overruled == tuple(c for c in event.changes if isinstance(c, ChangeOverruled))
    for overruled in receipt.overruled:
        assert {"writer": 3, "head": 2}[overruled.side] == overruled.version
    assert theirs == await book.load("s1", at=2)

    # It has settled: the next save of the same session is empty, and overrules nobody again.
    again = await book.save(ours, writer="scheduler")
    assert (4, 3, ()) == (again.version, again.base_version, again.overruled)
    assert () == (await book.history("s1", after=3))[0].changes
    assert (await book.verify()).ok


async def test_an_explicit_index_with_another_text_gives_way(book: Book) -> None:
    """The first question of that id stands; the second is told, and kept in the event."""
    await begin(book)
    ours, theirs = await book.load("s1"), await book.load("s1")
    theirs.ask("call_9", "Theirs?", index=4)
    ours.ask("call_9", "Ours?", index=4)
    await book.save(theirs, writer="other")

    receipt = await book.save(ours, writer="scheduler")

    assert "Theirs?" == (await book.load("s1")).questions["call_9#4"].text == ours.questions["call_9#4"].text
    (overruled,) = receipt.overruled
    assert ("writer", "/questions/call_9#4", "Ours?") == (overruled.side, overruled.path, overruled.value["text"])


async def test_an_answer_recovers_what_the_head_marked_as_lost(book: Book) -> None:
    """A late answer to a question that an imported history lost stands, and says that it was recovered."""
    await begin(book)
    ours, theirs = await book.load("s1"), await book.load("s1")
    del theirs.questions["call_1#0"]
    ours.answer("call_1", "staging")
    await book.save(theirs, on_omission="lose")
    assert "lost" == theirs.questions["call_1#0"].status

    await book.save(ours)

    assert ("answered", "staging") == (ours.questions["call_1#0"].status, ours.questions["call_1#0"].answer)
    assert ["question_recovered", "question_answered"] == [
        change.type for change in (await book.history("s1", after=2))[0].changes
    ]


AUTHORITATIVE = [
    ("title", put("title", "runtime's"), put("title", "user's"), lambda s: s.title, "user's", "runtime's"),
    (
        "an authoritative key",
        lambda s: s.metadata.update(owner="runtime's"),
        lambda s: s.metadata.update(owner="user's"),
        lambda s: s.metadata["owner"],
        "user's",
        "runtime's",
    ),
]


@pytest.mark.parametrize("first", ["user", "runtime"])
@pytest.mark.parametrize(
    ("runtime", "user", "reads", "expected", "gave_way"),
    [row[1:] for row in AUTHORITATIVE],
    ids=[row[0] for row in AUTHORITATIVE],
)
async def test_a_user_beats_a_runtime_in_either_order(  # noqa: PLR0917 - a row of the table
    open_book: OpenBook, first: str, runtime: Edit, user: Edit, reads: Callable[[Session], Any], expected: Any,
    gave_way: Any,
) -> None:  # fmt: skip
    """On a title, a pin or an authoritative key, what a person set stands, whichever save came first."""
    book = await open_book(authoritative=["owner"])
    await begin(book)
    by = {"runtime": await book.load("s1"), "user": await book.load("s1")}
    runtime(by["runtime"])
    user(by["user"])
    order = [first, {"user": "runtime", "runtime": "user"}[first]]

    receipts = [await book.save(by[who], writer=who, authority=who) for who in order]

    head = await book.load("s1")
    assert expected == reads(head) == reads(by[order[1]])
    (overruled,) = receipts[1].overruled
    side = "writer" if first == "user" else "head"
    assert (side, "runtime", gave_way) == (overruled.side, overruled.writer, overruled.value)


async def test_a_key_that_nobody_declared_is_not_authoritative(book: Book) -> None:
    """Elsewhere a person's save weighs what any save does: the later one stands."""
    await begin(book)
    runtime, user = await book.load("s1"), await book.load("s1")
    runtime.metadata["owner"], user.metadata["owner"] = "runtime's", "user's"

    await book.save(user, authority="user")
    await book.save(runtime, authority="runtime")

    assert "runtime's" == (await book.load("s1")).metadata["owner"]


async def test_a_runtime_may_change_what_a_user_set_once_it_has_seen_it(book: Book) -> None:
    """The rule is for those who had not seen the other's change; a save from the head is no conflict."""
    await begin(book)
    session = await book.load("s1")
    session.title = "user's"
    await book.save(session, authority="user")
    session.title = "runtime's"

    receipt = await book.save(session, authority="runtime")

    assert "runtime's" == (await book.load("s1")).title
    assert () == receipt.overruled


async def test_the_heads_last_change_to_the_field_decides(book: Book) -> None:
    """A user's change that a runtime replaced, having seen it, protects the field no more."""
    await begin(book)
    stale = await book.load("s1")
    session = await book.load("s1")
    for title, authority in (("user's", "user"), ("runtime's", "runtime")):
        session.title = title
        await book.save(session, authority=authority)
    stale.title = "the stale one's"

    await book.save(stale, authority="runtime")

    assert "the stale one's" == (await book.load("s1")).title


async def test_a_save_onto_a_deleted_session_is_refused(book: Book) -> None:
    """Nothing is rebased on a tombstone."""
    await begin(book)
    session = await book.load("s1")
    await book.delete("s1")
    session.title = "late"

    with pytest.raises(SessionDeleted):
        await book.save(session)
    assert [1, 2] == await versions(book)
    assert ("late", 1) == (session.title, session.version)


async def test_three_writers_over_many_versions_all_stand(book: Book) -> None:
    """A base far behind the head is rebased over everything in between."""
    await begin(book)
    old = await book.load("s1")
    middle = None
    session = await book.load("s1")
    for n in range(6):
        session.add_message(message(f"n{n}"))
        session.state["a"][f"n{n}"] = n
        await book.save(session, writer="other")
        middle = middle or session.model_copy()
    assert middle is not None
    old.add_message(message("old"))
    old.state["a"]["old"] = True
    middle.add_message(message("middle"))

    assert (8, 2) == ((receipt := await book.save(middle)).version, receipt.base_version)
    assert (9, 1) == ((receipt := await book.save(old)).version, receipt.base_version)

    head = await book.load("s1")
    assert ["m1", "m2", "m3", *(f"n{n}" for n in range(6)), "middle", "old"] == ids(head)
    assert {"x": 1, "y": 1, **{f"n{n}": n for n in range(6)}, "old": True} == head.state["a"]
