"""The messages of a view: immutable, and cheap to have more of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import is_
from typing import Any, overload

from ledger.domain.parts import Message

__all__ = ["Messages"]


class Messages(Sequence[Message]):
    """An immutable sequence of messages that knows which ids are in it; equal to a tuple of the same ones.

    The successors of one list share one line of messages, which only grows: a list is the beginning of its line, as far
    as it reaches. So to append costs what is appended, not what was there.
    """

    __slots__ = ("_length", "_line")

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._line = _Line(list(messages))
        self._length = len(self._line.messages)

    @classmethod
    def _upto(cls, line: _Line, length: int) -> Messages:
        messages = cls.__new__(cls)
        messages._line, messages._length = line, length  # noqa: SLF001 - one of its own kind
        return messages

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Message]:
        return islice(self._line.messages, self._length)

    @overload
    def __getitem__(self, place: int) -> Message: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Message, ...]: ...
    def __getitem__(self, place: int | slice) -> Message | tuple[Message, ...]:
        if isinstance(place, slice):
            return tuple([self._line.messages[each] for each in range(*place.indices(self._length))])
        return self._line.messages[range(self._length)[place]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Messages | tuple):
            return NotImplemented
        return self is other or (len(self) == len(other) and tuple(self) == tuple(other))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __copy__(self) -> Messages:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Messages:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Messages, (tuple(self),)

    def __repr__(self) -> str:
        return f"Messages({list(self)!r})"

    def holds(self, message_id: str) -> bool:
        """Tell whether a message of that id is among these."""
        return self.find(message_id) is not None

    def find(self, message_id: str) -> Message | None:
        """Give the message of that id, or `None` if it is not among these."""
        place = self._line.place(message_id, self._length)
        return None if place is None or place >= self._length else self._line.messages[place]

    def plus(self, more: Sequence[Message]) -> Messages:
        """Give these messages with `more` behind them, whose ids are new."""
        line, end = self._line, self._length + len(more)
        ahead = line.messages[self._length : end]
        if len(ahead) == len(more) and all(map(is_, ahead, more)):
            return Messages._upto(line, end)  # another list has grown so before
        if not ahead and line.grow(self._length, more):
            return Messages._upto(line, end)
        return Messages([*self, *more])

    def grown_to(self, messages: Sequence[Message]) -> Messages | None:
        """Give `messages`, if these are the beginning of them; `None` if they are not.

        What they begin with is compared pointer by pointer, and copied only where another list has grown out of this.
        """
        line, known, end = self._line, self._length, len(messages)
        if isinstance(messages, Messages) and messages._line is line:  # noqa: SLF001 - as above
            return messages if end >= known else None
        wanted = messages if isinstance(messages, list) else list(messages)
        if len(line.messages) == end >= known and line.messages == wanted:
            return Messages._upto(line, end)
        if len(line.messages) == known < end and line.grow(known, wanted[known:], wanted):
            return Messages._upto(line, end)
        beginning = line.messages[:known]
        return Messages([*beginning, *wanted[known:]]) if beginning == wanted[:known] else None


class _Line:
    """Messages that lists of one descent are beginnings of, and where in it each id stands."""

    __slots__ = ("_claims", "_indexed", "_places", "messages")

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages
        self._places: dict[str, int] = {}
        self._indexed = 0
        self._claims: dict[int, object] = {}

    def place(self, message_id: str, upto: int) -> int | None:
        """Give the place of an id, if the line holds it; it is looked for before `upto` at least."""
        if self._indexed < upto:
            # Two threads may do this at once, and write the same.
            places = self._places
            for place in range(self._indexed, upto):
                places[self.messages[place].id] = place
            self._indexed = upto
        return self._places.get(message_id)

    def grow(self, length: int, more: Sequence[Message], wanted: list[Message] | None = None) -> bool:
        """Put `more` behind the first `length`, if nothing stands there, and only if that makes the line `wanted`.

        Of two threads that try, one succeeds: it claims the place before it looks.
        """
        claim = object()
        if self._claims.setdefault(length, claim) is not claim:
            return False
        try:
            return len(self.messages) == length and self._grow(length, more, wanted)
        finally:
            del self._claims[length]

    def _grow(self, length: int, more: Sequence[Message], wanted: list[Message] | None) -> bool:
        self.messages.extend(more)
        fits = False
        try:
            fits = wanted is None or self.messages == wanted
        finally:
            if not fits:
                del self.messages[length:]
        return fits
