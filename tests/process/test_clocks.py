"""A clock that jumps moves no version: order is a matter of versions alone."""

import random
from itertools import pairwise
from pathlib import Path

import pytest

import ledger
from tests.process.checker import check
from tests.process.soaking import Figures
from tests.process.work import url_of
from tests.process.zygote import Zygote


def save_by_wrong_clocks(zygote: Zygote, path: Path, chance: random.Random, turns: int, soaking: Figures) -> None:
    """Let three processes, each with a clock of its own that jumps, save to one session."""
    workers = [
        zygote.start(
            "tests.process.failing:save_by_a_clock_that_jumps",
            url=url_of(path),
            writer=f"writer {number}",
            seed=chance.randrange(2**32),
            turns=turns,
        )
        for number in range(3)
    ]
    check(path, [report for worker in workers for report in worker.finish()])

    with ledger.open(url_of(path), create=False) as book:
        steps = list(book.replay("s1"))
        recorded = [step.event.recorded_at for step in steps]
        effective = [step.after.updated_at for step in steps if step.after is not None]
        back = sum(later < earlier for earlier, later in pairwise(recorded))
        soaking.count(saves=len(steps), steps_back=back)

        assert back > turns // 10, "the clocks did not jump back"
        assert effective == sorted(effective)
        for version in range(1, len(steps), max(len(steps) // 20, 1)):
            found = book.load("s1", effective[version - 1])
            assert found.updated_at == effective[version - 1]
            assert found.version >= version


def test_versions_do_not_depend_on_clocks(zygote: Zygote, path: Path, chance: random.Random, soaking: Figures) -> None:
    """Three writers whose clocks jump by hours and by decades lose nothing; times stay in the order of versions."""
    save_by_wrong_clocks(zygote, path, chance, 20, soaking)


@pytest.mark.soak
def test_versions_do_not_depend_on_clocks_for_long(
    zygote: Zygote, path: Path, chance: random.Random, soaking: Figures
) -> None:
    """The same for 300 saves."""
    save_by_wrong_clocks(zygote, path, chance, 100, soaking)
