from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.test_verify import tamper


@pytest.mark.parametrize("arguments", [("rebuild",), ("rebuild", "catalog")])
def test_a_projection_that_was_edited_is_made_anew(
    run: Run, told: Callable[..., Any], recorded: Path, arguments: tuple[str, ...]
) -> None:
    """What somebody wrote into a projection by hand is gone; the log has the say."""
    before = told("sessions")
    tamper(recorded, "UPDATE catalog SET title = 'forged'")
    forged = told("sessions")
    run(*arguments)

    assert before != forged
    assert before == told("sessions")


def test_an_unknown_projection_names_those_that_there_are(run: Run, recorded: Path) -> None:
    """A mistyped name is a usage error that says the right ones."""
    del recorded

    assert "session_view, catalog, questions, usage" in run("rebuild", "catalogue", exits=2).stderr
