"""What every session service of ADK does, stated once and held against ADK's own and ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event
from google.adk.sessions import BaseSessionService, InMemorySessionService, Session
from google.adk.sessions.base_session_service import GetSessionConfig

from ledger.adapters.adk import LedgerSessionService
from tests.adapters.adk_services import OTHERS, WHO, answers, asks, says, texts, there
from tests.contract.backends import BACKENDS


@pytest.fixture(params=[*OTHERS, *(f"ledger on {backend}" for backend in BACKENDS)])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BaseSessionService]:
    """Give ADK's own services, and ours on every database."""
    if request.param in OTHERS:
        async with OTHERS[request.param](tmp_path) as theirs:
            yield theirs
        return
    backend = next(each for each in BACKENDS if request.param.endswith(f" {each}"))
    if (reason := backend.why_not()) is not None:
        pytest.skip(reason)
    url = backend.fresh_url(tmp_path)
    async with LedgerSessionService(url) as ours:
        yield ours
    backend.give_back(url)


async def test_create_gives_the_session_that_get_finds(service: BaseSessionService) -> None:
    """A created session is found as it was given: its state, no events, and when it was last used."""
    made = await service.create_session(
        **WHO, session_id="s1", state={"step": 1, "app:theme": "dark", "user:name": "A"}
    )

    found = await there(service)

    assert {"step": 1, "app:theme": "dark", "user:name": "A"} == made.state
    assert made.model_dump() == found.model_dump()


async def test_create_makes_an_id(service: BaseSessionService) -> None:
    """A session that is given no id gets one of its own."""
    one, other = [await service.create_session(**WHO) for _ in range(2)]

    assert one.id
    assert one.id != other.id
    assert (await there(service, one.id)).id == one.id


async def test_create_refuses_an_id_that_is_taken(service: BaseSessionService) -> None:
    """Two sessions of a user cannot have one id; of two users they can."""
    await service.create_session(**WHO, session_id="s1")

    with pytest.raises(AlreadyExistsError, match="s1 already exists"):
        await service.create_session(**WHO, session_id="s1", state={"user:name": "B"})

    await service.create_session(app_name="shop", user_id="bob", session_id="s1")
    assert {} == await service.get_user_state(**WHO)


async def test_create_keeps_nothing_temporary(service: BaseSessionService) -> None:
    """What is temporary is no state to begin with."""
    made = await service.create_session(**WHO, session_id="s1", state={"temp:x": 1, "y": 2})

    assert {"y": 2} == made.state
    assert {"y": 2} == (await there(service)).state


@pytest.mark.parametrize("asked", [{"app_name": "other"}, {"user_id": "bob"}, {"session_id": "s2"}])
async def test_get_finds_nothing_else(service: BaseSessionService, asked: dict[str, str]) -> None:
    """A session is found by its app, its user and its id alone."""
    await service.create_session(**WHO, session_id="s1")

    assert await service.get_session(**{**WHO, "session_id": "s1", **asked}) is None


async def test_append_keeps_the_event_as_it_is(service: BaseSessionService) -> None:
    """An event comes back equal to the one that was appended."""
    session = await service.create_session(**WHO, session_id="s1")
    said = says("Hello", custom_metadata={"n": [1, None, {"x": 1.5}]}, branch="a.b", output={"ok": True})

    given = await service.append_event(session, said)

    assert given == said
    assert [said] == (await there(service)).events
    assert [said] == session.events


async def test_append_brings_the_callers_session_along(service: BaseSessionService) -> None:
    """The caller's own session goes on with every event, however many there are."""
    session = await service.create_session(**WHO, session_id="s1")

    for number in range(5):
        await service.append_event(session, says(str(number), delta={"n": number}))

    found = await there(service)
    assert ["0", "1", "2", "3", "4"] == texts(session) == texts(found)
    assert {"n": 4} == session.state == found.state
    assert session.last_update_time == found.last_update_time == pytest.approx(found.events[-1].timestamp, abs=1e-6)


async def test_append_gives_every_scope_its_state(service: BaseSessionService) -> None:
    """An app's state is everybody's, a user's is all of that user's sessions', the rest the session's own."""
    session = await service.create_session(**WHO, session_id="s1")
    await service.create_session(**WHO, session_id="s2")
    await service.create_session(app_name="shop", user_id="bob", session_id="s3")
    await service.create_session(app_name="other", user_id="ann", session_id="s4")

    await service.append_event(session, says("x", delta={"app:a": 1, "user:u": 2, "s": 3}))

    assert {"app:a": 1, "user:u": 2, "s": 3} == (await there(service)).state
    assert {"app:a": 1, "user:u": 2} == (await there(service, "s2")).state
    assert {"app:a": 1} == (await there(service, "s3", user_id="bob")).state
    assert {} == (await there(service, "s4", app_name="other")).state
    assert {"u": 2} == await service.get_user_state(**WHO)
    assert {} == await service.get_user_state(app_name="shop", user_id="bob")


