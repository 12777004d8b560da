"""The shape of the source tree: files that a person reads in one sitting, named for what they own."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [
    file
    for folder in ("ledger", "projections", "migrations", "tests")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if "__pycache__" not in file.parts
]


def test_files_stay_short() -> None:
    """A file of more than 400 lines holds more than one idea."""
    assert [] == [str(file) for file in SOURCES if len(file.read_text(encoding="utf-8").splitlines()) > 400]


def test_files_are_named_for_a_noun() -> None:
    """A drawer's name (utils, helpers) says nothing about what is in it."""
    assert [] == [
        str(file) for file in SOURCES if file.stem in {"base", "common", "helpers", "manager", "misc", "utils"}
    ]
