"""The changes between two states of a session. Pure.

The rule that the property tests hold it to: after `diff`'s changes were made in `base`, the result equals `after`, but
for what the omission guard keeps (a question that vanished stays) and a resolved question that was dropped (it is put
back without a word).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ledger.domain import events as e
from ledger.domain.events import Change
from ledger.domain.parts import Message, Question, QuestionStatus
from ledger.domain.submitted import checked_message, checked_question, checked_scalars
from ledger.domain.values import join, json_equal, plain
from ledger.domain.view import State, View
from ledger.errors import InvalidSession

__all__ = ["diff", "diff_json", "diff_messages"]

Authoritative = frozenset[str]


def diff(base: View, after: State, authoritative: Authoritative = frozenset()) -> list[Change]:
    """Give the changes that lead from `base` to `after`, checked: everything in them can be stored.

    The cost is what changed, plus a comparison by identity of the messages and a walk over `metadata` and `state`.

    Args:
        base: the state to start from.
        after: the state to arrive at; its containers are read, never kept.
        authoritative: the metadata keys whose changes carry the authoritative mark.

    Raises:
        InvalidSession: with the path of what cannot be stored, or of a question that was changed by hand.
    """
    changes: list[Change] = []
    if after is base:
        return changes
    try:
        changes += _diff_scalars(base, after)
        changes += diff_messages(base.messages, after.messages)
        changes += _diff_questions(base.questions, after.questions)
        changes += _diff_metadata(base.metadata, after.metadata, authoritative)
        for kind, path, value in diff_json(base.state, _object(after.state, "/state"), "", "/state"):
            changes.append(_STATE[kind](path, value))
    except InvalidSession as error:
        error.session_id = base.session_id
        raise
    return changes


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidSession(f"a {type(value).__name__}, not a dict", path=path)
    return value


def _diff_scalars(base: View, after: State) -> Iterator[Change]:
    title, pinned, model, summary, parent, root = checked_scalars(after)
    if title != base.title:
        yield e.TitleChanged(title=title)
    if pinned is not base.pinned:
        yield e.PinnedChanged(pinned=pinned)
    if model != base.model:
        yield e.ModelChanged(model=model)
    if not json_equal(base.summary, summary):
        yield e.SummaryChanged(summary=plain(summary, "/summary"))
    if (parent, root) != (base.parent_session_id, base.root_session_id):
        yield e.ParentChanged(parent_session_id=parent, root_session_id=root)


def diff_messages(before: Sequence[Message], after: Sequence[Message], path: str = "/messages") -> Iterator[Change]:
    """Give the changes between two message lists, aligned by id: removals, revisions, the new order, additions."""
    if not isinstance(after, list | tuple):
        raise InvalidSession(f"a {type(after).__name__}, not a list", path=path)
    known = len(before)
    # A list that only grew is the common case; comparing its old part is a comparison of pointers.
    if len(after) >= known and _same(before, after[:known]):
        fresh = after[known:]
        ids = {message.id for message in before} if fresh else set()
        for place, message in enumerate(fresh, known):
            checked_message(message, f"{path}/{place}")
            if message.id in ids:
                raise InvalidSession(f"the message id {message.id!r} appears twice", path=f"{path}/{place}")
            ids.add(message.id)
            yield e.MessageAppended(message=message)
        return
    yield from _align(before, after, path)


def _same(before: Sequence[Message], after: Sequence[Message]) -> bool:
    return all(a is b for a, b in zip(before, after, strict=True)) or list(before) == list(after)


def _align(before: Sequence[Message], after: Sequence[Message], path: str) -> Iterator[Change]:
    was = {message.id: message for message in before}
    now: dict[str, Message] = {}
    for place, message in enumerate(after):
        if not (isinstance(message, Message) and was.get(message.id) is message):
            checked_message(message, f"{path}/{place}")
        if message.id in now:
            raise InvalidSession(f"the message id {message.id!r} appears twice", path=f"{path}/{place}")
        now[message.id] = message
    for message_id in was:
        if message_id not in now:
            yield e.MessageRemoved(message_id=message_id)
    for place, message in enumerate(after):
        old = was.get(message.id)
        if old is not None and old is not message:
            yield from _revise(old, message, f"{path}/{place}")
    survivors = [message_id for message_id in was if message_id in now]
    order = [message_id for message_id in now if message_id in was]
    moved = [(old, new) for old, new in zip(survivors, order, strict=True) if old != new]
    if moved:
        yield e.MessagesReordered(order=[new for _, new in moved])
    last_known = max((place for place, message in enumerate(after) if message.id in was), default=-1)
    previous: str | None = None
    for place, message in enumerate(after):
        if message.id not in was:
            if place > last_known:
                yield e.MessageAppended(message=message)
            else:
                yield e.MessageInserted(message=message, after=previous)
        previous = message.id


def _revise(old: Message, new: Message, path: str) -> Iterator[Change]:
    if any(not json_equal(value, new.__dict__[name]) for name, value in old.__dict__.items() if name != "metadata"):
        # The metadata travels by path, so that two writers who edit different keys of it both stand.
        yield e.MessageRevised(message=new.model_copy(update={"metadata": old.metadata}))
    for kind, pointer, value in diff_json(old.metadata, new.metadata, "", f"{path}/metadata"):
        yield _MESSAGE_METADATA[kind](new.id, pointer, value)


def _diff_questions(before: Mapping[str, Question], after: Mapping[str, Question]) -> Iterator[Change]:
    asked: list[Change] = []
    resolved: list[Change] = []
    for key, question in _object(after, "/questions").items():
        path = join("/questions", str(key))
        old = before.get(key) if isinstance(key, str) else None
        if old is question:
            continue
        checked_question(key, question, path)
        if old is None:
            asked.append(e.QuestionAsked(question=_as_asked(question)))
        elif not old.asks_the_same(question) or old.index != question.index:
            raise InvalidSession("a question's text cannot change; ask another that supersedes it", path=path)
        resolved += _transitions(old or _as_asked(question), question, after, path)
    yield from asked
    yield from resolved
    for key, old in before.items():
        if old.is_pending and key not in after:
            yield e.QuestionOmitted(question_id=key)


def _as_asked(question: Question) -> Question:
    return question.model_copy(
        update={"status": QuestionStatus.PENDING, "answer": None, "resolved_by": None, "reason": None}
    )


def _transitions(old: Question, new: Question, all_after: Mapping[str, Question], path: str) -> Iterator[Change]:
    if old == new:
        return
    status = old.status
    if status is QuestionStatus.LOST and new.status is not QuestionStatus.LOST:
        yield e.QuestionRecovered(question_id=new.id)
        status = QuestionStatus.PENDING
    if status is not QuestionStatus.PENDING:
        raise InvalidSession(f"the question is {status} already; its outcome cannot be changed", path=path)
    if new.status is QuestionStatus.ANSWERED:
        yield e.QuestionAnswered(question_id=new.id, answer=plain(new.answer, f"{path}/answer"), by=new.resolved_by)
    elif new.status is QuestionStatus.WITHDRAWN:
        yield e.QuestionWithdrawn(question_id=new.id, reason=new.reason, by=new.resolved_by)
    elif new.status is QuestionStatus.EXPIRED:
        yield e.QuestionExpired(question_id=new.id, by=new.resolved_by)
    elif new.status is QuestionStatus.SUPERSEDED:
        successor = next((other.id for other in all_after.values() if other.supersedes == new.id), None)
        if successor is None:
            raise InvalidSession("the question is superseded, but none supersedes it", path=path)
        yield e.QuestionSuperseded(question_id=new.id, superseded_by=successor)
    elif new.status is QuestionStatus.LOST:
        yield e.QuestionLost(question_id=new.id)
    elif not json_equal(new.answer, None) or new.resolved_by is not None or new.reason is not None:
        raise InvalidSession("a pending question has no answer; use answer(), withdraw() or expire()", path=path)


def _diff_metadata(
    before: Mapping[str, Any], after: Mapping[str, Any], authoritative: Authoritative
) -> Iterator[Change]:
    for kind, path, value in diff_json(before, _object(after, "/metadata"), "", "/metadata"):
        marked = bool(authoritative) and path.split("/", 2)[1].replace("~1", "/").replace("~0", "~") in authoritative
        yield _METADATA[kind](path, value, marked)


def diff_json(
    before: Mapping[str, Any], after: Mapping[str, Any], pointer: str, shown: str
) -> Iterator[tuple[str, str, Any]]:
    """Give what leads from one JSON object to another, as `(kind, pointer, value)`.

    `kind` is ``"set"``, ``"removed"`` or ``"extended"``. Objects are compared key by key at every depth; a list that
    only grew is ``"extended"`` by what it grew, any other changed list is set as a whole.

    Args:
        before: the object as it was.
        after: the object as it is; whatever is given out of it is a checked copy.
        pointer: where both stand in the document, for the changes.
        shown: the same seen from the session, for errors.
    """
    for key in before:
        if key not in after:
            yield "removed", join(pointer, key), None
    for key, value in after.items():
        if not isinstance(key, str):
            plain({key: None}, shown)
        if key not in before:
            checked = plain({key: value}, shown)
            yield "set", join(pointer, next(iter(checked))), checked[key]
            continue
        old = before[key]
        if old is value or json_equal(old, value):
            continue
        where, seen = join(pointer, key), join(shown, key)
        if isinstance(old, dict) and isinstance(value, dict):
            yield from diff_json(old, value, where, seen)
        elif isinstance(old, list) and isinstance(value, list | tuple) and _grew(old, value):
            yield "extended", where, plain(value[len(old) :], seen)
        else:
            yield "set", where, plain(value, seen)


def _grew(old: Sequence[Any], new: Sequence[Any]) -> bool:
    return len(new) > len(old) > 0 and all(map(json_equal, old, new))


_STATE: dict[str, Callable[[str, Any], Change]] = {
    "set": lambda path, value: e.StateSet(path=path, value=value),
    "removed": lambda path, _: e.StateRemoved(path=path),
    "extended": lambda path, values: e.StateExtended(path=path, values=values),
}
_METADATA: dict[str, Callable[[str, Any, bool], Change]] = {
    "set": lambda path, value, mark: e.MetadataSet(path=path, value=value, authoritative=mark),
    "removed": lambda path, _, mark: e.MetadataRemoved(path=path, authoritative=mark),
    "extended": lambda path, values, mark: e.MetadataExtended(path=path, values=values, authoritative=mark),
}
_MESSAGE_METADATA: dict[str, Callable[[str, str, Any], Change]] = {
    "set": lambda message_id, path, value: e.MessageMetadataSet(message_id=message_id, path=path, value=value),
    "removed": lambda message_id, path, _: e.MessageMetadataRemoved(message_id=message_id, path=path),
    "extended": lambda message_id, path, values: e.MessageMetadataExtended(
        message_id=message_id, path=path, values=values
    ),
}

