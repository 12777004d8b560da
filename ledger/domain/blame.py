"""Which save last wrote each fact that a state holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ledger.domain.events import Authority, Event
from ledger.domain.facts import FactKind, facts_in, kind_of
from ledger.domain.shortening import in_short
from ledger.domain.trace import Trace
from ledger.domain.view import View

__all__ = ["Blame", "blame"]


class Blame(BaseModel):
    """A fact that a state of a session holds, and the save that wrote it last. `at` is the effective time of that save.

    `value` is what the fact holds, in short. In a fork, `session_id` is the parent's where the parent wrote it.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    kind: FactKind
    value: Any = None
    session_id: str
    version: int
    writer: str
    authority: Authority
    at: AwareDatetime
    base_version: int


def blame(events: Iterable[Event]) -> list[Blame]:
    """Give every fact that the state after `events` holds, in the session's own order, with the save that wrote it.

    A save that brought what stood there already did not write it. What was removed and put back is whose who put it
    back; a message's metadata is part of the message.

    Args:
        events: a whole history, in order; for a fork, the parent's as far as the join, and then its own.
    """
    trace = Trace(View(""))
    for event in events:
        trace.take(event)
    return [_blame(path, trace) for path in facts_in(trace.view())]


def _blame(path: str, trace: Trace) -> Blame:
    written = trace.written[path]
    return Blame(
        path=path,
        kind=kind_of(path),
        value=in_short(trace.held[path]),
        session_id=written.session_id,
        version=written.version,
        writer=written.writer,
        authority=written.authority,
        at=written.at,
        base_version=written.base_version,
    )
