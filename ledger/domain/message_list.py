"""A list of messages that the fold edits by id. An append costs what it adds; the first other edit links it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ledger.domain.messages import Messages
from ledger.domain.parts import Message

__all__ = ["MessageList"]


class MessageList:
    """Messages in order, addressed by id. Every id that is named must be in it."""

    def __init__(self, messages: Messages) -> None:
        self._given = messages
        self._appended: list[Message] = []
        self._linked: _Linked | None = None

    def _links(self) -> _Linked:
        if self._linked is None:
            self._linked = _Linked([*self._given, *self._appended])
        return self._linked

    def get(self, message_id: str) -> Message:
        """Give the message of that id."""
        return self._links().messages[message_id]

    def find(self, message_id: str) -> Message | None:
        """Give the message of that id, or `None` if there is none."""
        return self._links().messages.get(message_id)

    def append(self, message: Message) -> None:
        """Put a message at the end."""
        if self._linked is not None:
            self._linked.insert(message, self._linked.last)
        else:
            self._appended.append(message)

    def insert(self, message: Message, after: str | None) -> None:
        """Put a message right behind another, or first."""
        self._links().insert(message, after)

    def replace(self, message: Message) -> None:
        """Put a message where the one of its id stands."""
        links = self._links()
        links.messages[message.id]  # an unknown id is an error, not an addition
        links.messages[message.id] = message

    def remove(self, message_id: str) -> None:
        """Take a message out."""
        self._links().remove(message_id)

    def reorder(self, order: Sequence[str]) -> None:
        """Let the named messages take, in this order, the places that they hold together."""
        items = self._links().walk()
        named = set(order)
        turn = iter(order)
        known = self._links().messages
        self._linked = _Linked([known[next(turn)] if item.id in named else item for item in items])

    def messages(self) -> Messages:
        """Give the messages in order; the very ones that were given, if nothing was edited."""
        if self._linked is not None:
            return Messages(self._linked.walk())
        return self._given.plus(self._appended) if self._appended else self._given


class _Linked:
    """A doubly linked list over ids; `None` stands before the first and behind the last."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = {message.id: message for message in messages}
        ids: list[str | None] = [None, *self.messages, None]
        self._next: dict[str | None, str | None] = dict(pairwise(ids))
        self._before: dict[str | None, str | None] = dict(zip(ids[1:], ids[:-1], strict=True))

    @property
    def last(self) -> str | None:
        return self._before[None]

    def insert(self, message: Message, after: str | None) -> None:
        behind = self._next[after]
        self.messages[message.id] = message
        self._next[after] = self._before[behind] = message.id
        self._before[message.id], self._next[message.id] = after, behind

    def remove(self, message_id: str) -> None:
        del self.messages[message_id]
        before, behind = self._before.pop(message_id), self._next.pop(message_id)
        self._next[before], self._before[behind] = behind, before

    def walk(self) -> list[Message]:
        items = []
        message_id = self._next[None]
        while message_id is not None:
            items.append(self.messages[message_id])
            message_id = self._next[message_id]
        return items
