"""What ADK's session service over a ledger does beyond what every service of ADK does."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.adk.errors import StaleSessionError
from google.adk.events import Event
from google.adk.sessions import BaseSessionService, DatabaseSessionService
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types
from hypothesis import HealthCheck, given, settings
from structlog.testing import capture_logs

import ledger
from ledger import InvalidSession, Message, StorageError
from ledger.adapters.adk import LedgerSessionService
from ledger.adapters.adk_ids import Named
from tests.adapters.adk_services import WHO, answers, asks, call, event, in_database, says, texts, there
from tests.contract.backends import in_memory, on_durable
from tests.unit.adapters.adk_samples import HISTORIES

S1 = "adk/shop/ann/s1"

METHODS = [
    name for name, member in vars(BaseSessionService).items() if not name.startswith("_") and inspect.isfunction(member)
]


@pytest.fixture
async def service(url: str) -> AsyncIterator[LedgerSessionService]:
    """Give our service on every database."""
    async with LedgerSessionService(url) as opened:
        yield opened


def _saved(service: LedgerSessionService, session_id: str = S1) -> list[list[str]]:
    """Give what each save of a session did, by the types of its changes."""
    return [[change.type for change in each.changes] for each in service._opened.book.history(session_id)]


@pytest.mark.parametrize("name", METHODS)
def test_the_interface_is_met_to_the_letter(name: str) -> None:
    """Each method takes what ADK's base class says, by the same names, kinds and defaults."""
    theirs, ours = (
        [(each.name, each.kind, each.default) for each in inspect.signature(getattr(kind, name)).parameters.values()]
        for kind in (BaseSessionService, LedgerSessionService)
    )

    assert theirs == ours


def test_no_method_is_left_out() -> None:
    """What ADK's own service for databases has of its own beyond storage, ours has too."""
    assert not inspect.isabstract(LedgerSessionService)
    own = {name for name in vars(DatabaseSessionService) if not name.startswith("_")} - {"prepare_tables"}
    assert own <= set(dir(LedgerSessionService))


async def test_an_event_is_one_save(service: LedgerSessionService) -> None:
    """Its message, its question, its state and what it changes for app and user are saved together."""
    session = await service.create_session(**WHO, session_id="s1")
    asked = asks("c1", question="Which?")
    asked.actions.state_delta = {"s": 1, "app:a": 2, "user:u": 3}

    await service.append_event(session, asked)

    assert ["message_appended", "question_asked", "state_set"] == sorted(_saved(service)[-1])
    assert 1 == len(_saved(service, "adk-state/shop")) == len(_saved(service, "adk-state/shop/ann"))


@pytest.mark.parametrize("spoiled", ["app:a", "user:u", "s"])
async def test_of_a_save_that_fails_nothing_is_stored(service: LedgerSessionService, spoiled: str) -> None:
    """What cannot be stored of one of them is stored of none."""
    session = await service.create_session(**WHO, session_id="s1", state={"app:a": 1, "user:u": 1, "s": 1})
    before = (await there(service)).model_dump()

    with pytest.raises(InvalidSession, match="surrogate"):
        await service.append_event(session, says("x", delta={"app:a": 2, "user:u": 2, "s": 2} | {spoiled: "\ud800"}))

    assert before == (await there(service)).model_dump()
    await service.append_event(session, says("it goes on", delta={"app:a": 3}))
    assert 3 == (await there(service)).state["app:a"]


ODD = ["a/b", "a b", "'", '"', "%2F", "🙂", "x" * 1000, " ", "..", "\0", "é\u0301", "a\nb"]


