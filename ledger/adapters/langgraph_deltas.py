"""What a channel is rebuilt from that stores its writes only: the nearest stored value, and the writes since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.base import DeltaChannelHistory, PendingWrite
from langgraph.checkpoint.serde.base import SerializerProtocol

from ledger.adapters.langgraph_finding import Namespace
from ledger.adapters.langgraph_states import checkpoint_of, pending_writes

__all__ = ["history_of"]


def history_of(
    namespace: Namespace, checkpoint: str | None, channels: Sequence[str], serde: SerializerProtocol
) -> dict[str, DeltaChannelHistory]:
    """Give the history of each channel up to a checkpoint, without the writes that are pending there.

    Args:
        namespace: where the checkpoint is.
        checkpoint: its id; the latest by default.
        channels: their names.
        serde: of the saver.
    """
    if not channels:
        return {}
    latest = namespace.latest() if checkpoint is None else None
    start = latest.span.checkpoint_id if latest is not None else checkpoint
    writes: dict[str, list[PendingWrite]] = {channel: [] for channel in channels}
    seeds: dict[str, Any] = {}
    left = set(channels)
    for found in namespace.ancestors(start) if start is not None else ():
        for write in reversed(pending_writes(found.span.checkpoint_id, namespace.written_to(found), serde)):
            if write[1] in left:
                writes[write[1]].append(write)
        if not left.isdisjoint(found.view.state.get("values", ())):
            values = checkpoint_of(found.view, serde)["channel_values"]
            seeds |= {channel: values[channel] for channel in left if channel in values}
            left -= seeds.keys()
        if not left:
            break
    return {channel: _history(writes[channel], seeds, channel) for channel in channels}


def _history(writes: list[PendingWrite], seeds: dict[str, Any], channel: str) -> DeltaChannelHistory:
    history: DeltaChannelHistory = {"writes": writes[::-1]}
    if channel in seeds:
        history["seed"] = seeds[channel]
    return history
