"""One pass over a history: what it remembers, and for how long."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from ledger.domain.events import (
    Change,
    Event,
    MessageAppended,
    MessageRemoved,
    MessagesReordered,
    SessionCreated,
    StateExtended,
    StateSet,
    TitleChanged,
)
from ledger.domain.facts import ABSENT
from ledger.domain.parts import Message
from ledger.domain.trace import Trace
from ledger.domain.view import View

START = datetime(2026, 1, 1, tzinfo=UTC)


def events(*saves: Sequence[Change], after: int = 0) -> Iterator[Event]:
    """Give events with these changes, one an hour."""
    for version, changes in enumerate(saves, after + 1):
        yield Event(
            session_id="s",
            version=version,
            base_version=version - 1,
            event_id=f"{version:032x}",
            recorded_at=START + timedelta(hours=version),
            writer=f"w{version}",
            changes=tuple(changes),
        )


def traced(trace: Trace, *saves: Sequence[Change]) -> None:
    """Let these saves follow."""
    for event in events(*saves, after=trace.version):
        trace.take(event)


def begun(*changes: Change) -> Trace:
    """Give a trace that has taken in the first save of a session."""
    trace = Trace(View("s"))
    traced(trace, [SessionCreated(session_id="s", model="m", created_at=START), *changes])
    return trace


def said(message_id: str) -> MessageAppended:
    """Give the change that appends such a message."""
    return MessageAppended(message=Message.user(message_id, id=message_id, created_at=START))


def titled(title: str | None) -> list[Change]:
    """Give the changes of a save that titles."""
    return [TitleChanged(title=title)]


def test_a_fact_is_compared_with_the_version_that_was_remembered() -> None:
    """What came in between, and went again, is no change."""
    trace = begun()
    trace.remember(5)
    traced(trace, titled("a"), titled("b"))

    (changed,) = trace.since(1)
    assert ("/title", ABSENT, "b", 3, "w3") == (*changed[:3], changed.written.version, changed.written.writer)  # type: ignore[union-attr]

    traced(trace, titled(None))
    assert [] == list(trace.since(1))


def test_each_base_has_its_own_answer() -> None:
    """Of several versions that are remembered, each is compared with what it held."""
    trace = begun()
    trace.remember(9)
    traced(trace, titled("a"))
    trace.remember(9)
    traced(trace, titled("b"))

    assert [(ABSENT, "b")] == [(changed.was, changed.held) for changed in trace.since(1)]
    assert [("a", "b")] == [(changed.was, changed.held) for changed in trace.since(2)]


def test_what_held_before_is_not_changed_in_place() -> None:
    """A list that grows and an object that is filled are remembered as they were."""
    trace = begun(StateSet(path="/list", value=[1]), StateSet(path="/in", value={"x": {"y": 1}}))
    trace.remember(9)
    traced(trace, [StateExtended(path="/list", values=[2]), StateSet(path="/in/x/y", value=2)])
    traced(trace, [StateExtended(path="/list", values=[3])])

    assert {"/state/list": ([1], [1, 2, 3]), "/state/in": ({"x": {"y": 1}}, {"x": {"y": 2}})} == {
        changed.path: (changed.was, changed.held) for changed in trace.since(1)
    }


def test_what_is_forgotten_goes_to_the_base_before_it() -> None:
    """The older base still needs what changed since the younger one."""
    trace = begun()
    trace.remember(9)
    traced(trace, [said("m1")])
    trace.remember(3)
    traced(trace, [MessagesReordered(order=[]), *titled("a")])
    trace.forget()

    assert ["/messages/m1", "/title"] == [changed.path for changed in trace.since(1)]


def test_the_order_is_that_of_the_messages_which_both_hold() -> None:
    """Who came or went since does not move the others."""
    trace = begun(said("a"), said("b"), said("c"))
    trace.remember(9)
    traced(trace, [said("d")], [MessageRemoved(message_id="b")])

    assert ["/messages/d", "/messages/b"] == [changed.path for changed in trace.since(1)]

    traced(trace, [MessagesReordered(order=["c", "a"])])
    order = list(trace.since(1))[-1]
    assert ("/messages", ["a", "c"], ["c", "a"]) == order[:3]


def test_a_base_of_an_earlier_life_held_nothing() -> None:
    """All that this life holds is new to it."""
    trace = begun(said("a"))

    assert {"/model": ABSENT, "/messages/a": ABSENT} == {changed.path: changed.was for changed in trace.since(0)}


def test_what_is_remembered_is_bounded_by_what_stale_saves_need() -> None:
    """Four writers who are a few versions behind, for ever: no more is remembered in the end than in the beginning."""
    trace = begun()
    most = [0, 0]
    for version in range(2, 600):
        trace.remember(version + 4)
        traced(trace, [said(f"m{version}"), StateSet(path=f"/k{version % 9}", value=version)])
        trace.forget()
        late = version > 60
        most[late] = max(most[late], sum(len(span.was) for span in trace._spans))

    assert most[0] == most[1]
    assert most[0] <= 10


def test_one_base_that_is_needed_for_long_costs_a_session_and_not_its_history() -> None:
    """Many changes of one fact are remembered once, as it was at the base."""
    trace = begun()
    trace.remember(10_000)
    for version in range(2, 300):
        trace.remember(version + 1)
        traced(trace, titled(f"t{version}"))
        trace.forget()

    assert 2 >= sum(len(span.was) for span in trace._spans)
    assert [(ABSENT, "t299")] == [(changed.was, changed.held) for changed in trace.since(1)]
