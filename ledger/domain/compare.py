"""Two states of a session, or of two sessions, and what differs between them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.domain.diff_json import diff_json
from ledger.domain.frozen import freeze
from ledger.domain.order import longest_increasing
from ledger.domain.parts import Message, Question
from ledger.domain.revisions import Place
from ledger.domain.session_diff import (
    MessageDiff,
    MessagesDiff,
    PathDiff,
    QuestionDiff,
    QuestionsDiff,
    SessionDiff,
    ValueDiff,
)
from ledger.domain.values import json_equal, split
from ledger.domain.view import View

__all__ = ["compare", "compare_documents", "compare_messages", "compare_questions"]


def compare(a: View, b: View) -> SessionDiff:
    """Give what leads from `a` to `b`.

    What both share, as two views of one history do where one was folded on from the other, is told equal by identity.
    """
    fields = {
        name: ValueDiff(before=freeze(before), after=freeze(after))
        for name, before, after in (
            ("title", a.title, b.title),
            ("pinned", a.pinned, b.pinned),
            ("model", a.model, b.model),
            ("summary", a.summary, b.summary),
            ("parent", a.parent_session_id, b.parent_session_id),
            ("root", a.root_session_id, b.root_session_id),
        )
        if not json_equal(before, after)
    }
    return SessionDiff(
        a=Place(a.session_id, a.version),
        b=Place(b.session_id, b.version),
        messages=compare_messages(a.messages, b.messages),
        questions=compare_questions(a.questions, b.questions),
        metadata=tuple(compare_documents(a.metadata, b.metadata)),
        state=tuple(compare_documents(a.state, b.state)),
        **fields,
    )


def compare_messages(before: Sequence[Message], after: Sequence[Message]) -> MessagesDiff:
    """Align two lists of messages by id."""
    same = _common_start(before, after)
    # By id: where it stood, in its order.
    was = {message.id: place for place, message in enumerate(before[same:], same)}
    now = {message.id for message in after[same:]}
    kept, fresh = [], []
    for place, message in enumerate(after[same:], same):
        old = was.get(message.id)
        if old is None:
            fresh.append(MessageDiff(message.id, None, message, None, place))
        else:
            kept.append((old, place))
    stayed = {kept[index][1] for index in longest_increasing([old for old, _ in kept])}
    revised = {new for old, new in kept if not _equal(before[old], after[new])}
    both = [
        MessageDiff(after[new].id, before[old], after[new], old, new)
        for old, new in kept
        if new in revised or new not in stayed
    ]
    return MessagesDiff(
        unchanged=same + len(kept) - len(both),
        added=tuple(fresh),
        removed=tuple(
            MessageDiff(message_id, before[place], None, place, None)
            for message_id, place in was.items()
            if message_id not in now
        ),
        revised=tuple(each for each in both if each.position_after in revised),
        moved=tuple(each for each in both if each.position_after not in stayed),
    )


def _common_start(before: Sequence[Message], after: Sequence[Message]) -> int:
    for place, (old, new) in enumerate(zip(before, after, strict=False)):
        if old is not new and (old.id != new.id or not _equal(old, new)):
            return place
    return min(len(before), len(after))


def _equal(old: Message, new: Message) -> bool:
    if old is new:
        return True
    was, now = old.__dict__, new.__dict__
    if was != now:
        return old == new
    # So the interpreter says, in a third of the time. But to it 1 equals True, and JSON can hold either.
    return all(json_equal(was[name], now[name]) for name in _JSON if was[name])


#: Of a message, what holds JSON that does not tell types apart by itself.
_JSON = ("parts", "metadata", "native")


def compare_questions(before: Mapping[str, Question], after: Mapping[str, Question]) -> QuestionsDiff:
    """Tell apart what became of each question."""
    found: dict[str, list[QuestionDiff]] = {}
    for question_id, old in before.items():
        new = after.get(question_id)
        if old is not new and old != new:
            found.setdefault(_became(old, new), []).append(QuestionDiff(id=question_id, before=old, after=new))
    asked = [
        QuestionDiff(id=question_id, after=after[question_id]) for question_id in after if question_id not in before
    ]
    return QuestionsDiff(asked=tuple(asked), **{kind: tuple(questions) for kind, questions in found.items()})


def _became(old: Question, new: Question | None) -> str:
    if new is None:
        return "removed"
    if not old.asks_the_same(new) or old.is_pending is new.is_pending:
        return "changed"
    return "resolved" if old.is_pending else "reopened"


def compare_documents(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[PathDiff]:
    """Give the places at which two JSON objects differ, by JSON Pointer."""
    for kind, path, _ in diff_json(before, after, "", ""):
        old, new = _at(before, path), _at(after, path)
        if kind == "removed":
            yield PathDiff(path=path, kind="removed", before=old)
        elif old is _MISSING:
            yield PathDiff(path=path, kind="added", after=new)
        else:
            yield PathDiff(path=path, kind="changed", before=old, after=new)


_MISSING = object()


def _at(document: Any, path: str) -> Any:
    for key in split(path):
        if not isinstance(document, dict) or key not in document:
            return _MISSING
        document = document[key]
    return freeze(document)
