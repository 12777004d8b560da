"""What the processes of the tests do to one thread of LangGraph."""

from __future__ import annotations

import asyncio
from multiprocessing.synchronize import Barrier
from typing import Any

from langchain_core.messages import HumanMessage

from ledger.adapters.langgraph import LedgerSaver
from tests.adapters.langgraph_samples import checkpoint, config
from tests.adapters.openai_workers import PATIENCE_S

__all__ = ["go_on", "write"]


async def go_on(gate: Barrier, url: str, writer: str, parent: str, turns: int) -> list[str]:
    """Put checkpoints, each on the one before, the first on one that is there; give their ids."""
    async with LedgerSaver(url, writer=writer) as saver:
        found = await saver.aget_tuple(config(checkpoint_id=parent))
        assert found is not None
        said = list(found.checkpoint["channel_values"]["messages"])
        at, made = config(checkpoint_id=parent), []
        for number in range(turns):
            said.append(HumanMessage(f"{writer} {number}", id=f"{writer}-{number}"))
            step = checkpoint({"messages": said.copy()})
            step["id"] = f"2f000000-0000-6000-8000-{number:06d}{'00' if writer == 'one' else '01'}0000"
            await asyncio.to_thread(gate.wait, PATIENCE_S)
            told: Any = {"source": "loop", "step": number}
            at = await saver.aput(at, step, told, step["channel_versions"])
            await saver.aput_writes(at, [("messages", [HumanMessage(f"{writer} next {number}")])], "task")
            made.append(step["id"])
    return made


async def write(gate: Barrier, url: str, writer: str, parent: str, turns: int) -> list[str]:
    """Put writes of many tasks under one checkpoint, the same texts in both processes."""
    async with LedgerSaver(url, writer=writer) as saver:
        for number in range(turns):
            await asyncio.to_thread(gate.wait, PATIENCE_S)
            said = HumanMessage(f"said {number} " * 30, id=f"h{number}")
            writes = [("messages", [said]), ("x", f"text {number} " * 40)]
            await saver.aput_writes(config(checkpoint_id=parent), writes, f"{writer} {number}")
    return []
