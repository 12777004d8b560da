"""The lines of an export: each a JSON object that ends with a digest over all of the file up to there.

So a line that was changed, is missing or stands elsewhere is found where it is, also where no event's hash covers it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from io import BytesIO, StringIO
from typing import Any

from ledger.errors import InvalidExport

__all__ = ["FORMAT", "FORMAT_VERSION", "LineReader", "LineWriter", "encoded"]

FORMAT = "sessionledger-export"
FORMAT_VERSION = 1

_TAIL = re.compile(rb',"digest":"([0-9a-f]{64})"\}\Z')
#: JSON leaves these as they are, and much else takes them for the end of a line.
_LINE_ENDS = str.maketrans({"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


class LineWriter:
    """Turns objects into lines, each with the digest of everything so far."""

    def __init__(self) -> None:
        self._digest = b""

    def line(self, document: dict[str, Any]) -> str:
        """Give an object as the next line."""
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))[:-1].translate(_LINE_ENDS)
        self._digest = _next(self._digest, text.encode())
        return f'{text},"digest":"{self._digest.hex()}"}}\n'


class LineReader:
    """Reads lines one at a time, and knows where it is: `number`, and the session and version that come next."""

    def __init__(self, lines: Iterable[str | bytes] | bytes) -> None:
        # A whole file, where its lines were asked for: nobody means its characters.
        if isinstance(lines, str):
            lines = StringIO(lines, newline="\n")
        elif isinstance(lines, bytes):
            lines = BytesIO(lines)
        self._lines: Iterator[str | bytes] = iter(lines)
        self._digest = b""
        self._altered = False
        self.number = 0
        self.session_id: str | None = None
        self.version: int | None = None
        #: The line as it was read, without its end.
        self.raw = b""

    def refuse(self, problem: str, hint: str = "") -> InvalidExport:
        """Give the error that says what is wrong, and where."""
        return InvalidExport(problem, line=self.number, session_id=self.session_id, version=self.version, hint=hint)

    def first(self) -> dict[str, Any]:
        """Give the header.

        Raises:
            InvalidExport: if this is no export, or one that this release does not know.
        """
        document = self._parsed(self._taken(), "it is no export of a session ledger")
        if document.get("format") != FORMAT:
            raise self.refuse("it is no export of a session ledger", "check which file this is")
        version = document.get("version")
        if type(version) is not int or version < 1:
            raise self.refuse("it does not say of which version of the format it is")
        if version > FORMAT_VERSION:
            raise self.refuse(
                f"it is an export of format version {version}, and this release reads up to {FORMAT_VERSION}",
                "upgrade sessionledger",
            )
        return self._checked(document)

    def next(self) -> dict[str, Any]:
        """Give the object of the next line. Whoever has found nothing wrong with it calls `settle`."""
        return self._checked(self._parsed(self._taken(), "it is not the JSON of an export's line"))

    def settle(self) -> None:
        """Refuse the line if it is not what was written there, whatever else of it fits.

        Raises:
            InvalidExport: naming the line.
        """
        if self._altered:
            raise self.refuse("it is not as it was written, or not behind the line that it was written behind")

    def end(self) -> None:
        """Make sure that nothing follows."""
        for line in self._lines:
            self.number += 1
            if line.strip():
                raise self.refuse("it stands behind the end of the export")

    def _taken(self) -> bytes:
        for line in self._lines:
            self.number += 1
            self.raw = _without_end(encoded(line, self))
            if self.raw.strip():
                return self.raw
        self.number += 1
        raise self.refuse("the export ends here, before its end: it was cut off" if self.raw else "it is empty")

    def _parsed(self, raw: bytes, otherwise: str) -> dict[str, Any]:
        try:
            document = json.loads(raw, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise self.refuse(f"{otherwise}, or it was changed, or cut off here")
        return document

    def _checked(self, document: dict[str, Any]) -> dict[str, Any]:
        found = _TAIL.search(self.raw)
        self._altered = True
        if found is not None:
            self._digest = _next(self._digest, self.raw[: found.start()])
            self._altered = self._digest.hex() != found[1].decode()
        document.pop("digest", None)
        return document


def encoded(line: str | bytes, reader: LineReader) -> bytes:
    """Give a line as UTF-8."""
    try:
        return line.encode() if isinstance(line, str) else bytes(line)
    except UnicodeEncodeError:
        raise reader.refuse("it is no UTF-8 text") from None


def _without_end(line: bytes) -> bytes:
    return line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")


def _next(before: bytes, text: bytes) -> bytes:
    return sha256(before + text).digest()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
