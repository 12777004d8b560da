"""On a server, saves wait in a queue until somebody places them in the feed: when whoever does is done."""

from __future__ import annotations

import pytest

from ledger import Session
from tests.contract.faces import Book
from tests.contract.test_verify_queue import on_servers

pytestmark = [on_servers, pytest.mark.parametrize("face", ["sync"], indirect=True)]
#: Nobody who works would have to look so often.
OFTEN = 20


async def test_whoever_works_comes_to_an_end_though_others_go_on_saving(book: Book) -> None:
    """It places what was saved when it looked, and the rest at its next look, so that it comes to its other work."""
    await book.saved("first")
    looks = 0

    def go_on() -> bool:
        nonlocal looks
        looks += 1
        book.sync.save(Session.new(f"meanwhile {looks}", "gpt-5"))
        return looks < OFTEN

    assert 0 < book.sync._feed.sequence(go_on) <= 2
    assert looks < OFTEN
