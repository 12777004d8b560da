"""What the processes of the tests do to ADK's sessions, each in an event loop of its own."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier

from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError

from ledger.adapters.adk import LedgerSessionService
from tests.adapters.adk_services import WHO, says, there
from tests.adapters.openai_workers import PATIENCE_S

__all__ = ["append", "append_until_killed", "create"]


async def append(gate: Barrier, url: str, writer: str, turns: int) -> int:
    """Append an event a turn, as a runner would that loads a session again which others came before; count those."""
    stale = 0
    async with LedgerSessionService(url, writer=writer) as service:
        for turn in range(turns):
            said = says(f"{writer} {turn}", delta={f"app:{writer}": turn, f"user:{writer} {turn}": True, writer: turn})
            session = await there(service)
            await asyncio.to_thread(gate.wait, PATIENCE_S)
            while True:
                try:
                    await service.append_event(session, said)
                    break
                except StaleSessionError:
                    stale += 1
                    session = await there(service)
    return stale


async def create(gate: Barrier, url: str, writer: str, turns: int) -> list[str]:
    """Create sessions that others create too, and give those that were created here."""
    created = []
    async with LedgerSessionService(url, writer=writer) as service:
        for turn in range(turns):
            await asyncio.to_thread(gate.wait, PATIENCE_S)
            try:
                session = await service.create_session(
                    **WHO, session_id=f"s{turn}", state={"by": writer, f"user:{writer} {turn}": True}
                )
                created.append(session.id)
            except AlreadyExistsError:
                pass
    return created


def append_until_killed(url: str, told: Connection) -> None:
    """Append events for ever, and tell of each that was stored."""

    async def run() -> None:
        async with LedgerSessionService(url) as service:
            session = await there(service)
            turn = 0
            while True:
                await service.append_event(session, says(str(turn), delta={"n": turn, "app:n": turn}))
                told.send_bytes(str(turn).encode())
                turn += 1

    asyncio.run(run())
