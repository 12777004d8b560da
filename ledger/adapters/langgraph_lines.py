"""Where the checkpoints of a thread are: its lines, the versions that each checkpoint spans, and the views at those.

Everything here reads. What it remembers of heads is checked against the head row before it is used, or is used for a
save that names the version that it expects.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ledger.adapters.langgraph_memory import Memory
from ledger.adapters.langgraph_names import Line, thread_prefix
from ledger.adapters.langgraph_states import base_of, checkpoint_id
from ledger.domain.apply import fold
from ledger.domain.view import View
from ledger.errors import InvalidSession, SessionDeleted, SessionNotFound

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Known", "Lines", "Span", "alive_lines", "namespaces", "next_line", "spans_of", "threads", "views_at"]

#: So many heads are remembered.
REMEMBERED = 128
#: So many checkpoints are folded in one go at first; then twice as many each time.
FIRST_BATCH = 8
LARGEST_BATCH = 256


class Span(NamedTuple):
    """The versions of a session at which it holds one checkpoint.

    `after` is the last version at which it holds the next one, and until then writes of this one may come.
    """

    checkpoint_id: str
    session_id: str
    first: int
    last: int
    after: int


class Known(NamedTuple):
    """A line, and its head."""

    line: Line
    head: View


@dataclass(slots=True)
class _Entry:
    head: View
    memory: Memory = field(default_factory=Memory)


class Lines:
    """Remembers the heads of the lines that were used last. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._tips: OrderedDict[tuple[str, str, str], Line] = OrderedDict()
        self._early: OrderedDict[tuple[str, str, str], Line] = OrderedDict()
        self._latest: OrderedDict[tuple[str, str], Line] = OrderedDict()

    def memory(self, session_id: str) -> Memory:
        """Give what is remembered of the messages of a session."""
        with self._lock:
            entry = self._entries.get(session_id)
            return Memory() if entry is None else entry.memory

    def keep(self, line: Line, head: View, memory: Memory | None = None) -> None:
        """Remember a head, unless a newer one is remembered."""
        with self._lock:
            entry = self._entries.setdefault(line.session_id, _Entry(head))
            if head.version >= entry.head.version:
                entry.head = head
            if memory is not None:
                entry.memory = memory
            self._entries.move_to_end(line.session_id)
            tip = checkpoint_id(entry.head)
            if tip is not None:
                self._tips[line.thread, line.namespace, tip] = line
            while len(self._entries) > REMEMBERED:
                self._entries.popitem(last=False)
            while len(self._tips) > REMEMBERED:
                self._tips.popitem(last=False)

    def saved(self, line: Line, head: View, memory: Memory) -> None:
        """Remember a head that was just saved."""
        self.keep(line, head, memory)
        with self._lock:
            self._latest[line.thread, line.namespace] = line
            self._latest.move_to_end((line.thread, line.namespace))
            while len(self._latest) > REMEMBERED:
                self._latest.popitem(last=False)

    def latest(self, thread: str, namespace: str) -> Line | None:
        """Give the line of a namespace that was saved last."""
        with self._lock:
            return self._latest.get((thread, namespace))

    def expect(self, thread: str, namespace: str, checkpoint: str, line: Line) -> None:
        """Remember where writes went of a checkpoint that is yet to be put."""
        with self._lock:
            self._early[thread, namespace, checkpoint] = line
            while len(self._early) > REMEMBERED:
                self._early.popitem(last=False)

    def early(self, thread: str, namespace: str, checkpoint: str) -> Line | None:
        """Give the line that has writes of a checkpoint that is yet to be put, if any were."""
        with self._lock:
            return self._early.get((thread, namespace, checkpoint))

    def forget(self, session_id: str) -> None:
        """Forget a head that turned out not to be one."""
        with self._lock:
            self._entries.pop(session_id, None)

    def doubt(self, thread: str, namespace: str, checkpoint: str | None) -> None:
        """Look at the head row again before anything is saved onto the line that stood at a checkpoint."""
        with self._lock:
            self._tips.pop((thread, namespace, checkpoint or ""), None)

    def tip(self, thread: str, namespace: str, checkpoint: str | None) -> Known | None:
        """Give the line whose head is remembered to be at a checkpoint, without asking whether it still is."""
        with self._lock:
            line = self._tips.get((thread, namespace, checkpoint or ""))
            entry = None if line is None else self._entries.get(line.session_id)
            if line is None or entry is None or checkpoint_id(entry.head) != checkpoint:
                return None
            return Known(line, entry.head)

    def head(self, book: Ledger, line: Line) -> View | None:
        """Give the head of a line; `None` if it was never saved, or deleted.

        Raises:
            InvalidSession: if a session of that id holds something else.
        """
        session_id = line.session_id
        head = book.head(session_id)
        if head is None or head.deleted:
            self.forget(session_id)
            return None
        with self._lock:
            entry = self._entries.get(session_id)
        view = None if entry is None else _caught_up(book, entry.head, head.version, head.digest)
        if view is None:
            try:
                view = base_of(book.load_to_save(session_id))
            except (SessionDeleted, SessionNotFound):
                return None
        if "langgraph" not in view.state:
            raise InvalidSession(
                f"session {session_id} is none of a LangGraph thread; give the thread another thread_id",
                session_id=session_id,
            )
        self.keep(line, view)
        return view


