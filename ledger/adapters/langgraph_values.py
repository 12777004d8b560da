"""The values of channels and writes as JSON, and back. A long text, a typed blob or a message is stored once.

What is JSON stays JSON. All else is an object with the one key ``$``::

    {"$": "b0Zc…"}              a long text, or a typed blob, that the pool holds under this name
    {"$": ["msgpack", "gaR…"]}  what the serializer made of it: its type, and base64 (text where the type is json)
    {"$": ["@", "m-id"]}        a message of the session
    {"$": 12}                   a list: the first twelve messages of the session
    {"$": {"$": 1}}             an object that has a key ``$`` of its own
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from langchain_core.messages import BaseMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from ledger.domain.parts import Message
from ledger.errors import InvalidSession

__all__ = ["Blob", "Decoder", "Encoder", "Uses", "is_readable", "uses_of"]

#: A shorter text costs less than the note of where it is.
LONG = 128
#: Deeper values go to the serializer as a whole; the ledger takes JSON of 160 levels.
DEEP = 60
#: JSON of the ledger holds no longer integers.
_INTEGER_BITS = 14_000
_KEY = "$"
_MESSAGE, _SEND, _INTERRUPT = "@", ">", "!"


def is_readable(serde: SerializerProtocol) -> bool:
    """Tell whether values may be stored as the JSON that they are: not where a serializer of the user's may encrypt."""
    return type(serde).dumps_typed is JsonPlusSerializer.dumps_typed


class Blob(NamedTuple):
    """What a serializer made of a value, where nobody here may make the value of it again."""

    kind: str
    data: bytes


class Encoder:
    """Turns values into JSON that refers to `pool`, which grows by what it does not hold yet.

    Args:
        serde: for what is no JSON.
        pool: the long values that are there, by name; it is added to.
        say: gives the session's message that is the same as one of LangChain's, or `None`; where its second argument
            is true, the message is part of the conversation, and is added if there is none.
    """

    def __init__(
        self,
        serde: SerializerProtocol,
        pool: dict[str, Any],
        say: Callable[[BaseMessage, bool], Message | None],
    ) -> None:
        self._serde = serde
        self._pool = pool
        self._say = say
        self.is_readable = is_readable(serde)

    def encode(self, value: Any, path: str, *, said: bool = False) -> Any:
        """Give a value as JSON.

        Args:
            value: anything that the serializer takes.
            path: what it is of the session, for errors.
            said: whether the messages in it are part of the conversation.

        Raises:
            InvalidSession: if the serializer does not take it.
        """
        try:
            return self._encode(value, said, 0) if self.is_readable else self.typed(value)
        except (TypeError, ValueError, AttributeError, RecursionError) as error:
            raise InvalidSession(f"its serializer cannot store it: {error}", path=path) from error

    def typed(self, value: Any) -> Any:
        """Give a value as the serializer stores it."""
        blob = (
            typed_blob(self._serde, value) if type(value) is not Blob else [value.kind, b64encode(value.data).decode()]
        )
        return self._pooled(blob) if len(blob[1]) >= LONG else {_KEY: blob}

    def _encode(self, value: Any, said: bool, depth: int) -> Any:  # noqa: FBT001, PLR0911 - called often; a case a kind
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            if not _is_text(value):
                return self.typed(value)
            return value if len(value) < LONG else self._pooled(value)
        if kind is int and value.bit_length() <= _INTEGER_BITS:
            return value
        if kind is float and math.isfinite(value):
            return value
        if depth < DEEP and (kind is list or kind is tuple):
            return [self._encode(item, said, depth + 1) for item in value]
        if depth < DEEP and kind is dict and all(type(key) is str and _is_text(key) for key in value):
            members = {key: self._encode(item, said, depth + 1) for key, item in value.items()}
            return {_KEY: members} if _KEY in members else members
        return self._encode_object(value, said, depth)

    def _encode_object(self, value: Any, said: bool, depth: int) -> Any:  # noqa: FBT001 - as above
        if isinstance(value, BaseMessage):
            message = self._say(value, said)
            return self.typed(value) if message is None else {_KEY: [_MESSAGE, message.id]}
        kind = type(value)
        if depth < DEEP and kind.__module__ == "langgraph.types":
            if kind.__name__ == "Send":
                parts = [value.node, value.arg, getattr(value, "timeout", None)]
                return {_KEY: [_SEND, *(self._encode(part, said, depth + 1) for part in parts)]}
            if kind.__name__ == "Interrupt" and isinstance(getattr(value, "response_schema", None), dict | None):
                parts = [value.value, value.id, getattr(value, "response_schema", None)]
                return {_KEY: [_INTERRUPT, *(self._encode(part, said, depth + 1) for part in parts)]}
        return self.typed(value)

    def _pooled(self, held: Any) -> Any:
        text = held if isinstance(held, str) else "\0".join(held)
        name = urlsafe_b64encode(blake2b(text.encode(), digest_size=12).digest()).decode()
        self._pool.setdefault(name, held)
        return {_KEY: name}


