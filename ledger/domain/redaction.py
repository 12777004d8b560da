"""Blanks values in payloads, for an export that someone else may read. Pure.

A payload that lost something says so in itself: `redacted` lists the paths. Its salt has to go with what was blanked,
or a short value could be guessed from the commitment; so does `key_digest`, a hash without any salt.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ledger.domain import blanks
from ledger.domain.blanks import Blank
from ledger.domain.payload import content_digest, decode_payload
from ledger.domain.redaction_paths import ANY, parse_path, rest_of
from ledger.domain.values import split

__all__ = ["KEY_DIGEST", "NO_SALT", "Redacting", "redacted_paths"]

#: What stands for the salt of a payload that was redacted.
NO_SALT = bytes(32)
#: Stands among the paths of a payload that lost its `key_digest`.
KEY_DIGEST = "key_digest"
#: A text of fewer characters can stand elsewhere by chance.
TELLING = 8


class _Place(NamedTuple):
    """A value of a change: where in the session it belongs, what holds it, and how it is blanked."""

    address: Sequence[str]
    holder: Any
    name: str
    blank: Blank


class Redacting:
    """Blanks what a set of paths means, and counts what it found of each.

    Raises:
        InvalidRedaction: if one of the paths cannot be blanked.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.patterns = {path: parse_path(path) for path in paths}
        #: In how many payloads something was blanked, by path.
        self.found: Counter[str] = Counter(dict.fromkeys(self.patterns, 0))
        #: The paths whose text still stood elsewhere in a payload after it was blanked: a framework's own copy, say.
        self.left: set[str] = set()

    def redact(self, body: str, schema_version: int) -> tuple[str, tuple[str, ...]] | None:
        """Give a payload without what is to be blanked, and all that was ever blanked in it; `None` if nothing is."""
        if not self.patterns:
            return None
        document = json.loads(body)
        gone = {path: _blanked(document["changes"], pattern) for path, pattern in self.patterns.items()}
        matched = [path for path, texts in gone.items() if texts is not None]
        digest = document.get(KEY_DIGEST)
        if digest is not None and (matched or not _tells_nothing(digest, body, schema_version)):
            # It covers what was submitted, which may be more than what stood: it could be guessed from.
            del document[KEY_DIGEST]
            matched.append(KEY_DIGEST)
        if not matched:
            return None
        self.found.update(path for path in matched if path != KEY_DIGEST)
        paths = tuple(sorted({*document.get("redacted", ()), *matched}))
        document["redacted"] = paths
        text = _dumped(document)
        self.left |= {path for path in matched if any(_dumped(lost)[1:-1] in text for lost in gone.get(path) or ())}
        return text, paths


def redacted_paths(body: bytes | str, salt: bytes) -> tuple[str, ...]:
    """Give what was blanked in a payload, if it says so and has lost its salt; nothing of any other."""
    if salt != NO_SALT:
        return ()
    try:
        paths = json.loads(body).get("redacted")
    except (ValueError, AttributeError, RecursionError):
        return ()
    return tuple(paths) if isinstance(paths, list) and all(isinstance(path, str) for path in paths) else ()


def _blanked(changes: Iterable[dict[str, Any]], pattern: Sequence[str]) -> set[str] | None:
    """Blank what a pattern means, in place; give the longer texts that are gone, or `None` if nothing is."""
    gone: set[str] | None = None
    for change in changes:
        for place in _places(change):
            rest = rest_of(pattern, place.address)
            if rest is None or place.name not in place.holder:
                continue
            before = json.dumps(place.holder[place.name])
            after = place.holder[place.name] = place.blank(place.holder[place.name], rest)
            if json.dumps(after) != before:
                gone = (gone or set()) | (Counter(_texts(json.loads(before))) - Counter(_texts(after))).keys()
    return gone


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
    elif isinstance(value, str) and len(value) >= TELLING:
        yield value


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _tells_nothing(digest: str, body: str, schema_version: int) -> bool:
    """Tell whether a digest is one of what the payload shows anyway: then nobody learns more from it."""
    changes = [change for change in decode_payload(body, schema_version).changes if change.type != "session_created"]
    asked = frozenset(change.question.id for change in changes if change.type == "question_asked")
    shown = [(call, changes) for call in ("save", "append", "answer")] + [("update", [])]
    shown += [(f"delete:{change.reason}", []) for change in changes if change.type == "session_deleted"]
    return any(content_digest(*said, defaulted) == digest for said in shown for defaulted in (frozenset(), asked))


def _places(change: dict[str, Any]) -> Iterator[_Place]:
    kind = change["type"]
    document, _, doing = kind.rpartition("_")
    if doing in ("set", "extended") and document in _DOCUMENTS:
        address = (*_DOCUMENTS[document](change), *split(change["path"]))
        if doing == "set":
            yield _Place(address, change, "value", blanks.blank_json)
        else:
            yield _Place(address, change, "values", blanks.blank_items)
    elif kind in ("message_appended", "message_inserted", "message_revised"):
        yield _Place(("messages", change["message"]["id"]), change, "message", blanks.blank_message)
    elif kind == "question_asked":
        yield _Place(("questions", change["question"]["id"]), change, "question", blanks.blank_question)
    elif kind == "change_overruled":
        yield from _overruled(change)
    elif kind == "session_deleted":
        # The deletion withdrew every open question, and gave them its reason.
        yield _Place(("questions", ANY, "reason"), change, "reason", blanks.blank_text)
    elif "question_id" in change:
        question = ("questions", change["question_id"])
        yield _Place((*question, "answer"), change, "answer", blanks.blank_json)
        yield _Place((*question, "reason"), change, "reason", blanks.blank_text)
        yield _Place((*question, "resolved_by"), change, "by", blanks.blank_text)
    else:
        for name, blank in _FIELDS.items():
            yield _Place((name,), change, name, blank)


def _overruled(change: dict[str, Any]) -> Iterator[_Place]:
    address = split(change["path"])
    value = change.get("value")
    if address == ["messages"]:
        return  # an order: nothing but ids
    if address == ["parent_session_id"] and isinstance(value, dict):
        for name in ("parent_session_id", "root_session_id"):
            yield _Place((name,), value, name, blanks.blank_text)
        return
    blank: Blank = blanks.blank_record
    if len(address) == 2 and isinstance(value, dict):  # noqa: PLR2004 - the list, and the id
        blank = {"messages": blanks.blank_message, "questions": blanks.blank_question}.get(address[0], blank)
    yield _Place(address, change, "value", blank)


_DOCUMENTS: dict[str, Callable[[dict[str, Any]], tuple[str, ...]]] = {
    "metadata": lambda _: ("metadata",),
    "state": lambda _: ("state",),
    "message_metadata": lambda change: ("messages", change["message_id"], "metadata"),
}
#: What a session has once: as it was created, and as it was changed.
_FIELDS: dict[str, Blank] = {
    "title": blanks.blank_text,
    "pinned": blanks.blank_flag,
    "model": blanks.blank_text,
    "summary": blanks.blank_json,
    "parent_session_id": blanks.blank_text,
    "root_session_id": blanks.blank_text,
}
