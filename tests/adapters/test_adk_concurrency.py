"""Who appends at once to ADK's sessions, again, or halfway: each event is stored once, and in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError

from ledger.adapters.adk import LedgerSessionService
from tests.adapters.adk_services import WHO, says, texts, there

S1 = "adk/shop/ann/s1"


@pytest.fixture
async def service(url: str) -> AsyncIterator[LedgerSessionService]:
    """Give our service on every database."""
    async with LedgerSessionService(url) as opened:
        yield opened


async def test_an_event_that_is_delivered_again_is_stored_once(service: LedgerSessionService) -> None:
    """By the same session object, by one that has not heard of it, and by one that is loaded anew."""
    session = await service.create_session(**WHO, session_id="s1")
    unaware = session.model_copy(deep=True)
    said = says("once", delta={"n": 1})
    await service.append_event(session, said)

    for each in (session, unaware, await there(service)):
        await service.append_event(each, said.model_copy(deep=True))

    assert ["once"] == texts(await there(service)) == texts(session) == texts(unaware)
    assert {"n": 1} == unaware.state
    await service.append_event(unaware, says("and on"))
    assert ["once", "and on"] == texts(await there(service))


async def test_an_event_delivered_again_after_others_leaves_the_object_stale(service: LedgerSessionService) -> None:
    """Who lacks more than the event has to load the session, or it would miss what came since."""
    session = await service.create_session(**WHO, session_id="s1")
    unaware = session.model_copy(deep=True)
    said = says("once")
    await service.append_event(session, said)
    await service.append_event(session, says("since"))

    assert await service.append_event(unaware, said) == said

    with pytest.raises(StaleSessionError):
        await service.append_event(unaware, says("late"))


async def test_another_event_of_a_taken_id_is_refused(service: LedgerSessionService) -> None:
    """It is neither taken for the first, nor stored in its place."""
    session = await service.create_session(**WHO, session_id="s1")
    said = await service.append_event(session, says("first"))

    with pytest.raises(AlreadyExistsError, match=f"Event {said.id} already exists"):
        await service.append_event(session, says("second", id=said.id))

    assert ["first"] == texts(await there(service))


async def test_appends_by_one_session_object_follow_one_another(service: LedgerSessionService) -> None:
    """Tasks that append to the same object at once are none of them stale, and stand in the order of their calls."""
    session = await service.create_session(**WHO, session_id="s1")

    await asyncio.gather(*(service.append_event(session, says(str(n), delta={"n": n})) for n in range(20)))

    assert [str(n) for n in range(20)] == texts(await there(service)) == texts(session)
    assert {"n": 19} == (await there(service)).state


async def test_state_that_is_shared_is_never_lost(service: LedgerSessionService) -> None:
    """Many sessions that change what they share at once, each another key: all of it is there."""
    sessions = [await service.create_session(**WHO, session_id=f"s{n}") for n in range(8)]

    await asyncio.gather(
        *(
            service.append_event(session, says("x", delta={f"app:{n}": n, f"user:{n}": [n]}))
            for n, session in enumerate(sessions)
        )
    )

    expected = {f"app:{n}": n for n in range(8)} | {f"user:{n}": [n] for n in range(8)}
    assert expected == (await there(service, "s0")).state


async def test_one_of_two_creators_is_told(service: LedgerSessionService) -> None:
    """Of many that create one session at once, one does, and the others are told."""
    outcomes = await asyncio.gather(
        *(service.create_session(**WHO, session_id="s1", state={f"app:{n}": n}) for n in range(6)),
        return_exceptions=True,
    )

    assert 5 == len([each for each in outcomes if isinstance(each, AlreadyExistsError)])
    assert 1 == len((await there(service)).state)


async def test_creators_of_different_sessions_share_a_state(service: LedgerSessionService) -> None:
    """What they share begins with all of them, and none is refused."""
    await asyncio.gather(*(service.create_session(**WHO, session_id=f"s{n}", state={f"user:{n}": n}) for n in range(6)))

    assert {str(n): n for n in range(6)} == await service.get_user_state(**WHO)


async def test_a_cancelled_append_is_stored_whole_or_not_at_all(service: LedgerSessionService) -> None:
    """Delivered again, it is there once, whenever it was cancelled."""
    session = await service.create_session(**WHO, session_id="s1")
    for number in range(6):
        said = says(str(number), delta={"n": number})
        appending = asyncio.ensure_future(service.append_event(session, said))
        for _ in range(number):
            await asyncio.sleep(0)
        appending.cancel()
        await asyncio.gather(appending, return_exceptions=True)

        await service.append_event(session, said)

    assert [str(number) for number in range(6)] == texts(await there(service)) == texts(session)
    assert {"n": 5} == session.state


async def test_the_loop_is_never_blocked(service: LedgerSessionService) -> None:
    """While a save waits for the database, the event loop goes on."""
    session = await service.create_session(**WHO, session_id="s1")
    book = service._opened.book
    held, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        assert go_on.wait(30)

    book.lanes.task(S1, hold)
    assert await asyncio.to_thread(held.wait, 30)
    appending = asyncio.ensure_future(service.append_event(session, says("waits")))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not appending.done()

    go_on.set()
    await appending
    assert ["waits"] == texts(await there(service))


def test_it_works_on_one_loop_after_the_other_and_from_threads(url: str) -> None:
    """As a sync runner does, which makes a loop for each call, and as a server does that has several."""
    service = LedgerSessionService(url)

    async def turn(name: str) -> list[str]:
        session = await service.get_session(**WHO, session_id=name)
        session = session or await service.create_session(**WHO, session_id=name)
        await service.append_event(session, says(name))
        return texts(await there(service, name))

    assert [["s1"], ["s1", "s1"]] == [asyncio.run(turn("s1")) for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        names = [f"t{n}" for n in range(8)]
        assert [[name] for name in names] == list(pool.map(lambda name: asyncio.run(turn(name)), names))
    service.close()
