"""Whatever stands in a record, a reader says a step, a problem or a type for it, and never fails."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import InvalidSession, Session
from ledger.importers.bamboo import copy_steps, read_copy
from ledger.importers.chat import read_document
from ledger.importers.claude_code import read_transcript
from ledger.importers.play import play
from ledger.importers.records import UnreadableRecord
from ledger.importers.steps import ImportProblem, Item, Skipped, Step
from tests.unit.importers.samples import BAMBOO_PENDING, as_lines, bamboo, bamboo_message, chat_run, conversation

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every value inside a value."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Give a value with another value at a place inside it."""
    if not path:
        return new
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


def read_copies(document: Any) -> Iterator[Item]:
    """Read a document as a copy, where a document that is none is a problem."""
    try:
        yield from copy_steps(read_copy("session.json", document))
    except UnreadableRecord as error:
        yield ImportProblem("session.json", error.what, error.hint)


CALLS = [{"id": "call_1", "type": "function", "function": {"name": "ask", "arguments": "{}"}}]
CHAT = [chat_run("Hello", "Hi", usage={"prompt_tokens": 1}, model="gpt-5") | {"created_at": "2026-03-01T08:00:00Z"}]
CHAT[0]["messages"].append({"role": "assistant", "content": [{"type": "text", "text": "x"}], "tool_calls": CALLS})
BAMBOO = bamboo(
    9,
    bamboo_message("m1", 1, "assistant", "x", tool_calls=CALLS, metadata={"a": 1}),
    bamboo_message("m2", 2, "tool", "Selected response: x", tool_call_id="call_0", tool_success=True),
    pending=BAMBOO_PENDING,
    metadata={"team": "ops"},
)
READERS: list[tuple[Any, Callable[[Any], Iterator[Item]]]] = [
    (conversation(), lambda records: read_transcript("t.jsonl", as_lines(records))),
    (CHAT, lambda document: read_document("runs.json", "runs", document)),
    (BAMBOO, read_copies),
]


@pytest.mark.parametrize(("sample", "read"), READERS, ids=["claude-code", "chat", "bamboo"])
@given(data=st.data())
def test_a_reader_takes_or_names_whatever_it_is_given(
    sample: Any, read: Callable[[Any], Iterator[Item]], data: st.DataObject
) -> None:
    """Any value at any place of a record gives steps that play, and problems that people can read."""
    way = data.draw(st.sampled_from([path for path in places(sample) if path]))
    sessions: dict[str, Session] = {}
    for item in read(changed(sample, way, data.draw(json_values))):
        assert isinstance(item, Step | ImportProblem | Skipped)
        if isinstance(item, ImportProblem):
            assert item.place
            assert item.what
            assert item.next
        if not isinstance(item, Step):
            continue
        session = sessions.setdefault(item.session_id, Session.new("s1", item.opening.model))
        try:
            play(session, item.happenings)
        except InvalidSession as error:
            assert error.problem  # noqa: PT017 - what the ledger refuses is reported by whoever plays the steps


@given(raw=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_line_is_taken_or_named(raw: bytes) -> None:
    """Bytes of any kind between two good lines cost themselves alone."""
    first, last = as_lines([conversation()[1], conversation()[2]])
    middle = type(first)(2, raw, len(raw), ended=True)
    found = list(read_transcript("t.jsonl", [first, middle, last]))

    assert ["import:u1", "import:a1"] == [item.key for item in found if isinstance(item, Step)]


@pytest.mark.parametrize("depth", [280, 320, 900, 5_000])
def test_deep_nesting_is_no_danger(depth: int) -> None:
    """A record that is nested beyond reason is refused before anything walks through it."""
    record = json.dumps(conversation()[1]).replace('"Deploy it"', "[" * depth + "]" * depth)
    found = list(read_transcript("t.jsonl", as_lines([record, conversation()[2]])))

    assert 1 == len([item for item in found if isinstance(item, ImportProblem)])
    assert ["import:a1"] == [item.key for item in found if isinstance(item, Step)]
