"""A framework's own item inside a message: given back exactly as it went in, with no long text stored twice. Pure.

What the message says in fields of its own is cut out of the item, and the item keeps where it was::

    {"format": "openai-agents", "data": {"role": "user", "content": null}, "cut": {"/content": ["content", 0, 5120]}}

So is a long text that stands in the item before: ``["data", "/text"]`` is where.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ledger.domain.parts import Message

__all__ = ["SHORT", "item_of", "kept_in", "native_of", "spelling"]

#: A shorter text costs less than the note of where it was.
SHORT = 48
#: The ways in which frameworks write a call's arguments as JSON text.
_STYLES: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {"ensure_ascii": False},
    "compact ascii": {"separators": (",", ":")},
    "spaced ascii": {},
}


def native_of(
    form: str, item: Any, *, content: str = "", reasoning: str | None = None, arguments: Sequence[Any] = ()
) -> dict[str, Any]:
    """Give what `Message.native` is to hold of an item that is JSON.

    Args:
        form: names the framework's format.
        item: the item; it is not changed.
        content: of the message.
        reasoning: of the message.
        arguments: of each of the message's tool calls.
    """
    cutting = _Cutting({"content": content, "reasoning": reasoning or ""}, arguments)
    native: dict[str, Any] = {"format": form, "data": cutting.without(item, "")}
    if cutting.cut:
        native["cut"] = cutting.cut
    return native


def item_of(message: Message) -> Any:
    """Give the item that `native_of` was given, as JSON of the caller's own; `None` for a message without one.

    Where what it was cut into has been redacted since, there is nothing in its place.
    """
    native = message.native
    if native is None or "data" not in native:
        return None
    box = [_thawed(native["data"])]
    for path, where in (native.get("cut") or {}).items():
        with suppress(LookupError, TypeError, ValueError):
            holder, place = _place(box, path)
            holder[place] = _cut_out(message, where, box)
    return box[0]


def kept_in(message: Message) -> Mapping[str, Any] | None:
    """Give what a message keeps, to be looked at: it is not made read-only first, which would cost as much again."""
    kept: Mapping[str, Any] | None = message.__dict__["native"]
    return kept


def spelling(value: Any, text: str) -> str | None:
    """Give the name of the way in which a text writes a JSON value; `None` if it is none of those known."""
    return next((name for name, style in _STYLES.items() if json.dumps(value, **style) == text), None)


def _place(box: list[Any], path: str) -> tuple[Any, Any]:
    """Give the container and the key in it that a path leads to."""
    holder: Any = box
    place: Any = 0
    for name in path.split("/")[1:]:
        holder = holder[place]
        place = int(name) if isinstance(holder, list) else name.replace("~1", "/").replace("~0", "~")
    return holder, place


def _cut_out(message: Message, where: Any, box: list[Any]) -> Any:
    if where[0] == "parsed":
        return json.loads(message.content)
    field, first, *rest = where
    if field == "data":
        holder, place = _place(box, first)
        return holder[place]
    if field == "arguments":
        value = _thawed(message.tool_calls[first].arguments)
        return json.dumps(value, **_STYLES[rest[0]]) if rest else value
    return (getattr(message, field) or "")[first : rest[0]]


class _Cutting:
    """Takes out of an item what is said elsewhere, and notes where that is."""

    def __init__(self, texts: dict[str, str], arguments: Sequence[Any]) -> None:
        self._texts = texts
        #: Every long spelling of the calls' arguments, as text and as the JSON that it is.
        self._spelled: dict[str, list[Any]] = {}
        #: The compact one, for arguments that an item holds as JSON and not as text.
        self._whole: dict[str, list[Any]] = {}
        for number, value in enumerate(arguments):
            if isinstance(value, str):
                self._note(self._spelled, value, ["arguments", number])
                continue
            if isinstance(value, dict | list | tuple):
                self._note(self._whole, json.dumps(value), ["arguments", number])
            for name, style in _STYLES.items():
                self._note(self._spelled, json.dumps(value, **style), ["arguments", number, name])
        with suppress(ValueError, RecursionError):
            # A result that is JSON is what the message says, written out.
            if len(content := texts["content"]) >= SHORT and content[0] in "{[":
                self._whole.setdefault(json.dumps(json.loads(content)), ["parsed"])
        self._seen: dict[str, str] = {}
        self.cut: dict[str, list[Any]] = {}

    @staticmethod
    def _note(known: dict[str, list[Any]], text: str, place: list[Any]) -> None:
        if len(text) >= SHORT:
            known.setdefault(text, place)

    def without(self, value: Any, path: str) -> Any:
        """Give a copy of a value, with nothing in place of what is said elsewhere."""
        place = self._said(value, path)
        if place is not None:
            self.cut[path] = place
            return None
        if isinstance(value, dict):
            return {name: self.without(item, f"{path}/{_escaped(name)}") for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.without(item, f"{path}/{number}") for number, item in enumerate(value)]
        return value

    def _said(self, value: Any, path: str) -> list[Any] | None:
        if isinstance(value, dict | list | tuple):
            # Spelled out to be compared: so the order of members counts, and 1 is neither 1.0 nor True.
            return self._whole.get(json.dumps(value)) if self._whole else None
        if not isinstance(value, str) or len(value) < SHORT:
            return None
        for field, whole in self._texts.items():
            start = whole.find(value)
            if start >= 0:
                return [field, start, start + len(value)]
        if value in self._spelled:
            return self._spelled[value]
        first = self._seen.setdefault(value, path)
        return None if first == path else ["data", first]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _thawed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _thawed(item) for name, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, list | tuple) else value
