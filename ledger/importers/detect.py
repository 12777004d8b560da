"""Which format a source is in, from its first lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ledger.exchange.lines import FORMAT
from ledger.importers.claude_types import KNOWN_TYPES
from ledger.importers.databases import NAMES
from ledger.importers.lines import Line
from ledger.importers.records import UnreadableRecord, parse_json

__all__ = ["FORMATS", "HEAD_LINES", "Detected", "detect", "detect_document", "is_binary"]

FORMATS = ("auto", "claude-code", "chat", "bamboo", "export", *NAMES)

#: A transcript may begin with lines that say nothing of its format: torn ones, or types of a newer release.
HEAD_LINES = 20

Format = Literal["claude-code", "chat", "bamboo", "export"]

_BAMBOO_ONLY = ("updated_at", "root_session_id", "spawn_depth", "pending_question", "title_version")

#: Of an export whose first line was torn, the others tell what it is.
_OF_EXPORT = ("session", "event", "end")


@dataclass(frozen=True, slots=True)
class Detected:
    """A format, and whether each line is a record of its own."""

    format: Format
    by_line: bool


def is_binary(head: Sequence[Line]) -> bool:
    """Tell whether the first lines are no text: a NUL, or bytes that are not UTF-8 in every one of them."""
    texts = [line.text for line in head if line.text]
    if any(b"\0" in text for text in texts):
        return True
    return bool(texts) and not any(_is_utf8(text) for text in texts)


def detect(head: Sequence[Line]) -> Detected | None:
    """Give the format that the first lines speak for; `None` if it takes the whole document to tell."""
    for line in head:
        try:
            record = parse_json(line.text or b"")
        except UnreadableRecord:
            continue  # the reader will say what is wrong with it
        found = _format_of(record)
        if found in ("claude-code", "export"):
            return Detected(found, by_line=True)
        if found == "chat":
            return Detected(found, by_line=isinstance(record, dict))
        if found is not None:
            return Detected(found, by_line=False)
    return None


def detect_document(document: Any) -> Format | None:
    """Give the format of a JSON document."""
    found = _format_of(document)
    return None if found in ("claude-code", "export") else found


def _format_of(value: Any) -> Format | None:
    if isinstance(value, list):
        return "chat" if any(_is_run(item) or _is_chat_message(item) for item in value) else None
    if not isinstance(value, dict):
        return None
    if value.get("format") == FORMAT or ("digest" in value and any(isinstance(value.get(n), dict) for n in _OF_EXPORT)):
        return "export"
    if isinstance(value.get("messages"), list) and any(name in value for name in _BAMBOO_ONLY):
        return "bamboo"
    if _is_run(value):
        return "chat"
    kind = value.get("type")
    return "claude-code" if isinstance(kind, str) and kind in KNOWN_TYPES else None


def _is_run(value: Any) -> bool:
    return isinstance(value, dict) and any(isinstance(value.get(name), list) for name in ("messages", "traj"))


def _is_chat_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and "content" in value


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
