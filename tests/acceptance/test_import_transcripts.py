"""Every recorded transcript imports, walks back in time, and imports again without adding anything."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import ledger
from ledger import Ledger, Session
from ledger.importers import import_sources

TWO_QUESTIONS = "491e126e-1e71-469c-ade2-fcc8af567c74"
LONG = "4d5611e5-241a-462a-8d15-5122611a9569"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    """Give an empty ledger."""
    with ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def first_lines(path: Path, count: int, folder: Path) -> Path:
    """Give a file that holds the first lines of another and half of the next."""
    lines = path.read_bytes().splitlines(keepends=True)
    shorter = folder / path.name
    shorter.write_bytes(b"".join(lines[:count]) + lines[count][: len(lines[count]) // 2])
    return shorter


def loaded(book: Ledger) -> dict[str, Session]:
    """Give every session that there is, as it stands."""
    return {summary.id: book.load(summary.id) for summary in book.sessions()}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("claude_code_short.jsonl", "1 session, 11 saves, no questions"),
        ("claude_code_tools.jsonl", "1 session, 24 saves, no questions"),
        ("claude_code_two_questions.jsonl", "1 session, 48 saves, 2 questions: 2 answered; longest wait 2 min"),
        ("claude_code_long.jsonl", "1 session, 409 saves, 1 question: 1 answered; longest wait 19 min"),
        ("tau_bench_airline.json", "20 sessions, 630 saves, no questions"),
    ],
)
def test_every_recorded_file_imports_once(book: Ledger, transcripts: Path, name: str, found: str) -> None:
    """Nothing in a real file is refused; a second import adds nothing; every hash holds."""
    first = import_sources(book, [transcripts / name])
    before, usage = loaded(book), book.usage()
    second = import_sources(book, [transcripts / name])

    assert found == first.summary()
    assert [] == first.problems + second.problems
    assert (0, first.saves, 0) == (second.saves, second.skipped, second.usage_records)
    assert ", 0 new saves (" in second.summary()
    assert before == loaded(book)
    assert usage == book.usage()
    assert book.verify().ok


def test_two_questions_of_one_call_are_answered_two_minutes_later(book: Ledger, transcripts: Path) -> None:
    """The person's answers, when they were asked for and when they came, and the view of the time between."""
    import_sources(book, [transcripts / "claude_code_two_questions.jsonl"])
    questions = book.questions()

    assert ["No rig", "Credo + Dialyxir + mix_audit"] == [question.answer for question in questions]
    assert {("answered", "user")} == {(str(question.status), question.resolved_by) for question in questions}
    assert {(datetime(2026, 2, 10, 21, 55, 43, 858_000, UTC), datetime(2026, 2, 10, 21, 57, 59, 162_000, UTC))} == {
        (question.asked_at, question.resolved_at) for question in questions
    }
    (asked,) = {question.asked_version for question in questions}
    assert 2 == len(book.load(TWO_QUESTIONS, at=asked).pending_questions)
    assert [] == book.load(TWO_QUESTIONS, at=asked - 1).pending_questions
    assert 2 == len(book.load(TWO_QUESTIONS, at=datetime(2026, 2, 10, 21, 57, tzinfo=UTC)).pending_questions)
    assert [] == book.load(TWO_QUESTIONS).pending_questions


def test_a_question_was_open_for_nineteen_minutes(book: Ledger, transcripts: Path) -> None:
    """It was answered in the person's own words, which none of its options has."""
    report = import_sources(book, [transcripts / "claude_code_long.jsonl"])
    (question,) = book.questions(LONG)

    assert "main was clean; fix the issues" == question.answer
    assert question.answer not in [option.label for option in question.options]
    assert timedelta(minutes=18, seconds=55, milliseconds=622) == report.longest_wait
    assert {"progress": 1083, "file-history-snapshot": 14} == {
        name: report.passed_over[name] for name in ("progress", "file-history-snapshot")
    }


def test_the_tokens_of_each_call_are_counted_once(book: Ledger, transcripts: Path) -> None:
    """Lines that share an answer repeat its input; its output is what the last of them says."""
    import_sources(book, [transcripts / "claude_code_two_questions.jsonl"])

    assert {
        "input_tokens": 1_576,
        "output_tokens": 1_586,
        "cache_creation_input_tokens": 25_842,
        "cache_read_input_tokens": 427_286,
    } == book.usage(TWO_QUESTIONS).totals


@pytest.mark.parametrize("count", [5, 33, 60])
def test_a_transcript_that_grows_ends_as_if_imported_at_once(transcripts: Path, tmp_path: Path, count: int) -> None:
    """The first lines, half of the next, and later the whole: the same session, the same usage, every hash whole."""
    path = transcripts / "claude_code_two_questions.jsonl"
    with ledger.open(f"sqlite:///{tmp_path / 'whole.db'}") as book:
        import_sources(book, [path])
        whole, usage = book.load(TWO_QUESTIONS), book.usage(TWO_QUESTIONS)
    with ledger.open(f"sqlite:///{tmp_path / 'grown.db'}") as book:
        first = import_sources(book, [first_lines(path, count, tmp_path)])
        second = import_sources(book, [path])

        assert [f"{tmp_path / path.name}:{count + 1}"] == [problem.place for problem in first.problems]
        assert (48, first.saves) == (first.saves + second.saves, second.skipped)
        assert whole == book.load(TWO_QUESTIONS)
        assert usage == book.usage(TWO_QUESTIONS)
        assert book.verify().ok


def test_a_folder_imports_as_a_whole(book: Ledger, transcripts: Path) -> None:
    """All formats beside each other, each told by its content."""
    report = import_sources(book, [transcripts])

    assert "24 sessions, 1122 saves, 3 questions: 3 answered; longest wait 19 min" == report.summary()
    assert 24 == len(book.sessions())
    assert book.verify().ok