@pytest.mark.parametrize("text", ODD, ids=repr)
async def test_any_text_is_an_id(service: LedgerSessionService, text: str) -> None:
    """Of apps, users and sessions; none is mistaken for another."""
    odd: dict[str, Any] = {"app_name": text, "user_id": text, "session_id": text}
    session = await service.create_session(**odd, state={"user:u": 1, "app:a": 2})
    await service.create_session(app_name=text, user_id=text + "/", session_id=text)
    await service.append_event(session, says("hello"))

    found = await service.get_session(**odd)
    listed = (await service.list_sessions(app_name=text, user_id=text)).sessions

    assert found is not None
    assert ["hello"] == texts(found)
    assert [(text, text, text)] == [(each.app_name, each.user_id, each.id) for each in listed]
    assert {"user:u": 1, "app:a": 2} == found.state
    assert 2 == len((await service.list_sessions(app_name=text)).sessions)


@on_durable
async def test_a_list_is_the_same_from_anywhere(url: str) -> None:
    """Also from a process that has none of the sessions at hand; names are told apart to the letter."""
    async with LedgerSessionService(url) as service:
        for app, user, name in (
            ("shop", "ann", "s1"),
            ("shop", "ann_", "s2"),
            ("Shop", "ann", "s3"),
            ("sho_", "a%", "s4"),
        ):
            made = await service.create_session(app_name=app, user_id=user, session_id=name, state={"user:u": user})
            await service.append_event(made, says("hello"))
        known = (await service.list_sessions(app_name="shop")).model_dump()

    with ledger.open(url) as book:
        again = LedgerSessionService(book)
        assert known == (await again.list_sessions(app_name="shop")).model_dump()
        assert ["s1"] == [each.id for each in (await again.list_sessions(**WHO)).sessions]
        assert ["s4"] == [each.id for each in (await again.list_sessions(app_name="sho_")).sessions]


async def test_a_long_history_comes_whole(service: LedgerSessionService) -> None:
    """However many events there are, and in their order."""
    session = await service.create_session(**WHO, session_id="s1")
    for number in range(150):
        await service.append_event(session, says(str(number)))

    assert [str(number) for number in range(150)] == texts(await there(service))
    last = await there(service, config=GetSessionConfig(num_recent_events=2))
    assert ["148", "149"] == texts(last)


async def test_what_has_no_json_is_stored_as_adk_stores_it(service: LedgerSessionService, tmp_path: Any) -> None:
    """Times, models, tuples, sets, bytes and keys that are no text come back as from ADK's own database."""
    odd = {
        "time": datetime(2026, 1, 2, tzinfo=UTC),
        "model": types.Part(text="x"),
        "tuple": (1, 2),
        "set": {3},
        "bytes": b"abc",
        "keys": {1: "a", None: "b"},
        "call": print,
    }
    states = []
    async with in_database(tmp_path) as theirs:
        for each in (theirs, service):
            session = await each.create_session(**WHO, session_id="s1", state={"odd": odd, "user:odd": odd})
            await each.append_event(session, says("x", delta={"again": odd, "app:odd": odd}))
            states.append((await there(each)).state)

    assert states[0] == states[1]
    assert "2026-01-02T00:00:00Z" == states[1]["again"]["time"]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"custom_metadata": {"deep": [0, object()]}}, "/custom_metadata/deep/1"),
        ({"delta": {"n": [float("nan")]}}, "/state/n/0"),
        ({"output": "\ud800"}, "/messages/0/"),
    ],
    ids=["object", "NaN", "surrogate"],
)
async def test_what_cannot_be_stored_is_refused_by_its_place(
    service: LedgerSessionService, fields: dict[str, Any], place: str
) -> None:
    """Nothing of such an event is stored, and the session goes on."""
    session = await service.create_session(**WHO, session_id="s1")

    with pytest.raises(InvalidSession) as raised:
        await service.append_event(session, says("x", **fields))

    assert place in (raised.value.path or "")
    assert S1 == raised.value.session_id
    await service.append_event(session, says("it goes on"))
    assert ["it goes on"] == texts(await there(service))


