"""What a checkpoint is in the state of its session, and how the next one and the writes come into it.

::

    at          [id, parent's id, time, format, updated channels]
    ends_only   whether the graph saves only how its runs end
    start       the id of the checkpoint that the line was forked at
    versions    {channel: version}          seen    {node: {channel: version}}
    values      {channel: value}            rest    what else the checkpoint has
    metadata    {key: value}
    writes      {checkpoint id: {task: {index: [channel, value, path of the task]}}}
    pool        {name: long text or blob} that values and writes refer to
    runs        the runs whose checkpoints are here
    hidden_runs, pruned, top     what is not to be seen any more, and the highest id if that is not the last
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, cast

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    PendingWrite,
    writes_sort_key,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import INTERRUPT, RESUME

from ledger.adapters import langgraph_questions as questions
from ledger.adapters.langgraph_conversation import Conversation, is_conversation, unsaid
from ledger.adapters.langgraph_memory import Memory, is_foreign
from ledger.adapters.langgraph_values import Decoder, Encoder, is_readable, uses_of
from ledger.domain.parts import Message
from ledger.domain.session import Session, session_of, tracking_of
from ledger.domain.values import json_equal
from ledger.domain.view import View

__all__ = [
    "LAYOUT",
    "Put",
    "Written",
    "base_of",
    "checkpoint_id",
    "checkpoint_of",
    "draft",
    "metadata_of",
    "new_session",
    "parent_id",
    "pending_writes",
    "with_checkpoint",
    "with_writes",
]

LAYOUT = 1
MESSAGES, START = "messages", "__start__"
NULL_TASK = "00000000-0000-0000-0000-000000000000"
_TOLD = ("id", "ts", "v", "updated_channels", "channel_values", "channel_versions", "versions_seen")


class Put(NamedTuple):
    """A checkpoint that is to be stored."""

    parent: str | None
    checkpoint: Checkpoint
    metadata: Mapping[str, Any]
    new_versions: ChannelVersions
    #: Other lines that have writes of it, which came first.
    early: tuple[View, ...] = ()
    #: Whether it is the first one behind a fork.
    forks: bool = False

    @property
    def id(self) -> str:
        """The checkpoint's."""
        return self.checkpoint["id"]


class Written(NamedTuple):
    """What a task wrote, and under which checkpoint it is to be stored."""

    checkpoint: str
    writes: Sequence[tuple[str, Any]]
    task_id: str
    path: str
    #: The index of each, where that is not its place among them.
    places: Sequence[int] | None = None
    #: Whether resumes answer questions.
    resolves: bool = True


def checkpoint_id(view: View) -> str | None:
    """Give the id of the checkpoint that a view is at; `None` if there is none yet."""
    at = view.state.get("at")
    return at[0] if at else None


def parent_id(view: View) -> str | None:
    """Give the id of its parent."""
    return cast("str | None", view.state["at"][1])


def base_of(session: Session) -> View:
    """Give what a session that was made, loaded or saved here is based on."""
    return cast("View", tracking_of(session).base)


def draft(view: View) -> Session:
    """Give a session at `view` with an empty state, to which a new one is to be given."""
    session = session_of(replace(view, state={}))
    tracking_of(session).base = view
    return session


def with_checkpoint(session: Session, view: View, put: Put, serde: SerializerProtocol, memory: Memory) -> None:
    """Make a session the one that holds a checkpoint, behind what `view` holds.

    What has not changed since the parent is not looked at, if `view` is at the parent.
    """
    state = view.state
    before = checkpoint_id(view)
    held = partial(_held, state)
    conversation = Conversation(view.messages, serde, memory, held)
    pool = dict(state.get("pool", ()))
    encoder = Encoder(serde, pool, conversation.say)
    values, said = _values(view, put, encoder, conversation)
    # A step's writes are often saved behind the checkpoint that they led to, or before the one that they are of. So
    # they stay for as long as the next checkpoint, and those that come later than that for good.
    start = before if put.forks else state.get("start")
    gone = None if put.forks or before in (None, put.id, start) else parent_id(view)
    writes = {name: each for name, each in state.get("writes", {}).items() if name != gone or name == start}
    for early in put.early:
        _take_over(writes, put.id, early, encoder, serde)
    metadata = {name: encoder.encode(value, f"/state/metadata/{name}") for name, value in put.metadata.items()}
    rest = {
        name: encoder.encode(value, f"/state/rest/{name}")
        for name, value in put.checkpoint.items()
        if name not in _TOLD
    }
    uses = uses_of(values, writes, metadata, rest)
    if before != put.id:
        # Where the graph went on by itself, all tasks of the step before came to an end, so an answer may come yet.
        # Told to go on, it leaves them behind; and where it saves nothing but how it ends, no answer comes.
        by_itself = put.metadata.get("source") == "loop"
        dropped = None if by_itself and not state.get("ends_only") else before
        waiting = [task for name, tasks in writes.items() if name != dropped for task in tasks]
        questions.withdraw_open(session, waiting, questions.RESUMED if by_itself else questions.GONE_ON)
    session.messages = conversation.standing(_kept(said, view.messages, conversation.fresh, uses.messages))
    memory.keep(session.messages)
    changed = {
        "langgraph": LAYOUT,
        "at": _at(put),
        "start": start,
        "versions": encoder.encode(put.checkpoint["channel_versions"], "/state/versions"),
        "seen": encoder.encode(put.checkpoint["versions_seen"], "/state/seen"),
        "values": values,
        "rest": rest,
        "metadata": metadata,
        "writes": writes,
        "pool": {name: held for name, held in pool.items() if name in uses.pool},
        "runs": _runs(state, put),
        "top": _top(state, before, put.id),
        "ends_only": _ends_only(state, before, put),
    }
    session.state = _state(state, changed)


