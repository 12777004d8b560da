"""`python -m tests.benchmarks.serving`: one system in this process, told what to do in lines of JSON.

It runs with the Python of whatever environment the system is installed in, so it knows nothing but the standard library
until it is told which system that is.
"""

import asyncio
import importlib
import json
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

from tests.benchmarks.system import Place, System

SYSTEMS = {
    "ours": "tests.benchmarks.ours:Ours",
    "ours on langgraph": "tests.benchmarks.savers:OursForLangGraph",
    "floor on sqlite": "tests.benchmarks.floor:SqliteFloor",
    "floor on postgresql": "tests.benchmarks.floor:PostgresFloor",
    "openai-agents": "tests.benchmarks.peers.openai_agents:OpenAIAgents",
    "adk": "tests.benchmarks.peers.adk:Adk",
    "langgraph": "tests.benchmarks.peers.langgraph:LangGraph",
    "eventsourcing": "tests.benchmarks.peers.event_sourcing:EventSourcing",
}


def main() -> None:
    """Serve requests until the input ends."""
    # What a library prints must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Its warnings are no figures.
    logging.disable(logging.WARNING)
    name, place = json.loads(sys.argv[1])
    with asyncio.Runner() as runner:
        runner.run(_serve(name, Place(**place | {"folder": Path(place["folder"])}), answers))


async def _serve(name: str, place: Place, answers: TextIO) -> None:
    def answer(kind: str, value: Any) -> None:
        print(json.dumps([kind, value]), file=answers, flush=True)

    try:
        system = _system(name, place)
        await system.open()
        described = await system.describe()
    except Exception as error:  # noqa: BLE001 - the other side says so and goes on without it
        answer("absent", f"{type(error).__name__}: {error}".partition("\n")[0])
        return
    answer("ready", described)
    for line in sys.stdin:
        method, arguments = json.loads(line)
        try:
            answer("done", await getattr(system, method)(**arguments))
        except Exception:  # noqa: BLE001 - the other side raises it
            answer("failed", traceback.format_exc())
    await system.close()


def _system(name: str, place: Place) -> System:
    module, _, kind = SYSTEMS.get(name, SYSTEMS.get(f"{name} on {place.engine}", "")).partition(":")
    system: System = getattr(importlib.import_module(module), kind)(place)
    return system


if __name__ == "__main__":
    main()
