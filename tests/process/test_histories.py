"""What many clients do at once, some of them killed, is one story that all of them can tell."""

import random
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Event
from tests.process.history import Entry, Operation, faults_of, operations_of
from tests.process.soaking import Figures
from tests.process.whole import Histories, examine
from tests.process.work import url_of
from tests.process.zygote import Worker, Zygote

FACES = ("in_threads", "in_tasks")
#: Clients in each process; processes; calls of each client; processes that are killed on the way.
CLIENTS, PROCESSES, CALLS, KILLS = 4, 3, 12, 2
#: One session that everyone is at, and some that few are.
SESSIONS = ("hot", "hot", "hot", "cold 1", "cold 2", "cold 3", "cold 4")


def entry_of(event: Event) -> Entry:
    """Give an event as the rules see it; one that is not whole has a mark that nobody asked for."""
    marks = [change.message.id for change in event.changes if change.type == "message_appended"]
    mark = marks[0] if len(marks) == 1 else f"an event of {len(marks)} messages"
    return Entry(mark, event.base_version, event.digest, event.key)


def logs_of(histories: Histories) -> dict[str, list[Entry]]:
    """Give the log of each session as the rules see it."""
    return {session_id: [entry_of(event) for event in events] for session_id, events in histories.items()}


def run_clients(
    zygote: Zygote, url: str, chance: random.Random, *, kills: int, processes: int = PROCESSES
) -> list[Operation]:
    """Let clients of several processes work on one ledger, kill some, and give what they did and were told."""
    reports: list[dict[str, Any]] = []
    names = 0

    def start() -> Worker:
        nonlocal names
        names += 1
        return zygote.start(
            f"tests.process.clients:{FACES[names % len(FACES)]}",
            url=url,
            names=[f"client {names}-{number}" for number in range(CLIENTS)],
            sessions=SESSIONS,
            seed=chance.randrange(2**32),
            calls=CALLS,
        )

    running = [start() for _ in range(processes)]
    for _ in range(kills):
        victim = running.pop(0)
        reports += [report for _ in range(chance.randint(1, 30)) if (report := victim.hear()) is not None]
        reports += victim.hear_for(chance.uniform(0, 0.02))
        reports += victim.kill()
        running.append(start())
    for worker in running:
        reports += worker.finish()
    failures = [report["failed"] for report in reports if "failed" in report]
    assert not failures, f"a client failed:\n{failures[0]}"
    return operations_of(reports)


def one_history(
    zygote: Zygote, url: str, chance: random.Random, soaking: Figures, *, kills: int = KILLS, processes: int = PROCESSES
) -> None:
    """Record one history, and hold it against the rules and the ledger."""
    ledger.open(url).close()
    operations = run_clients(zygote, url, chance, kills=kills, processes=processes)
    found, histories = examine(url)
    found += faults_of(operations, logs_of(histories))
    assert not found, f"{len(found)} faults in {url}:\n" + "\n".join(found[:20])
    with ledger.open(url, writer="afterwards") as book:
        book.save(book.load_or_create("afterwards", model="gpt-5"))
    outcomes = [operation.outcome for operation in operations]
    soaking.count(
        histories=1,
        kills=kills,
        calls=len(operations),
        answered=outcomes.count("done"),
        refused=outcomes.count("refused"),
        ambiguous=outcomes.count("unknown"),
    )


def test_what_clients_do_at_once_is_one_story(
    zygote: Zygote, tmp_path: Path, chance: random.Random, soaking: Figures
) -> None:
    """Reads are prefixes, acknowledged order is version order, a key stands for one event, a guarded save follows on
    the version that it names, and what nobody was told of is there once or not at all.
    """
    for number in range(2):
        one_history(zygote, url_of(tmp_path / f"{number}.db"), chance, soaking)

    assert soaking["answered"] > 150
    assert soaking["kills"] == 2 * KILLS


@pytest.mark.soak
def test_two_hundred_histories_are_one_story_each(
    zygote: Zygote, tmp_path: Path, chance: random.Random, soaking: Figures
) -> None:
    """The same, two hundred times, with 8 to 16 clients."""
    for number in range(200):
        path = tmp_path / f"{number}.db"
        one_history(zygote, url_of(path), chance, soaking, kills=chance.randint(0, 4), processes=chance.randint(2, 4))
        path.unlink()
        soaking.progress(number + 1, 200)
