"""What is not to be seen any more: it stays in the log, and is neither given nor listed. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ledger.domain.session import Session
from ledger.domain.view import View

__all__ = ["HIDING", "has_run", "hide_runs", "is_hidden", "prune_before"]

#: Where a line's state says what is hidden in it.
HIDING = ("hidden_runs", "pruned")


def is_hidden(checkpoint: View, head: View) -> bool:
    """Tell whether a checkpoint of the line with this head is hidden."""
    told = head.state
    if checkpoint.state["at"][0] < told.get("pruned", ""):
        return True
    run = checkpoint.state.get("metadata", {}).get("run_id")
    return isinstance(run, str) and run in told.get("hidden_runs", ())


def has_run(state: Mapping[str, Any], runs: Sequence[str]) -> bool:
    """Tell whether a line has checkpoints of one of these runs that can be seen."""
    return not set(state.get("runs", ())).difference(state.get("hidden_runs", ())).isdisjoint(runs)


def hide_runs(runs: Sequence[str]) -> Callable[[Session], None]:
    """Give what hides the checkpoints of runs in a line."""

    def mutate(session: Session) -> None:
        hidden = session.state.get("hidden_runs", [])
        mine = [run for run in runs if run in session.state.get("runs", ()) and run not in hidden]
        session.state["hidden_runs"] = [*hidden, *dict.fromkeys(mine)]

    return mutate


def prune_before(checkpoint: str) -> Callable[[Session], None]:
    """Give what hides the checkpoints of a line whose ids are lower than this one."""

    def mutate(session: Session) -> None:
        session.state["pruned"] = max(session.state.get("pruned", ""), checkpoint)

    return mutate
