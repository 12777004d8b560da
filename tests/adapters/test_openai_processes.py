"""Two processes use one session at once: nothing is lost, nothing is there twice, each one's items keep their order."""

import json
from collections import Counter
from itertools import pairwise
from typing import Any, cast

import ledger
from ledger.adapters.openai_agents import LedgerSession
from tests.adapters.openai_workers import add, add_and_clear, at_once, killed_while_adding, pop
from tests.contract.backends import on_durable

pytestmark = on_durable

TURNS = 30


async def test_what_two_processes_add_is_all_there(url: str) -> None:
    """Every batch is whole, and stands behind those that its process added before."""
    at_once(add, (url, "one", TURNS), (url, "two", TURNS))
    with ledger.open(url) as book:
        writers = [event.writer for event in book.history("s1")]
    async with LedgerSession("s1", url) as session:
        texts = [item["content"] for item in cast("Any", await session.get_items())]

    for writer in ("one", "two"):
        expected = [f"{writer} {turn} {half}" for turn in range(TURNS) for half in ("asks", "waits")]
        assert expected == [text for text in texts if text.startswith(writer)]
    assert TURNS <= sum(one != other for one, other in pairwise(writers)), "they hardly met"
    assert all(
        first.removesuffix("asks") == second.removesuffix("waits")
        for first, second in zip(texts[::2], texts[1::2], strict=True)
    )


async def test_two_processes_never_take_off_the_same(url: str) -> None:
    """Every item is given once, the latest first."""
    async with LedgerSession("s1", url) as session:
        await session.add_items(cast("Any", [{"role": "user", "content": str(number)} for number in range(TURNS)]))
    taken = at_once(pop, (url, TURNS // 2), (url, TURNS // 2))

    assert Counter(map(str, range(TURNS))) == Counter(item["content"] for each in taken for item in each)
    for each in taken:
        numbers = [int(item["content"]) for item in each]
        assert sorted(numbers, reverse=True) == numbers
    with ledger.open(url) as book:
        assert TURNS == len(book.load("s1", at=1).messages)


async def test_two_processes_that_clear_lose_nothing(url: str) -> None:
    """What was cleared is in the record, whoever added it."""
    at_once(add_and_clear, (url, "one", TURNS), (url, "two", TURNS))
    with ledger.open(url) as book:
        record = "".join(event.model_dump_json() for event in book.history("s1"))
        left = book.load("s1").messages

    assert all(json.dumps(f"{writer} {turn}") in record for writer in ("one", "two") for turn in range(TURNS))
    assert [] == left


async def test_what_a_killed_process_was_told_is_there(url: str) -> None:
    """Every batch that was acknowledged, whole, and at most one more."""
    acknowledged = killed_while_adding(url, 10)
    async with LedgerSession("s1", url) as session:
        texts = [item["content"] for item in cast("Any", await session.get_items())]

    assert list(range(len(acknowledged))) == acknowledged
    assert [f"{turn} {half}" for turn in range(len(texts) // 2) for half in ("asks", "waits")] == texts
    assert len(texts) // 2 - len(acknowledged) in {0, 1}
