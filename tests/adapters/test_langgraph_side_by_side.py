"""`LedgerSaver` beside LangGraph's own SQLite saver: whatever is put, in whatever order, both give the same."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointTuple
from langgraph.checkpoint.sqlite import SqliteSaver

from ledger.adapters.langgraph import LedgerSaver
from tests.adapters.langgraph_samples import MESSAGES, VALUES, checkpoint, config, step
from tests.contract.backends import on_durable

STEPS = 14


@pytest.fixture
def theirs() -> Iterator[SqliteSaver]:
    """Give LangGraph's own saver, on an empty database."""
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        yield SqliteSaver(connection)


@pytest.fixture
def ours(url: str) -> Iterator[LedgerSaver]:
    """Give a saver on the test's database."""
    with LedgerSaver(url) as saver:
        yield saver


def told(found: CheckpointTuple | None) -> Any:
    """Give what a checkpoint says, its values by what they are written as: some know no equals."""
    if found is None:
        return None
    writes = [(task, channel, repr(value)) for task, channel, value in found.pending_writes or ()]
    values = {name: repr(value) for name, value in found.checkpoint["channel_values"].items()}
    return (
        found.config["configurable"],
        {**found.checkpoint, "channel_values": values},
        found.metadata,
        found.parent_config,
        writes,
    )


@on_durable
@pytest.mark.parametrize("seed", range(6))
def test_both_give_the_same(ours: LedgerSaver, theirs: SqliteSaver, url: str, seed: int) -> None:
    """Of a tree of checkpoints with writes that come early, late, twice and in any order, at any moment."""
    chance = random.Random(seed)
    put: list[Checkpoint] = []
    planned: list[Checkpoint] = []
    savers: tuple[BaseCheckpointSaver[Any], ...] = (ours, theirs)
    for number in range(STEPS):
        parent = chance.choice(put[-2:]) if put and chance.random() < 0.9 else None
        made, changed = step(parent, chance)
        unknown = "1e000000-0000-6000-8000-000000000000" if chance.random() < 0.05 else None
        at = config(checkpoint_id=unknown or (parent["id"] if parent else None))
        planned.append(made)
        if chance.random() < 0.3:
            write(savers, made, chance)
        for saver in savers:
            saver.put(
                at, made, {"source": "loop", "step": number}, changed if unknown is None else made["channel_versions"]
            )
        put.append(made)
        for _ in range(chance.randrange(3)):
            write(savers, chance.choice(put[-3:]), chance)
        assert told(theirs.get_tuple(config())) == told(ours.get_tuple(config()))
        if chance.random() < 0.3:
            again = chance.choice(put)
            assert told(theirs.get_tuple(config(checkpoint_id=again["id"]))) == told(
                ours.get_tuple(config(checkpoint_id=again["id"]))
            )

    with LedgerSaver(url) as cold:
        for saver in (ours, cold):
            assert [*map(told, theirs.list(config()))] == [*map(told, saver.list(config()))]
        assert told(theirs.get_tuple(config())) == told(cold.get_tuple(config()))
        for made in put:
            at = config(checkpoint_id=made["id"])
            channels = ["messages", "channel 0", "channel 1", "never"]
            expected = theirs.get_delta_channel_history(config=at, channels=channels)
            assert repr(expected) == repr(cold.get_delta_channel_history(config=at, channels=channels))


def write(savers: tuple[BaseCheckpointSaver[Any], ...], to: Checkpoint, chance: random.Random) -> None:
    """Put writes of a task under a checkpoint."""
    names = chance.sample(sorted(VALUES), 2)
    writes: list[tuple[str, Any]] = [(f"channel {chance.randrange(4)}", VALUES[name]) for name in names]
    if chance.random() < 0.6:
        writes.append(("messages", chance.choices(MESSAGES, k=1)))
    if chance.random() < 0.2:
        writes = [("__error__", "no luck")]
    task, path = f"task {chance.randrange(3)}", chance.choice(["", "~pull, a", "~pull, b"])
    for saver in savers:
        saver.put_writes(config(checkpoint_id=to["id"]), writes, task, path)


@on_durable
@pytest.mark.parametrize("name", VALUES)
def test_every_value_comes_back_as_from_their_own_saver(ours: LedgerSaver, theirs: SqliteSaver, name: str) -> None:
    """Text, numbers and objects of any class: in a channel, in metadata-like depth, and in a write."""
    made = checkpoint({"value": VALUES[name], "deep": {"list": [VALUES[name]]}})
    for saver in (ours, theirs):
        saver.put(config(), made, {"source": "loop"}, made["channel_versions"])
        saver.put_writes(config(checkpoint_id=made["id"]), [("value", VALUES[name])], "task")

    found = ours.get_tuple(config())

    assert told(theirs.get_tuple(config())) == told(found)
    assert found is not None
    assert type(VALUES[name]) in (type(found.checkpoint["channel_values"]["value"]), tuple)


@on_durable
def test_every_message_comes_back_as_from_their_own_saver(ours: LedgerSaver, theirs: SqliteSaver) -> None:
    """Of every class, with everything it holds, as the conversation and in a write."""
    made = checkpoint({"messages": MESSAGES, "copy": MESSAGES[:3]})
    for saver in (ours, theirs):
        saver.put(config(), made, {"source": "loop"}, made["channel_versions"])
        saver.put_writes(config(checkpoint_id=made["id"]), [("messages", MESSAGES[2:4])], "task")

    found, expected = ours.get_tuple(config()), theirs.get_tuple(config())

    assert found is not None
    assert expected is not None
    assert told(expected) == told(found)
