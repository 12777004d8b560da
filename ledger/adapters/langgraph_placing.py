"""Where a checkpoint goes, and where writes go: onto a line that stands there, onto a fork, or onto a new line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from langgraph.checkpoint.serde.base import SerializerProtocol

from ledger.adapters.langgraph_finding import Namespace
from ledger.adapters.langgraph_hiding import HIDING
from ledger.adapters.langgraph_lines import Known, Lines, Span, next_line
from ledger.adapters.langgraph_memory import Memory
from ledger.adapters.langgraph_names import Line
from ledger.adapters.langgraph_states import Put, base_of, checkpoint_id, draft, new_session, with_checkpoint
from ledger.domain.session import Session
from ledger.domain.values import json_equal
from ledger.domain.view import View

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Place", "fresh", "is_unchanged", "place_of_put", "place_of_writes", "prepared"]


class Place(NamedTuple):
    """Where something is to be saved.

    `head` is what it goes on from, `None` for a line that is new, and `fork` what a new line is to be forked from.
    `keyed` says whether the save is the first of its checkpoint there. `early` are the heads of other lines that have
    writes of it. `hiding` is what a fork takes over of the line that it leaves: what was hidden since the version that
    it begins with.
    """

    line: Line
    head: View | None = None
    fork: Span | None = None
    keyed: bool = True
    early: tuple[View, ...] = ()
    hiding: tuple[tuple[str, Any], ...] = ()


def place_of_put(lines: Lines, book: Ledger, at: tuple[str, str], put: Put, serde: SerializerProtocol) -> Place | None:
    """Give where a checkpoint goes, in a namespace of a thread; `None` if it is stored already, just so."""
    tip = lines.tip(*at, put.parent) if put.parent != put.id else None
    if tip is not None and lines.early(*at, put.id) in (None, tip.line):
        return Place(*tip)
    namespace = Namespace(lines, book, *at)
    place = _place(namespace, book, at, put, serde)
    if place is None:
        return None
    early = tuple(known.head for known in namespace.known if put.id in known.head.state.get("writes", {}))
    return place._replace(early=tuple(head for head in early if head is not place.head))


def _place(
    namespace: Namespace, book: Ledger, at: tuple[str, str], put: Put, serde: SerializerProtocol
) -> Place | None:
    again = _at(namespace, put.id)
    if again is not None:
        return Place(*again, keyed=False)
    spans = {span.checkpoint_id: (span, known[0]) for span, known in namespace.spans()}
    if put.id not in spans:
        return _behind(namespace, spans, put) or _new(book, at, spans, put)
    stored = namespace.found(put.id, hidden=True)
    if stored is not None and is_unchanged(_with(stored.view, put, serde), stored.view):
        return None
    return _new(book, at, spans, put)


_Spans = dict[str, tuple[Span, Known]]


def _behind(namespace: Namespace, spans: _Spans, put: Put) -> Place | None:
    """Give the line that a checkpoint goes on; `None` if that has to be a new one."""
    parent = _at(namespace, put.parent) if put.parent is not None else None
    if parent is not None:
        return Place(*parent)
    if put.parent in spans:
        return None
    # Writes may have come before any checkpoint.
    waiting = _at(namespace, None)
    if waiting is not None:
        return Place(*waiting)
    # A parent that was never put has no line; going on from the newest one stores only what differs.
    return Place(*namespace.known[-1]) if put.parent is not None and namespace.known else None


def _new(book: Ledger, at: tuple[str, str], spans: _Spans, put: Put) -> Place:
    line = next_line(book, *at)
    if put.parent not in spans:
        return Place(line)
    span, known = spans[put.parent]
    return Place(
        line, fork=span, hiding=tuple((each, known.head.state[each]) for each in HIDING if each in known.head.state)
    )


def _at(namespace: Namespace, checkpoint: str | None) -> Known | None:
    return next((known for known in namespace.known if checkpoint_id(known.head) == checkpoint), None)


def place_of_writes(lines: Lines, book: Ledger, at: tuple[str, str], checkpoint: str) -> Place:
    """Give where the writes of a checkpoint go; they may come before it, and after the next one."""
    tip = lines.tip(*at, checkpoint)
    if tip is not None:
        return Place(*tip)
    namespace = Namespace(lines, book, *at)
    standing = _at(namespace, checkpoint)
    if standing is not None:
        return Place(*standing)
    for span, having in namespace.spans():
        if span.checkpoint_id == checkpoint:
            return Place(*next((known for known in having if known.head.session_id == span.session_id), having[-1]))
    # It is yet to be put, most likely where the last save went.
    line = lines.latest(*at)
    known = next((each for each in namespace.known[::-1] if line in (None, each.line)), None)
    place = Place(next_line(book, *at)) if known is None else Place(*known)
    lines.expect(*at, checkpoint, place.line)
    return place


def fresh(line: Line) -> tuple[Session, View]:
    """Give a session for a line that is new, and what it is as yet."""
    session = new_session(line.session_id, Line(line.thread, "").session_id)
    return session, base_of(session)


def prepared(place: Place, put: Put, serde: SerializerProtocol, memory: Memory) -> tuple[Session, View]:
    """Give the session that a put saves, and the view that it goes on from."""
    session, view = fresh(place.line) if place.head is None else (draft(place.head), place.head)
    whole = put._replace(early=place.early, forks=place.fork is not None)
    with_checkpoint(session, view, whole, serde, memory)
    session.state.update(place.hiding)
    return session, view


def is_unchanged(session: Session, view: View) -> bool:
    """Tell whether a session is what it was made of, so that there is nothing to save."""
    return (
        json_equal(dict(view.state), session.state)
        and list(view.messages) == session.messages
        and dict(view.questions) == session.questions
    )


def _with(view: View, put: Put, serde: SerializerProtocol) -> Session:
    session = draft(view)
    with_checkpoint(session, view, put, serde, Memory())
    return session
