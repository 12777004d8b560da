"""Finds the checkpoints of a thread, one or many, newest first; hidden ones only where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import merge
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.serde.base import SerializerProtocol

from ledger.adapters.langgraph_hiding import is_hidden
from ledger.adapters.langgraph_lines import Known, Lines, Span, alive_lines, spans_of, views_at
from ledger.adapters.langgraph_states import checkpoint_id, checkpoint_of, metadata_of, parent_id, pending_writes
from ledger.domain.view import View
from ledger.errors import InvalidSession

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Found", "Namespace", "config_of", "listed", "matches"]


class Found(NamedTuple):
    """A checkpoint of a thread: the view that it is at, the one that has its late writes, and its line."""

    span: Span
    view: View
    after: View
    known: Known


class Namespace:
    """One namespace of a thread as it is now: its branches, and the checkpoints in them."""

    def __init__(self, lines: Lines, book: Ledger, thread: str, namespace: str) -> None:
        self.thread = thread
        self.name = namespace
        self._book = book
        self._lines = lines
        self.known = alive_lines(lines, book, thread, namespace)

    def spans(self) -> list[tuple[Span, list[Known]]]:
        """Give the checkpoints, the highest id first, with the lines that each is in.

        A checkpoint that was put again is what it is in the latest branch.
        """
        found: dict[str, tuple[Span, list[Known]]] = {}
        for known in self.known:
            for span in spans_of(self._book, known.head):
                before = found.get(span.checkpoint_id)
                same = before is not None and before[0].session_id == span.session_id
                # A line that goes on from it knows its writes up to there; the line that has it, all.
                widest = max(span, before[0]) if same and before is not None else span
                found[span.checkpoint_id] = (widest, [*(before[1] if same and before is not None else ()), known])
        return [found[name] for name in sorted(found, reverse=True)]

    def found(self, checkpoint: str, *, hidden: bool = False) -> Found | None:
        """Give the checkpoint of that id."""
        at_head = [known for known in self.known if checkpoint_id(known.head) == checkpoint]
        if at_head and (hidden or not is_hidden(at_head[-1].head, at_head[-1].head)):
            return _at_head(at_head[-1])
        for span, lines in self.spans():
            if span.checkpoint_id == checkpoint:
                return next(self._visible([(span, lines)], hidden=hidden), None)
        return None

    def latest(self) -> Found | None:
        """Give the checkpoint of the highest id."""
        heads = [known for known in self.known if checkpoint_id(known.head) is not None]
        if not heads:
            return None
        tops = [(known.head.state.get("top") or checkpoint_id(known.head) or "", known) for known in heads]
        top, known = max(tops, key=lambda each: (each[0], each[1].line.branch))
        if top == checkpoint_id(known.head) and not is_hidden(known.head, known.head):
            return _at_head(known)
        return next(self.every(), None)

    def every(self, before: str | None = None, only: str | None = None, *, hidden: bool = False) -> Iterator[Found]:
        """Give all checkpoints, the highest id first.

        Args:
            before: only those with lower ids.
            only: only the one of this id.
            hidden: hidden ones too.
        """
        wanted = [
            (span, lines)
            for span, lines in self.spans()
            if (before is None or span.checkpoint_id < before) and (only is None or span.checkpoint_id == only)
        ]
        return self._visible(wanted, hidden=hidden)

    def _visible(self, wanted: list[tuple[Span, list[Known]]], *, hidden: bool) -> Iterator[Found]:
        lines_of = dict(wanted)
        for span, view, after in views_at(self._book, [span for span, _ in wanted]):
            seen_in = [known for known in lines_of[span] if hidden or not is_hidden(view, known.head)]
            if seen_in:
                yield Found(span, view, after, seen_in[0])

    def ancestors(self, checkpoint: str) -> Iterator[Found]:
        """Give the checkpoints that one came from, the nearest first, hidden or not."""
        spans = {span.checkpoint_id: (span, lines) for span, lines in self.spans()}
        start = self.found(checkpoint, hidden=True)
        wanted = None if start is None else parent_id(start.view)
        while wanted is not None and wanted in spans:
            session_id = spans[wanted][0].session_id
            # One session mostly holds them in a row, so they are read in a row.
            row = [each for each in spans.values() if each[0].session_id == session_id]
            row = sorted((each for each in row if each[0].last <= spans[wanted][0].last), reverse=True, key=_end)
            before = wanted
            for found in self._visible(row, hidden=True):
                if found.span.checkpoint_id == wanted:
                    yield found
                    wanted = parent_id(found.view)
                    if wanted is None:
                        return
            if wanted == before:
                return

    def written_to(self, found: Found) -> list[View]:
        """Give the views that may have writes of a checkpoint: its own line's in their order, and then the others."""
        heads = [known.head for known in self.known]
        own = [head for head in heads if head.session_id == found.span.session_id]
        others = [head for head in heads if head.session_id != found.span.session_id]
        return list({id(view): view for view in (found.view, found.after, *own, *others)}.values())

    def tuple_of(
        self, found: Found, serde: SerializerProtocol, config: RunnableConfig | None = None
    ) -> CheckpointTuple:
        """Give a checkpoint as the framework has it."""
        checkpoint = found.span.checkpoint_id
        memory = self._lines.memory(found.known.line.session_id) if found.view is found.known.head else None
        parent = parent_id(found.view)
        views = self.written_to(found)
        return CheckpointTuple(
            config=config or config_of(self.thread, self.name, checkpoint),
            checkpoint=checkpoint_of(found.view, serde, memory),
            metadata=metadata_of(found.view, serde),
            parent_config=config_of(self.thread, self.name, parent) if parent else None,
            pending_writes=pending_writes(checkpoint, views, serde),
        )


def _at_head(known: Known) -> Found:
    head = known.head
    span = Span(checkpoint_id(head) or "", head.session_id, *[head.version] * 3)
    return Found(span, head, head, known)


def _end(each: tuple[Span, list[Known]]) -> int:
    return each[0].last


def config_of(thread: str, namespace: str, checkpoint: str) -> RunnableConfig:
    """Give the config that names a checkpoint."""
    return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint}}


def matches(found: Found, wanted: Mapping[str, Any] | None, serde: SerializerProtocol) -> bool:
    """Tell whether the metadata of a checkpoint has what is wanted."""
    if not wanted:
        return True
    metadata: Mapping[str, Any] = metadata_of(found.view, serde)
    return all(metadata.get(key) == value for key, value in wanted.items())


def listed(
    lines: Lines, book: Ledger, places: list[tuple[str, str]], *, before: str | None, only: str | None
) -> Iterator[tuple[Namespace, Found]]:
    """Give the checkpoints of several namespaces, the highest id first."""

    def of(thread: str, name: str) -> Iterator[tuple[Namespace, Found]]:
        try:
            namespace = Namespace(lines, book, thread, name)
        except InvalidSession:
            return  # a session of something else, in a ledger that several use
        for found in namespace.every(before, only):
            yield namespace, found

    streams = [of(*place) for place in places]
    return merge(*streams, key=lambda each: each[1].span.checkpoint_id, reverse=True)