def with_writes(
    session: Session, view: View, written: Written, serde: SerializerProtocol, memory: Memory, *, asks: bool
) -> bool:
    """Put a task's writes under the checkpoint that they belong to.

    Of two writes of one task at one place the first stands, but for interrupts, errors and resumes.

    Returns:
        Whether they refer to what the session held before, or store what it may hold by now.
    """
    state = view.state
    conversation = Conversation(view.messages, serde, memory)
    pool = dict(state.get("pool", ()))
    encoder = Encoder(serde, pool, conversation.say)
    checkpoint, writes, task_id, path, places, resolves = written
    before = state.get("writes", {})
    entry = dict(before.get(checkpoint, {}).get(task_id, {}))
    fresh = {}
    for place, (channel, value) in zip(places or range(len(writes)), writes, strict=True):
        index = WRITES_IDX_MAP.get(channel, place)
        if index < 0 or str(index) not in entry:
            told = encoder.encode(value, f"/state/writes/{channel}", said=channel in (MESSAGES, START))
            fresh[str(index)] = [channel, told, path] if path else [channel, told]
    entry |= fresh
    if asks and resolves:
        _resolve(session, task_id, writes, readable=is_readable(serde))
    uses = uses_of(fresh)
    # A write stores what it adds, and nothing that it only looked at.
    pool = {name: held for name, held in pool.items() if name in uses.pool or name in state.get("pool", ())}
    session.messages = conversation.standing([*view.messages, *conversation.fresh])
    of_checkpoint = {**before.get(checkpoint, {}), task_id: entry}
    session.state = _state(state, {"langgraph": LAYOUT, "writes": {**before, checkpoint: of_checkpoint}, "pool": pool})
    return bool(uses.messages or uses.pool)


def checkpoint_of(view: View, serde: SerializerProtocol, memory: Memory | None = None) -> Checkpoint:
    """Give the checkpoint that a view is at."""
    state = view.state
    decoder = _decoder(view, serde, memory)
    at = state["at"]
    told: dict[str, Any] = {
        "v": at[3],
        "id": at[0],
        "ts": at[2],
        "channel_values": {name: decoder.decode(value) for name, value in state.get("values", {}).items()},
        "channel_versions": decoder.decode(state.get("versions", {})),
        "versions_seen": decoder.decode(state.get("seen", {})),
    }
    if at[4:]:
        told["updated_channels"] = decoder.decode(at[4])
    told |= {name: decoder.decode(value) for name, value in state.get("rest", {}).items()}
    return cast("Checkpoint", told)


def metadata_of(view: View, serde: SerializerProtocol) -> CheckpointMetadata:
    """Give the metadata of the checkpoint that a view is at."""
    decoder = _decoder(view, serde, None)
    told = {name: decoder.decode(value) for name, value in view.state.get("metadata", {}).items()}
    return cast("CheckpointMetadata", told)


def pending_writes(checkpoint: str, views: Iterable[View], serde: SerializerProtocol) -> list[PendingWrite]:
    """Give the writes under a checkpoint, in the order in which a step applies them.

    Args:
        checkpoint: its id.
        views: where they may be: those of its own line in their order, and then others.
        serde: of the saver.
    """
    found: dict[tuple[str, int], tuple[str, PendingWrite]] = {}
    own: str | None = None
    for view in views:
        own = own or view.session_id
        decoder = _decoder(view, serde, None)
        for task, entry in view.state.get("writes", {}).get(checkpoint, {}).items():
            for index, write in entry.items():
                place = task, int(index)
                # Of two at one place the first stands, and of two interrupts, errors or resumes the last.
                if place not in found or (place[1] < 0 and view.session_id == own):
                    found[place] = _path_of(write), (task, write[0], decoder.decode(write[1]))
    return [found[place][1] for place in sorted(found, key=lambda place: writes_sort_key(found[place][0], *place))]


