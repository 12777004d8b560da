"""The files that an import was given, found and opened; what cannot be is a problem, never an exception."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ledger.importers.steps import ImportProblem

__all__ = ["Source", "find_sources", "opened"]

STDIN = "-"
_SUFFIXES = (".jsonl", ".json")


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or the standard input (`path` is `None`, its size not known).

    `in_folder` says that nobody named the file itself: a folder may hold files that are no transcripts.
    """

    name: str
    path: Path | None
    size: int
    in_folder: bool

    @property
    def stem(self) -> str:
        """Its name without folder and suffix, for sessions that have no id of their own."""
        return self.path.stem if self.path is not None else "stdin"


def find_sources(given: Iterable[str | os.PathLike[str]], refuse: Callable[[ImportProblem], None]) -> list[Source]:
    """Give the files that were named, and those inside the folders that were, in the order of their names.

    Args:
        given: files, folders, or ``"-"`` for the standard input.
        refuse: called with what cannot be found or read.
    """
    found: list[Source] = []
    for item in given:
        name = os.fspath(item)
        if name == STDIN:
            found.append(Source("<stdin>", None, 0, in_folder=False))
            continue
        path = Path(os.path.expanduser(name))  # noqa: PTH111 - pathlib raises where it is nobody's home
        try:
            if path.is_dir():
                inside = list(_in_folder(path))
                if not inside:
                    what = "there is no *.jsonl and no *.json file in this folder"
                    refuse(ImportProblem(name, what, "name the folder that holds the transcripts"))
                found += inside
            elif path.exists() and not (path.is_file() or path.is_fifo()):
                refuse(ImportProblem(name, "it is neither a file, a folder nor a pipe", "give `-` and pipe it in"))
            else:
                found.append(Source(name, path, path.stat().st_size, in_folder=False))
        except OSError as error:
            refuse(unreadable(name, error))
    return found


def _in_folder(folder: Path) -> Iterator[Source]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in _SUFFIXES and path.is_file():
            yield Source(str(path), path, path.stat().st_size, in_folder=True)


@contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """Open a source for reading; the standard input stays open."""
    opening = nullcontext(sys.stdin.buffer) if source.path is None else source.path.open("rb")
    with opening as stream:
        yield stream


def unreadable(name: str, error: OSError) -> ImportProblem:
    """Say in a sentence why a file could not be read."""
    if isinstance(error, FileNotFoundError):
        return ImportProblem(name, "there is no such file", "check the path")
    reason = (error.strerror or type(error).__name__).lower()
    return ImportProblem(name, f"it cannot be read ({reason})", "check who may read it, and import again")
