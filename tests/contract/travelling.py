"""Sessions that leave one ledger and enter another."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ledger import Message, Session
from ledger.exchange.lines import LineWriter
from tests.contract.faces import Book

__all__ = ["record", "rewritten"]

EARLIER = datetime(2026, 1, 1, tzinfo=UTC)


async def record(book: Book) -> list[str]:
    """Record a session of everything, and give its export: two writers, an overruled title, a second life, usage."""
    session = Session.new("s1", "gpt-5", title="Order 4711")
    session.add_message(Message.user("Où est ma commande ?\u2028"))
    session.ask("call_1", "Which address?", options=["home", "work"])
    await book.save(session, key="turn-1", occurred_at=EARLIER)
    stale = await book.load("s1")
    session.title = "Order of Ada"
    session.metadata["tags"] = ["late"]
    await book.save(session, writer="ui", authority="user")
    stale.title = "Job 7"
    stale.answer("call_1#0", "home", by="Ada")
    await book.save(stale, key="turn-3")
    await book.delete("s1", reason="asked to")
    again = Session.new("s1", "gpt-5")
    again.ask("call_1", "Again?")
    await book.create(again)
    await book.record_usage("s1", {"input_tokens": 12}, key="u1")
    await book.record_usage("s1", {"input_tokens": 30})
    return [line async for line in book.each("export", "s1")]


def rewritten(lines: list[str], change: Callable[[list[dict[str, Any]]], object]) -> list[str]:
    """Give lines that were changed by someone who computes the digests of the lines anew."""
    documents = [json.loads(line) for line in lines]
    for document in documents:
        del document["digest"]
    change(documents)
    writer = LineWriter()
    return [writer.line(document) for document in documents]
