"""The messages of a view: a tuple that can tell its ids without being walked again at every save."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from ledger.domain.parts import Message

__all__ = ["Messages"]


class Messages(tuple[Message, ...]):  # noqa: SLOT001 - a tuple cannot have any
    """An immutable sequence of messages that knows which ids are in it.

    The successors of one list share one table of ids, which only grows: a list knows its own as those whose place lies
    before its end. So to append costs what is appended, not what was there.
    """

    _ids: _Ids | None = None

    def holds(self, message_id: str) -> bool:
        """Tell whether a message of that id is among these."""
        return self.find(message_id) is not None

    def find(self, message_id: str) -> Message | None:
        """Give the message of that id, or `None` if it is not among these."""
        if self._ids is None:
            self._ids = _Ids(self)
        place = self._ids.places.get(message_id)
        return self[place] if place is not None and place < len(self) else None

    def plus(self, more: Sequence[Message]) -> Self:
        """Give these messages with `more` behind them, whose ids are new."""
        grown = type(self)(tuple.__add__(self, tuple(more)))  # `(*self, *more)` would copy them once more
        if self._ids is not None:
            grown._ids = self._ids.grown(self, more)  # noqa: SLF001 - one of its own kind
        return grown


class _Ids:
    """The places of ids, shared by the lists of one line of descent."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self.places = {message.id: place for place, message in enumerate(messages)}
        self._claims: dict[int, object] = {}

    def grown(self, known: Messages, more: Sequence[Message]) -> _Ids | None:
        """Give this table, which then knows `more` too; `None` if another list has grown out of `known` before."""
        claim = object()
        # One atomic step, so that of two threads only one extends the shared table from this length.
        if len(self.places) != len(known) or self._claims.setdefault(len(known), claim) is not claim:
            return None
        self._claims.pop(len(known) - 1, None)
        self.places.update((message.id, place) for place, message in enumerate(more, len(known)))
        return self
