"""Memory copy or storage copy? The decision of `load_merged`, in versions instead of clocks. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Choice", "Copy", "Decision", "reconcile"]


class Choice(StrEnum):
    """Which copy `load_merged` gives, and what has to be read for it."""

    NOTHING = "nothing"
    MEMORY = "memory"
    STORAGE = "storage"
    #: The cached copy is an ancestor of the head: read only the events after it.
    CATCH_UP = "catch_up"
    #: Same version: memory, plus the questions that it lost.
    RECOVER = "recover"


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of one copy of a session without reading it: one indexed row."""

    version: int
    digest: str
    open_questions: tuple[str, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and what to say in the log.

    `recovered` names the questions that storage holds pending and memory lost without a resolution. `behind` is true
    where storage had fallen behind memory, `discard` where the cached entry must go.
    """

    choice: Choice
    recovered: tuple[str, ...] = ()
    behind: bool = False
    discard: bool = False
    diverged: bool = False


def reconcile(  # noqa: PLR0911 - each row of the table is a return
    memory: Copy | None,
    storage: Copy | None,
    *,
    resolved_in_memory: frozenset[str] = frozenset(),
    storage_failed: bool = False,
    memory_in_log: bool = True,
) -> Decision:
    """Decide between the copy in memory and the copy in storage.

    Args:
        memory: the cached copy, if there is one.
        storage: the head row, if there is one.
        resolved_in_memory: the questions that the cached copy holds as resolved, which are not lost.
        storage_failed: whether storage could not be asked; `storage` is then meaningless.
        memory_in_log: whether the log has the cached digest at the cached version; only asked where storage is newer.
    """
    if memory is None:
        if storage is None or storage_failed or storage.deleted:
            return Decision(Choice.NOTHING)
        return Decision(Choice.STORAGE)
    if storage_failed or storage is None:
        return Decision(Choice.MEMORY, behind=True)
    if storage.deleted and storage.version >= memory.version:
        return Decision(Choice.NOTHING, discard=True)
    if storage.version < memory.version:
        return Decision(Choice.MEMORY, behind=True)
    both_known = storage.digest and memory.digest  # a copy that came by other ways than the log has none
    if storage.version == memory.version and both_known and storage.digest != memory.digest:
        return Decision(Choice.STORAGE, discard=True, diverged=True)
    if storage.version > memory.version:
        if not memory_in_log:
            return Decision(Choice.STORAGE, discard=True, diverged=True)
        return Decision(Choice.CATCH_UP)
    lost = tuple(
        question_id
        for question_id in storage.open_questions
        if question_id not in memory.open_questions and question_id not in resolved_in_memory
    )
    return Decision(Choice.RECOVER, recovered=lost) if lost else Decision(Choice.MEMORY)