def _take_over(
    writes: dict[str, Any], checkpoint: str, early: View, encoder: Encoder, serde: SerializerProtocol
) -> None:
    """Bring the writes of a checkpoint over from another line, where they came before it."""
    decoder = _decoder(early, serde, None)
    for task, entry in early.state.get("writes", {}).get(checkpoint, {}).items():
        told = {
            index: [write[0], encoder.encode(decoder.decode(write[1]), f"/state/writes/{write[0]}"), *write[2:]]
            for index, write in entry.items()
        }
        of_checkpoint = writes.get(checkpoint, {})
        writes[checkpoint] = {**of_checkpoint, task: {**told, **of_checkpoint.get(task, {})}}


def _path_of(write: Sequence[Any]) -> str:
    return str(write[2]) if write[2:] else ""


def _decoder(view: View, serde: SerializerProtocol, memory: Memory | None) -> Decoder:
    def unsay(stored: Message) -> Any:
        message = None if memory is None else memory.restored(stored)
        if message is None:
            message = unsaid(serde, stored)
            if memory is not None:
                memory.note(stored, message)
        return message

    return Decoder(serde, view.state.get("pool", {}), view.messages, unsay)


def _values(
    view: View, put: Put, encoder: Encoder, conversation: Conversation
) -> tuple[dict[str, Any], Sequence[Message]]:
    """Give the values of the channels, and the messages that the conversation is."""
    known, versions = view.state.get("values", {}), view.state.get("versions", {})
    follows = checkpoint_id(view) == put.parent is not None
    values: dict[str, Any] = {}
    said: Sequence[Message] = ()
    for channel, value in put.checkpoint["channel_values"].items():
        version = put.checkpoint["channel_versions"].get(channel)
        unchanged = version is not None and json_equal(versions.get(channel), version)
        if follows and unchanged and channel in known and channel not in put.new_versions:
            values[channel] = known[channel]
            if channel == MESSAGES and _is_said(known[channel]):
                said = view.messages[: known[channel]["$"]]
        elif channel == MESSAGES and encoder.is_readable and is_conversation(value):
            said = conversation.align(value)
            values[channel] = {"$": len(said)}
        else:
            values[channel] = encoder.encode(value, f"/state/values/{channel}", said=channel == START)
    return values, said


def _held(state: Mapping[str, Any]) -> set[str]:
    return uses_of(state.get("values", {}), state.get("writes", {})).messages


def _is_said(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("$"), int)


def _kept(
    said: Sequence[Message], stored: Sequence[Message], fresh: Sequence[Message], used: set[str]
) -> list[Message]:
    """Give the conversation, and behind it what else is referred to, or is none of ours."""
    # By their addresses first, which are there without asking each: nearly always that is all.
    known = set(map(id, said))
    others = [message for message in (*stored, *fresh) if id(message) not in known]
    if others:
        ids = {message.id for message in said}
        others = [message for message in others if message.id not in ids]
    return [*said, *(message for message in others if message.id in used or is_foreign(message))]


def _at(put: Put) -> list[Any]:
    checkpoint: Mapping[str, Any] = put.checkpoint  # of an older release, it has no updated channels
    at = [put.id, put.parent, checkpoint["ts"], checkpoint["v"]]
    return [*at, checkpoint["updated_channels"]] if "updated_channels" in checkpoint else at


def _runs(state: Mapping[str, Any], put: Put) -> list[str]:
    runs = list(state.get("runs", ()))
    run = put.metadata.get("run_id")
    return [*runs, run] if isinstance(run, str) and run not in runs else runs


def _ends_only(state: Mapping[str, Any], before: str | None, put: Put) -> bool:
    """Tell whether a graph saves no step but the last one of its run: there is none right before this one."""
    step = put.metadata.get("step")
    if put.metadata.get("source") != "loop" or not isinstance(step, int):
        return False
    if before == put.id:
        return bool(state.get("ends_only"))
    return before is None or (before == put.parent and state.get("metadata", {}).get("step") != step - 1)


def _top(state: Mapping[str, Any], before: str | None, now: str) -> str | None:
    highest = max(state.get("top") or "", before or "")
    return highest if highest > now else None


def _state(before: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Give a state with what changed, without what is empty."""
    return {
        name: value for name, value in {**before, **changed}.items() if value or name == "at" or name not in changed
    }


def _resolve(session: Session, task: str, writes: Sequence[tuple[str, Any]], *, readable: bool) -> None:
    for channel, value in writes:
        if channel == RESUME and readable:
            if task == NULL_TASK:
                questions.answer_all(session, value)
            else:
                questions.answer_task(session, task, value)
        elif channel == RESUME:
            questions.answer_task(session, task, [None])
    for channel, value in writes:
        if channel == INTERRUPT:
            interrupts = value if isinstance(value, list | tuple) else [value]
            named = [(str(getattr(each, "id", task)), getattr(each, "value", each)) for each in interrupts]
            questions.ask(session, task, named, readable=readable)


def new_session(session_id: str, thread_session_id: str) -> Session:
    """Give a session that is not saved yet, below that of its thread."""
    if session_id == thread_session_id:
        return Session.new(session_id, model="")
    return Session.new(session_id, model="", parent_session_id=thread_session_id, root_session_id=thread_session_id)
