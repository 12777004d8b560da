"""What the processes of the tests do to one session, each in an event loop of its own."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from multiprocessing.synchronize import Barrier
from typing import Any, cast

from ledger.adapters.openai_agents import LedgerSession

__all__ = ["add", "add_and_clear", "at_once", "killed_while_adding", "pop"]

#: A process imports the framework before it says that it is there, which takes seconds on a busy machine.
PATIENCE_S = 120


def at_once(work: Callable[..., Any], *arguments: tuple[Any, ...]) -> list[Any]:
    """Let a process for each of the arguments do the work, each turn at the same moment, and give what each returned.

    Raises:
        AssertionError: if one of them failed.
    """
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(len(arguments))
    ends = [context.Pipe(duplex=False) for _ in arguments]
    workers = [
        context.Process(target=_run, args=(work, gate, told, each))
        for (_, told), each in zip(ends, arguments, strict=True)
    ]
    for worker in workers:
        worker.start()
    for _, told in ends:
        told.close()
    try:
        given = [json.loads(heard.recv_bytes()) for heard, _ in ends]
    finally:
        for worker in workers:
            worker.join()
    assert [0] * len(workers) == [worker.exitcode for worker in workers]
    return given


def _run(work: Callable[..., Any], gate: Barrier, told: Any, arguments: tuple[Any, ...]) -> None:
    given = asyncio.run(work(gate, *arguments))
    told.send_bytes(json.dumps(given).encode())


def killed_while_adding(url: str, acknowledged: int) -> list[int]:
    """Kill a process that adds turn after turn, once so many of them were acknowledged, and give all that were."""
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    worker = context.Process(target=_add_on_and_on, args=(url, told))
    worker.start()
    told.close()
    turns = [heard.recv() for _ in range(acknowledged)]
    worker.kill()
    worker.join()
    with suppress(EOFError):
        while True:
            turns.append(heard.recv())
    return turns


def _add_on_and_on(url: str, told: Any) -> None:
    async def run() -> None:
        async with LedgerSession("s1", url) as session:
            for turn in count():
                items = [{"role": "user", "content": f"{turn} {half}"} for half in ("asks", "waits")]
                await session.add_items(cast("Any", items))
                told.send(turn)

    asyncio.run(run())


async def add(gate: Barrier, url: str, writer: str, turns: int) -> None:
    """Add turns of two items."""
    async with LedgerSession("s1", url, writer=writer) as session:
        for turn in range(turns):
            items = [{"role": "user", "content": f"{writer} {turn} {half}"} for half in ("asks", "waits")]
            await asyncio.to_thread(gate.wait, PATIENCE_S)
            await session.add_items(cast("Any", items))


async def pop(gate: Barrier, url: str, turns: int) -> list[Any]:
    """Take items off, and give them."""
    taken = []
    async with LedgerSession("s1", url) as session:
        for _ in range(turns):
            await asyncio.to_thread(gate.wait, PATIENCE_S)
            taken.append(await session.pop_item())
    return taken


async def add_and_clear(gate: Barrier, url: str, writer: str, turns: int) -> None:
    """Add an item and clear the session, time and again."""
    async with LedgerSession("s1", url, writer=writer) as session:
        for turn in range(turns):
            await asyncio.to_thread(gate.wait, PATIENCE_S)
            await session.add_items(cast("Any", [{"role": "user", "content": f"{writer} {turn}"}]))
            await session.clear_session()