async def test_append_replaces_a_value_whole(service: BaseSessionService) -> None:
    """A delta puts its values in the place of others, whole; `None` is a value."""
    session = await service.create_session(
        **WHO, session_id="s1", state={"a": {"x": 1}, "b": [1, 2], "user:c": {"y": 1}}
    )

    await service.append_event(session, says("x", delta={"a": {"z": 2}, "b": None, "user:c": {"w": [3]}, "d": None}))

    expected = {"a": {"z": 2}, "b": None, "user:c": {"w": [3]}, "d": None}
    assert expected == session.state
    assert expected == (await there(service)).state


async def test_append_shows_what_is_temporary_to_its_session_alone(service: BaseSessionService) -> None:
    """What is temporary is in the caller's state, and neither in the event that is stored nor in what others load."""
    session = await service.create_session(**WHO, session_id="s1")

    given = await service.append_event(session, says("x", delta={"temp:t": 1, "s": 2}))

    assert {"temp:t": 1, "s": 2} == session.state
    assert {"s": 2} == given.actions.state_delta
    found = await there(service)
    assert {"s": 2} == found.state == found.events[0].actions.state_delta


async def test_append_passes_a_fragment_by(service: BaseSessionService) -> None:
    """A partial event is a hint for a display: it is given back, and neither stored nor applied."""
    session = await service.create_session(**WHO, session_id="s1")
    fragment = says("Hel", "agent", partial=True, delta={"s": 1})

    assert await service.append_event(session, fragment) is fragment

    assert [] == session.events == (await there(service)).events
    assert {} == session.state


async def test_append_needs_a_session(service: BaseSessionService) -> None:
    """Nothing is appended to a session that was never created, or is deleted."""
    session = await service.create_session(**WHO, session_id="s1")
    await service.delete_session(**WHO, session_id="s1")

    for missing in (session, Session(**WHO, id="never")):
        with pytest.raises(SessionNotFoundError, match="not found"):
            await service.append_event(missing, says("x"))


async def test_a_stale_writer_is_refused(service: BaseSessionService) -> None:
    """Who has not seen what others appended is told so, and stores nothing; loaded again, they go on."""
    if isinstance(service, InMemorySessionService):
        pytest.skip("it takes what every writer brings")
    await service.create_session(**WHO, session_id="s1")
    one, other = await there(service), await there(service)
    await service.append_event(one, says("first"))

    with pytest.raises(StaleSessionError):
        await service.append_event(other, says("late", delta={"app:a": 1, "user:u": 1, "s": 1}))

    again = await there(service)
    assert ["first"] == texts(again)
    assert {} == again.state
    await service.append_event(again, says("second"))
    assert ["first", "second"] == texts(await there(service))


async def test_a_long_running_call_and_its_answer_come_back(service: BaseSessionService) -> None:
    """What a session waits for, and what came for it, is in its events."""
    session = await service.create_session(**WHO, session_id="s1")
    asked, answered = asks("c1", question="Which?"), answers("c1", result="this")

    await service.append_event(session, asked)
    await service.append_event(session, answered)

    assert [asked, answered] == (await there(service)).events


async def _with_five(service: BaseSessionService) -> list[Event]:
    session = await service.create_session(**WHO, session_id="s1")
    return [await service.append_event(session, says(str(n), timestamp=100.0 + n)) for n in range(5)]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "01234"),
        ({"num_recent_events": 2}, "34"),
        ({"num_recent_events": 9}, "01234"),
        ({"num_recent_events": 0}, ""),
        ({"after_timestamp": 102.0}, "234"),
        ({"after_timestamp": 0.0}, "01234"),
        ({"after_timestamp": 999.0}, ""),
        ({"after_timestamp": 101.0, "num_recent_events": 2}, "34"),
    ],
)
async def test_get_gives_the_events_that_are_asked_for(
    service: BaseSessionService, config: dict[str, Any], expected: str
) -> None:
    """The newest so many, none from before a time; the state is the whole session's all the same."""
    events = await _with_five(service)

    found = await there(service, config=GetSessionConfig(**config))

    assert [events[int(place)] for place in expected] == found.events
    assert 104.0 == found.last_update_time


async def test_a_part_of_the_events_is_enough_to_go_on(service: BaseSessionService) -> None:
    """A session that was loaded without its events can be appended to."""
    await _with_five(service)
    found = await there(service, config=GetSessionConfig(num_recent_events=0))

    await service.append_event(found, says("5"))

    assert ["0", "1", "2", "3", "4", "5"] == texts(await there(service))


