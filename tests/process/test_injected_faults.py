"""The K-th write or sync of a workload fails, or is the last thing that its process does: for every K."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.process.checker import check
from tests.process.injecting import Gate, Strace, calls_in, strace_or_skip
from tests.process.soaking import Figures
from tests.process.test_kills import acknowledgements
from tests.process.work import save_turns, url_of
from tests.process.zygote import Zygote

#: The two scripted workloads, the second with all its saves on the thread of a lane.
SCRIPTS = ("from_the_sync_face", "from_tasks")
KILL = "signal=SIGKILL"
FAULTS = {
    "pwrite64": ("error=EIO", "error=ENOSPC", KILL),
    "pwritev": ("error=EIO", "error=ENOSPC", KILL),
    "fallocate": ("error=ENOSPC", KILL),
    "fdatasync": ("error=EIO", "error=ENOSPC", KILL),
    "fsync": ("error=EIO", "error=ENOSPC", KILL),
    "ftruncate": ("error=EIO", KILL),
    "unlink": ("error=EIO", KILL),
}
#: In the suite so many places of each workload get a fault, spread over all of them.
SOME = 6

Begun = tuple[Path, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """A ledger of three turns, and what it acknowledged."""
    path = tmp_path_factory.mktemp("begun") / "ledger.db"
    said: list[dict[str, Any]] = []
    save_turns(lambda **report: said.append(report), url_of(path), "agent", ["s1"], 3)
    return path, acknowledgements(said)


class Injecting:
    """Runs a scripted workload under strace, on a fresh copy of a ledger, and checks what it leaves behind."""

    def __init__(self, zygote: Zygote, begun: Begun, folder: Path, soaking: Figures) -> None:
        strace_or_skip()
        self._zygote = zygote
        self._begun, self._said = begun
        self._folder = folder
        self._soaking = soaking

    def calls(self, script: str) -> Counter[str]:
        """Give how many calls of each kind the workload makes where nothing fails."""
        log = self._folder / "calls"
        self._run(script, None, log)
        return calls_in(log)

    def survives(self, script: str, call: str, fault: str, at: str) -> None:
        """Put one fault in: the worker that is not killed by it gets all its saves through, and nothing is lost."""
        reports = self._run(script, f"{call}:{fault}:when={at}")
        refused = sum("refused" in report for report in reports)
        ended = any("done" in report for report in reports)
        assert ended or fault == KILL, f"{call} with {fault} at {at}: {reports[-3:]}"
        assert {report["error"] for report in reports if "refused" in report} <= {"StorageError"}
        self._soaking.count(faults=1, killed=int(not ended), refusals=refused)

    def _run(self, script: str, injected: str | None, log: Path | None = None) -> list[dict[str, Any]]:
        path, ready, healed = (self._folder / name for name in ("ledger.db", "ready", "healed"))
        for each in self._folder.glob("ledger.db*"):
            each.unlink()
        shutil.copyfile(self._begun, path)
        start, mended = Gate(ready), Gate(healed)
        worker = self._zygote.start(
            f"tests.process.scripted:{script}", path=str(path), ready=str(ready), healed=str(healed)
        )
        assert worker.hear() == {"ready": True}
        with Strace(worker, injected, log) as strace:
            start.open()
            reports = []
            while (report := worker.hear()) is not None:
                reports.append(report)
                if "waiting" in report:
                    strace.detach()
                    mended.open()
            worker.end()
        mended.open()
        failures = [report["failed"] for report in reports if "failed" in report]
        assert not failures, f"with {injected} the worker failed:\n{failures[0]}"
        kinds = {"waiting", "refused", "done"}
        saves = acknowledgements([report for report in reports if not report.keys() & kinds])
        try:
            check(path, [*self._said, *saves])
        except AssertionError as error:
            raise AssertionError(f"after {injected}") from error
        return reports


@pytest.fixture
def injecting(zygote: Zygote, begun: Begun, tmp_path: Path, soaking: Figures) -> Injecting:
    """Give what runs a workload and puts a fault in."""
    return Injecting(zygote, begun, tmp_path, soaking)


def places(counts: Counter[str]) -> list[tuple[str, str, int]]:
    """Give each place for a fault: the call, the fault, and which one of these calls it hits."""
    return [
        (call, fault, at)
        for call, count in sorted(counts.items())
        for fault in FAULTS[call]
        for at in range(1, count + 1)
    ]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_fault_at_a_system_call_loses_nothing(injecting: Injecting, script: str) -> None:
    """Whichever write or sync fails, once: the process goes on by itself, and every save is there once. Whichever is
    the last one of a process that is killed: what it acknowledged is there.
    """
    counts = injecting.calls(script)
    assert counts["pwrite64"] + counts["pwritev"] > 20, counts
    assert counts["fsync"] + counts["fdatasync"] > 3, counts
    every = places(counts)
    for call, fault, at in every[:: len(every) // SOME]:
        injecting.survives(script, call, fault, str(at))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_disk_that_goes_on_failing_is_told_of_until_it_is_well(injecting: Injecting, script: str) -> None:
    """From the K-th write or sync on, every one fails: each save is refused with one clear error until that ends, and
    then the same saves go through, in the same process.
    """
    counts = injecting.calls(script)
    for call in sorted(counts.keys() & {"pwrite64", "fsync", "fdatasync"}):
        injecting.survives(script, call, "error=EIO", f"{counts[call] // 3}+")


@pytest.mark.soak
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_fault_at_every_system_call_loses_nothing(injecting: Injecting, script: str, soaking: Figures) -> None:
    """The same two, for every K and every fault."""
    counts = injecting.calls(script)
    every = [(call, fault, str(at)) for call, fault, at in places(counts)]
    every += [
        (call, fault, f"{at}+")
        for call, fault, at in places(counts)
        if fault != KILL and call in {"pwrite64", "fsync", "fdatasync"} and at % 3 == 1
    ]
    for done, (call, fault, at) in enumerate(every, 1):
        injecting.survives(script, call, fault, at)
        soaking.progress(done, len(every))
    assert soaking["faults"] == len(every) > 200
