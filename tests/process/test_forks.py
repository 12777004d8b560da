"""After `fork()` parent and child both go on with the ledger that they had open, and nothing is lost."""

from pathlib import Path

import pytest

from tests.process.checker import check
from tests.process.work import url_of
from tests.process.zygote import Zygote


@pytest.mark.parametrize(
    "situation",
    [
        "both_save",
        "child_outlives_the_parent",
        "a_child_for_each_of_many_forks",
        "while_threads_save",
        "by_multiprocessing",
        "async_in_parent_and_child",
    ],
)
def test_parent_and_child_lose_nothing(zygote: Zygote, path: Path, situation: str) -> None:
    """What either of them was told is saved is there, whoever closes first."""
    said = zygote.start(f"tests.process.forking:{situation}", url=url_of(path)).finish()

    assert {report["writer"].split()[0] for report in said} > {"child"}
    check(path, said)


def test_a_ledger_in_memory_is_copied_with_the_memory(zygote: Zygote) -> None:
    """The child has what the parent had at the fork; what either saves afterwards is its own."""
    said = zygote.start("tests.process.forking:in_memory").finish()

    assert [{"child": 2, "whole": True}, {"parent": 1, "whole": True}] == said


def test_a_fork_inside_a_read_is_told_of(zygote: Zygote, path: Path) -> None:
    """A fork waits for transactions, but not for one of its own thread: it happens, with a warning."""
    said = zygote.start("tests.process.forking:inside_a_read", url=url_of(path)).finish()

    assert "fork_inside_a_transaction" in said[1]["logged"]
    check(path, [said[0], said[2]])
