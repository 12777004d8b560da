"""The lines of a stream, one at a time, and never more of one than a limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ledger.importers.records import UnreadableRecord, parse_json

__all__ = ["MAX_DOCUMENT", "MAX_LINE", "Line", "parse_document", "parse_line", "read_lines"]

#: A line holds a message, and often the tool's own copy of the same result; the ledger takes 16 MiB a save.
MAX_LINE = 64 * 2**20

#: A document is parsed as a whole, at several times its size in memory.
MAX_DOCUMENT = 512 * 2**20

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, its bytes without the end, how long it was, whether it had an end.

    `text` is `None` for a line over the limit.
    """

    number: int
    text: bytes | None
    size: int
    ended: bool

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it."""
        return self.text is not None and not self.text.strip()


def read_lines(stream: BinaryIO, limit: int = MAX_LINE) -> Iterator[Line]:
    """Give the lines of a stream as they are asked for; of a line over the limit only its length is kept."""
    number = 0
    while True:
        text = stream.readline(limit + 1)
        if not text:
            return
        number += 1
        size = len(text)
        ended = text.endswith(b"\n")
        if size <= limit or ended:
            yield Line(number, _without_end(text), size, ended)
            continue
        while not ended and (rest := stream.readline(_CHUNK)):
            size += len(rest)
            ended = rest.endswith(b"\n")
        yield Line(number, None, size, ended)


def _without_end(text: bytes) -> bytes:
    return text[:-2] if text.endswith(b"\r\n") else text.removesuffix(b"\n")


def parse_line(line: Line) -> Any:
    """Parse the JSON of one line.

    Raises:
        UnreadableRecord: as `parse_json`; for a last line that ends in the middle of a record, it says so.
    """
    if line.text is None:
        raise UnreadableRecord(
            f"the line is {line.size / 2**20:.0f} MiB long, over the limit of {MAX_LINE // 2**20} MiB", "shorten it"
        )
    try:
        return parse_json(line.text)
    except UnreadableRecord:
        if line.ended:
            raise
        raise UnreadableRecord(
            "the last line is torn: it ends in the middle of a record", "import again once it is written to its end"
        ) from None


def parse_document(lines: Iterable[Line]) -> Any:
    """Parse JSON that spans lines.

    Raises:
        UnreadableRecord: as `parse_json`, or if it is over the limit.
    """
    texts: list[bytes] = []
    size = 0
    for line in lines:
        size += line.size
        if line.text is None or size > MAX_DOCUMENT:
            limit = (MAX_LINE if line.text is None else MAX_DOCUMENT) // 2**20
            what = f"it is one JSON document of more than {limit} MiB"
            raise UnreadableRecord(what, "split it, one conversation a file")
        texts.append(line.text)
    return parse_json(b"\n".join(texts))
