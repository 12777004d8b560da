"""The clarification guard of the design's section 5.4."""

import pytest

from ledger.domain.events import Change, QuestionAnswered, QuestionLost, QuestionOmitted, TitleChanged
from ledger.domain.omission import guard, omitted
from ledger.errors import QuestionOmittedError

CHANGES: list[Change] = [
    TitleChanged(title="x"),
    QuestionOmitted(question_id="a#0"),
    QuestionAnswered(question_id="b#0", answer="yes"),
    QuestionOmitted(question_id="c#0"),
]
HARMLESS: list[Change] = [CHANGES[0], CHANGES[2]]


def test_omitted_questions_are_named() -> None:
    """What was answered is not omitted."""
    assert ("a#0", "c#0") == omitted(CHANGES)
    assert () == omitted(HARMLESS)


def test_keep_records_the_omission() -> None:
    """By default the question stays pending and the omission is part of the event."""
    assert CHANGES == guard("s", CHANGES, "keep")


def test_raise_refuses_the_save() -> None:
    """Who asks for it is told which questions, and that nothing was written."""
    with pytest.raises(QuestionOmittedError, match="a#0, c#0") as caught:
        guard("s", CHANGES, "raise")

    assert ("s", ("a#0", "c#0")) == (caught.value.session_id, caught.value.question_ids)


def test_lose_records_the_loss() -> None:
    """An import keeps another store's history as it was: there the question is gone."""
    expected = [CHANGES[0], QuestionLost(question_id="a#0"), CHANGES[2], QuestionLost(question_id="c#0")]

    assert expected == guard("s", CHANGES, "lose")


@pytest.mark.parametrize("on_omission", ["keep", "raise", "lose"])
def test_without_omissions_nothing_is_decided(on_omission: str) -> None:
    """The same changes, in a list of their own."""
    guarded = guard("s", HARMLESS, on_omission)  # type: ignore[arg-type]

    assert HARMLESS == guarded
    assert HARMLESS is not guarded
