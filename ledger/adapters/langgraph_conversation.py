"""LangChain's messages, and the messages of the session that are the same: which is which, at the cost of what is new.

A graph hands over the whole conversation at each step, in objects that anyone may have changed in place. So what was
stored is compared by value with what each object holds, and only what differs is turned into JSON.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, cast

from langchain_core import messages as lc
from langchain_core.messages import BaseMessage, RemoveMessage
from langgraph.checkpoint.serde.base import SerializerProtocol

from ledger.adapters.langgraph_memory import Memory, is_foreign
from ledger.adapters.langgraph_messages import message_of, name_of, named
from ledger.adapters.langgraph_values import typed_blob, untyped
from ledger.adapters.natives import item_of
from ledger.domain.messages import Messages
from ledger.domain.parts import Message
from ledger.domain.values import json_equal

__all__ = ["Conversation", "is_conversation", "unsaid"]

_CLASSES: dict[str, type[BaseMessage]] = {
    "human": lc.HumanMessage,
    "ai": lc.AIMessage,
    "system": lc.SystemMessage,
    "tool": lc.ToolMessage,
    "function": lc.FunctionMessage,
    "chat": lc.ChatMessage,
    "HumanMessageChunk": lc.HumanMessageChunk,
    "AIMessageChunk": lc.AIMessageChunk,
    "SystemMessageChunk": lc.SystemMessageChunk,
    "ToolMessageChunk": lc.ToolMessageChunk,
    "FunctionMessageChunk": lc.FunctionMessageChunk,
    "ChatMessageChunk": lc.ChatMessageChunk,
}
_TYPED = "typed"
_SCALARS = (str, bool, int, float, type(None))


def is_conversation(value: Any) -> bool:
    """Tell whether a channel's value is a list of messages."""
    return type(value) is list and bool(value) and all(isinstance(each, BaseMessage) for each in value)


def unsaid(serde: SerializerProtocol, stored: Message) -> BaseMessage:
    """Give the message of LangChain's that was stored as this one."""
    if is_foreign(stored):
        kinds: dict[str, type[BaseMessage]] = {"user": lc.HumanMessage, "system": lc.SystemMessage}
        kind = kinds.get(stored.role, lc.AIMessage)
        return kind(content=stored.content, id=stored.id)
    item = item_of(stored)
    if _TYPED not in item:
        message: BaseMessage = _CLASSES[item.pop("type")](**item, id=name_of(stored))
    else:
        message = cast("BaseMessage", untyped(serde, item[_TYPED]))
        message.id = name_of(stored)
    return message


