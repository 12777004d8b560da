"""What a stale save agreed on with the head is in its event, and is no change."""

from __future__ import annotations

import pytest

from tests.contract.backends import in_memory, on_one_face
from tests.contract.faces import Book
from tests.contract.rebase_rows import Edit, message, put
from tests.contract.stale_saves import answer, begin, both, meet, remove, reverse, revise, say

AGREEMENTS: list[tuple[str, Edit, list[str]]] = [
    ("a title", put("title", "new"), ["/title"]),
    ("a removed title", put("title", None), ["/title"]),
    ("a pin", put("pinned", value=True), ["/pinned"]),
    ("a message", say(message("n")), ["/messages/n"]),
    ("a revision", revise("m2", content="new"), ["/messages/m2"]),
    ("a message's metadata", revise("m2", metadata={"a": 1}), ["/messages/m2"]),
    ("a removal", remove("m2"), ["/messages/m2"]),
    ("the order", reverse, ["/messages"]),
    ("an answer", answer, ["/questions/call_1#0"]),
    ("a question", lambda s: s.ask("call_2", "Go on?"), ["/questions/call_2#0"]),
    ("a key", lambda s: s.metadata.update(k={"deep": [1]}), ["/metadata/k"]),
    ("a removed key", lambda s: s.metadata.pop("k"), ["/metadata/k"]),
    ("an inner path", lambda s: s.state["a"].update(x=2), ["/state/a"]),
    ("several", both(put("title", "new"), put("model", "m"), lambda s: s.state.pop("a")),
     ["/title", "/model", "/state/a"]),
]  # fmt: skip


@on_one_face
@in_memory
@pytest.mark.parametrize(("edit", "expected"), [row[1:] for row in AGREEMENTS], ids=[row[0] for row in AGREEMENTS])
async def test_what_both_wrote_is_no_loss(book: Book, edit: Edit, expected: list[str]) -> None:
    """A copy that holds the same takes nothing away; the event says so, and changes nothing by it."""
    await begin(book)

    assert expected == await meet(book, edit, edit)

    assert [] == await book.averted("s1")
    before, after = [await book.load("s1", at=version) for version in (2, 3)]
    assert all(
        getattr(before, name) == getattr(after, name)
        for name in ("title", "pinned", "model", "messages", "questions", "metadata", "state")
    )


async def test_the_same_message_made_twice_is_one(book: Book) -> None:
    """Two writers who say the same under one id differ in the time of their copies, and agree all the same."""
    await begin(book)

    agreed = await meet(book, say(message("n")), say(message("n")))

    assert ["/messages/n"] == agreed
    assert [] == await book.averted()


async def test_agreeing_is_no_edit_that_is_saved_again(book: Book) -> None:
    """What was agreed on has settled: the next save of the same session is empty, and of the newest version."""
    await begin(book)
    mine, others = await book.load("s1"), await book.load("s1")
    mine.title = others.title = "new"
    await book.save(others)
    receipt = await book.save(mine, key="k")
    assert () == receipt.overruled

    assert receipt == await book.save(mine, key="k")
    again = await book.save(mine)

    assert (4, 3) == (again.version, again.base_version)
    assert () == (await book.history("s1", after=3))[0].changes


async def test_agreeing_has_no_part_in_what_a_key_stands_for(book: Book) -> None:
    """The same content under the same key is a retry, whether the head agreed with it or not."""
    await begin(book)
    mine, others = await book.load("s1"), await book.load("s1")
    twin = mine.model_copy()
    mine.title = twin.title = others.title = "new"
    await book.save(others)

    assert await book.save(mine, key="k") == await book.save(twin, key="k")
    assert (await book.verify()).ok
