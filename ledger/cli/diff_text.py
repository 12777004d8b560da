"""What differs between two states, as text for a person."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.cli.change_words import body, value_text
from ledger.cli.flow import Run, flow, marked
from ledger.cli.output import emphasised, faint, in_line, readable, shortened, width
from ledger.cli.word_diff import word_diff
from ledger.domain.compare import compare_documents
from ledger.domain.values import thaw

if TYPE_CHECKING:
    from ledger.domain.parts import Message, Question
    from ledger.domain.session_diff import MessageDiff, MessagesDiff, PathDiff, QuestionsDiff, SessionDiff

__all__ = ["diff_lines", "stat_lines"]

#: A longer message shows its beginning.
SHOWN_LINES = 12
#: A longer value is compared word by word.
LONG = 40
_INDENT = "  "
_INSIDE = "      "
_COLOURS = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}


def stat_lines(diff: SessionDiff) -> Iterator[str]:
    """Give how many things differ, a line for each kind of which there are any."""
    counts = {name.replace("_", " "): count for name, count in diff.stat.items() if count}
    wide = max(map(len, counts), default=0)
    digits = max((len(f"{count:,}") for count in counts.values()), default=0)
    for name, count in counts.items():
        names = f"  {', '.join(diff.fields)}" if name == "fields" else ""
        yield f"{name.ljust(wide)}  {count:>{digits},}{names}"


def diff_lines(diff: SessionDiff, *, full: bool) -> Iterator[str]:
    """Give what differs, a section for each part of a session.

    Args:
        diff: it is not empty.
        full: show long texts to their end.
    """
    limit = None if full else SHOWN_LINES
    yield emphasised(in_line(f"{diff.a} → {diff.b}"))
    if diff.fields:
        yield ""
    for name, field in diff.fields.items():
        label = f"{_INDENT}{name.ljust(8)}"
        old, new = _both(field.before, field.after)
        if _is_long(old, new):
            yield label.rstrip()
            yield from _by_words(
                "" if field.before is None else old, "" if field.after is None else new, _INSIDE, limit
            )
        else:
            yield label + _from_to(_spoken(field.before, old), _spoken(field.after, new), len(label))
    yield from _questions(diff.questions, limit)
    for title, document in (("Metadata", diff.metadata), ("State", diff.state)):
        if document:
            yield from _section(title)
            for each in document:
                yield from _path(each, _INDENT, limit)
    yield from _messages(diff.messages, limit)


def _section(title: str) -> Iterator[str]:
    yield ""
    yield emphasised(title)


def _mark(mark: str) -> str:
    return emphasised(mark, _COLOURS[mark])


def _both(before: Any, after: Any) -> tuple[str, str]:
    """Give two values as text: so that they differ in it too, as JSON unless both are text."""
    if all(value is None or isinstance(value, str) for value in (before, after)):
        return value_text(before), value_text(after)
    return _json(before), _json(after)


def _json(value: Any) -> str:
    return json.dumps(thaw(value), ensure_ascii=False)


def _spoken(value: Any, text: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "(none)" if value is None else text


def _is_long(*texts: str) -> bool:
    return any(len(text) > LONG or "\n" in text for text in texts)


def _from_to(before: str, after: str, taken: int) -> str:
    """Give both in what is left of the line."""
    room = max((width() - taken - 3) // 2, 8)
    return f"{emphasised(shortened(before, room), 'red')} → {emphasised(shortened(after, room), 'green')}"


def _by_words(old: str, new: str, indent: str, limit: int | None) -> Iterator[str]:
    yield from flow(marked(word_diff(old, new), full=limit is None), indent, limit, size=max(len(old), len(new)))


def _path(each: PathDiff, indent: str, limit: int | None) -> Iterator[str]:
    mark = {"added": "+", "removed": "-", "changed": "~"}[each.kind]
    head, path = f"{indent}{_mark(mark)} ", in_line(each.path)
    taken = len(indent) + 2 + len(path)
    inside = indent + _INDENT * 2
    if each.kind == "changed":
        if _is_long(*map(_json, (each.before, each.after))):
            yield head + path
            yield from _by_words(*_both(each.before, each.after), inside, limit)
        else:
            yield f"{head}{path}: {_from_to(_json(each.before), _json(each.after), taken + 2)}"
        return
    value = each.after if each.kind == "added" else each.before
    if taken + 3 + len(_json(value)) <= width():
        yield f"{head}{path} = {emphasised(readable(_json(value)), _COLOURS[mark])}"
    else:
        yield f"{head}{path} ="
        yield from flow([Run(value_text(value), _COLOURS[mark])], inside, limit)


def _questions(questions: QuestionsDiff, limit: int | None) -> Iterator[str]:
    every = [(kind, each) for kind in type(questions).model_fields for each in getattr(questions, kind)]
    if not every:
        return
    yield from _section("Questions")
    for kind, each in every:
        before, after = each.before, each.after
        status = str(each.question.status)
        if before is not None and after is not None and before.status is not after.status:
            status = f"{before.status} → {after.status}"
        mark = {"asked": "+", "removed": "-"}.get(kind, "~")
        yield f"{_INDENT}{_mark(mark)} {emphasised(status)}  {faint(in_line(each.id))}"
        if before is not None and after is not None and not before.asks_the_same(after):
            yield from _by_words(_asked(before), _asked(after), _INSIDE, limit)
        else:
            yield from flow(_asked(each.question), _INSIDE, limit)
        for side, sign in ((before, "-"), (after, "+")):
            if side is not None and not side.is_pending:
                yield from flow([Run(f"{sign} {_outcome(side)}", _COLOURS[sign])], _INSIDE, limit)


def _asked(question: Question) -> str:
    header = f"{question.header}: " if question.header else ""
    kind = "any of" if question.multiple else "one of"
    options = f"\n{kind} {', '.join(option.label for option in question.options)}" if question.options else ""
    return f"{header}{question.text}{options}"


def _outcome(question: Question) -> str:
    by = f" by {question.resolved_by}" if question.resolved_by else ""
    outcome = value_text(question.answer) if question.status == "answered" else question.reason
    return f"{question.status}{by}" + (f": {outcome}" if outcome else "")


class _Entry(NamedTuple):
    """A message that differs: how many unchanged ones precede it, and how it is marked."""

    unchanged: int
    mark: str
    message: MessageDiff


def _messages(messages: MessagesDiff, limit: int | None) -> Iterator[str]:
    entries, rest = _in_order(messages)
    if not entries:
        return
    revised = {each.id for each in messages.revised}
    yield from _section("Messages")
    for unchanged, mark, each in entries:
        yield from _unchanged(unchanged)
        yield from _message(mark, each, limit, revised=each.id in revised)
    yield from _unchanged(rest)


def _unchanged(count: int) -> Iterator[str]:
    if count:
        yield f"{_INDENT}{faint(f'… {count:,} unchanged')}"


def _in_order(messages: MessagesDiff) -> tuple[list[_Entry], int]:
    """Put what differs where it stands in the conversation, and give how many unchanged messages follow the last."""
    moved = {each.id for each in messages.moved}
    stayed = [each for each in messages.revised if each.id not in moved]
    # A place is told by how many of those that kept their order precede it, which is the same on both sides.
    left = sorted(_known(each.position_before for each in (*messages.removed, *messages.moved)))
    came = sorted(_known(each.position_after for each in (*messages.added, *messages.moved)))
    places = [(each.position - bisect_left(left, each.position), "-", each) for each in messages.removed]
    for mark, differences in (("+", messages.added), (">", messages.moved), ("~", stayed)):
        places += [(each.position - bisect_left(came, each.position), mark, each) for each in differences]
    places.sort(key=lambda place: (place[0], place[1] != "-", place[2].position))
    entries, passed = [], 0
    for preceding, mark, each in places:
        entries.append(_Entry(preceding - passed, mark, each))
        passed = preceding + (mark == "~")
    return entries, messages.unchanged + len(stayed) - passed


def _known(positions: Iterable[int | None]) -> Iterator[int]:
    return (position for position in positions if position is not None)


def _message(mark: str, each: MessageDiff, limit: int | None, *, revised: bool) -> Iterator[str]:
    text = body(each.message)
    head = f"{_INDENT}{_mark(mark)} {emphasised(f'{each.position + 1}. {in_line(each.message.role)}')}"
    notes = [f"was {each.position_before + 1}"] if mark == ">" and each.position_before is not None else []
    notes += ["revised"] if mark == ">" and revised else []
    yield f"{head}  {faint(in_line(each.id))}" + (f"  ({', '.join(notes)})" if notes else "")
    if revised and each.before is not None and each.after is not None:
        yield from _revision(each.before, each.after, limit)
    elif mark == ">":
        yield _INSIDE + faint(shortened(text or "(nothing)", width() - len(_INSIDE)))
    else:
        yield from flow([Run(text or "(nothing)", _COLOURS[mark])], _INSIDE, limit)


def _revision(before: Message, after: Message, limit: int | None) -> Iterator[str]:
    old, new = body(before), body(after)
    if old != new:
        yield from _by_words(old, new, _INSIDE, limit)
    # The rest as documents, so that what differs in them is told by its path.
    was, now = (message.model_dump(mode="json", exclude=_IN_BODY) for message in (before, after))
    for each in compare_documents(was, now):
        yield from _path(each, _INDENT * 2, limit)


#: What the text of a message tells, and its id, which both have.
_IN_BODY = {"id", "content", "reasoning", "tool_calls"}
