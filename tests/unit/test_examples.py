"""The examples of a page can fail: what a `console` block shows is compared with what the real command does."""

from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

from tests.examples import run_console


def outcome(block: str, folder: Path) -> str | None:
    """Run a block as a page would, and give the complaint, if any."""
    page = folder / "page.md"
    page.write_text(f"```console\n{block}\n```\n", encoding="utf-8")
    (example,) = Document.parse(str(page), CodeBlockParser("console", run_console)).examples()
    return run_console(example)


@pytest.mark.parametrize(
    "block",
    [
        "$ ledger --version",
        "$ ledger --version\nsessionledger ...",
        "$ ledger no-such-command  # exits 2",
        "$ ledger \\\n    --version",
        "$ echo '{}' | ledger --version",
        "$ make no-such-target",
    ],
)
def test_what_a_page_shows_may_be_short(block: str, tmp_path: Path) -> None:
    """A page may show a part of the output, or none; the commands of others are for the reader."""
    assert outcome(block, tmp_path) is None


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        ("$ ledger --version\nanother command", "should print:\nanother command"),
        ("$ ledger no-such-command", "exited 2, not 0"),
        ("$ ledger --version  # exits 3", "exited 0, not 3"),
        ("$ ledger --version\n$ LEDGER_DB=sqlite:///x.db ledger no-such-command", "exited 2, not 0"),
    ],
)
def test_what_a_page_shows_has_to_be_true(block: str, complaint: str, tmp_path: Path) -> None:
    """Another output, another exit code, in any line: the page fails, and says what it should have shown."""
    assert complaint in (outcome(block, tmp_path) or "")
