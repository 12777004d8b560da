import io

import pytest

from ledger.importers import lines
from ledger.importers.lines import Line, parse_document, parse_line, read_lines
from ledger.importers.records import UnreadableRecord


def test_lines_come_one_at_a_time() -> None:
    """A stream is read as far as someone asks: a big file is never in memory as a whole."""
    stream = io.BytesIO(b"one\n" + b"two\r\n" + b"x" * 1_000_000)
    reading = read_lines(stream)

    assert Line(1, b"one", 4, ended=True) == next(reading)
    assert 4 == stream.tell()
    assert Line(2, b"two", 5, ended=True) == next(reading)
    assert 1_000_000 == next(reading).size
    assert [] == list(reading)


@pytest.mark.parametrize("end", [b"", b"\n", b"\nnext\n"])
def test_of_a_line_over_the_limit_only_its_length_is_kept(end: bytes) -> None:
    """A line that would not fit in memory is passed by, and the next one is read as if nothing had been."""
    found = list(read_lines(io.BytesIO(b"x" * 2_500_000 + end), limit=1_000))

    assert Line(1, None, 2_500_000 + bool(end), ended=bool(end)) == found[0]
    assert [b"next"] * (end.count(b"\n") - 1) == [line.text for line in found[1:]]


def test_a_line_at_the_limit_is_read() -> None:
    """The limit is the longest line that is taken."""
    assert [b"x" * 10, b"y"] == [line.text for line in read_lines(io.BytesIO(b"x" * 10 + b"\ny"), limit=11)]


def test_a_torn_last_line_is_told_from_a_bad_one() -> None:
    """A transcript that is being written ends in the middle of a record: it comes in whole next time."""
    with pytest.raises(UnreadableRecord, match="the last line is torn"):
        parse_line(Line(3, b'{"type": "us', 12, ended=False))
    with pytest.raises(UnreadableRecord, match="it is not JSON"):
        parse_line(Line(3, b'{"type": "us', 13, ended=True))


def test_a_last_line_without_an_end_may_be_whole() -> None:
    """What parses is taken, whether or not the writer got to the line's end."""
    assert {"type": "user"} == parse_line(Line(3, b'{"type": "user"}', 16, ended=False))


def test_a_line_over_the_limit_says_how_long_it_is() -> None:
    """The sentence names the length, the limit and a way out."""
    with pytest.raises(UnreadableRecord) as refused:
        parse_line(Line(3, None, 90 * 2**20, ended=True))

    assert "the line is 90 MiB long, over the limit of 64 MiB" == refused.value.what
    assert "shorten it" == refused.value.hint


def test_a_document_may_span_lines() -> None:
    """A document that someone formatted is the same document."""
    assert {"a": [1, 2]} == parse_document(read_lines(io.BytesIO(b'{\n "a": [\n1,\r\n2]\n}\n')))


def test_a_document_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document is parsed as a whole, so one that could not be held is refused before it is."""
    monkeypatch.setattr(lines, "MAX_DOCUMENT", 2**20)

    with pytest.raises(UnreadableRecord, match="one JSON document of more than 1 MiB"):
        parse_document(read_lines(io.BytesIO(b"[1,\n" * 2**19)))


def test_blank_lines_are_blank() -> None:
    """White space is no record, and a line over the limit is no white space."""
    assert [True, True, False, False] == [Line(1, text, 1, ended=True).is_blank for text in (b"", b" \t", b"{}", None)]
