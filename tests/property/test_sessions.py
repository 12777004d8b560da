"""The whole public API against a model of plain lists and dictionaries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger import SessionRepository
from ledger.domain import merge_documents, merge_questions, question_changes
from ledger.store import planner
from tests.contract.backends import POSTGRESQL
from tests.property.session_machine import SessionMachine

#: A run that finds what was planted need not say how few steps would have found it.
UNSHRUNK = (Phase.generate,)


def run(machine: type[SessionMachine], examples: int, steps: int, **more: Any) -> None:
    """Let the machine take so many steps, so many times."""
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck), **more
    )
    run_state_machine_as_test(machine, settings=chosen)


class OnPostgresql(SessionMachine):
    """The same on a server."""

    backend = POSTGRESQL


@pytest.fixture(params=[SessionMachine, OnPostgresql], ids=lambda machine: machine.backend.name)
def machine(request: pytest.FixtureRequest) -> type[SessionMachine]:
    """Give the machine over each engine in turn."""
    chosen: type[SessionMachine] = request.param
    reason = chosen.backend.why_not()
    if reason is not None:
        pytest.skip(reason)
    return chosen


def test_every_call_gives_what_the_rules_say(machine: type[SessionMachine]) -> None:
    """Whatever anybody does with a ledger, in any order, each outcome is the one that the model computes."""
    run(machine, 4 if machine is OnPostgresql else 7, 30)


@pytest.mark.soak
def test_every_call_gives_what_the_rules_say_for_long(machine: type[SessionMachine]) -> None:
    """The same, for as long as a soak takes."""
    run(machine, 500, 60)


def _without_a_guard(session_id: str, changes: list[Any], on_omission: str) -> list[Any]:
    del session_id, on_omission
    return [change for change in changes if change.type != "question_omitted"]


def _later_end_stands(self: Any, question: Any, change: Any) -> bool:
    self._resolve(question, question_changes.ENDS[type(change)], change)
    return True


PLANTED: dict[str, tuple[object, str, Callable[..., Any]]] = {
    "an omission is not recorded": (planner, "guard", _without_a_guard),
    "of two ends of a question, the later one stands": (merge_questions._QuestionMerge, "_agrees", _later_end_stands),
    "a runtime overrules a user": (merge_documents.DocumentMerge, "_yields", lambda *_: False),
    "what is cached is not compared with what is stored": (
        SessionRepository, "load_merged", SessionRepository.load,
    ),
}  # fmt: skip


QUICK, *OTHERS = PLANTED


@pytest.mark.parametrize("bug", [QUICK, *(pytest.param(bug, marks=pytest.mark.soak) for bug in OTHERS)])
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine can fail: each of these breaks one rule, and is seen. Those that take long are found in a soak."""
    monkeypatch.setattr(*PLANTED[bug])

    with pytest.raises(AssertionError):
        run(SessionMachine, 200, 40, phases=UNSHRUNK, database=None, print_blob=False)