@in_memory
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES)
def test_an_event_of_any_kind_comes_back(url: str, history: list[dict[str, Any]]) -> None:
    """Whatever ADK takes for an event comes back equal, whatever else it holds."""

    async def round_trip() -> None:
        async with LedgerSessionService(url) as service:
            session = await service.create_session(app_name="shop", user_id="ann")
            made = []
            for item in history:
                try:
                    made.append(Event.model_validate(item))
                except ValueError:
                    continue  # no event, to this release of ADK
                made[-1].partial = None
                try:
                    await service.append_event(session, made[-1])
                except InvalidSession:
                    made.pop()
            found = await service.get_session(app_name="shop", user_id="ann", session_id=session.id)
            assert found is not None
            assert [each.model_dump(mode="json") for each in made] == [
                each.model_dump(mode="json") for each in found.events
            ]

    asyncio.run(round_trip())


async def test_an_event_of_a_later_release_is_kept(service: LedgerSessionService) -> None:
    """Fields that this ADK does not know are in the record, though it does not give them back."""

    class LaterEvent(Event):
        mood: str = "calm"

    session = await service.create_session(**WHO, session_id="s1")

    await service.append_event(session, LaterEvent(author="agent", mood="curious"))

    (message,) = service._opened.book.load(S1).messages
    assert message.native is not None
    assert "curious" == message.native["data"]["mood"]


async def test_questions_are_asked_and_answered(service: LedgerSessionService) -> None:
    """What an agent waits for is pending until a person answers, and deleting the session withdraws it."""
    session = await service.create_session(**WHO, session_id="s1")
    for each in (asks("c1", question="Where to?"), answers("c1", result="staging"), asks("c2", question="Sure?")):
        await service.append_event(session, each)

    first, second = service._opened.book.questions(S1)
    assert ("Where to?", "answered", "staging") == (first.text, first.status, first.answer)
    assert ("Sure?", "pending") == (second.text, second.status)

    await service.delete_session(**WHO, session_id="s1")
    assert ["answered", "withdrawn"] == [each.status for each in service._opened.book.questions(S1)]


async def test_an_answer_from_elsewhere_is_no_obstacle(service: LedgerSessionService) -> None:
    """Somebody answered in the ledger first; what comes through ADK is stored, and the first answer stands."""
    session = await service.create_session(**WHO, session_id="s1")
    await service.append_event(session, asks("c1", question="Where to?"))
    service._opened.book.answer(S1, "c1", "prod", by="ops")

    await service.append_event(await there(service), answers("c1", result="staging"))

    (question,) = service._opened.book.questions(S1)
    assert ("prod", "ops") == (question.answer, question.resolved_by)


async def test_what_others_save_is_seen(service: LedgerSessionService) -> None:
    """A message from a person at a UI is an event to ADK, and makes those stale who have not seen it."""
    session = await service.create_session(**WHO, session_id="s1")
    service._opened.book.append(S1, Message.user("From the UI", id="m1"))

    with pytest.raises(StaleSessionError):
        await service.append_event(session, says("late"))

    found = await there(service)
    assert [("m1", "user")] == [(each.id, each.author) for each in found.events]
    await service.append_event(found, says("and on"))
    assert ["From the UI", "and on"] == texts(await there(service))


async def test_results_pair_with_their_calls(service: LedgerSessionService) -> None:
    """Parallel calls whose results come in one event are each followed by their own, for any model."""
    session = await service.create_session(**WHO, session_id="s1")
    await service.append_event(session, event("agent", call("c1", "a"), call("c2", "b")))
    results = [
        types.Part(function_response=types.FunctionResponse(id=each, name="x", response={"result": each}))
        for each in ("c2", "c1")
    ]
    await service.append_event(session, event("agent", *results))

    given = service._opened.book.load(S1).for_model()

    assert [("assistant", ""), ("tool", "c1"), ("tool", "c2")] == [(each.role, each.content) for each in given]


async def test_tokens_are_counted_once(service: LedgerSessionService) -> None:
    """What a model call cost is in the usage log, however often its event is delivered."""
    session = await service.create_session(**WHO, session_id="s1")
    cost = types.GenerateContentResponseUsageMetadata(prompt_token_count=7, candidates_token_count=3)
    said = says("hi", "agent", usage_metadata=cost, model_version="gemini-3")

    for _ in range(2):
        await service.append_event(session, said)

    assert {"input_tokens": 7, "output_tokens": 3} == service._opened.book.usage(S1).totals
    assert "gemini-3" == service._opened.book.load(S1).model


