"""The changes between two lists of messages, aligned by id. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ledger.domain import events as e
from ledger.domain.diff_json import diff_json
from ledger.domain.events import Change, appended
from ledger.domain.messages import Messages
from ledger.domain.parts import Message
from ledger.domain.submitted import checked_message, is_plain
from ledger.domain.values import json_equal
from ledger.errors import InvalidSession

__all__ = ["diff_messages"]


def diff_messages(before: Sequence[Message], after: Sequence[Message], path: str = "/messages") -> Iterable[Change]:
    """Give the changes between two message lists, aligned by id: removals, revisions, the new order, additions."""
    if not isinstance(after, list | tuple | Messages):
        raise InvalidSession(f"a {type(after).__name__}, not a list", path=path)
    known = before if isinstance(before, Messages) else Messages(before)
    # A list that only grew is the common case; comparing its old part is a comparison of pointers.
    if known.grown_to(after) is not None:
        return _appended(known, after[len(known) :], path)
    return _align(before, after, path)


def _appended(before: Messages, fresh: Sequence[Any], path: str) -> list[Change]:
    for place, message in enumerate(fresh, len(before)):
        if not is_plain(message):
            checked_message(message, f"{path}/{place}")
    ids: set[str] = set()
    for place, message in enumerate(fresh, len(before)):
        if message.id in ids or before.holds(message.id):
            raise InvalidSession(f"the message id {message.id!r} appears twice", path=f"{path}/{place}")
        ids.add(message.id)
    return [appended(message) for message in fresh]


def _align(before: Sequence[Message], after: Sequence[Any], path: str) -> Iterator[Change]:
    was = {message.id: message for message in before}
    now = _checked_by_id(was, after, path)
    for message_id in was:
        if message_id not in now:
            yield e.MessageRemoved(message_id=message_id)
    for place, message in enumerate(after):
        old = was.get(message.id)
        if old is not None and old is not message:
            yield from _revise(old, message, f"{path}/{place}")
    survivors = [message_id for message_id in was if message_id in now]
    order = [message_id for message_id in now if message_id in was]
    moved = [new for old, new in zip(survivors, order, strict=True) if old != new]
    if moved:
        yield e.MessagesReordered(order=moved)
    yield from _added(was, after)


def _checked_by_id(was: Mapping[str, Message], after: Sequence[Any], path: str) -> dict[str, Message]:
    now: dict[str, Message] = {}
    for place, message in enumerate(after):
        if not (isinstance(message, Message) and was.get(message.id) is message):
            checked_message(message, f"{path}/{place}")
        if message.id in now:
            raise InvalidSession(f"the message id {message.id!r} appears twice", path=f"{path}/{place}")
        now[message.id] = message
    return now


def _added(was: Mapping[str, Message], after: Sequence[Message]) -> Iterator[Change]:
    last_known = max((place for place, message in enumerate(after) if message.id in was), default=-1)
    previous: str | None = None
    for place, message in enumerate(after):
        if message.id in was:
            pass
        elif place > last_known:
            yield appended(message)
        else:
            yield e.MessageInserted(message=message, after=previous)
        previous = message.id


def _revise(old: Message, new: Message, path: str) -> Iterator[Change]:
    if any(not json_equal(value, new.__dict__[name]) for name, value in old.__dict__.items() if name != "metadata"):
        # The metadata travels by path, so that two writers who edit different keys of it both stand.
        yield e.MessageRevised(message=new.model_copy(update={"metadata": old.metadata}))
    for kind, pointer, value in diff_json(old.metadata, new.metadata, "", f"{path}/metadata"):
        yield _MESSAGE_METADATA[kind](new.id, pointer, value)


_MESSAGE_METADATA: dict[str, Callable[[str, str, Any], Change]] = {
    "set": lambda message_id, path, value: e.MessageMetadataSet(message_id=message_id, path=path, value=value),
    "removed": lambda message_id, path, _: e.MessageMetadataRemoved(message_id=message_id, path=path),
    "extended": lambda message_id, path, values: e.MessageMetadataExtended(
        message_id=message_id, path=path, values=values
    ),
}
