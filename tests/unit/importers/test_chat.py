from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.importers.chat import read_document, read_runs
from ledger.importers.steps import Described, Item, Said
from tests.unit.importers.samples import Record, as_lines, chat_run, problems, steps


def read(document: Any) -> list[Item]:
    """Give what the reader says of a document."""
    return list(read_document("runs.json", "runs", document))


def said(item: Any) -> Any:
    """Give the message of a step."""
    return next(happening.message for happening in item.happenings if isinstance(happening, Said))


TAU: Record = {
    "task_id": 7,
    "trial": 1,
    "reward": 1.0,
    "info": {"user_cost": 0.25},
    "traj": [
        {"role": "system", "content": "You are an airline agent."},
        {"role": "user", "content": "Book me a flight"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"to": "SEA"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "name": "find", "content": "[]"},
    ],
}


def test_each_message_of_a_run_is_a_step() -> None:
    """A run is a session; what was said of it once it was over comes last."""
    found = steps(read([TAU]))

    assert ["system", "user", "assistant", "tool"] == [said(step).role for step in found[:4]]
    assert [("tau-bench", "runtime"), ("user", "user"), ("tau-bench", "runtime")] == [
        (step.writer, step.authority) for step in found[:3]
    ]
    assert (Described({"source": "tau-bench", "task_id": 7, "trial": 1}),) == found[0].happenings[:1]
    assert (Described({"reward": 1.0, "info": {"user_cost": 0.25}}),) == found[4].happenings


def test_a_message_keeps_its_tool_calls() -> None:
    """Arguments that are JSON inside a text become that JSON; a result names its call."""
    found = steps(read([TAU]))
    (call,) = said(found[2]).tool_calls

    assert ("c1", "find", {"to": "SEA"}) == (call.id, call.name, call.arguments)
    assert "c1" == said(found[3]).tool_call_id
    assert {"format": "openai-chat", "data": {"name": "find"}} == said(found[3]).native


@pytest.mark.parametrize(
    ("arguments", "kept"), [("{not json", "{not json"), ('{"a": NaN}', '{"a": NaN}'), ({"a": 1}, {"a": 1})]
)
def test_arguments_that_are_no_json_are_kept_as_they_are(arguments: Any, kept: Any) -> None:
    """What a model wrote need not be JSON."""
    calls = [{"id": "c1", "function": {"name": "find", "arguments": arguments}}]
    (step,) = steps(read({"messages": [{"role": "assistant", "tool_calls": calls}]}))

    assert kept == said(step).tool_calls[0].arguments


def test_a_run_that_says_its_id_is_that_session() -> None:
    """The recorder's own name stands."""
    assert {"c-17"} == {step.session_id for step in steps(read(chat_run("Hello", "Hi", id="c-17", model="gpt-5")))}
    assert "gpt-5" == steps(read(chat_run("Hello", model="gpt-5")))[0].opening.model


def test_other_runs_are_named_for_their_file_and_beginning() -> None:
    """A run that grows keeps its name, another beginning gets another, and two equal ones are two sessions."""
    short, long = (steps(read(run))[0].session_id for run in (chat_run("Hello"), chat_run("Hello", "Hi")))
    found = steps(read([chat_run("Hello"), chat_run("Hello"), chat_run("Bye")]))
    first, second, other = dict.fromkeys(step.session_id for step in found)

    assert short == long == first
    assert short.startswith("runs-")
    assert f"{short}-2" == second
    assert not other.startswith(short)
    assert steps(read([TAU]))[0].session_id.startswith("runs-7-1-")


def test_a_step_stands_on_all_before_it() -> None:
    """Messages carry no ids: the key of a step covers all messages up to it, and begins with its number."""
    whole, other = steps(read(chat_run("Hello", "Hi", "Bye"))), steps(read(chat_run("Hello", "Hey", "Bye")))

    assert whole[0].key == other[0].key
    assert [True, True] == [a.key != b.key for a, b in zip(whole[1:], other[1:], strict=True)]
    assert ["import:run:1:", "import:run:2:", "import:run:3:"] == [step.slot for step in whole]
    assert all(step.slot and step.key.startswith(step.slot) for step in whole)


