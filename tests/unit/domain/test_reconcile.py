"""The table of the design's section 5.5: memory copy or storage copy."""

import pytest

from ledger.domain.reconcile import Choice, Copy, Decision, reconcile


def copy(version: int, *questions: str, digest: str | None = None, deleted: bool = False) -> Copy:
    """Give what is known of a copy whose digest is that of its version in the one history."""
    return Copy(version, digest or f"digest {version}", questions, deleted=deleted)


@pytest.mark.parametrize(
    ("memory", "storage", "expected"),
    [
        (None, None, Decision(Choice.NOTHING)),
        (None, copy(3), Decision(Choice.STORAGE)),
        (None, copy(3, deleted=True), Decision(Choice.NOTHING)),
        (copy(3), copy(5), Decision(Choice.CATCH_UP)),
        (copy(3, "q"), copy(5), Decision(Choice.CATCH_UP)),
        (copy(3), copy(3), Decision(Choice.MEMORY)),
        (copy(3, "q"), copy(3, "q"), Decision(Choice.MEMORY)),
        (copy(3), copy(3, "q", "r"), Decision(Choice.RECOVER, recovered=("q", "r"))),
        (copy(3, "r"), copy(3, "q", "r"), Decision(Choice.RECOVER, recovered=("q",))),
        (copy(5), copy(3), Decision(Choice.MEMORY, behind=True)),
        (copy(5), copy(3, "q"), Decision(Choice.MEMORY, behind=True)),
        (copy(5), copy(3, deleted=True), Decision(Choice.MEMORY, behind=True)),
        (copy(5), None, Decision(Choice.MEMORY, behind=True)),
        (copy(3), copy(5, deleted=True), Decision(Choice.NOTHING, discard=True)),
        (copy(3), copy(3, digest="another past"), Decision(Choice.STORAGE, discard=True, diverged=True)),
        (copy(3), copy(3, "q", digest="another past"), Decision(Choice.STORAGE, discard=True, diverged=True)),
    ],
)
def test_the_table(memory: Copy | None, storage: Copy | None, expected: Decision) -> None:
    """Newer wins, the same is memory, and memory never goes back."""
    assert expected == reconcile(memory, storage)


def test_memory_outlives_storage_that_fails() -> None:
    """A storage that cannot be asked is no reason to forget; without memory there is nothing to give."""
    assert Decision(Choice.MEMORY, behind=True) == reconcile(copy(3), None, storage_failed=True)
    assert Decision(Choice.NOTHING) == reconcile(None, None, storage_failed=True)


def test_a_question_that_memory_resolved_is_not_lost() -> None:
    """An answer that is not saved yet explains why memory no longer waits."""
    decision = reconcile(copy(3), copy(3, "q", "r"), resolved_in_memory=frozenset({"q"}))

    assert Decision(Choice.RECOVER, recovered=("r",)) == decision
    assert Decision(Choice.MEMORY) == reconcile(copy(3), copy(3, "q"), resolved_in_memory=frozenset({"q"}))


def test_memory_of_another_past_goes() -> None:
    """Storage is newer, but not a continuation of what memory holds: nothing of the two can be mixed."""
    decision = reconcile(copy(3, digest="another past"), copy(5), memory_in_log=False)

    assert Decision(Choice.STORAGE, discard=True, diverged=True) == decision


def test_the_seeds_first_rule() -> None:
    """A newer memory copy that answered its question is not replaced by an older storage copy that still asks it."""
    decision = reconcile(copy(6), copy(5, "q"), resolved_in_memory=frozenset({"q"}))

    assert Choice.MEMORY == decision.choice
    assert not decision.discard


def test_the_seeds_second_rule() -> None:
    """At the same version, a question that memory lost is recovered from storage."""
    assert ("q",) == reconcile(copy(5), copy(5, "q")).recovered