class Decoder:
    """Turns JSON back into values: new ones at each call, which the caller may change."""

    def __init__(
        self,
        serde: SerializerProtocol,
        pool: Mapping[str, Any],
        messages: Iterable[Message],
        unsay: Callable[[Message], BaseMessage],
    ) -> None:
        self._serde = serde
        self._pool = pool
        self._messages = messages
        self._unsay = unsay
        self._by_id: dict[str, Message] | None = None

    def decode(self, value: Any) -> Any:
        """Give the value that was encoded."""
        if isinstance(value, dict):
            if _KEY in value:
                return self._decode_noted(value[_KEY])
            return {key: self.decode(item) for key, item in value.items()}
        return [self.decode(item) for item in value] if isinstance(value, list | tuple) else value

    def _decode_noted(self, note: Any) -> Any:  # noqa: PLR0911 - a case a kind
        if isinstance(note, dict):
            return {key: self.decode(item) for key, item in note.items()}
        if isinstance(note, str):
            held = self._pool[note]
            return held if isinstance(held, str) else untyped(self._serde, held)
        if isinstance(note, int):
            return [self._unsay(message) for message, _ in zip(self._messages, range(note), strict=False)]
        kind, *rest = note
        if kind == _MESSAGE:
            return self._unsay(self._message(rest[0]))
        if kind == _SEND:
            from langgraph.types import Send  # noqa: PLC0415 - of the graph, which the saver does not need

            node, arg, timeout = (self.decode(part) for part in rest)
            return Send(node, arg) if timeout is None else Send(node, arg, timeout=timeout)
        if kind == _INTERRUPT:
            from langgraph.types import Interrupt  # noqa: PLC0415 - likewise

            said, name, schema = (self.decode(part) for part in rest)
            return Interrupt(said, name) if schema is None else Interrupt(said, name, response_schema=schema)
        return untyped(self._serde, note)

    def _message(self, message_id: str) -> Message:
        if self._by_id is None:
            self._by_id = {message.id: message for message in self._messages}
        return self._by_id[message_id]


class Uses(NamedTuple):
    """What encoded values refer to: names in the pool, and ids of messages."""

    pool: set[str]
    messages: set[str]


def uses_of(*encoded: Any) -> Uses:
    """Give what encoded values refer to; the conversation's own messages are not counted."""
    uses = Uses(set(), set())
    for note in _notes(encoded):
        if isinstance(note, str):
            uses.pool.add(note)
        elif isinstance(note, list | tuple) and note[0] == _MESSAGE:
            uses.messages.add(note[1])
    return uses


def _notes(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if _KEY in value:
            note = value[_KEY]
            yield note
            if isinstance(note, dict):
                yield from _notes(list(note.values()))
            elif isinstance(note, list | tuple) and note[0] in (_SEND, _INTERRUPT):
                yield from _notes(note[1:])
        else:
            for item in value.values():
                if isinstance(item, dict | list | tuple):
                    yield from _notes(item)
    elif isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, dict | list | tuple):
                yield from _notes(item)


def typed_blob(serde: SerializerProtocol, value: Any) -> list[str]:
    """Give what the serializer makes of a value, as text: its type, and its bytes."""
    kind, data = serde.dumps_typed(value)
    return [kind, bytes(data).decode() if kind == "json" else b64encode(data).decode()]


def untyped(serde: SerializerProtocol, blob: Any) -> Any:
    """Give the value of which `typed_blob` was made."""
    kind, text = blob
    return serde.loads_typed((kind, text.encode() if kind == "json" else b64decode(text)))


def _is_text(text: str) -> bool:
    """Tell whether a text can be stored as such: a lone surrogate cannot."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
