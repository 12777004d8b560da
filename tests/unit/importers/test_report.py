from collections import Counter
from datetime import timedelta

import pytest

from ledger.importers.report import ImportProblem, ImportReport


def test_a_first_import_says_what_it_found() -> None:
    """One sentence: sessions, saves, questions and how they ended, the longest wait."""
    report = ImportReport(
        session_ids=["a", "b", "c"],
        saves=412,
        questions=Counter(answered=4, pending=1),
        longest_wait=timedelta(minutes=18, seconds=56),
    )

    assert "3 sessions, 412 saves, 5 questions: 4 answered, 1 never; longest wait 19 min" == report.summary()


def test_a_second_import_says_that_nothing_is_new() -> None:
    """The same file again adds nothing, and the sentence begins with that."""
    report = ImportReport(session_ids=["a"], skipped=48, questions=Counter(answered=2))

    assert "1 session, 0 new saves (48 there already), 2 questions: 2 answered" == report.summary()
    report.saves = 1
    assert "1 session, 1 new save (48 there already), 2 questions: 2 answered" == report.summary()


def test_every_outcome_of_a_question_is_told() -> None:
    """A loss is told as plainly as an answer."""
    questions = Counter(pending=1, withdrawn=2, superseded=3, expired=4, lost=5)

    assert (
        "0 sessions, 0 saves, 15 questions: 1 never, 2 withdrawn, 3 superseded, 4 expired, 5 lost, 1 recovered"
        == ImportReport(questions=questions, recovered=1).summary()
    )


def test_problems_are_counted_at_the_end() -> None:
    """A sentence that sounds well must not hide that lines were refused."""
    report = ImportReport(session_ids=["a"], saves=1, problems=[ImportProblem("f:1", "it is torn", "wait")])

    assert "1 session, 1 save, no questions; 1 problem" == report.summary()
    assert "f:1: it is torn; wait" == str(report.problems[0])


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=2, seconds=15), "2 min"),
        (timedelta(minutes=59, seconds=40), "1 h"),
        (timedelta(hours=16, minutes=5), "16 h 5 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=3, hours=4, minutes=50), "3 d 4 h"),
    ],
)
def test_a_wait_is_said_as_people_say_it(wait: timedelta, said: str) -> None:
    """Seconds matter in a minute, not in a day."""
    assert f"0 sessions, 0 saves, no questions; longest wait {said}" == ImportReport(longest_wait=wait).summary()
