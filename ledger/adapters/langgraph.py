"""LangGraph keeps its checkpoints in the ledger: a saver that stores what changed, and never overwrites.

    from ledger.adapters.langgraph import LedgerSaver

    with LedgerSaver("sqlite:///ledger.db") as saver:
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"messages": "Deploy it"}, {"configurable": {"thread_id": "deployment-7"}})

`ledger --db sqlite:///ledger.db log deployment-7` then tells what happened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from random import random
from typing import TYPE_CHECKING, Any, TypeVar

from ledger.adapters.frameworks import require

require("langgraph-checkpoint", "langgraph.checkpoint", extra="langgraph", since="4.3", before="4.4")

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from ledger.adapters.langgraph_finding import config_of
from ledger.adapters.langgraph_steps import Steps, awaited, driven
from ledger.adapters.langgraph_verbs import Verbs, place_named
from ledger.adapters.opened import Opened, UsesLedger
from ledger.adapters.turns import Turns
from ledger.asyncbook import AsyncLedger

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["LedgerSaver"]

WRITER = "langgraph"
#: So many checkpoints are read in one go, for an async caller who goes on to ask for more.
PAGE = 32

T = TypeVar("T")


class LedgerSaver(UsesLedger, BaseCheckpointSaver[int]):
    """A checkpointer whose checkpoints are saves: each stores what changed, and every one of them stays.

    A thread's namespaces and branches are sessions: `thread`, `thread##2`, `thread#namespace`. Two runs that go on from
    one checkpoint both stand, each on its branch. An interrupt is a question, and resuming answers it. What is deleted
    or pruned is hidden, and its events stay. Safe to share between threads and event loops; every method has its async
    form, which blocks no event loop. Putting a checkpoint or writes again, after an error or from another process,
    stores them once.

        saver = LedgerSaver("postgresql://localhost/ledger")
        graph = builder.compile(checkpointer=saver)

    Args:
        ledger_or_url: a ledger that is open, and stays so, or the URL of one that this opens and `close` closes.
        serde: what makes bytes of values that are no JSON; the framework's own by default. With any other one nothing
            is stored but what it makes of each value, so that a serializer that encrypts keeps its promise.
        writer: who saves; `langgraph` by default, or the writer of the ledger that was handed over.
    """

    def __init__(
        self,
        ledger_or_url: Ledger | AsyncLedger | str,
        serde: SerializerProtocol | None = None,
        *,
        writer: str | None = None,
    ) -> None:
        super().__init__(serde=serde)
        self._opened = Opened(ledger_or_url, writer=writer or WRITER)
        given = ledger_or_url.book if isinstance(ledger_or_url, AsyncLedger) else ledger_or_url
        theirs = None if isinstance(given, str) or given.writer == "unknown" else given.writer
        self._verbs = Verbs(writer or theirs or WRITER)
        self._turns = Turns()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give the checkpoint that a config names, or the one of the highest id; `None` if there is none, or hidden.

        Raises:
            InvalidSession: if the session of the thread's name is none of LangGraph's.
        """
        return self._verbs.tuple_of(config, self.serde, self._opened.book)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give the checkpoint as `get_tuple` does, off the event loop."""
        return await self._read(partial(self._verbs.tuple_of, config, self.serde))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the framework's name for it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Give checkpoints, the highest id first, read page by page.

        Args:
            config: whose: a thread, and a namespace of it if it names one; every thread's by default.
            filter: only those whose metadata has these values.
            before: only those with a lower id than this one's.
            limit: at most so many.
        """
        yield from self._verbs.listed(
            config, self._opened.book, wanted=filter, before=before, limit=limit, serde=self.serde
        )

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the framework's name for it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Give checkpoints as `list` does, off the event loop."""
        listing = partial(self._verbs.listed, config, wanted=filter, before=before, limit=limit, serde=self.serde)
        tuples = await self._read(listing)
        size = 1
        while page := await self._read(partial(_taken, tuples, size)):
            for each in page:
                yield each
            size = min(2 * size, PAGE)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what channels were seeded with and written since, along the checkpoints that one came from.

        Hidden checkpoints count too: pruning a thread loses no value of it.
        """
        return self._verbs.deltas(config, channels, self.serde, self._opened.book)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give them as `get_delta_channel_history` does, off the event loop."""
        return await self._read(partial(self._verbs.deltas, config, channels, self.serde))

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Give the version that follows: a number, or for a thread that began in another saver, text as it has."""
        if isinstance(current, str):
            return f"{int(current.split('.')[0]) + 1:032}.{random():016}"  # noqa: S311 - as that saver makes them
        return super().get_next_version(current, channel)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint as one save, behind its parent: on the parent's branch, or on a new one if that went on.

        Atomic and durable; safe to repeat.

        Raises:
            InvalidSession: if the session of the thread's name is none of LangGraph's, or something cannot be stored.
            StorageError: if the database fails.
        """
        with self._turns.here(place_named(config)):
            self._drive(self._verbs.put(config, checkpoint, metadata, new_versions, self.serde))
        return _put_config(config, checkpoint)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint as `put` does, off the event loop. Cancelled, it is whole or absent."""
        async with self._turns.awaited(place_named(config)):
            await self._await(self._verbs.put(config, checkpoint, metadata, new_versions, self.serde))
        return _put_config(config, checkpoint)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote as one save, under the checkpoint it belongs to, whichever of the two comes first.

        Atomic and durable; safe to repeat: of two writes at one place the first stands, of two errors, interrupts or
        resumes of a task the last.

        Raises:
            InvalidSession: if the session of the thread's name is none of LangGraph's, or something cannot be stored.
            StorageError: if the database fails.
        """
        with self._turns.here(place_named(config)):
            self._drive(self._verbs.put_writes(config, writes, (task_id, task_path), self.serde))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote as `put_writes` does, off the event loop. Cancelled, it is whole or absent."""
        async with self._turns.awaited(place_named(config)):
            await self._await(self._verbs.put_writes(config, writes, (task_id, task_path), self.serde))

    def delete_thread(self, thread_id: str) -> None:
        """Delete the sessions of a thread, one by one: their events stay, and `load(at=…)` still gives what they held.

        A thread that is put to afterwards begins anew, on another branch.
        """
        self._drive(self._verbs.delete_thread(thread_id))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread as `delete_thread` does, off the event loop."""
        await self._await(self._verbs.delete_thread(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Hide the checkpoints of these runs, in every thread, with their writes. It looks at every session once."""
        self._drive(self._verbs.delete_for_runs(run_ids))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Hide the checkpoints of runs as `delete_for_runs` does, off the event loop."""
        await self._await(self._verbs.delete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Fork every session of a thread: the copy has all checkpoints and writes, and takes no room of its own."""
        self._drive(self._verbs.copy_thread(source_thread_id, target_thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread as `copy_thread` does, off the event loop."""
        await self._await(self._verbs.copy_thread(source_thread_id, target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Hide all checkpoints of threads but the latest of each namespace, or delete the threads.

        Values that are rebuilt from writes (`DeltaChannel`) are still rebuilt, from the hidden ones.

        Args:
            thread_ids: the threads; unknown ones are passed over.
            strategy: ``"keep_latest"`` or ``"delete"``.

        Raises:
            ValueError: if there is no such strategy.
        """
        self._drive(self._verbs.prune(thread_ids, strategy))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads as `prune` does, off the event loop."""
        await self._await(self._verbs.prune(thread_ids, strategy))

    async def _read(self, work: Callable[[Ledger], T]) -> T:
        book = (await self._opened.awaited()).book
        return await book.threads.read(work, book)

    def _drive(self, steps: Steps[Any]) -> None:
        driven(steps, self._opened.book)

    async def _await(self, steps: Steps[Any]) -> None:
        await awaited(steps, await self._opened.awaited())


def _taken(tuples: Iterator[CheckpointTuple], size: int, _: Ledger) -> Sequence[CheckpointTuple]:
    return tuple(islice(tuples, size))


def _put_config(config: RunnableConfig, checkpoint: Checkpoint) -> RunnableConfig:
    named = config["configurable"]
    return config_of(named["thread_id"], named.get("checkpoint_ns") or "", checkpoint["id"])
