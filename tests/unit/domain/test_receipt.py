"""The receipt of a save says what the event says, whenever it is asked for."""

import pytest
from pydantic import ValidationError

from ledger.domain.events import Change, ChangeOverruled, QuestionOmitted, TitleChanged
from ledger.domain.receipt import Receipt
from tests.unit.domain.meeting import event_on, first


def test_a_receipt_names_what_gave_way_and_what_is_missing() -> None:
    """What was overruled, of either side, and the questions that the saved session no longer held."""
    overruled = ChangeOverruled(side="head", writer="ui", version=1, path="/title", value="x")
    changes: list[Change] = [TitleChanged(title="t"), overruled, QuestionOmitted(question_id="c#0")]
    event = event_on(first(), changes)

    receipt = Receipt.of(event)

    assert (overruled,) == receipt.overruled
    assert ("c#0",) == receipt.omissions
    assert ("s", 2, 1, event.event_id, event.digest) == (
        receipt.session_id,
        receipt.version,
        receipt.base_version,
        receipt.event_id,
        receipt.digest,
    )
    assert Receipt.of(event) == receipt


def test_a_receipt_is_proof() -> None:
    """It is kept somewhere else, and does not change."""
    receipt = Receipt.of(event_on(first(), []))

    with pytest.raises(ValidationError, match="frozen"):
        receipt.version = 7  # type: ignore[misc]  # on purpose
    assert receipt == Receipt.model_validate_json(receipt.model_dump_json())
