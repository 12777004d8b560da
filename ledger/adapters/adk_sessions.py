"""What a session of the ledger is to ADK: its events, and what one more of them does to it. Pure: it needs no ADK."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from ledger.adapters.adk_events import PERSON, Json, events_of, latest, messages_of
from ledger.adapters.adk_questions import outcomes_of, settle
from ledger.adapters.adk_state import Delta
from ledger.domain.parts import Message
from ledger.domain.session import Session

__all__ = ["id_of_last", "last_used", "newest", "record"]


def record(session: Session, event: Json, delta: Delta) -> None:
    """Do to a session what an event says: its messages, its questions, its state, and the model that spoke."""
    outcomes = outcomes_of(event, lambda: events_of(session.messages))
    session.messages.extend(messages_of(event))
    settle(session, outcomes)
    session.state.update(delta.session)
    model = event.get("model_version")
    if isinstance(model, str) and event.get("author") != PERSON:
        session.model = model


def newest(messages: Sequence[Message], most: int | None, *, since: float | None) -> list[Json]:
    """Give the newest events, in order.

    Args:
        messages: of the session.
        most: so many at most.
        since: none that is older.
    """
    events = latest(messages)
    return list(islice((each for each in events if since is None or each["timestamp"] >= since), most))[::-1]


def id_of_last(session: Session) -> str | None:
    """Give the id of a session's last event."""
    return next((str(event["id"]) for event in latest(session.messages)), None)


def last_used(session: Session) -> float:
    """Give when a session was last used, as ADK tells: by its last event, or else when it was created."""
    last = next(latest(session.messages), None)
    return session.created_at.timestamp() if last is None else float(last["timestamp"])
