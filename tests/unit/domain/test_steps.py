"""The steps of a stretch of saves: made when asked for, in any order, and the asker's own."""

from __future__ import annotations

import pytest

from ledger.domain import events as e
from ledger.domain.apply import apply, fold
from ledger.domain.events import Event
from ledger.domain.session import session_of
from ledger.domain.steps import Step, Stretch
from ledger.domain.view import View
from tests.unit.domain.meeting import START, changes_of, event_on, holding, put


def story() -> list[Event]:
    """Give five saves: a beginning, a message, a title, a deletion, and a second life."""
    began = event_on(View("s"), [e.SessionCreated(session_id="s", model="m", created_at=START)])
    events, view = [began], apply(View("s"), began)
    for edit in (holding("a"), put(title="T")):
        events.append(event_on(view, changes_of(view, edit)))
        view = apply(view, events[-1])
    for kind, changes in (("deleted", [e.SessionWasDeleted()]), ("saved", [began.changes[0]])):
        events.append(event_on(view, changes).model_copy(update={"kind": kind}))
        view = apply(view, events[-1])
    return events


def steps() -> list[Step]:
    """Give the steps of the story."""
    return list(Stretch(View("s"), story()).steps())


def test_each_step_is_an_event_and_the_states_around_it() -> None:
    """What the fold gives before it and behind it; nothing where no session lives."""
    views = [fold(View("s"), story()[:version]) for version in range(6)]
    states = [session_of(view) if view.alive else None for view in views]

    assert [None, None, "T", None] == [states[0], states[4], states[3] and states[3].title, states[4]]
    assert list(zip(story(), states, states[1:], strict=False)) == [
        (step.event, step.before, step.after) for step in steps()
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (2, 0, 2)])
def test_they_can_be_looked_at_in_any_order(order: tuple[int, ...]) -> None:
    """Going back costs a fold from the beginning of the stretch, and gives the same."""
    walked, expected = steps(), [0, 1, 1]

    assert [expected[place] for place in order] == [
        len(session.messages) for place in order if (session := walked[place].after) is not None
    ]


def test_the_sessions_are_the_askers_own() -> None:
    """Changing one changes no later look, and no other step."""
    one, two = steps()[1:3]
    session = one.after
    assert session is not None
    session.messages.clear()
    session.title = "mine"

    assert one.after == two.before
    assert one.after is not None
    assert (1, None) == (len(one.after.messages), one.after.title)


def test_an_unasked_state_is_not_made() -> None:
    """To walk over many steps is to fold them once, where the stretch ends."""
    stretch = Stretch(View("s"), story())
    walked = list(stretch.steps())

    assert (0, View("s")) == stretch._reached
    assert 5 == stretch.end().version
    assert "<Step s@2 by agent>" == repr(walked[1])
