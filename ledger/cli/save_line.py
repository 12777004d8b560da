"""A save on one line: what it did to questions first, then what gave way, then the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ledger.cli.output import emphasised, faint, in_line, shortened, width
from ledger.cli.times import instant

if TYPE_CHECKING:
    from ledger.domain.events import Change, Event
    from ledger.domain.records import FeedItem

__all__ = ["COLOURS", "LineShape", "marks_of", "place_line"]

#: Longer names of writers are cut; one that only comes later than the first page moves its line to the right.
WRITER_COLUMNS = 20
_ENDED = {"answered": "green", "lost": "red", "omitted": "red", "asked": "yellow", "recovered": "yellow"}
#: What each mark of a save is shown in.
COLOURS = {**_ENDED, "stale": "yellow", "averted": "cyan", "overruled": "magenta", "deleted": "red", "forked": "blue"}
_QUESTION = "question_"
_GAP = "; "


class LineShape(NamedTuple):
    """How wide the columns are: of a list that comes page by page, they are those that its first page needs."""

    version: int
    writer: int

    @classmethod
    def of(cls, events: Sequence[Event], head: int) -> LineShape:
        """Give the shape for a list that begins with these events."""
        longest = max((len(_who(event)) for event in events), default=0)
        return cls(len(str(head)), min(longest, WRITER_COLUMNS))

    def line(self, event: Event, averted: int = 0) -> str:
        """Give the line of a save: version, time, writer, what it did; `averted` counts what it would have undone."""
        version = str(event.version).rjust(self.version)
        time = instant(event.occurred_at or event.recorded_at)
        who = shortened(_who(event), WRITER_COLUMNS).ljust(self.writer)
        room = width() - len(version) - len(time) - len(who) - 6
        return f"{emphasised(version)}  {faint(time)}  {who}  {_fitted(_pieces(event, averted), room)}".rstrip()

    def shortest(self, event: Event, averted: int = 0) -> str:
        """Give the line without the time, and without columns."""
        version, who = str(event.version), _who(event)
        room = width() - len(version) - len(who) - 3
        return f"{emphasised(version)} {who}: {_fitted(_pieces(event, averted), room)}"


def place_line(item: FeedItem) -> str:
    """Give the line of a save in the feed: position, session and version, writer, what it did."""
    event = item.event
    place = f"{item.position}  {in_line(item.session_id)}@{event.version}"
    who = _who(event)
    room = width() - len(place) - len(who) - 3
    return f"{emphasised(place)} {who}: {_fitted(_pieces(event, averted=0), room)}"


def marks_of(event: Event, averted: int = 0) -> list[str]:
    """Give the words that mark a save: what it was (``stale``, ``averted``, …), and what it did to questions."""
    kinds = [change.type for change in event.changes]
    found = ["forked"] if "session_forked" in kinds else []
    found += ["stale"] if event.is_stale else []
    found += ["averted"] if averted else []
    found += [kind.removeprefix(_QUESTION) for kind in kinds if kind.startswith(_QUESTION)]
    found += ["overruled"] if "change_overruled" in kinds else []
    found += ["deleted"] if event.kind == "deleted" else []
    return list(dict.fromkeys(found))


def _who(event: Event) -> str:
    return in_line(event.writer) + (" (user)" if event.authority == "user" else "")


class _Piece(NamedTuple):
    """Some words; `mark` is the one among them, at the beginning, that is coloured."""

    mark: str
    rest: str = ""


def _pieces(event: Event, averted: int) -> list[_Piece]:
    pieces = [_Piece("stale", f" from {event.base_version or 'nothing'}")] if event.is_stale else []
    pieces += [_Piece("averted", f" {averted:,}")] if averted else []
    ordered = sorted(event.changes, key=lambda change: _rank(change.type))
    pieces += _grouped(ordered)
    if event.agreed and not event.changes:
        pieces.append(_Piece("", "changed nothing that others had not"))
    if event.kind == "deleted":
        # It withdrew what was pending too, but that follows from it.
        pieces.sort(key=lambda piece: piece.mark != "deleted")
    return pieces or [_Piece("", "changed nothing")]


#: What a reader looks for comes before what fills a log.
_ORDER = ("session", "question", "change", "title", "pinned", "model", "summary", "parent", "message", "metadata")


def _rank(kind: str) -> int:
    first = kind.partition("_")[0].removesuffix("s")
    return _ORDER.index(first) if first in _ORDER else len(_ORDER)


def _grouped(changes: Sequence[Change]) -> Iterator[_Piece]:
    from ledger.cli.change_words import in_words

    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(_group(change), []).append(change)
    for name, members in groups.items():
        if name.startswith(_QUESTION):
            yield _questions(name.removeprefix(_QUESTION), members)
        elif name in _MANY and len(members) > 1:
            yield _Piece("", f"{len(members)} {_MANY[name]}: {in_words(members[0])}")
        else:
            yield from (_piece(change) for change in members)


#: What comes in numbers is counted, and its first told.
_MANY = {
    "message_appended": "messages", "message_inserted": "inserted", "message_revised": "revised",
    "message_removed": "removed", "metadata": "in metadata", "state": "in state",
    "message_metadata": "in messages' metadata",
}  # fmt: skip


def _group(change: Change) -> str:
    kind = change.type
    for prefix in ("message_metadata", "metadata", "state"):
        if kind.startswith(f"{prefix}_"):
            return prefix
    return kind


def _questions(kind: str, changes: Sequence[Any]) -> _Piece:
    """Say what was said first, since an id may be longer than the line; of several questions, that of the first."""
    from ledger.cli.change_words import value_text

    first = changes[0]
    number = f" {len(changes)}" if len(changes) > 1 else ""
    match kind:
        case "asked":
            said, question_id = first.question.text, first.question.id
        case "answered":
            said, question_id = value_text(first.answer), first.question_id
        case "withdrawn" if first.reason:
            said, question_id = first.reason, first.question_id
        case _:
            return _Piece(kind, f"{number} {', '.join(change.question_id for change in changes)}")
    return _Piece(kind, f"{number}: {said} ({question_id})")


def _piece(change: Any) -> _Piece:
    from ledger.cli.change_words import in_words, value_text

    match change.type:
        case "session_created":
            return _Piece("", "created the session")  # as what, is less than what else it did
        case "session_forked":
            return _Piece("forked", f" from {change.place}")
        case "change_overruled":
            whose = "" if change.side == "writer" else f" of version {change.version}"
            return _Piece("overruled", f"{whose} {change.path}: {value_text(change.value)}")
        case "session_deleted":
            return _Piece("deleted", f" the session: {change.reason}" if change.reason else " the session")
    return _Piece("", in_words(change))


def _fitted(pieces: Sequence[_Piece], room: int) -> str:
    """Put the pieces on one line, cut where the room ends, and colour their marks."""
    # What is cut from a piece here is cut from the line, too.
    texts = [shortened(mark + rest, max(room, 1) + 1) for mark, rest in pieces]
    line = shortened(_GAP.join(texts), max(room, 1))
    shown, end = "", 0
    for (mark, _), text in zip(pieces, texts, strict=True):
        if mark and line[end:].startswith(mark):
            shown += emphasised(mark, COLOURS.get(mark)) + line[end + len(mark) : end + len(text + _GAP)]
        else:
            shown += line[end : end + len(text + _GAP)]
        end += len(text + _GAP)
    return shown
