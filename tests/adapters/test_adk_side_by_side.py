"""Whatever is called, in whatever order: ADK's service for databases and ours give the same, and raise the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple

import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event
from google.adk.sessions import BaseSessionService, DatabaseSessionService, Session
from google.adk.sessions.base_session_service import GetSessionConfig
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.adk import LedgerSessionService
from tests.adapters.adk_services import answers, asks, says

_REFUSALS = (StaleSessionError, AlreadyExistsError, SessionNotFoundError)

_apps = count()
_ids = count()

_USERS = st.sampled_from(["ann", "bob/x"])
_SESSIONS = st.sampled_from(["s1", "s 2", "s/3"])
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé\n", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
_STATES = st.dictionaries(
    st.builds(str.__add__, st.sampled_from(["", "app:", "user:", "temp:"]), st.sampled_from(["x", "y", "app:x"])),
    _VALUES,
    max_size=3,
)
_CONFIGS = st.none() | st.builds(
    lambda most, back: (most, back), st.none() | st.integers(0, 3), st.none() | st.integers(0, 4)
)


class Step(NamedTuple):
    """One call of a service. `held` is which of the session objects that were given before it is made with."""

    kind: str
    user: str
    session: str
    state: dict[str, Any]
    config: tuple[int | None, int | None] | None
    held: int


_STEPS = st.builds(
    Step,
    st.sampled_from(
        ["create", "create", "get", "get", "append", "append", "append", "append", "list", "delete", "user"]
    ),
    _USERS,
    _SESSIONS,
    _STATES,
    _CONFIGS,
    st.integers(0, 5),
)


class Caller:
    """Makes the calls on one service, and tells what came of them."""

    def __init__(self, service: BaseSessionService, app: str) -> None:
        self._service = service
        self._app = app
        self._held: list[Session] = []

    async def make(self, step: Step, event: Event, times: list[float]) -> Any:
        """Make a call; give what it gave, or the name of what it raised."""
        try:
            return await self._given(step, event, times)
        except _REFUSALS as error:
            return type(error).__name__

    async def _given(self, step: Step, event: Event, times: list[float]) -> Any:
        who = {"app_name": self._app, "user_id": step.user}
        one = {**who, "session_id": step.session}
        given: Any = None
        match step.kind:
            case "create":
                given = self._hold(await self._service.create_session(**one, state=dict(step.state)))
            case "get":
                found = await self._service.get_session(**one, config=_config(step.config, times))
                given = found and self._hold(found)
            case "append" if self._held:
                session = self._held[-1 - step.held % len(self._held)]
                appended = await self._service.append_event(session, event)
                given = appended.model_dump(), self._told(session)
            case "list":
                everybody = (await self._service.list_sessions(app_name=self._app)).sessions
                theirs = (await self._service.list_sessions(**who)).sessions
                given = [self._told(each) for each in (*everybody, *theirs)]
            case "delete":
                await self._service.delete_session(**one)
            case "user":
                given = await self._service.get_user_state(**who)
        return given

    def _hold(self, session: Session) -> Any:
        self._held.append(session)
        return self._told(session)

    def _told(self, session: Session) -> Any:
        told = session.model_dump()
        # When a session was made, each service says for itself; the database keeps microseconds.
        if not session.events:
            del told["last_update_time"]
        else:
            told["last_update_time"] = round(session.last_update_time, 4)
        return told


def _config(asked: tuple[int | None, int | None] | None, times: list[float]) -> GetSessionConfig | None:
    if asked is None:
        return None
    most, back = asked
    # Between two events: what the database rounds does not matter there.
    after = times[-1 - back] - 1e-5 if back is not None and back < len(times) else None
    return GetSessionConfig(num_recent_events=most, after_timestamp=after)


def _event(step: Step) -> Event:
    """Make the next event: its id comes behind the others, by which the database tells those of one time apart."""
    number = next(_ids)
    event = {0: says(f"{number} says"), 1: asks(f"c{number // 2}"), 2: answers(f"c{number // 2}", ok=number)}[
        number % 3
    ]
    event.id = f"{number:09}"
    # The database keeps microseconds, and what it rounds must not be near the edge of what is compared.
    event.timestamp = round(event.timestamp, 3)
    event.actions.state_delta = dict(step.state)
    return event


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[asyncio.Runner, BaseSessionService, BaseSessionService]]:
    """Give theirs and ours, and the loop that both of them are on."""
    with asyncio.Runner() as runner:
        theirs = DatabaseSessionService("sqlite+aiosqlite:///:memory:")
        ours = LedgerSessionService("sqlite://")
        yield runner, theirs, ours
        runner.run(theirs.close())
        ours.close()


@given(steps=st.lists(_STEPS, min_size=4, max_size=25))
def test_the_same_calls_give_the_same(
    services: tuple[asyncio.Runner, BaseSessionService, BaseSessionService], steps: list[Step]
) -> None:
    """Of any calls, in any order and on sessions however stale, ours gives and raises what ADK's own does."""
    runner, theirs, ours = services
    app = f"app {next(_apps)}"

    async def make_all() -> None:
        callers = [Caller(service, app) for service in (theirs, ours)]
        times: list[float] = []
        for step in steps:
            event = _event(step)
            times.append(event.timestamp)
            one, other = [await caller.make(step, event.model_copy(deep=True), times) for caller in callers]
            assert one == other

    runner.run(make_all())
