"""The examples of a page can fail: what a `console` block shows is compared with what the real command does."""

from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

from tests.examples import PythonBlockParser, run_console


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


def test_a_program_of_a_page_is_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that names a file is that file; a line of a console block runs it, and sees how it ends."""
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    program = "# ends.py\nimport os, signal\nprint('so far', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    page.write_text(f"```python\n{program}```\n```python\nran = True\n```\n", encoding="utf-8")

    written, ran = Document.parse(str(page), PythonBlockParser()).examples()
    for each in (written, ran):
        each.evaluate()

    assert program == Path("ends.py").read_text(encoding="utf-8")
    assert ran.namespace["ran"]
    assert outcome("$ python ends.py  # exits 137\nso far\n...", tmp_path) is None
    assert "exited 137, not 0" in (outcome("$ python ends.py", tmp_path) or "")
