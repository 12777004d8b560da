import json
from typing import Any

import pytest

from ledger.importers.detect import Detected, detect, detect_document, is_binary
from tests.unit.importers.samples import as_lines, bamboo, chat_run, conversation, typed


@pytest.mark.parametrize(
    ("records", "format", "by_line"),
    [
        (conversation(), "claude-code", True),
        ([typed("u1", 0, "Hello")], "claude-code", True),
        (['{"torn', {"type": "a-type-of-tomorrow"}, typed("u1", 0, "Hello")], "claude-code", True),
        ([{"type": "summary", "summary": "Deployment", "leafUuid": "u9"}], "claude-code", True),
        ([chat_run("Hello")], "chat", True),
        ([chat_run("Hello", id="c1", model="gpt-5")], "chat", True),
        ([json.dumps([{"task_id": 0, "trial": 0, "traj": [{"role": "user", "content": "Hello"}]}])], "chat", False),
        ([json.dumps([{"role": "user", "content": "Hello"}])], "chat", False),
        ([bamboo(3)], "bamboo", False),
    ],
)
def test_the_first_lines_tell_the_format(records: list[Any], format: Any, by_line: bool) -> None:  # noqa: A002, FBT001
    """A person names a file, not its format."""
    assert Detected(format, by_line) == detect(as_lines(records))


@pytest.mark.parametrize("records", [["{"], ["[]"], ["17"], [{"a": 1}], [{"type": "text", "text": "x"}], [{"type": 7}]])
def test_what_speaks_for_no_format_is_left_open(records: list[Any]) -> None:
    """Lines that could be anything are not guessed at."""
    assert detect(as_lines(records)) is None


def test_a_document_over_many_lines_is_told_as_a_whole() -> None:
    """A formatted document says what it is once it is read to its end."""
    formatted = json.dumps(bamboo(3), indent=1).splitlines()

    assert detect(as_lines([*formatted])) is None
    assert "bamboo" == detect_document(json.loads("\n".join(formatted)))
    assert "chat" == detect_document([chat_run("Hello")])
    assert detect_document({"name": "package", "version": 1}) is None


@pytest.mark.parametrize(
    ("head", "binary"), [(b"\x89PNG\0\n", True), (b"\xff\xfe\xfa", True), (b"{}", False), (b"", False)]
)
def test_bytes_that_are_no_text_are_told(head: bytes, binary: bool) -> None:  # noqa: FBT001
    """A picture or a database that was named by mistake gets a sentence of its own."""
    line = as_lines([""])[0]

    assert binary == is_binary([type(line)(1, head, len(head), ended=True)])