async def test_list_gives_the_sessions_without_their_events(service: BaseSessionService) -> None:
    """An app's sessions, or a user's, with their state; the one that was used last comes last."""
    for user, name in (("ann", "s1"), ("bob", "s2"), ("ann", "s3")):
        await service.create_session(app_name="shop", user_id=user, session_id=name, state={"n": name, "user:u": user})
    await service.create_session(app_name="other", user_id="ann", session_id="s4")
    await service.append_event(await there(service, "s1"), says("x", timestamp=2e9, delta={"app:a": 1}))

    everybody = (await service.list_sessions(app_name="shop")).sessions
    anns = (await service.list_sessions(**WHO)).sessions

    assert ["s2", "s3", "s1"] == [each.id for each in everybody]
    assert ["s3", "s1"] == [each.id for each in anns]
    assert {"n": "s2", "user:u": "bob", "app:a": 1} == everybody[0].state
    assert {"n": "s1", "user:u": "ann", "app:a": 1} == anns[-1].state
    assert [] == [event for each in everybody for event in each.events]
    assert 2e9 == anns[-1].last_update_time
    assert [] == (await service.list_sessions(app_name="nobody's")).sessions
    assert [] == (await service.list_sessions(app_name="shop", user_id="eve")).sessions


async def test_what_was_used_at_one_time_is_listed_by_name(service: BaseSessionService) -> None:
    """Sessions that were last used at the same time come by user and id."""
    for user, name in (("bob", "s1"), ("ann", "s2"), ("ann", "s1")):
        session = await service.create_session(app_name="shop", user_id=user, session_id=name)
        await service.append_event(session, says("x", timestamp=2e9))

    listed = (await service.list_sessions(app_name="shop")).sessions

    assert [("ann", "s1"), ("ann", "s2"), ("bob", "s1")] == [(each.user_id, each.id) for each in listed]


async def test_a_deleted_session_is_gone(service: BaseSessionService) -> None:
    """It is found no more, others are, and what its user and its app share stays."""
    await service.create_session(**WHO, session_id="s1", state={"app:a": 1, "user:u": 2, "s": 3})
    await service.create_session(**WHO, session_id="s2")

    await service.delete_session(**WHO, session_id="s1")
    await service.delete_session(**WHO, session_id="s1")

    assert await service.get_session(**WHO, session_id="s1") is None
    assert ["s2"] == [each.id for each in (await service.list_sessions(**WHO)).sessions]
    assert {"app:a": 1, "user:u": 2} == (await there(service, "s2")).state


async def test_an_id_can_be_used_again(service: BaseSessionService) -> None:
    """After a deletion a session of that id begins anew, and an event of the first life may come in the second."""
    session = await service.create_session(**WHO, session_id="s1", state={"s": 3})
    said = await service.append_event(session, says("before"))
    await service.delete_session(**WHO, session_id="s1")

    again = await service.create_session(**WHO, session_id="s1")
    await service.append_event(again, said)

    found = await there(service)
    assert [said] == found.events
    assert {} == found.state


async def test_who_holds_a_session_from_before_its_deletion_is_stale(service: BaseSessionService) -> None:
    """An id that was used again stands for another session."""
    if type(service).__name__ in ("InMemorySessionService", "SqliteSessionService"):
        pytest.skip("it tells neither the writers nor the lives of a session apart")
    old = await service.create_session(**WHO, session_id="s1")
    await service.delete_session(**WHO, session_id="s1")
    await service.create_session(**WHO, session_id="s1")

    with pytest.raises(StaleSessionError):
        await service.append_event(old, says("late"))


async def test_what_is_given_is_the_callers_own(service: BaseSessionService) -> None:
    """Changing what was given changes nothing that is stored, at any depth."""
    session = await service.create_session(**WHO, session_id="s1", state={"s": {"x": [1]}, "user:u": {"y": [2]}})
    await service.append_event(session, says("as it was"))
    expected = (await there(service)).model_dump()

    for found in (await there(service), (await service.list_sessions(**WHO)).sessions[0]):
        found.state["s"]["x"].append("changed")
        found.state["user:u"]["y"].append("changed")
        found.events.append(says("never"))
    (await service.get_user_state(**WHO))["u"] = "changed"

    assert expected == (await there(service)).model_dump()


async def test_a_copy_of_a_session_goes_on_as_the_session_does(service: BaseSessionService) -> None:
    """A copy knows what it was loaded at."""
    await service.create_session(**WHO, session_id="s1")
    copy = (await there(service)).model_copy(deep=True)

    await service.append_event(copy, says("from the copy"))

    assert ["from the copy"] == texts(await there(service))


async def test_a_session_that_came_as_json_goes_on(service: BaseSessionService) -> None:
    """A session object that has lost what it was loaded at is known by its last event."""
    session = await service.create_session(**WHO, session_id="s1")
    await service.append_event(session, says("first"))
    known = Session.model_validate_json((await there(service)).model_dump_json())

    await service.append_event(known, says("second"))

    assert ["first", "second"] == texts(await there(service))


async def test_events_of_one_moment_keep_their_order(service: BaseSessionService) -> None:
    """Events of one time come back as they were appended."""
    if type(service).__name__ == "DatabaseSessionService":
        pytest.skip("it orders them by their ids")
    session = await service.create_session(**WHO, session_id="s1")

    for number in range(9):
        await service.append_event(session, says(str(number), timestamp=100.0))

    assert [str(number) for number in range(9)] == texts(await there(service))


async def test_flush_is_there(service: BaseSessionService) -> None:
    """A runner flushes at the end of a turn."""
    await service.flush()
