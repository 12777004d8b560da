"""A framework's own item inside a message: given back exactly as it went in, with no long text stored twice. Pure.

What the message says in fields of its own is cut out of the item, and the item keeps where it was::

    {"format": "openai-agents", "data": {"role": "user", "content": ""}, "cut": {"/content": ["content", 0, 5120]}}
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ledger.domain.parts import Message

__all__ = ["item_of", "native_of"]

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
    form: str, item: Any, *, content: str = "", reasoning: str | None = None, arguments: tuple[Any, ...] = ()
) -> dict[str, Any]:
    """Give what `Message.native` is to hold of an item that is JSON.

    Args:
        form: names the framework's format.
        item: the item; it is not changed.
        content: of the message.
        reasoning: of the message.
        arguments: of each of the message's tool calls.
    """
    cut: dict[str, list[Any]] = {}
    whole = _Said({"content": content, "reasoning": reasoning or ""}, arguments)
    native: dict[str, Any] = {"format": form, "data": _without(item, "", whole, cut)}
    if cut:
        native["cut"] = cut
    return native


def item_of(message: Message) -> Any:
    """Give the item that `native_of` was given, as JSON of the caller's own; `None` for a message without one."""
    native = message.native
    if native is None:
        return None
    box = [_thawed(native["data"])]
    for path, where in native.get("cut", {}).items():
        names = [name.replace("~1", "/").replace("~0", "~") for name in path.split("/")[1:]]
        holder: Any = box
        place: Any = 0
        for name in names:
            holder = holder[place]
            place = int(name) if isinstance(holder, list) else name
        holder[place] = _cut_out(message, where)
    return box[0]


def _cut_out(message: Message, where: Any) -> Any:
    field, first, *rest = where
    if field == "arguments":
        value = _thawed(message.tool_calls[first].arguments)
        return json.dumps(value, **_STYLES[rest[0]]) if rest else value
    return (getattr(message, field) or "")[first : rest[0]]


class _Said(NamedTuple):
    """What a message says in fields of its own."""

    texts: dict[str, str]
    arguments: tuple[Any, ...]

    def place_of(self, value: Any) -> list[Any] | None:
        """Give where a value stands among them."""
        if isinstance(value, dict):
            return next((["arguments", n] for n, a in enumerate(self.arguments) if _long(a) and _same(a, value)), None)
        if not isinstance(value, str) or len(value) < SHORT:
            return None
        for field, whole in self.texts.items():
            start = whole.find(value)
            if start >= 0:
                return [field, start, start + len(value)]
        for number, arguments in enumerate(self.arguments):
            for name, style in _STYLES.items():
                if json.dumps(arguments, **style) == value:
                    return ["arguments", number, name]
        return None


def _without(value: Any, path: str, said: _Said, cut: dict[str, list[Any]]) -> Any:
    """Give a copy of a value, with nothing in place of what is said elsewhere."""
    place = said.place_of(value)
    if place is not None:
        cut[path] = place
        return None
    if isinstance(value, dict):
        return {name: _without(item, f"{path}/{_escaped(name)}", said, cut) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without(item, f"{path}/{number}", said, cut) for number, item in enumerate(value)]
    return value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _long(value: Any) -> bool:
    return len(json.dumps(value)) >= SHORT


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON, their members in the same order, and of the same types."""
    return json.dumps(one) == json.dumps(other)


def _thawed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _thawed(item) for name, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, list | tuple) else value
