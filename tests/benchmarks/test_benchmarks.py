"""The benchmarks run and measure what they name. No time is asserted here, or anywhere."""

import json
from pathlib import Path

import pytest

from ledger import Message
from tests.benchmarks.__main__ import table
from tests.benchmarks.figures import Scale, figures
from tests.benchmarks.subject import Subject
from tests.benchmarks.turns import json_of, turn

SMALLEST = Scale(rounds=2, saves=1, few=1, many=2, loaded=4, writers=2, together=1)


def test_every_figure_is_measured_beside_its_other(tmp_path: Path) -> None:
    """Each side of each pair gives a number above zero in each round, and the table has a line for each figure."""
    announced: list[str] = []
    with Subject("ours", tmp_path) as ours, Subject("floor", tmp_path) as floor:
        found = [figure.values for figure in figures(ours, floor, SMALLEST, announced.append)]

    assert all(figure["ours"] > 0 for figure in found)
    assert all(figure["theirs"] > 0 and figure["ratio"] > 0 for figure in found if figure["beside"])
    assert {"one save, 1 turns there", "one save, 2 turns there", "database growth a turn"} <= {
        figure["figure"] for figure in found
    }
    assert len(found) + 3 == len(table(found).splitlines())
    assert announced
    assert list(tmp_path.iterdir()) == [], "a subject left its folder behind"


def test_a_subject_that_fails_says_why(tmp_path: Path) -> None:
    """A figure that could not be measured is a traceback, not a number."""
    with (
        Subject("floor", tmp_path) as floor,
        pytest.raises(RuntimeError, match=r"floor\.load failed:\n(.*\n)*KeyError"),
    ):
        floor.do("load", session="of nobody", count=1)


def test_both_sides_save_the_same_turns() -> None:
    """A turn has four messages of 3.9 KB, is the same in every process, and is what the ledger takes as messages."""
    bodies = json_of(turn(7))

    assert len(bodies) == 4
    assert abs(3_900 - sum(len(body.encode()) for body in bodies)) < 100
    assert bodies == json_of(turn(7))
    assert ["user", "assistant", "tool", "assistant"] == [Message(**message).role for message in turn(7)]
    assert [json.loads(body)["content"] for body in bodies] == [Message(**message).content for message in turn(7)]
