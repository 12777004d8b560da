"""Two processes use one ADK session at once: nothing is lost, nothing is there twice, and each keeps its order."""

from __future__ import annotations

import multiprocessing
from itertools import pairwise

import pytest

import ledger
from ledger.adapters.adk import LedgerSessionService
from tests.adapters.adk_services import WHO, says, texts, there
from tests.adapters.adk_workers import append, append_until_killed, create
from tests.adapters.openai_workers import at_once
from tests.contract.backends import on_durable, on_files

TURNS = 25


@on_durable
async def test_what_two_processes_append_is_all_there(url: str) -> None:
    """Each event once, behind those that its process appended before, with all that it changed."""
    async with LedgerSessionService(url) as service:
        await service.create_session(**WHO, session_id="s1")

    stale = at_once(append, (url, "one", TURNS), (url, "two", TURNS))

    async with LedgerSessionService(url) as service:
        session = await there(service)
    said = texts(session)
    assert 2 * TURNS == len(said)
    for writer in ("one", "two"):
        assert [f"{writer} {turn}" for turn in range(TURNS)] == [text for text in said if text.startswith(writer)]
        assert TURNS - 1 == session.state[writer] == session.state[f"app:{writer}"]
        assert all(session.state[f"user:{writer} {turn}"] for turn in range(TURNS))
    assert 0 < sum(stale), "they never met"
    assert TURNS / 2 <= sum(one.split()[0] != other.split()[0] for one, other in pairwise(said))


@on_durable
async def test_two_processes_never_create_the_same_session(url: str) -> None:
    """One of them does, the other is told, and a session is whose it says."""
    one, two = at_once(create, (url, "one", TURNS), (url, "two", TURNS))

    assert {f"s{turn}" for turn in range(TURNS)} == {*one, *two}
    assert set() == {*one} & {*two}
    async with LedgerSessionService(url) as service:
        for writer, created in (("one", one), ("two", two)):
            assert {writer} == {(await there(service, each)).state["by"] for each in created} or not created
        shared = await service.get_user_state(**WHO)
    assert {f"{writer} {each[1:]}" for writer, created in (("one", one), ("two", two)) for each in created} == set(
        shared
    )


@on_files
@pytest.mark.parametrize("after", [1, 7])
async def test_of_a_killed_process_every_acknowledged_event_is_there(url: str, after: int) -> None:
    """And at most the one that was under way, whole; another process goes on from there."""
    async with LedgerSessionService(url) as service:
        await service.create_session(**WHO, session_id="s1")
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    worker = context.Process(target=append_until_killed, args=(url, told))
    worker.start()
    acknowledged = 0
    while acknowledged < after:
        assert heard.poll(120)
        heard.recv_bytes()
        acknowledged += 1
    worker.kill()
    worker.join()
    told.close()
    try:
        while heard.poll():
            heard.recv_bytes()
            acknowledged += 1
    except EOFError:
        pass

    async with LedgerSessionService(url) as service:
        session = await there(service)
        said = texts(session)
        await service.append_event(session, says("and on"))
        assert [*said, "and on"] == texts(await there(service))

    assert acknowledged <= len(said) <= acknowledged + 1
    assert [str(turn) for turn in range(len(said))] == said
    assert len(said) - 1 == session.state["app:n"] == session.state["n"]
    with ledger.open(url) as book:
        assert book.verify().ok
