"""A replay, save by save: what each left of the session before it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ledger.domain.apply import fold
from ledger.domain.events import Event
from ledger.domain.session import Session, session_of
from ledger.domain.view import View

__all__ = ["Step", "Stretch"]


class Stretch:
    """A few successive saves of a session and the view that they begin from. The views between are made when asked for.

    Asked for in order, they cost one fold over the events, however many of them are asked for. Safe to share between
    threads.
    """

    def __init__(self, start: View, events: Sequence[Event]) -> None:
        self._start = start
        self._events = events
        #: The last view that was made, and behind how many events it is. One value, so that it is replaced at once.
        self._reached = (0, start)

    def view(self, behind: int) -> View:
        """Give the view behind so many of the events."""
        reached, view = self._reached
        if behind < reached:
            reached, view = 0, self._start
        view = fold(view, self._events[reached:behind])
        self._reached = (behind, view)
        return view

    def end(self) -> View:
        """Give the view that all of the events lead to."""
        return self.view(len(self._events))

    def steps(self) -> Iterator[Step]:
        """Give a step for each event."""
        for place, event in enumerate(self._events):
            yield Step(event, self, place)


class Step:
    """One save in a replay: the event, and the session before and after it.

    The sessions are made when they are asked for, anew each time, and are the caller's own; so to hold many steps costs
    little more than their events.
    """

    __slots__ = ("_place", "_stretch", "event")

    def __init__(self, event: Event, stretch: Stretch, place: int) -> None:
        self.event = event
        self._stretch = stretch
        self._place = place

    @property
    def before(self) -> Session | None:
        """The session that the save met: `None` at the first of all, and at the first after a deletion."""
        return _living(self._stretch.view(self._place))

    @property
    def after(self) -> Session | None:
        """The session that the save left: `None` behind a deletion."""
        return _living(self._stretch.view(self._place + 1))

    def __repr__(self) -> str:
        return f"<Step {self.event.session_id}@{self.event.version} by {self.event.writer}>"


def _living(view: View) -> Session | None:
    return session_of(view) if view.alive else None