@pytest.mark.parametrize("shorter", range(1, 5))
def test_a_grown_run_begins_with_the_steps_that_it_had(shorter: int) -> None:
    """Importing a run while it goes on, and again at its end, is importing it at its end."""
    contents = ("Hello", "Hi", "How are you?", "Fine", "Bye")
    part = [step.key for step in steps(read(chat_run(*contents[:shorter])))]

    assert part == [step.key for step in steps(read(chat_run(*contents)))][:shorter]


def test_runs_come_as_json_lines_too() -> None:
    """A line is a run; a bad line costs that run alone."""
    lines = as_lines([chat_run("Hello"), '{"messages": 7}', "", chat_run("Bye", id="c-2"), '{"mess'])
    found = list(read_runs("runs.jsonl", "runs", lines))

    assert 2 == len(steps(found))
    assert [
        "runs.jsonl:2: its messages are a number, not a list; mend it and import again: only what is missing is added",
        (
            "runs.jsonl:5: the last line is torn: it ends in the middle of a record; "
            "import again once it is written to its end"
        ),
    ] == problems(found)


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (7, "the run is a number, not an object"),
        ({"messages": []}, "it holds no messages"),
        ({"messages": [7]}, "runs.json: message 1: it is a number, not an object"),
        ({"messages": [{"content": "x"}]}, "message 1: role is missing"),
        ({"messages": [{"role": "clerk"}]}, "its role is 'clerk', not one of system, developer, user"),
        ({"messages": [{"role": "user", "content": 7}]}, "content is a number, neither text nor a list of parts"),
        ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "tool_calls is an object, not a list"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c1"}]}]}, "the function of a tool call is null"),
    ],
)
def test_a_bad_run_or_message_is_named(run: Any, problem: str) -> None:
    """One sentence names the run and the message."""
    (said,) = problems(read(run))

    assert problem in said


def test_the_rest_of_a_run_with_a_bad_message_comes_in() -> None:
    """A message that cannot be taken costs itself alone."""
    run = chat_run("Hello", "Hi", "Bye")
    run["messages"][1] = 7
    found = read(run)

    assert ["Hello", "Bye"] == [said(step).content for step in steps(found)]
    assert ["import:run:1:", "import:run:3:"] == [step.slot for step in steps(found)]


def test_a_list_of_messages_is_one_run() -> None:
    """The barest form of a conversation is one."""
    found = steps(read(chat_run("Hello", "Hi")["messages"]))

    assert 1 == len({step.session_id for step in found})
    assert ["Hello", "Hi"] == [said(step).content for step in found]


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-03-01T08:00:00Z", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("2026-03-01T08:00:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        (1_772_352_000, datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("yesterday", None),
        (True, None),
        (1e300, None),
        (None, None),
    ],
)
def test_a_message_may_say_when_it_was_sent(stamp: Any, expected: datetime | None) -> None:
    """These records seldom hold times; one in a spelling of its own is kept with the message, not guessed at."""
    (step,) = steps(read({"messages": [{"role": "user", "content": "Hello", "timestamp": stamp}]}))

    assert expected == step.occurred_at


def test_parts_that_are_no_text_are_kept() -> None:
    """A picture stays beside the words."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    content = [{"type": "text", "text": "Look"}, image]
    (step,) = steps(read({"messages": [{"role": "user", "content": content}]}))

    assert ("Look", [image]) == (said(step).content, said(step).parts)


def test_the_tokens_of_a_run_are_usage() -> None:
    """What the recorder counted for the whole run is recorded once, at its end."""
    found = steps(read(chat_run("Hello", "Hi", usage={"prompt_tokens": 12, "completion_tokens": 3})))

    assert [("import:usage", {"prompt_tokens": 12, "completion_tokens": 3})] == [
        (spent.key, spent.record) for step in found for spent in step.usage
    ]
