from typing import Any

import pytest

from ledger.importers.claude_code import read_transcript
from tests.unit.importers.samples import Record, as_lines, problems, spoken, steps, text


def usage(output: Any, **fields: Any) -> Record:
    """Give the counts of an answer."""
    return {"input_tokens": 3, "output_tokens": output, "cache_read_input_tokens": 7} | fields


def recorded(*records: Record) -> list[dict[str, Any]]:
    """Give the usage records of a transcript."""
    found = steps(list(read_transcript("t.jsonl", as_lines(list(records)))))
    return [dict(spent.record) for step in found for spent in step.usage]


def totals(records: list[dict[str, Any]]) -> dict[str, int]:
    """Add up the numbers of usage records."""
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens")
    return {name: sum(record.get(name, 0) for record in records) for name in names}


def test_lines_of_one_answer_are_counted_once() -> None:
    """An answer in three lines repeats its counts three times, and cost them once."""
    lines = [spoken(name, 0, text("x"), message={"id": "msg_1", "usage": usage(25)}) for name in "abc"]

    assert [
        {
            "at": "2026-03-01T08:00:00.000Z",
            "model": "claude-opus-4-6",
            "message_id": "msg_1",
            "input_tokens": 3,
            "output_tokens": 25,
            "cache_read_input_tokens": 7,
        }
    ] == recorded(*lines)


def test_what_later_lines_count_more_is_added() -> None:
    """The first line of an answer is written before its last word is counted; the rest is added once it is known."""
    lines = [
        spoken(name, 0, text("x"), message={"id": "msg_1", "usage": usage(output)})
        for name, output in (("a", 1), ("b", 1), ("c", 472), ("d", 2))
    ]
    found = recorded(*lines)

    assert {"input_tokens": 3, "output_tokens": 472, "cache_read_input_tokens": 7} == totals(found)
    assert [None, "import:msg_1"] == [record.get("adds_to") for record in found]


def test_every_record_has_a_key_of_its_own() -> None:
    """A second import records nothing twice."""
    lines = [spoken(name, 0, text("x"), message={"id": "msg_1", "usage": usage(n)}) for n, name in enumerate("abc", 1)]
    found = steps(list(read_transcript("t.jsonl", as_lines(list(lines)))))

    assert ["import:msg_1", "import:msg_1:b", "import:msg_1:c"] == [spent.key for step in found for spent in step.usage]


def test_an_answer_that_cost_nothing_is_no_record() -> None:
    """A message that the program made up in the model's place has counts of zero."""
    assert [] == recorded(
        spoken("a", 0, text("x"), message={"usage": usage(0, input_tokens=0, cache_read_input_tokens=0)})
    )
    assert [] == recorded(spoken("a", 0, text("x")))


@pytest.mark.parametrize(
    ("counts", "what"),
    [
        ("many", "message.usage is text, not an object"),
        (usage("25"), "message.usage.output_tokens is text, not a count"),
        (usage(-1), "message.usage.output_tokens is -1, not a count"),
        (usage(2.5), "message.usage.output_tokens is 2.5, not a count"),
        (usage(output=True), "message.usage.output_tokens is True, not a count"),
    ],
)
def test_bad_counts_do_not_cost_the_message(counts: Any, what: str) -> None:
    """The words come in; the sentence says that their tokens did not."""
    found = list(read_transcript("t.jsonl", as_lines([spoken("a", 0, text("x"), message={"usage": counts})])))

    assert ["import:a"] == [step.key for step in steps(found)]
    assert [] == [spent for step in steps(found) for spent in step.usage]
    assert [
        f"t.jsonl:1: {what}, and the message came in without its tokens; add its tokens by hand if they matter"
    ] == problems(found)