async def test_tokens_that_cannot_be_counted_do_not_stop_an_agent(service: LedgerSessionService) -> None:
    """An event of a second life, under the id of one of the first that cost otherwise, is stored; the log says so."""

    async def live(tokens: int) -> list[str]:
        session = await service.create_session(**WHO, session_id="s1")
        cost = types.GenerateContentResponseUsageMetadata(prompt_token_count=tokens)
        await service.append_event(session, says("hi", "agent", id="e1", usage_metadata=cost))
        said = texts(await there(service))
        await service.delete_session(**WHO, session_id="s1")
        return said

    assert ["hi"] == await live(7)
    with capture_logs() as logged:
        assert ["hi"] == await live(8)
    warned = [(each["event"], each["event_id"]) for each in logged if each["log_level"] == "warning"]
    assert [("usage_not_counted", "e1")] == warned


async def test_the_past_stays(service: LedgerSessionService) -> None:
    """Any state that ADK had overwritten, or deleted, still loads."""
    session = await service.create_session(**WHO, session_id="s1", state={"n": 0})
    for number in (1, 2):
        await service.append_event(session, says(str(number), delta={"n": number}))
    await service.delete_session(**WHO, session_id="s1")

    assert [0, 1, 2] == [service._opened.book.load(S1, at=n).state["n"] for n in (1, 2, 3)]
    assert service._opened.book.verify().ok


async def test_an_append_reads_nothing_of_the_session(
    service: LedgerSessionService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an agent goes on with is at hand: an event costs what is in it, however long the session is."""
    session = await service.create_session(**WHO, session_id="s1")
    loaded: list[str] = []
    real = service._opened.book.load

    def load(session_id: str, at: Any = None) -> Any:
        loaded.append(session_id)
        return real(session_id, at)

    monkeypatch.setattr(service._opened.book, "load", load)

    for number in range(5):
        await service.append_event(session, says(str(number)))
    await there(service, config=GetSessionConfig(num_recent_events=1))

    assert [] == loaded


async def test_it_closes_what_it_opened(url: str) -> None:
    """`close` may be awaited, as ADK's own services', or not; a ledger that was handed over stays open."""
    for awaited in (True, False):
        service = LedgerSessionService(url)
        assert await service.get_session(**WHO, session_id="s1") is None
        if awaited:
            await service.close()
        else:
            service.close()
        with pytest.raises(RuntimeError, match="is closed"):
            await service.get_session(**WHO, session_id="s1")

    with ledger.open(url) as book:
        async with LedgerSessionService(book) as service:
            await service.create_session(**WHO, session_id="s1")
        assert book.head(S1) is not None


async def test_storage_that_fails_says_so() -> None:
    """A hiccup looks neither like an empty conversation nor like another's save."""
    with ledger.open("sqlite://") as book:
        service = LedgerSessionService(book)
        session = await service.create_session(**WHO, session_id="s1")

    for failing in (
        service.get_session(**WHO, session_id="s1"),
        service.append_event(session, says("x")),
        service.list_sessions(**WHO),
        service.create_session(**WHO),
    ):
        with pytest.raises(StorageError):
            await failing


async def test_the_writer_is_in_the_log(url: str) -> None:
    """Who saves is `adk`, or whoever one says."""
    with ledger.open(url, writer="somebody else") as book:
        for name, options in (("s1", {}), ("s2", {"writer": "night-shift"})):
            service = LedgerSessionService(book, **options)
            await service.append_event(await service.create_session(**WHO, session_id=name), says("x"))
            await service.delete_session(**WHO, session_id=name)

        assert [{"adk"}, {"night-shift"}] == [
            {each.writer for each in book.history(Named("shop", "ann", name).ledger_id)} for name in ("s1", "s2")
        ]
