"""Plays the steps of recorded histories onto a ledger: each becomes a save of its own, once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import FrameworkMissing, InvalidExport
from ledger.importers.bamboo import Copy, copy_steps, is_outdated, read_copy
from ledger.importers.chat import read_document, read_runs
from ledger.importers.claude_code import read_transcript
from ledger.importers.databases import Taker, database_of, is_database, reader_of
from ledger.importers.detect import FORMATS, HEAD_LINES, detect, detect_document, is_binary
from ledger.importers.lines import MAX_LINE, Line, parse_document, read_lines
from ledger.importers.player import Player
from ledger.importers.records import UnreadableRecord
from ledger.importers.report import ImportReport
from ledger.importers.sources import Source, find_sources, opened, unreadable
from ledger.importers.steps import ImportProblem, Item
from ledger.shell_words import spoken
from ledger.telemetry import get_logger

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["import_sources"]

Progress = Callable[[int, int], None]

_log = get_logger(__name__)

#: What every file begins with that gzip made.
_GZIP = b"\x1f\x8b"
_NAME_FORMAT = f"if it is one all the same, say its format ({', '.join(FORMATS[1:])})"


def import_sources(
    book: Ledger,
    sources: Iterable[str | os.PathLike[str]],
    *,
    format: str = "auto",  # noqa: A002 - as the option of the command is called
    progress: Progress | None = None,
) -> ImportReport:
    """Import recorded sessions, a save for each recorded step.

    Importing twice adds nothing, and of a file that has grown it adds what is new: each step has a key. Every save is
    durable by itself, so an import that was interrupted goes on where it stopped. A line or a file that cannot be taken
    is named in the report, with what to do about it, and the rest is imported. JSON lines are read one at a time.

        with ledger.open("sqlite:///ledger.db") as book:
            report = import_sources(book, ["~/.claude/projects/my-project"])
            print(report.summary())

    Args:
        book: where to.
        sources: files, folders, or ``"-"`` for the standard input.
        format: ``"auto"`` to tell by what a source begins with, or ``"claude-code"``, ``"chat"``, ``"bamboo"``,
            ``"export"``.
        progress: called with the bytes done and their number, which does not count the standard input.

    Returns:
        What was found: sessions, saves, questions, problems.

    Raises:
        ValueError: for a format that there is not.
        InvalidExport: for an export of a ledger that is not as it was written; nothing of it was imported.
        SessionDiverged: for an export whose session is another one here; nothing of it was imported.
        StorageError: if the ledger's database fails; what was saved before is kept.
    """
    if format not in FORMATS:
        raise ValueError(f"there is no format {format!r}; use one of {', '.join(FORMATS)}")
    importing = _Importing(book, format, progress)
    importing.run(sources)
    return importing.report


class _Importing:
    def __init__(self, book: Ledger, named: str, progress: Progress | None) -> None:
        self.report = ImportReport()
        self._book = book
        self._player = Player(book, self.report)
        self._named = named
        self._progress = progress
        self._done = 0
        self._total = 0
        self._copies: list[Copy] = []

    def run(self, given: Iterable[str | os.PathLike[str]]) -> None:
        """Import all sources, and count their questions as they stand then."""
        found = find_sources(given, self._refuse)
        self._total = sum(source.size for source in found)
        self._advance(0)
        for source in found:
            try:
                if source.path is not None and is_database(source.path):
                    self._import_database(source, source.path)
                else:
                    with opened(source) as stream:
                        self._import(source, self._counted(read_lines(stream)))
            except OSError as error:
                self._refuse(unreadable(source.name, error))
            self._player.forget()
        self._import_copies()
        self._count_questions()

    def _import_database(self, source: Source, path: Path) -> None:
        try:
            with database_of(path) as connection:
                reader = reader_of(path, connection, self._named)
                if isinstance(reader, Taker):
                    for problem in reader.take(self._book, source.name, connection, self.report):
                        self._refuse(problem)
                else:
                    self._play(reader.read(source.name, connection))
        except UnreadableRecord as error:
            self._reject(source, error.what, error.hint)
        except FrameworkMissing as error:
            what = f"it takes {error.distribution} to read it, which is not installed"
            self._reject(source, what, f"`pip install 'sessionledger[{error.extra}]'`, and import again")
        self._advance(source.size)

    def _import(self, source: Source, lines: Iterator[Line]) -> None:
        head = list(islice((line for line in lines if not line.is_blank), HEAD_LINES))
        rest = chain(head, lines)
        if not head:
            self._reject(source, "it is empty", "import again once something is written to it")
            return
        detected = detect(head)
        if detected is None and is_binary(head):
            self._reject(source, *_no_text(source, head[0]))
            return
        found = detected.format if self._named == "auto" and detected is not None else self._named
        if found == "export":
            self._take_in(source, rest)
        elif found == "claude-code":
            self._play(read_transcript(source.name, rest))
        elif found == "chat" and detected is not None and detected.by_line:
            self._play(read_runs(source.name, source.stem, rest))
        else:
            self._import_document(source, rest)

    def _take_in(self, source: Source, lines: Iterator[Line]) -> None:
        try:
            imported = self._book.import_(map(_text_of, lines))
        except InvalidExport as error:
            raise error.of(source.name) from error
        self.report.exports.append(imported)
        for session in imported.sessions:
            if session.session_id not in self.report.session_ids:
                self.report.session_ids.append(session.session_id)
            self.report.saves += session.saves
            self.report.skipped += session.skipped
            self.report.usage_records += session.usage_records

    def _import_document(self, source: Source, lines: Iterator[Line]) -> None:
        try:
            document = parse_document(lines)
            found = detect_document(document) if self._named == "auto" else self._named
            if found == "bamboo":
                self._copies.append(read_copy(source.name, document))
                return
        except UnreadableRecord as error:
            self._reject(source, error.what, error.hint)
            return
        if found is None:
            self._reject(source, "it is no transcript of a known format", _NAME_FORMAT)
        else:
            self._play(read_document(source.name, source.stem, document))

    def _import_copies(self) -> None:
        """Copies of one session, from wherever they came, are taken in the order in which their store wrote them."""
        for copy in sorted(self._copies, key=lambda copy: (copy.session_id, copy.updated_at, copy.source)):
            if is_outdated(copy, self._player.keys(copy.session_id)):
                what = f"it is an older copy of session {copy.session_id} than one that was imported before"
                self._refuse(ImportProblem(copy.source, what, "import the copies of a session together, as a folder"))
                continue
            self._play(copy_steps(copy))
        self._player.forget()

    def _play(self, items: Iterable[Item]) -> None:
        for problem in self._player.play(items):
            self._refuse(problem)

    def _reject(self, source: Source, what: str, hint: str) -> None:
        """Refuse a file as a whole; in a folder, what is no transcript need not be one."""
        if source.in_folder and (source.path is None or source.path.suffix != ".jsonl" or what == "it is empty"):
            self.report.passed_over["file that is no transcript"] += 1
            _log.debug("import_file_passed_over", source=source.name, reason=what)
        else:
            self._refuse(ImportProblem(source.name, what, hint))

    def _refuse(self, problem: ImportProblem) -> None:
        self.report.problems.append(problem)
        # No warning: whoever called has it in the report, and shows it as befits.
        _log.info("import_refused", place=problem.place, what=problem.what, next=problem.next)

    def _counted(self, lines: Iterator[Line]) -> Iterator[Line]:
        for line in lines:
            yield line
            self._advance(line.size)

    def _advance(self, size: int) -> None:
        self._done += size
        if self._progress is not None:
            self._progress(self._done, max(self._total, self._done))

    def _count_questions(self) -> None:
        for session_id in self.report.session_ids:
            for question in self._book.questions(session_id):
                self.report.questions[str(question.status)] += 1
                if question.status == "answered" and question.resolved_at is not None:
                    wait = question.resolved_at - question.asked_at
                    self.report.longest_wait = max(wait, self.report.longest_wait or wait)


def _no_text(source: Source, first: Line) -> tuple[str, str]:
    """Say what it is instead of text, and what to do about it."""
    if (first.text or b"").startswith(_GZIP):
        read = f"zcat {'FILE' if source.path is None else spoken(source.name)}"
        return "it is compressed", f"`{read} | ledger import -` takes in what is inside"
    return "it is no UTF-8 text", "a transcript is JSON: a record a line, or one document"


def _text_of(line: Line) -> bytes:
    """An export is taken as a whole or not at all, and so is a line that is too long for a transcript."""
    if line.text is None:
        raise InvalidExport(
            f"it is {line.size / 2**20:.0f} MiB long, over the limit of {MAX_LINE // 2**20} MiB",
            line=line.number,
            hint="take it in with Ledger.import_, which has no limit",
        )
    return line.text + b"\n" if line.ended else line.text
