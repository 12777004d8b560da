"""What an import found, and the sentence that says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from ledger.domain.records import Imported
from ledger.domain.spans import span
from ledger.importers.steps import ImportProblem

__all__ = ["ImportProblem", "ImportReport"]


@dataclass(slots=True)
class ImportReport:
    """The outcome of an import.

    `session_ids` are the sessions that the sources speak of, whether or not anything of them was new; `saves` the steps
    that were saved, `skipped` those that were there already. `questions` counts the questions of these sessions by
    where they stand now, `longest_wait` is the longest that one of them waited for its answer, and `recovered` how many
    lost ones this import found again. `passed_over` counts records that are no part of a conversation, by their type.
    `problems` says what was refused, in the order in which it was met; everything else was imported. `exports` has what
    became of each export of a ledger, of which every hash was recomputed.
    """

    session_ids: list[str] = field(default_factory=list)
    saves: int = 0
    skipped: int = 0
    questions: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    longest_wait: timedelta | None = None
    usage_records: int = 0
    problems: list[ImportProblem] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    exports: list[Imported] = field(default_factory=list)

    @property
    def sessions(self) -> int:
        """How many sessions the sources speak of."""
        return len(self.session_ids)

    @property
    def redacted(self) -> int:
        """How many of the saves were without something that had been blanked before they came."""
        return sum(len(session.redacted) for export in self.exports for session in export.sessions)

    def summary(self) -> str:
        """Say in one sentence what was found.

        >>> report = ImportReport(session_ids=["a", "b", "c"], saves=412, questions=Counter(answered=4, pending=1))
        >>> report.longest_wait = timedelta(minutes=18, seconds=56)
        >>> report.summary()
        '3 sessions, 412 saves, 5 questions: 4 answered, 1 never; longest wait 19 min'
        """
        said = f"{_count(self.sessions, 'session')}, {self._saves()}, {self._questions()}"
        if self.longest_wait is not None:
            said += f"; longest wait {span(self.longest_wait)}"
        if self.exports:
            said += "; verified"
        if self.redacted:
            said += f", and {_count(self.redacted, 'save')} redacted"
        if self.problems:
            said += f"; {_count(len(self.problems), 'problem')}"
        return said

    def _saves(self) -> str:
        if not self.skipped:
            return _count(self.saves, "save")
        return f"{self.saves} new {'save' if self.saves == 1 else 'saves'} ({self.skipped} there already)"

    def _questions(self) -> str:
        asked = self.questions.total()
        if not asked:
            return "no questions"
        outcomes = [
            f"{self.questions[status]} {'never' if status == 'pending' else status}"
            for status in ("answered", "pending", "withdrawn", "superseded", "expired", "lost")
            if self.questions[status]
        ]
        if self.recovered:
            outcomes.append(f"{self.recovered} recovered")
        return f"{_count(asked, 'question')}: {', '.join(outcomes)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
