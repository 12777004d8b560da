"""The append-only log of token usage, and its totals."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import IdempotencyConflict, InvalidSession, SessionNotFound, UsageTotals
from tests.contract.backends import on_durable
from tests.contract.faces import Book, OpenBook


async def test_totals_add_up_every_number_by_name(book: Book) -> None:
    """Of a session and of all; nested names are joined by dots; what is no number does not count."""
    await book.saved("s1")
    await book.saved("s2")
    await book.record_usage("s1", {"input": 10, "output": 2, "cache": {"read": 5}, "model": "gpt-5", "cached": True})
    await book.record_usage("s1", '{"input": 1, "cost": 0.5}')
    await book.record_usage("s2", {"input": 100, "cache": {"read": 1, "by": {"hour": 2}}})

    first = UsageTotals(session_id="s1", records=2, totals={"input": 11, "output": 2, "cache.read": 5, "cost": 0.5})
    assert first == await book.usage("s1")
    total = {"input": 111, "output": 2, "cache.read": 6, "cache.by.hour": 2, "cost": 0.5}
    assert UsageTotals(session_id=None, records=3, totals=total) == await book.usage()
    assert [first, await book.usage("s2")] == await book.usage_by_session()


async def test_usage_is_counted_as_it_comes(book: Book) -> None:
    """Totals that were read before go on from there."""
    await book.saved()
    counted = []
    for number in range(1, 5):
        await book.record_usage("s1", {"tokens": number})
        counted.append((await book.usage("s1")).totals["tokens"])

    assert [1, 3, 6, 10] == counted
    await book.rebuild("usage")
    assert 10 == (await book.usage()).totals["tokens"]


async def test_a_key_records_once(book: Book) -> None:
    """The same key and record again adds nothing; another record under it is refused; without a key both count."""
    await book.saved()
    for _ in range(3):
        await book.record_usage("s1", {"tokens": 1, "by": {"a": 1, "b": 2}}, key="turn-1")
    await book.record_usage("s1", '{"by": {"b": 2, "a": 1}, "tokens": 1}', key="turn-1")

    with pytest.raises(IdempotencyConflict, match="turn-1"):
        await book.record_usage("s1", {"tokens": 2}, key="turn-1")
    assert 1 == (await book.usage()).records
    for _ in range(2):
        await book.record_usage("s1", {"tokens": 1})
    assert 3 == (await book.usage()).records


async def test_a_session_without_usage_has_none(book: Book) -> None:
    """That is no error; a session that was never saved is."""
    await book.saved()

    assert UsageTotals(session_id="s1") == await book.usage("s1")
    assert UsageTotals(session_id=None) == await book.usage()
    assert [] == await book.usage_by_session()
    with pytest.raises(SessionNotFound):
        await book.usage("nobody")
    with pytest.raises(SessionNotFound):
        await book.record_usage("nobody", {"tokens": 1})


NO_RECORDS: tuple[Any, ...] = (
    "", "[1]", "{", '{"a": NaN}', "1", 5, ["a"], None, {"a": float("inf")}, {1: 2}, {"a": object()}, {"a": "\ud800"},
)  # fmt: skip


async def test_what_is_no_json_object_is_refused(book: Book) -> None:
    """Nothing is recorded, and the error names the place."""
    await book.saved()

    for record in NO_RECORDS:
        with pytest.raises(InvalidSession, match="/usage") as caught:
            await book.record_usage("s1", record)
        assert "s1" == caught.value.session_id
    assert 0 == (await book.usage()).records


async def test_usage_outlives_a_deletion(book: Book) -> None:
    """What was spent was spent."""
    await book.saved()
    await book.record_usage("s1", {"tokens": 1})
    await book.delete("s1")

    assert {"tokens": 1} == (await book.usage("s1")).totals
    await book.record_usage("s1", {"tokens": 2})
    assert {"tokens": 3} == (await book.usage()).totals


@on_durable
async def test_usage_is_counted_once_by_any_number_of_ledgers(open_book: OpenBook) -> None:
    """Two that read the totals in turn count no record twice."""
    one, two = await open_book(), await open_book()
    await one.saved()
    for _ in range(3):
        await one.record_usage("s1", {"tokens": 1})
        await two.record_usage("s1", {"tokens": 10})
        assert (await one.usage()).totals == (await two.usage()).totals

    assert {"tokens": 33} == (await one.usage("s1")).totals