class Conversation:
    """The messages of a session while a graph's step is taken in. `fresh` are those that are new.

    Args:
        messages: of the session as it was.
        serde: of the saver.
        memory: what is remembered of them.
        held: gives the ids of those that something refers to, so that they have to stay as they are.
    """

    def __init__(
        self,
        messages: Messages,
        serde: SerializerProtocol,
        memory: Memory,
        held: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self._held = held
        self._stored = messages
        self._serde = serde
        self._memory = memory
        self._indexed = False
        self.fresh: list[Message] = []
        self._renamed: dict[str, Message] = {}

    def standing(self, messages: Iterable[Message]) -> list[Message]:
        """Give messages under the names that they have by now."""
        if not self._renamed:
            return list(messages)
        return [self._renamed.get(message.id, message) for message in messages]

    def say(self, message: BaseMessage, said: bool) -> Message | None:  # noqa: FBT001 - as the encoder calls it
        """Give the stored message that is the same; if there is none and it is said, store it."""
        for stored in self._named(message):
            if self._is_same(stored, message):
                return stored
        if not said or isinstance(message, RemoveMessage):
            return None
        return self._renaming(message, lambda _: False) or self._add(message)

    def align(self, conversation: Sequence[BaseMessage]) -> list[Message]:
        """Give the stored messages that the whole conversation is, in its order."""
        known = self._beginning(conversation)
        aligned = list(self._stored[:known])
        beginning, taken = set(map(id, aligned)), set[str]()
        for message in conversation[known:]:
            found = self._found(message, lambda stored: id(stored) in beginning or stored.id in taken)
            taken.add(found.id)
            aligned.append(found)
        self._memory.lead_with(aligned, known)
        return aligned

    def _found(self, message: BaseMessage, is_taken: Callable[[Message], bool]) -> Message:
        """Give the stored message for a place in the conversation: the same, the same without a name, or a new one."""
        alike = [stored for stored in self._named(message) if not is_taken(stored)]
        for stored in alike:
            if self._is_same(stored, message):
                return stored
        renamed = self._renaming(message, is_taken)
        if renamed is not None:
            return renamed
        if not alike or alike[0].id in self._held():
            return self._add(message)
        return self._revise(alike[0], message)

    def _renaming(self, message: BaseMessage, is_taken: Callable[[Message], bool]) -> Message | None:
        """Give the stored message that is the same but had no name, under its name."""
        if message.id is None:
            return None
        item: dict[str, Any] | None = None
        for stored in self._called(None):
            item = item or self._item(message)
            if not is_taken(stored) and not is_foreign(stored) and json_equal(item_of(stored), item):
                renamed = self._renamed[stored.id] = named(stored, message.id)
                self._memory.note(renamed, message)
                self._memory.name(renamed, message.id)
                return renamed
        return None

    def _beginning(self, conversation: Sequence[BaseMessage]) -> int:
        """Give how many messages of the conversation are those that the session begins with."""
        reach = min(len(self._stored), len(conversation))
        known = 0
        while known < reach:
            known = self._memory.led(self._stored, conversation, known, reach)
            # The next one differs from what is remembered, which may only be that nothing is.
            if known == reach or not self._is_same(self._stored[known], conversation[known]):
                break
            known += 1
        return known

    def _is_same(self, stored: Message, message: BaseMessage) -> bool:
        known = self._memory.is_same(stored, message)
        if known is None:
            if is_foreign(stored):
                return False
            known = name_of(stored) == message.id and json_equal(item_of(stored), self._item(message))
            if known:
                self._memory.note(stored, message)
        return known

    def _add(self, message: BaseMessage, **given: Any) -> Message:
        stored = message_of({**self._item(message), "id": message.id}, **given)
        self._memory.note(stored, message)
        self.fresh.append(stored)
        self._memory.index([stored])
        return stored

    def _revise(self, stored: Message, message: BaseMessage) -> Message:
        return self._add(message, id=stored.id, created_at=stored.created_at)

    def _named(self, message: BaseMessage) -> list[Message]:
        return self._called(message.id)

    def _called(self, name: str | None) -> list[Message]:
        """Give the stored messages of a name of LangChain's, the latest first."""
        if not self._indexed:
            self._memory.index(self._stored)
            self._indexed = True
        fresh = {each.id: each for each in self.fresh}
        ids = self._memory.called(name)
        found = (self._renamed.get(each) or fresh.get(each) or self._stored.find(each) for each in ids)
        return [each for each in found if each is not None and name_of(each) == name][::-1]

    def _item(self, message: BaseMessage) -> dict[str, Any]:
        kind = type(message)
        fields = message.model_dump()
        if _CLASSES.get(message.type) is kind and _is_plain(fields):
            defaults = _defaults(kind)
            told = {name: value for name, value in fields.items() if not json_equal(defaults.get(name, fields), value)}
            told.pop("id", None)
            return {**told, "type": message.type, "content": fields["content"]}
        content = fields.get("content")
        told = {"type": message.type} | ({"content": content} if _is_plain(content) else {})
        return {**told, _TYPED: typed_blob(self._serde, message.model_copy(update={"id": None}))}


_known_defaults: dict[type[BaseMessage], dict[str, Any]] = {}


def _defaults(kind: type[BaseMessage]) -> dict[str, Any]:
    """Give what the fields of a class hold if nothing is said; a restored message takes them from there again."""
    known = _known_defaults.get(kind)
    if known is None:
        known = _known_defaults[kind] = {
            name: info.get_default(call_default_factory=True)
            for name, info in kind.model_fields.items()
            if not info.is_required() and name not in ("type", "content")
        }
    return known


def _is_plain(value: Any) -> bool:
    """Tell whether a value is JSON of exact types, so that it comes back as it went in."""
    kind = type(value)
    if kind is dict:
        return all(type(key) is str and _is_plain(key) and _is_plain(item) for key, item in value.items())
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    if kind is str and not value.isascii():
        return not any("\ud800" <= each <= "\udfff" for each in value)
    return kind in _SCALARS and (kind is not float or math.isfinite(value))
