"""Runs of the real framework that are interrupted: what they wait for is asked, and what came of it is on record."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from agents import Agent, GuardrailFunctionOutput, OutputGuardrail, Runner
from agents.tool import DEFAULT_APPROVAL_REJECTION_MESSAGE

import ledger
from ledger import AsyncLedger, QuestionNotPending
from ledger.adapters.openai_agents import LedgerSession
from tests.adapters.openai_scripted import (
    DELETE,
    WHERE,
    OpenSession,
    Scripted,
    agent_of,
    call,
    interrupted,
    outputs,
    say,
    told_of,
)
from tests.contract.backends import on_durable

pytestmark = on_durable


@pytest.fixture
async def book(url: str) -> AsyncIterator[AsyncLedger]:
    """Give an open ledger on the test's database, whose writer is a person's UI."""
    async with ledger.open_async(url, writer="ui", authority="user") as opened:
        yield opened


async def test_a_call_that_waits_is_a_question(session: LedgerSession, book: AsyncLedger) -> None:
    """In the save that brings the call: a clarification as its tool words it, an approval with what is to be done."""
    await interrupted(session, WHERE, DELETE)
    asked = await book.questions("s1")

    assert [("Which environment?", "clarification"), ('Approve delete_file(path="/x")?', "approval")] == [
        (each.text, each.kind) for each in asked
    ]
    assert [["staging", "prod"], ["approve", "reject"]] == [list(map(str, each.options)) for each in asked]
    assert [{"message_appended", "question_asked"}] == [
        {change.type for change in event.changes}
        async for event in book.history("s1")
        if event.version == asked[0].asked_version
    ]


async def test_another_process_goes_on(session: LedgerSession, open_session: OpenSession, book: AsyncLedger) -> None:
    """With the kept run, and with the answers that people gave meanwhile in the ledger."""
    await session.record_interruptions(await interrupted(session, WHERE, DELETE))
    await session.aclose()
    await book.answer("s1", "call_1", "staging", by="anna")
    await book.answer("s1", "call_2", {"decision": "reject", "message": "not on a Friday"}, by="bob")

    session = open_session()
    model = Scripted([say("Done")])
    agent = agent_of(model, session)
    run = await session.kept_run(agent)
    assert run is not None
    result = await Runner.run(agent, run, session=session)

    assert "Done" == result.final_output
    assert ["staging", "not on a Friday"] == outputs(model.told[0]) == outputs(await session.get_items())
    assert [
        ("Which environment?", "answered", "staging", "anna"),
        (
            'Approve delete_file(path="/x")?',
            "answered",
            {"decision": "reject", "message": "not on a Friday"},
            "bob",
        ),
    ] == await told_of(book)
    assert await session.kept_run(agent) is None
    assert {} == (await book.load("s1")).state


@pytest.mark.parametrize(
    ("approve", "message", "answer", "told"),
    [
        (True, None, "approve", "deleted /x"),
        (False, None, "reject", DEFAULT_APPROVAL_REJECTION_MESSAGE),
        (False, "keep it", {"decision": "reject", "message": "keep it"}, "keep it"),
    ],
    ids=["approved", "rejected", "rejected with a reason"],
)
async def test_a_decision_in_the_run_alone_is_found(
    session: LedgerSession, book: AsyncLedger, *, approve: bool, message: str | None, answer: Any, told: str
) -> None:
    """The result says what it was, whoever decided; the framework does not tell who."""
    state = (await interrupted(session, DELETE)).to_state()
    if approve:
        state.approve(state.get_interruptions()[0])
    else:
        state.reject(state.get_interruptions()[0], rejection_message=message)
    await Runner.run(agent_of(Scripted(), session), state, session=session)

    assert [told] == outputs(await session.get_items())
    assert [('Approve delete_file(path="/x")?', "answered", answer, "openai-agents")] == await told_of(book)


async def test_a_decision_names_who_made_it(session: LedgerSession, book: AsyncLedger) -> None:
    """By the interruption or by its call; once."""
    result = await interrupted(session, WHERE, DELETE)
    await session.record_decision(result.interruptions[1], approved=False, by="bob", message="keep it")
    await session.record_decision("call_1", approved=False, by="anna", message="no time")

    assert [
        ("Which environment?", "withdrawn", None, "anna"),
        ('Approve delete_file(path="/x")?', "answered", {"decision": "reject", "message": "keep it"}, "bob"),
    ] == await told_of(book)
    with pytest.raises(QuestionNotPending):
        await session.record_decision("call_2", approved=True)
    with pytest.raises(QuestionNotPending):
        await session.record_decision("call_9", approved=True)


async def test_an_answer_that_decides_nothing_is_named(session: LedgerSession, book: AsyncLedger) -> None:
    """An approval takes two answers, and guesses are dangerous."""
    result = await interrupted(session, DELETE)
    await book.answer("s1", "call_2", "sure, why not")

    with pytest.raises(ValueError, match=r"call_2#0 was answered 'sure, why not'.*answer 'approve'"):
        await session.apply_decisions(result.to_state())


async def test_what_is_undecided_still_waits(session: LedgerSession) -> None:
    """And is given back."""
    result = await interrupted(session, WHERE, DELETE)
    await session.record_decision("call_2", approved=True)

    assert ["ask_user"] == [item.name for item in await session.apply_decisions(result.to_state())]


async def test_recording_again_adds_nothing(session: LedgerSession, book: AsyncLedger) -> None:
    """The same run has the same questions."""
    result = await interrupted(session, WHERE, DELETE)
    first = await session.record_interruptions(result)
    version = (await book.load("s1")).version

    assert first == await session.record_interruptions(result)
    assert version == (await book.load("s1")).version
    assert 2 == len(await book.questions("s1"))


async def test_recording_a_run_again_asks_nothing_that_was_answered(session: LedgerSession, book: AsyncLedger) -> None:
    """The run waits still, because nobody has told it yet; the call has its answer."""
    result = await interrupted(session, WHERE, DELETE)
    await session.record_interruptions(result)
    await session.record_decision("call_2", approved=True, by="bob")
    asked = await session.record_interruptions(result)

    assert [("call_1#0", "pending"), ("call_2#0", "answered")] == [(each.id, each.status) for each in asked]
    assert 2 == len(await book.questions("s1"))


async def test_an_answer_is_of_the_latest_call_of_its_id(session: LedgerSession, book: AsyncLedger) -> None:
    """A run was left behind, and another one used its id again: a decision on the one says nothing of the other."""
    await interrupted(session, DELETE)
    state = (await interrupted(session, call("call_2", "delete_file", path="/y"))).to_state()
    state.approve(state.get_interruptions()[0])
    await Runner.run(agent_of(Scripted(), session), state, session=session)

    assert [
        ('Approve delete_file(path="/x")?', "pending", None, None),
        ('Approve delete_file(path="/y")?', "answered", "approve", "openai-agents"),
    ] == await told_of(book)


async def test_a_call_may_ask_several_questions(session: LedgerSession, book: AsyncLedger) -> None:
    """It waits for all of them, and its tool finds the answers by their texts."""
    several = [{"question": "Where?", "options": [{"label": "prod", "description": "Live"}]}, {"question": "When?"}]
    asking = {"type": "function_call", "call_id": "call_8", "name": "AskUserQuestion"}
    await session.add_items([{**asking, "arguments": json.dumps({"questions": several})}])  # type: ignore[list-item]  # as a model's
    await book.answer("s1", "call_8#0", "prod")

    assert {"Where?": "prod", "When?": None} == await session.answer_to("call_8")
    assert [["Where?", ["prod"]], ["When?", []]] == [
        [each.text, list(map(str, each.options))] for each in await book.questions("s1")
    ]


async def test_a_clarification_takes_an_answer(session: LedgerSession) -> None:
    """To approve of a question is not to answer it."""
    await interrupted(session, WHERE)

    with pytest.raises(ValueError, match=r"'Which environment\?'.*book.answer\('s1', 'call_1#0', …\)"):
        await session.record_decision("call_1", approved=True)
    assert await session.answer_to("call_1") is None
    assert await session.answer_to("call_9") is None


async def test_a_run_that_is_over_waits_for_nothing(session: LedgerSession, book: AsyncLedger) -> None:
    """What was kept of an earlier one goes, and a run need not be kept."""
    await session.record_interruptions(await interrupted(session, DELETE))
    over = await Runner.run(agent_of(Scripted([say("Hello")]), session), "Hi", session=session)

    assert [] == await session.record_interruptions(over)
    assert {} == (await book.load("s1")).state
    assert ["call_2#1"] == [
        each.id for each in await session.record_interruptions(await interrupted(session, DELETE), keep_run=False)
    ]
    assert {} == (await book.load("s1")).state


async def test_of_two_calls_one_may_go_on(session: LedgerSession, book: AsyncLedger) -> None:
    """A run that did something is not the one that was kept: to begin there again would do it twice."""
    await session.record_interruptions(await interrupted(session, WHERE, DELETE))
    await session.record_decision("call_2", approved=True)
    agent = agent_of(Scripted(), session)
    run = await session.kept_run(agent)
    assert run is not None
    again = await Runner.run(agent, run, session=session)

    assert ["ask_user"] == [item.name for item in again.interruptions]
    assert await session.kept_run(agent) is None
    await session.record_interruptions(again)
    await book.answer("s1", "call_1", "prod")
    model = Scripted([say("Done")])
    run = await session.kept_run(agent_of(model, session))
    assert run is not None
    await Runner.run(agent_of(model, session), run, session=session)
    assert {"prod", "deleted /x"} == set(outputs(await session.get_items()))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "Pending: the call waits for an answer: Which environment?"),
        ("staging", "staging"),
        (["staging", "prod"], '["staging", "prod"]'),
    ],
    ids=["pending", "answered", "several"],
)
async def test_who_begins_anew_is_told_of_the_call(
    session: LedgerSession, open_session: OpenSession, book: AsyncLedger, answer: Any, told: str
) -> None:
    """A process was killed and its run is gone: the next run is told what is known, and the record stays as it is."""
    await interrupted(session, WHERE)
    if answer is not None:
        await book.answer("s1", "call_1", answer)
    before = await session.get_items()
    model = Scripted([say("I see")])
    await Runner.run(agent_of(model, open_session()), "Well?", session=open_session())

    assert [told] == outputs(model.told[0])
    assert [] == outputs(before)
    assert before == (await session.get_items())[: len(before)]


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ("approve", "Cancelled: the call was approved, and has no recorded result."),
        ("reject", DEFAULT_APPROVAL_REJECTION_MESSAGE),
        ({"decision": "reject", "message": "keep it"}, "keep it"),
        (None, "Cancelled: this call has no recorded result."),
    ],
)
async def test_who_begins_anew_is_told_what_was_decided(
    session: LedgerSession, book: AsyncLedger, decision: Any, told: str
) -> None:
    """A call that was approved and never ran did not happen."""
    await interrupted(session, DELETE)
    if decision is None:
        await book.update("s1", lambda it: it.clear_pending_question("nobody is there"))
    else:
        await book.answer("s1", "call_2", decision)
    model = Scripted([say("I see")])
    await Runner.run(agent_of(model, session), "Well?", session=session)

    assert [told] == outputs(model.told[0])


async def test_a_late_result_stands_behind_its_call(session: LedgerSession) -> None:
    """Somebody else ran an agent on the session before the decision came."""
    state = (await interrupted(session, DELETE)).to_state()
    await Runner.run(agent_of(Scripted([say("Hello")]), session), "Hi", session=session)
    state.approve(state.get_interruptions()[0])
    await Runner.run(agent_of(Scripted(), session), state, session=session)
    model = Scripted([say("Bye")])
    await Runner.run(agent_of(model, session), "Bye", session=session)
    kinds = [str(item.get("type", item.get("role"))) for item in model.told[0]]

    assert ["user", "function_call", "function_call_output", "user"] == kinds[:4]
    assert ["user", "function_call", "user"] == [
        str(item.get("type", item.get("role"))) for item in await session.get_items()
    ][:3]


async def test_a_tool_that_asks_at_once_is_on_record(session: LedgerSession, book: AsyncLedger) -> None:
    """Whoever answers inside the tool: question and answer are in the save of the call."""
    agent = agent_of(Scripted([WHERE], [say("Done")]), session)
    agent.tools[0].needs_approval = False  # type: ignore[union-attr]  # a function tool
    await Runner.run(agent, "Deploy it", session=session)

    assert [("Which environment?", "answered", "None", "openai-agents")] == await told_of(book)


async def test_calls_that_run_ask_nothing(session: LedgerSession, book: AsyncLedger) -> None:
    """Only what waits is a question."""
    agent = agent_of(Scripted([call("call_3", "list_files")], [say("Two")]), session)
    await Runner.run(agent, "How many?", session=session)

    assert [] == await book.questions("s1")
    assert ["a.txt b.txt"] == outputs(await session.get_items())


async def test_an_id_that_is_used_again_is_another_question(session: LedgerSession, book: AsyncLedger) -> None:
    """Some providers count their calls anew in every turn."""
    for _ in range(2):
        result = await interrupted(session, DELETE)
        state = result.to_state()
        state.approve(state.get_interruptions()[0])
        await Runner.run(agent_of(Scripted(), session), state, session=session)

    assert [("call_2#0", "answered"), ("call_2#1", "answered")] == [
        (each.id, each.status) for each in await book.questions("s1")
    ]


async def test_what_a_guardrail_holds_back_is_asked_all_the_same(session: LedgerSession, book: AsyncLedger) -> None:
    """The framework saves such a call when its run goes on; until then it is in the kept run alone."""

    def pass_all(*_: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=False)

    guarded: dict[str, Any] = {
        "output_guardrails": [OutputGuardrail(guardrail_function=pass_all)],
        "tool_use_behavior": "stop_on_first_tool",
    }
    await session.record_interruptions(await interrupted(session, WHERE, DELETE, **guarded))
    assert 1 == len(await session.get_items())
    assert 2 == len(await book.questions("s1", status="pending"))

    await book.answer("s1", "call_1", "staging", by="anna")
    await session.record_decision("call_2", approved=True, by="bob")
    agent = agent_of(Scripted(), session, **guarded)
    run = await session.kept_run(agent)
    assert run is not None
    await Runner.run(agent, run, session=session)

    assert ["staging", "deleted /x"] == outputs(await session.get_items())
    assert [("call_1#0", "anna"), ("call_2#0", "bob")] == [
        (each.id, each.resolved_by) for each in await book.questions("s1")
    ]
    assert await session.kept_run(agent) is None


async def test_an_agent_that_is_a_tool_waits_for_what_is_inside(session: LedgerSession, book: AsyncLedger) -> None:
    """The question is of the call that waits, and not of the one around it."""
    inner = agent_of(Scripted([DELETE], [say("Deleted")]), session)
    outer_model = Scripted([call("call_5", "cleaner", input="clean")], [say("Done")])
    outer = Agent(name="outer", model=outer_model, tools=[inner.as_tool("cleaner", "Cleans.")])
    result = await Runner.run(outer, "Tidy up", session=session)
    asked = await session.record_interruptions(result, keep_run=False)

    assert ['Approve delete_file(path="/x")?'] == [question.text for question in asked]
    assert [("call_5#0", "withdrawn"), ("call_2#0", "pending")] == [
        (each.id, each.status) for each in await book.questions("s1")
    ]
    await session.record_decision("call_2", approved=True, by="anna")
    state = result.to_state()
    assert [] == await session.apply_decisions(state)
    await Runner.run(outer, state, session=session)
    assert ["Deleted"] == outputs(await session.get_items())


async def test_a_streamed_run_waits_too(session: LedgerSession, book: AsyncLedger) -> None:
    """It saves as it goes."""
    streamed = Runner.run_streamed(agent_of(Scripted([WHERE]), session), "Deploy it", session=session)
    async for _ in streamed.stream_events():
        pass
    await session.record_interruptions(streamed)
    await book.answer("s1", "call_1", "prod", by="anna")
    agent = agent_of(Scripted([say("Done")]), session)
    run = await session.kept_run(agent)
    assert run is not None
    resumed = Runner.run_streamed(agent, run, session=session)
    async for _ in resumed.stream_events():
        pass

    assert "Done" == resumed.final_output
    assert ["prod"] == outputs(await session.get_items())
    assert [("Which environment?", "answered", "prod", "anna")] == await told_of(book)
