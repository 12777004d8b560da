"""What a store that overwrites would have lost at each save of a history. Pure.

Such a store replaces what it holds by the writer's copy. So a fact is lost there if it was written after the writer had
loaded its copy, and the copy does not hold it; and a pending question is lost wherever a copy leaves it out.

The copy itself is not in the record, and need not be: of the facts that others wrote meanwhile, it holds those that the
save says it agreed on (`Event.agreed`), and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict

from ledger.domain import events as e
from ledger.domain.agreeing import Agreed
from ledger.domain.events import Authority, Event
from ledger.domain.facts import ABSENT, ORDER, FactKind, kind_of
from ledger.domain.parts import Message
from ledger.domain.shortening import in_short
from ledger.domain.trace import Changed, Trace
from ledger.domain.values import join, json_equal
from ledger.domain.view import View

__all__ = ["Averted", "Loss", "averted", "averted_counts"]

_RANKS = {kind: rank for rank, kind in enumerate(get_args(FactKind))}

Cause = Literal["stale", "omitted"]


class Loss(BaseModel):
    """One fact that an overwriting store would have lost at a save: what it held, and which save had written it.

    `value` is what the ledger held there, in short, and null where it had been `removed` (an overwriting store would
    have brought it back). `session_id`, `version` and `writer` name the save that had written it last; in a fork that
    may be a save of the parent.

    `cause` is ``"stale"`` where the writer had loaded its copy before that save, ``"omitted"`` where its copy left out
    a pending question. `kept` says how the ledger kept it: in the ``"state"`` that the save left, or, where it gave
    way, in the ``"record"`` alone.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    kind: FactKind
    value: Any = None
    removed: bool = False
    session_id: str
    version: int
    writer: str
    cause: Cause
    kept: Literal["state", "record"]


class Averted(BaseModel):
    """A save at which a store that overwrites would have lost what others had written. `at` is its effective time."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    version: int
    writer: str
    authority: Authority
    base_version: int
    at: AwareDatetime
    losses: tuple[Loss, ...]


def averted(session_id: str, start: View, events: Iterable[Event], stale: Mapping[int, int]) -> Iterator[Averted]:
    """Give the saves of a session at which an overwriting store would have lost something, and what.

    One pass, at the cost of what the events change; the facts of earlier versions are remembered only while a stale
    save that follows had loaded them.

    Args:
        session_id: whose saves; of a fork's parent, the events are followed and not judged.
        start: where the pass begins; who wrote what it holds is not known.
        events: those after `start`, in order, a fork's parent's before its own.
        stale: the stale saves among them, with the version that each had loaded.
    """
    for event, at, found in _pass(session_id, start, events, stale):
        losses = [_loss(lost, event, at.held.get(lost.changed.path, ABSENT)) for lost in found]
        losses.sort(key=lambda loss: _RANKS[loss.kind])
        if losses:
            yield Averted(
                session_id=session_id,
                version=event.version,
                writer=event.writer,
                authority=event.authority,
                base_version=event.base_version,
                at=at.effective_at,
                losses=tuple(losses),
            )


def averted_counts(
    session_id: str, start: View | None, events: Iterable[Event], stale: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Give the saves that `averted` gives, each as its version and the number of facts, at less cost.

    Where none is stale, it takes no `start`.
    """
    if start is None:
        counts = ((event.version, len(_left_out(event))) for event in events)
    else:
        counts = ((event.version, len(found)) for event, _, found in _pass(session_id, start, events, stale))
    yield from ((version, count) for version, count in counts if count)


class _Lost(NamedTuple):
    changed: Changed
    cause: Cause
    #: Whether the guard recorded the question as lost, for it was told to.
    given_up: bool = False


def _pass(
    session_id: str, start: View, events: Iterable[Event], stale: Mapping[int, int]
) -> Iterator[tuple[Event, Trace, list[_Lost]]]:
    trace = Trace(start)
    until = {base: version for version, base in sorted(stale.items())}
    if start.session_id == session_id and start.version in until:
        trace.remember(until[start.version])
    for event in events:
        if event.session_id != session_id:
            trace.take(event)
            continue
        found = _lost_at(event, trace, stale.get(event.version))
        trace.take(event)
        yield event, trace, found
        if event.version in stale:
            trace.forget()
        if event.version in until:
            trace.remember(until[event.version])


def _lost_at(event: Event, trace: Trace, base: int | None) -> list[_Lost]:
    """Give what replacing the state that `trace` has reached by the writer's copy would lose."""
    left_out = _left_out(event)
    found = []
    if base is not None:
        agreed = Agreed(event)
        found = [
            _Lost(changed, "stale")
            for changed in trace.since(base)
            if changed.path not in agreed and changed.path not in left_out
        ]
    for path, given_up in left_out.items():
        held = trace.held.get(path, ABSENT)
        found.append(_Lost(Changed(path, held, held, trace.written.get(path)), "omitted", given_up))
    return found


def _left_out(event: Event) -> dict[str, bool]:
    """Give the pending questions that the writer's copy left out, and whether each was recorded as lost."""
    asked = {change.question.id for change in event.changes if isinstance(change, e.QuestionAsked)}
    return {
        join("/questions", change.question_id): isinstance(change, e.QuestionLost)
        for change in event.changes
        if isinstance(change, e.QuestionOmitted | e.QuestionLost) and change.question_id not in asked
    }


def _loss(lost: _Lost, event: Event, after: Any) -> Loss:
    path, was, held, written = lost.changed
    assert written is not None  # noqa: S101 - whoever asks for more than counts goes through the whole history
    if path == ORDER:
        stands = not any(isinstance(change, e.MessagesReordered) for change in event.changes)
    else:
        stands = not lost.given_up and _stands(was, held, after)
    return Loss(
        path=path,
        kind=kind_of(path),
        value=None if held is ABSENT else in_short(held),
        removed=held is ABSENT,
        session_id=written.session_id,
        version=written.version,
        writer=written.writer,
        cause=lost.cause,
        kept="state" if stands else "record",
    )


def _stands(was: Any, held: Any, after: Any) -> bool:
    """Whether all that made `held` of `was` is in `after` too, be it beside what the save itself brought."""
    if json_equal(held, after) or json_equal(was, held):
        return True
    if isinstance(held, Message) and isinstance(after, Message):
        was = was.__dict__ if isinstance(was, Message) else {}
        held, after = held.__dict__, after.__dict__
    if isinstance(held, dict) and isinstance(after, dict):
        earlier = was if isinstance(was, dict) else {}
        removed = [key for key in earlier if key not in held]
        return not any(key in after for key in removed) and all(
            _stands(earlier.get(key, ABSENT), value, after.get(key, ABSENT)) for key, value in held.items()
        )
    if isinstance(held, list) and isinstance(after, list) and isinstance(was, list):
        return json_equal(was, held[: len(was)]) and json_equal(held, after[: len(held)])
    return False
