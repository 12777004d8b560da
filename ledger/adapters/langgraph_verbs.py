"""What the saver does, as steps: written once, taken by its sync methods and awaited by its async ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from ledger.adapters import langgraph_hiding as hiding
from ledger.adapters.langgraph_deltas import history_of
from ledger.adapters.langgraph_finding import Namespace, listed, matches
from ledger.adapters.langgraph_lines import Lines, alive_lines, namespaces, next_line, threads
from ledger.adapters.langgraph_memory import Memory
from ledger.adapters.langgraph_names import Line
from ledger.adapters.langgraph_placing import Place, fresh, is_unchanged, place_of_put, place_of_writes, prepared
from ledger.adapters.langgraph_states import Put, Written, base_of, draft, with_writes
from ledger.adapters.langgraph_steps import Call, Read, Save, Steps
from ledger.domain.session import Session
from ledger.domain.view import View
from ledger.errors import IdempotencyConflict, InvalidSession, SessionDeleted, SessionExists, VersionConflict

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["Verbs", "place_named"]

DELETED = "the thread was deleted"
#: How often a save looks for its place anew: each try lost to a save of somebody else that succeeded.
TRIES = 200
_LOST_TO_OTHERS = (VersionConflict, SessionExists, SessionDeleted, IdempotencyConflict)


class Verbs:
    """What is asked of a ledger, in the order in which it has to be asked.

    Args:
        writer: who saves.
    """

    def __init__(self, writer: str) -> None:
        self._lines = Lines()
        self._by = {"writer": writer}

    def tuple_of(self, config: RunnableConfig, serde: SerializerProtocol, book: Ledger) -> CheckpointTuple | None:
        """Give the checkpoint that a config names, or the latest."""
        namespace = Namespace(self._lines, book, *place_named(config))
        wanted = get_checkpoint_id(config)
        found = namespace.found(wanted) if wanted else namespace.latest()
        return None if found is None else namespace.tuple_of(found, serde, config if wanted else None)

    def listed(
        self,
        config: RunnableConfig | None,
        book: Ledger,
        *,
        wanted: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
        serde: SerializerProtocol,
    ) -> Iterator[CheckpointTuple]:
        """Give checkpoints, the highest id first."""
        if config is None:
            places, only = threads(book), None
        else:
            thread, only = str(config["configurable"]["thread_id"]), get_checkpoint_id(config)
            name = config["configurable"].get("checkpoint_ns")
            places = [(thread, each) for each in (namespaces(book, thread) if name is None else [name])]
        every = listed(self._lines, book, places, before=get_checkpoint_id(before) if before else None, only=only)
        matching = (each for each in every if matches(each[1], wanted, serde))
        return (namespace.tuple_of(found, serde) for namespace, found in islice(matching, limit))

    def deltas(
        self, config: RunnableConfig, channels: Sequence[str], serde: SerializerProtocol, book: Ledger
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what channels are rebuilt from."""
        namespace = Namespace(self._lines, book, *place_named(config))
        return history_of(namespace, get_checkpoint_id(config), channels, serde)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
        serde: SerializerProtocol,
        **more: Any,
    ) -> Steps[bool]:
        """Put a checkpoint; says whether that stored anything."""
        at = place_named(config)
        told: Mapping[str, Any] = get_checkpoint_metadata(config, metadata)
        put = Put(get_checkpoint_id(config), checkpoint, told, new_versions)
        for attempt in range(TRIES):
            place: Place | None = yield Read(lambda book: place_of_put(self._lines, book, at, put, serde))
            if place is None:
                return False
            try:
                if place.fork is not None:
                    forked: Session = yield Call(
                        "fork", (place.fork.session_id, place.line.session_id), {"at": place.fork.last, **self._by}
                    )
                    place = place._replace(head=base_of(forked))
                memory = self._lines.memory(place.line.session_id)
                session, view = yield Read(partial(_prepared, place, put, serde, memory))
                if is_unchanged(session, view):
                    return False
                key = put.id if place.keyed else None
                yield Save(session, {"expected_version": view.version, "key": key, **self._by, **more})
            except _LOST_TO_OTHERS:
                self._lines.doubt(*at, put.parent)
                if attempt == TRIES - 1:
                    raise
            else:
                self._lines.saved(place.line, base_of(session), memory)
                return True
        return False

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task: tuple[str, str],
        serde: SerializerProtocol,
        *,
        places: Sequence[int] | None = None,
        resolves: bool = True,
        **more: Any,
    ) -> Steps[bool]:
        """Put writes; says whether that stored anything."""
        at = place_named(config)
        checkpoint = str(config["configurable"]["checkpoint_id"])

        written = Written(checkpoint, writes, *task, places, resolves)

        def write(place: Place, _: Ledger) -> tuple[Session, View, bool]:
            session, view = fresh(place.line) if place.head is None else (draft(place.head), place.head)
            memory = self._lines.memory(place.line.session_id)
            # A subgraph's interrupt comes up to the root's own checkpoint, where a person is asked.
            refers = with_writes(session, view, written, serde, memory, asks=not at[1])
            return session, view, refers

        for attempt in range(TRIES):
            place: Place = yield Read(lambda book: place_of_writes(self._lines, book, at, checkpoint))
            session, view, refers = yield Read(partial(write, place))
            if is_unchanged(session, view):
                return False
            # What only adds stands whatever others saved; what refers to something needs it to be there still.
            expected = {"expected_version": view.version} if refers or place.head is None else {}
            try:
                yield Save(session, {**expected, **self._by, **more})
            except _LOST_TO_OTHERS:
                self._lines.doubt(*at, checkpoint)
                if attempt == TRIES - 1:
                    raise
            else:
                self._lines.saved(place.line, base_of(session), self._lines.memory(place.line.session_id))
                return True
        return False

    def delete_thread(self, thread: str) -> Steps[None]:
        """Delete every session of a thread."""

        def sessions(book: Ledger) -> list[str]:
            names = namespaces(book, str(thread))
            found = [known for name in names for known in alive_lines(self._lines, book, str(thread), name)]
            return [known.line.session_id for known in found]

        for session_id in (yield Read(sessions)):
            yield Call("delete", (session_id,), {"reason": DELETED, **self._by})
            self._lines.forget(session_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> Steps[None]:
        """Hide the checkpoints of runs wherever they are."""
        runs = [*run_ids]

        def sessions(book: Ledger) -> list[str]:
            return [
                session_id
                for thread, name in threads(book)
                for session_id, view in self._heads(book, thread, name)
                if hiding.has_run(view.state, runs)
            ]

        for session_id in (yield Read(sessions)) if runs else ():
            yield Call("update", (session_id, hiding.hide_runs(runs)), {**self._by})

    def _heads(self, book: Ledger, thread: str, name: str) -> list[tuple[str, View]]:
        try:
            return [(known.line.session_id, known.head) for known in alive_lines(self._lines, book, thread, name)]
        except InvalidSession:
            return []  # a session of something else, in a ledger that several use

    def copy_thread(self, source: str, target: str) -> Steps[None]:
        """Fork every session of a thread."""
        source, target = str(source), str(target)
        names = (yield Read(lambda book: namespaces(book, source))) if source != target else []
        for name in names:
            for session_id, _ in (yield Read(partial(self._heads_of, source, name))):
                yield from self._fork(session_id, target, name)

    def _heads_of(self, thread: str, name: str, book: Ledger) -> list[tuple[str, View]]:
        return self._heads(book, thread, name)

    def _fork(self, session_id: str, thread: str, name: str) -> Steps[None]:
        for attempt in range(TRIES):
            line: Line = yield Read(lambda book: next_line(book, thread, name))
            try:
                yield Call("fork", (session_id, line.session_id), {**self._by})
            except SessionExists:
                if attempt == TRIES - 1:
                    raise
            else:
                return

    def prune(self, thread_ids: Sequence[str], strategy: str) -> Steps[None]:
        """Hide all but the latest checkpoints of threads, or delete the threads."""
        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f"there is no strategy {strategy!r}; use 'keep_latest' or 'delete'")
        for thread in map(str, thread_ids):
            if strategy == "delete":
                yield from self.delete_thread(thread)
                continue
            for latest, sessions in (yield Read(partial(self._latest, thread))):
                for session_id in sessions:
                    yield Call("update", (session_id, hiding.prune_before(latest)), {**self._by})

    def _latest(self, thread: str, book: Ledger) -> list[tuple[str, list[str]]]:
        """Give the latest checkpoint of each namespace, and the sessions that are to hide what is before it."""
        found = []
        for name in namespaces(book, thread):
            namespace = Namespace(self._lines, book, thread, name)
            latest = namespace.latest()
            if latest is not None:
                known = [each for each in namespace.known if each.head.state.get("pruned") != latest.span.checkpoint_id]
                found.append((latest.span.checkpoint_id, [each.line.session_id for each in known]))
        return found


def _prepared(place: Place, put: Put, serde: SerializerProtocol, memory: Memory, _: Ledger) -> tuple[Session, View]:
    return prepared(place, put, serde, memory)


def place_named(config: RunnableConfig) -> tuple[str, str]:
    """Give the thread and the namespace that a config names."""
    named = config["configurable"]
    return str(named["thread_id"]), str(named.get("checkpoint_ns") or "")
