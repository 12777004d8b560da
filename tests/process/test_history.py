"""The rules of histories notice what they are there for: one honest history, and one lie at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.process.history import Entry, Operation, faults_of, operations_of, told_by

Log = dict[str, list[Entry]]
Told = dict[str, Operation]


def honest() -> tuple[Told, Log]:
    """Two sessions, seven writes of which one was never answered, two reads, and a refusal."""
    entries = [
        Entry("a.1", 0, "d1"),
        Entry("b.1", 0, "d2"),
        Entry("pair", 2, "d3"),
        Entry("keyed.1", 3, "d4", key="k"),
        Entry("guarded", 4, "d5"),
        Entry("killed", 5, "d6"),
    ]
    log = {"s": entries, "t": [Entry("pair", 0, "e1")]}
    marks = [entry.mark for entry in entries]

    def done(version: int) -> dict[str, object]:
        return {"outcome": "done", "versions": (version,), "digests": (f"d{version}",)}

    told = [
        Operation("a.1", "save", ("s",), 0, 10, **done(1)),  # type: ignore[arg-type]  # as reported
        Operation("b.1", "save", ("s",), 5, 20, **done(2)),  # type: ignore[arg-type]
        Operation("pair", "pair", ("s", "t"), 21, 30, "done", versions=(3, 1), digests=("d3", "e1")),
        Operation("keyed.1", "keyed", ("s",), 31, 40, key="k", **done(4)),  # type: ignore[arg-type]
        Operation("keyed.2", "keyed", ("s",), 41, 50, key="k", **done(4)),  # type: ignore[arg-type]
        Operation("guarded", "guarded", ("s",), 51, 60, expected=4, **done(5)),  # type: ignore[arg-type]
        Operation("late", "guarded", ("s",), 55, 62, "refused", expected=5),
        Operation("killed", "save", ("s",), 61),
        Operation("lost", "save", ("s",), 61),
        Operation("read.1", "read", ("s",), 6, 19, "done", versions=(1,), seen=told_by(marks[:1])),
        Operation("read.2", "read", ("s",), 63, 70, "done", versions=(6,), seen=told_by(marks)),
    ]
    return {operation.name: operation for operation in told}, log


def test_an_honest_history_is_one_story() -> None:
    """Nothing is found where nothing is wrong; what was never answered may be there, or not."""
    told, log = honest()

    assert faults_of(list(told.values()), log) == []


def changed(name: str, **values: object) -> Callable[[Told, Log], None]:
    """One client was told something else."""

    def lie(told: Told, log: Log) -> None:
        del log
        told[name] = replace(told[name], **values)  # type: ignore[arg-type]

    return lie


def forgotten(name: str) -> Callable[[Told, Log], None]:
    """Nobody asked for what is in the log."""

    def lie(told: Told, log: Log) -> None:
        del log
        del told[name]

    return lie


def swapped(told: Told, log: Log) -> None:
    """Two events stand in the other order."""
    del told
    log["s"][0], log["s"][2] = log["s"][2], log["s"][0]


def cut(told: Told, log: Log) -> None:
    """The last event that was acknowledged is gone, with those behind it."""
    del told
    del log["s"][4:]


def torn(told: Told, log: Log) -> None:
    """Of two sessions that were saved together, one was not."""
    del told
    log["t"].clear()


def doubled(told: Told, log: Log) -> None:
    """What nobody was told of is there twice."""
    del told
    log["s"].append(log["s"][-1])


def keyed_twice(told: Told, log: Log) -> None:
    """A key stands for two events."""
    told["keyed.3"] = Operation("keyed.3", "keyed", ("s",), 80, key="k")
    log["s"].append(Entry("keyed.3", 6, "d7", key="k"))


def late(told: Told, log: Log) -> None:
    """A save that was refused was saved."""
    del told
    log["s"].append(Entry("late", 4, "d7"))


LIES = {
    "a read misses what was acknowledged before it": changed("read.2", versions=(4,), seen=told_by(["a.1"])),
    "a read is older than an acknowledgement": changed("read.1", invoked=21),
    "a read sees another order": changed("read.2", seen=told_by(["b.1", "a.1"])),
    "an acknowledgement names another version": changed("a.1", versions=(2,), digests=("d2",)),
    "an acknowledgement names another digest": changed("a.1", digests=("x",)),
    "a version is beyond the log": changed("guarded", versions=(9,)),
    "a save began after a later version was told": changed("a.1", invoked=25),
    "a guarded save followed on another version": changed("guarded", expected=3),
    "a refusal names a version that was long past": changed("late", expected=1),
    "one key was told two versions": changed("keyed.2", versions=(3,), digests=("d3",)),
    "nobody asked for it": forgotten("killed"),
    "the order is not that of the acknowledgements": swapped,
    "the tail is cut off": cut,
    "a pair is torn": torn,
    "an ambiguous save is there twice": doubled,
    "a key stands for two events": keyed_twice,
    "a refused save was saved": late,
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found(name: str) -> None:
    """One thing that is not as it was told, and the story does not hold."""
    told, log = honest()
    LIES[name](told, log)

    assert faults_of(list(told.values()), log)


def test_what_clients_report_becomes_operations() -> None:
    """A call and its answer are one operation; a call without an answer is one whose outcome nobody knows."""
    reports: list[dict[str, Any]] = [
        {"ready": True},
        {"invoke": "a", "kind": "save", "sessions": ["s"], "invoked": 1},
        {"invoke": "b", "kind": "read", "sessions": ["s"], "invoked": 2},
        {"respond": "a", "responded": 3, "outcome": "done", "versions": [1], "digests": ["d"]},
    ]

    assert operations_of(reports) == [
        Operation("a", "save", ("s",), 1, 3, "done", versions=(1,), digests=("d",)),
        Operation("b", "read", ("s",), 2),
    ]
