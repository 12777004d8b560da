"""What the messages of a session were as LangChain's: losing it costs time only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter, is_, ne
from typing import Any, NamedTuple

from langchain_core.messages import BaseMessage

from ledger.adapters.langgraph_messages import FORM, name_of
from ledger.domain.parts import Message

__all__ = ["Memory", "is_foreign"]

_SCALARS = (str, bool, int, float, type(None))
_fields = attrgetter("__dict__")
_extra = attrgetter("__pydantic_extra__")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an object of LangChain's held that was stored as a message."""

    message: Message
    kind: type[BaseMessage]
    facts: dict[str, Any]


class _Lead(NamedTuple):
    """The conversation as it was last put, in columns: what does not change is compared without a step of Python."""

    messages: list[Message]
    kinds: list[type[BaseMessage]]
    facts: list[dict[str, Any]]


class Memory:
    """What the messages of one session were. Its parts are replaced, never changed, where threads could meet."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._lead = _Lead([], [], [])
        self._named: dict[str, list[str]] = {}
        #: By their addresses, which are theirs for as long as they are kept here.
        self._indexed: dict[int, Message] = {}

    def called(self, name: str | None) -> Sequence[str]:
        """Give the ids of the messages that were stored under a name of LangChain's."""
        return tuple(self._named.get(name or "", ()))

    def index(self, messages: Iterable[Message]) -> None:
        """Note the names of all these messages."""
        indexed = self._indexed
        for stored in [each for each in messages if id(each) not in indexed]:
            indexed[id(stored)] = stored
            if not is_foreign(stored):
                self.name(stored, name_of(stored))

    def name(self, stored: Message, name: str | None) -> None:
        """Note a name of a message."""
        ids = self._named.setdefault(name or "", [])
        if stored.id not in ids:
            ids.append(stored.id)

    def is_same(self, stored: Message, message: BaseMessage) -> bool | None:
        """Tell whether a stored message says what an object of LangChain's does; `None` if it cannot be told."""
        seen = self._seen.get(stored.id)
        if seen is None or seen.message is not stored:
            return None
        # What cannot be compared by value differs from itself, and is turned into JSON to be compared.
        return (seen.kind is type(message) and seen.facts == _held(message)) or (None if "" in seen.facts else False)

    def note(self, stored: Message, message: BaseMessage) -> None:
        """Note what an object holds that is stored as `stored`."""
        self._seen[stored.id] = _Seen(stored, type(message), _facts(message))

    def restored(self, stored: Message) -> BaseMessage | None:
        """Give a new object that holds what the stored one held, in less time than it takes to read its JSON."""
        seen = self._seen.get(stored.id)
        if seen is None or seen.message is not stored or "" in seen.facts or seen.kind.__private_attributes__:
            return None
        fields = {name: _read_back(value) for name, value in seen.facts.items()}
        extra = fields.pop("+", {})
        message = seen.kind.__new__(seen.kind)
        for name, value in (("__dict__", fields), ("__pydantic_extra__", extra), ("__pydantic_private__", None)):
            object.__setattr__(message, name, value)
        object.__setattr__(message, "__pydantic_fields_set__", {*fields, *extra})
        return message

    def led(self, stored: Sequence[Message], conversation: Sequence[BaseMessage], start: int, stop: int) -> int:
        """Give how far a conversation is what was put last, and the session's, from one place to another at most."""
        lead = self._lead
        stop = min(stop, len(lead.messages))
        ours, theirs = stored[start:stop], conversation[start:stop]
        if start >= stop or any(map(_extra, theirs)) or not all(map(is_, ours, lead.messages[start:stop])):
            return start
        if lead.kinds[start:stop] == list(map(type, theirs)) and lead.facts[start:stop] == list(map(_fields, theirs)):
            return stop
        places = range(start, stop)
        differing = map(ne, lead.facts[start:stop], map(_fields, theirs))
        return next((place for place, differs in zip(places, differing, strict=True) if differs), start)

    def lead_with(self, stored: Sequence[Message], known: int) -> None:
        """Remember a conversation that is put, of which the first `known` were as they are already.

        A message that nothing is remembered of ends what is remembered in columns.
        """
        lead = self._lead
        reach = min(known, len(lead.messages))
        if not all(map(is_, stored[:reach], lead.messages)):
            reach = 0
        kinds, facts = lead.kinds[:reach], lead.facts[:reach]
        for each in stored[reach:]:
            seen = self._seen.get(each.id)
            if seen is None or seen.message is not each:
                break
            kinds.append(seen.kind)
            facts.append(seen.facts)
        self._lead = _Lead(list(stored[: len(kinds)]), kinds, facts)

    def keep(self, messages: Sequence[Message]) -> None:
        """Forget all other messages, once there are many."""
        if len(self._seen) > 2 * len(messages) + 100 or len(self._indexed) > 4 * len(messages) + 100:
            ids = {message.id for message in messages}
            self._seen = {each: seen for each, seen in self._seen.items() if each in ids}
            self._named, self._indexed = {}, {}
            self.index(messages)


def is_foreign(message: Message) -> bool:
    """Tell whether a message was put into the session by somebody else than the graph."""
    return message.native is None or message.native.get("format") != FORM


def _held(message: BaseMessage) -> dict[str, Any]:
    extra = message.__pydantic_extra__
    return {**message.__dict__, "+": extra} if extra else message.__dict__


def _facts(message: BaseMessage) -> dict[str, Any]:
    """Give a copy of what a message holds, apart from it at every depth."""
    try:
        return {name: _copied(value) for name, value in _held(message).items()}
    except TypeError:
        return {"": None}


def _read_back(value: Any) -> Any:
    """Give a copy as it would be read from storage: a tuple is a list there."""
    kind = type(value)
    if kind is dict:
        return {key: _read_back(item) for key, item in value.items()}
    return [_read_back(item) for item in value] if kind is list or kind is tuple else value


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key: _copied(item) for key, item in value.items()}
    if kind is list:
        return [_copied(item) for item in value]
    if kind is tuple:
        return tuple([_copied(item) for item in value])
    raise TypeError(kind.__name__)