def _caught_up(book: Ledger, known: View, version: int, digest: str) -> View | None:
    """Give the head, from one that is known and the events since; `None` if it is of another past."""
    if known.version == version:
        return known if known.digest == digest else None
    if known.version > version:
        return None
    events = book.events_after(known.session_id, known.version, known.digest)
    return None if events is None else fold(known, events)


def alive_lines(lines: Lines, book: Ledger, thread: str, namespace: str) -> list[Known]:
    """Give the branches of one namespace that are not deleted, by number."""
    found = []
    for line in _lines(book, thread, namespace):
        head = lines.head(book, line)
        if head is not None:
            found.append(Known(line, head))
    return found


def next_line(book: Ledger, thread: str, namespace: str) -> Line:
    """Give a branch of one namespace that was never saved."""
    taken = [line.branch for line in _lines(book, thread, namespace)]
    first = Line(thread, namespace)
    if not taken or (1 not in taken and book.head(first.session_id) is None):
        return first
    return Line(thread, namespace, max(taken) + 1)


def _lines(book: Ledger, thread: str, namespace: str) -> list[Line]:
    first = Line(thread, namespace)
    found = [first] if book.head(first.session_id) is not None else []
    read = (Line.of(session_id) for session_id in book.ids(first.others_prefix))
    return [*found, *sorted(line for line in read if line is not None and line[:2] == first[:2])]


def namespaces(book: Ledger, thread: str) -> list[str]:
    """Give the namespaces of a thread that were ever saved, the root's first."""
    read = [Line.of(session_id) for session_id in book.ids(thread_prefix(thread))]
    found = {line.namespace for line in read if line is not None and line.thread == thread}
    return sorted({"", *found})


def threads(book: Ledger) -> list[tuple[str, str]]:
    """Give the thread and namespace that each id of the ledger could be of."""
    read = (Line.of(session_id) for session_id in book.ids())
    return sorted({line[:2] for line in read if line is not None})


def spans_of(book: Ledger, head: View) -> list[Span]:
    """Give the checkpoints of a line, those that it had before it was forked included; in the order of the saves."""
    parts: list[list[Span]] = []
    session_id, last, origin = head.session_id, head.version, head.forked_from
    while True:
        puts = sorted((version, key) for key, version in book.keys(session_id).items() if version <= last)
        ends = [*(put - 1 for put, _ in puts[1:]), last, last]
        parts.append([Span(key, session_id, put, *ends[place : place + 2]) for place, (put, key) in enumerate(puts)])
        if origin is None:
            break
        session_id, last = origin["session_id"], origin["version"]
        # The first version says where a session came from, also when it was deleted since.
        origin = book.load(session_id, 1).forked_from
    return [span for part in reversed(parts) for span in part]


def views_at(book: Ledger, spans: Sequence[Span]) -> Iterator[tuple[Span, View, View]]:
    """Give the views at `last` and `after` of each span, in the given order, each stretch of versions folded once."""
    start, size = 0, FIRST_BATCH
    while batch := spans[start : start + size]:
        views: dict[tuple[str, int], View] = {}
        for session_id in {span.session_id for span in batch}:
            of_session = [span for span in batch if span.session_id == session_id]
            wanted = sorted({version for span in of_session for version in (span.last, span.after)})
            views.update(((session_id, view.version), view) for view in _folded(book, session_id, wanted))
        for span in batch:
            yield span, views[span.session_id, span.last], views[span.session_id, span.after]
        start, size = start + size, min(2 * size, LARGEST_BATCH)


def _folded(book: Ledger, session_id: str, versions: Sequence[int]) -> Iterator[View]:
    view: View | None = None
    for version in versions:
        if view is None:
            view = base_of(book.load(session_id, version))
        else:
            view = fold(view, book.history(session_id, after=view.version, upto=version))
        yield view
