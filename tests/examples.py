"""How the examples run: a page like a person who reads it from top to bottom, a docstring by itself.

`docs/how-to/contribute.md` states the conventions for those who write examples.
"""

import contextlib
import doctest
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sybil import Document, Example, Region, Sybil
from sybil.document import PythonDocStringDocument
from sybil.example import NotEvaluated
from sybil.integration.pytest import pytest_integration
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser
from sybil.python import import_path

from tests import warm_command

LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# `make`, `git` and `pip` change more than the page's folder; they are for the reader.
_OURS = re.compile(r"(^|\| *|\b[A-Z_]+=\S+ +)((session)?ledger\b|python \w+\.py\b)")
#: How a block begins that is a program of its own.
_FILE = re.compile(r"# (\w+\.py)\n")
_EXIT_CODE = re.compile(r"#\s*exits?\s+(\d+)\s*$")


class Folder:
    """An empty working directory, left and removed at the end."""

    def __init__(self) -> None:
        self._leaving = contextlib.ExitStack()

    def enter(self, namespace: dict[str, Any] | None = None) -> None:
        del namespace  # sybil hands it to every set-up
        self.leave()
        path = self._leaving.enter_context(tempfile.TemporaryDirectory(prefix="example-"))
        self._leaving.enter_context(contextlib.chdir(path))

    def leave(self, namespace: dict[str, Any] | None = None) -> None:
        del namespace
        self._leaving.close()


_folder = Folder()


class Docstrings(PythonDocStringDocument):
    """The docstrings of a module: each starts with the module's names and an empty folder, and leaves nothing."""

    def __init__(self, text: str, path: str) -> None:
        super().__init__(text, path)
        self.pop_evaluator(self.import_document)
        self.push_evaluator(self.start_afresh)
        self._current: int | None = None

    def start_afresh(self, example: Example) -> None:
        ends = sorted(end for _, end, _ in self.extract_docstrings(self.text))
        docstring = next(end for end in ends if example.region.end <= end)
        if docstring != self._current:
            self._current = docstring
            self.namespace.clear()
            self.namespace.update(vars(import_path(Path(self.path))))
            _folder.enter()
        raise NotEvaluated


class PythonBlockParser(PythonCodeBlockParser):
    """The python blocks of a page. One that begins with a comment which is a file's name is written there, not run."""

    def __call__(self, document: Document) -> Iterator[Region]:
        for region in super().__call__(document):
            if _FILE.match(str(region.parsed)):
                region.evaluator = write_file
            yield region


def write_file(example: Example) -> None:
    """Write a block into the file that it names, in the page's folder."""
    text = str(example.parsed)
    Path(text[2:].partition("\n")[0]).write_text(text, encoding="utf-8")


def run_console(example: Example) -> str | None:
    """Run the `$ ledger …` and `$ python NAME.py …` lines; give what differs from the exit code and output shown."""
    for command, shown in _commands(str(example.parsed)):
        if not _OURS.search(command):
            continue
        expected = int(found[1]) if (found := _EXIT_CODE.search(command)) else 0
        ran = subprocess.run(  # noqa: S602 - a page shows pipes and variables, and it is our own page
            command,
            shell=True,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            env=_environment(),
        )
        if ran.returncode != expected:
            return f"$ {command}\nexited {ran.returncode}, not {expected}:\n{ran.stdout}"
        if shown.strip() and not doctest.OutputChecker().check_output(shown, ran.stdout, LENIENT):
            return f"$ {command}\nshould print:\n{shown}\nprinted:\n{ran.stdout}"
    return None


def _commands(block: str) -> Iterator[tuple[str, str]]:
    for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = entry.replace("\\\n", "").partition("\n")
        yield command.strip(), shown


def _environment() -> dict[str, str]:
    """As a reader's terminal, but plain, with this installation's commands first and an empty home folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LEDGER_")}
    commands = [str(warm_command.commands()), str(Path(sys.executable).parent)]
    return inherited | {
        "PATH": os.pathsep.join([*commands, os.environ.get("PATH", "")]),
        "HOME": str(Path.cwd()),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
        "TERM": "dumb",
    }


def _pages(folder: Path, pattern: str, *, beside: bool = False) -> Sybil:
    return Sybil(
        parsers=[PythonBlockParser(doctest_optionflags=LENIENT), CodeBlockParser("console", run_console)],
        path=str(folder),
        pattern=pattern,
        exclude="*/*" if beside else None,
        setup=_folder.enter,
        teardown=_folder.leave,
    )


def _docstrings(package: Path) -> Sybil:
    return Sybil(
        parsers=[DocTestParser(optionflags=LENIENT)],
        path=str(package),
        pattern="*.py",
        teardown=_folder.leave,
        document_types={".py": Docstrings},
    )


_ROOT = Path(__file__).parent.parent

collect_file = pytest_integration(
    _pages(_ROOT, "README.md", beside=True),
    _pages(_ROOT / "docs", "*.md"),
    _docstrings(_ROOT / "ledger"),
    _docstrings(_ROOT / "projections"),
)
