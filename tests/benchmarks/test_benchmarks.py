"""The benchmarks run and measure what they name. No time is asserted here, or anywhere."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from ledger import Message
from tests.benchmarks import page
from tests.benchmarks.__main__ import ENGINES, main, measure
from tests.benchmarks.figures import Scale
from tests.benchmarks.floor import SqliteFloor
from tests.benchmarks.serving import SYSTEMS
from tests.benchmarks.subject import Subject, SubjectAbsent
from tests.benchmarks.system import Place
from tests.benchmarks.table import NAMES, compared, table, targets
from tests.benchmarks.turns import json_of, turn

SMALLEST = Scale(
    lengths=(10, 31),
    quoted=(10, 31),
    far=33,
    loaded=10,
    rounds=2,
    rounds_between=1,
    rounds_together=2,
    saves=1,
    writers=2,
    longest_together=2,
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Measure as little as can be, on both engines, where the peers are not installed."""
    # Not in a folder of pytest's: the server does not run as root, and could not get to it.
    with tempfile.TemporaryDirectory() as own:
        folder = Path(own)
        folder.chmod(0o755)
        document = measure(SMALLEST, ["save", "load", "together", "merged"], folder, folder / "none", lambda _: None)

        assert list(folder.iterdir()) == [], "something was left behind"
    return document


def test_every_figure_is_measured_on_both_engines(document: dict[str, Any]) -> None:
    """Each system gives a number above zero for each figure, and the ratio to what it is beside."""
    measured = [
        (figure["engine"], figure["figure"], name, found)
        for figure in document["figures"]
        for name, found in figure["systems"].items()
    ]

    assert [] == [each for each in measured if each[3].get("median", 0) <= 0]
    assert [] == [each for each in measured if not each[3]["ratio"]]
    assert {"save", "size", "added", "load", "together", "load_merged"} <= {figure for _, figure, _, _ in measured}
    assert set(ENGINES) == {engine for engine, figure, _, _ in measured if figure == "save"}


def test_a_system_that_cannot_run_is_named_with_the_reason(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the peers are not installed, the table and standard error say so; the ledger is measured all the same."""
    measure(SMALLEST, ["sqlite", "import", "adk"], tmp_path, tmp_path / "no peers", lambda _: None)

    reason = "the peers are not installed; `make bench` does that where there is a network"
    assert f"SKIPPED: adk on sqlite: {reason}\n" == capsys.readouterr().err
    assert {"absent": reason} == document["systems"]["sqlite"]["langgraph"]
    assert f"skipped: LangGraph checkpointer: {reason}" in table(document)
    assert ["sessionledger", "the floor (bare driver)"] == [row[0] for row in compared(document, "sqlite")[1:]]


def test_the_durability_is_read_off_the_running_system(document: dict[str, Any]) -> None:
    """What a commit waits for is what the connection answers, not what somebody wrote down."""
    found = {engine: systems["floor"]["durability"] for engine, systems in document["systems"].items()}

    assert {
        "sqlite": "journal_mode=wal, synchronous=FULL",
        "postgresql": "synchronous_commit=on, fsync=on",
    } == found
    assert found["sqlite"] == document["systems"]["sqlite"]["ours"]["durability"]


def test_a_system_that_does_not_start_says_why(tmp_path: Path) -> None:
    """What is in the way of a system is one sentence."""
    place = Place("sqlite", tmp_path)
    place.file().mkdir()

    with (
        pytest.raises(SubjectAbsent, match=r"^StorageError: .*bench\.db is a folder, not a ledger"),
        Subject("ours", place, sys.executable),
    ):
        pass  # pragma: no cover - it does not start


def test_a_subject_that_fails_says_why(tmp_path: Path) -> None:
    """A figure that could not be measured is a traceback, not a number."""
    with (
        Subject("floor", Place("sqlite", tmp_path), sys.executable) as floor,
        pytest.raises(RuntimeError, match=r"floor\.nothing failed:\n(.*\n)*AttributeError"),
    ):
        floor.do("nothing", session="of nobody")


async def test_writers_that_fail_are_counted_by_their_error(tmp_path: Path) -> None:
    """Where a system falls over, what happened stands in the place of the number."""
    floor = SqliteFloor(Place("sqlite", tmp_path))
    await floor.open()
    floor._connection.execute("DROP TABLE messages")

    done = await floor.save_together(writers=2, turns=1, label="w")

    await floor.close()
    assert {"OperationalError: no such table: messages": 1} == {
        error: count for error, count in done["failures"].items() if "no such table" in error
    }


def test_both_sides_save_the_same_turns() -> None:
    """A turn has four messages of 3.9 KB, is the same in every process, and is what the ledger takes as messages."""
    bodies = json_of(turn(7))

    assert len(bodies) == 4
    assert abs(3_900 - sum(len(body.encode()) for body in bodies)) < 100
    assert bodies == json_of(turn(7))
    assert ["user", "assistant", "tool", "assistant"] == [Message(**message).role for message in turn(7)]
    assert [json.loads(body)["content"] for body in bodies] == [Message(**message).content for message in turn(7)]


def test_every_system_that_can_be_served_has_a_name() -> None:
    """A system without a name would be measured, and left out of the tables."""
    assert set(NAMES) == {name.partition(" on ")[0] for name in SYSTEMS}


def test_the_page_holds_what_the_generator_makes_of_its_data() -> None:
    """Nobody writes a figure by hand, and a change of the tables reaches the page."""
    document = json.loads(page.DATA.read_text(encoding="utf-8"))
    _, _, written = page.PAGE.read_text(encoding="utf-8").partition(page.BEGINNING)

    assert page.block(document) == written.partition(page.END)[0].strip()


def test_the_data_of_the_page_has_the_shape_of_a_run(document: dict[str, Any]) -> None:
    """The page was made by a whole run of this benchmark, not by another or a quick one."""
    kept = json.loads(page.DATA.read_text(encoding="utf-8"))

    assert kept["quick"] is False
    assert list(document) == list(kept)
    assert document["scale"].keys() == kept["scale"].keys()
    assert document["machine"].keys() == kept["machine"].keys()
    assert document["figures"][0].keys() == kept["figures"][0].keys()
    assert {each["figure"] for each in document["figures"]} <= {each["figure"] for each in kept["figures"]}
    assert set(NAMES) == {name for systems in kept["systems"].values() for name in systems if name in NAMES}


def test_the_plots_of_the_page_are_there() -> None:
    """Each is a drawing that a browser shows, with the systems named in it."""
    for name in page.PLOTS:
        drawing = (page.PAGE.parent / name).read_text(encoding="utf-8")

        assert "</svg>" in drawing
        assert "sessionledger" in drawing


def test_a_document_that_was_kept_is_shown_without_measuring(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--from` gives the tables of that run, and `--json` the very document."""
    file = tmp_path / "run.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    main(["--from", str(file)])
    shown = capsys.readouterr().out
    main(["--from", str(file), "--json"])

    assert table(document) + "\n" == shown
    assert json.loads(json.dumps(document)) == json.loads(capsys.readouterr().out)
    assert targets(document, "sqlite")[0][0] in shown
