"""What an ADK event does to the questions of its session: asks, answers, withdraws. Pure: it needs no ADK.

A call that ADK waits for is a question: of a long-running tool, or for a confirmation, an input or a credential. As for
ADK itself, what a person answers to the call is its answer, and what the tool says of it meanwhile (``pending``) is
none. A rewind takes the questions of the rewound invocations back, and asks those anew that had been answered there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ledger.adapters.adk_events import PERSON, Json, calls_of, responses_of, said_by
from ledger.domain.session import Session

__all__ = ["Answered", "Asked", "Outcome", "Withdrawn", "outcomes_of", "settle"]

CONFIRMATION = "adk_request_confirmation"
CREDENTIAL = "adk_request_credential"
INPUT = "adk_request_input"

#: The kind of question that a call is; any other call is a tool that takes long.
_KINDS = {CONFIRMATION: "confirmation", CREDENTIAL: "credential", INPUT: "clarification"}
#: What older releases did not name among the ids that they wait for.
_ALWAYS_WAITED_FOR = (INPUT, CREDENTIAL)

#: Where the arguments of a tool that asks somebody something say what.
_ASKING = ("question", "message", "prompt", "text", "hint")
_OFFERING = ("options", "choices")
#: A credential is in the event that brought it, and nowhere else.
_SECRET = "(a credential)"  # noqa: S105 - what is written in place of one


class Asked(NamedTuple):
    """A call waits for an answer."""

    tool_call_id: str
    text: str
    kind: str
    options: tuple[str, ...] = ()
    source: str | None = None


class Answered(NamedTuple):
    """A call came back with an answer; nothing happens if it is not waited for."""

    tool_call_id: str
    answer: Any
    by: str


class Withdrawn(NamedTuple):
    """Nobody need answer a call any more; nothing happens if it is not waited for."""

    tool_call_id: str
    reason: str
    by: str


Outcome = Asked | Answered | Withdrawn


def outcomes_of(event: Mapping[str, Any], history: Callable[[], Iterable[Json]]) -> list[Outcome]:
    """Give what an event does to the questions, in order.

    Args:
        event: as ADK stores it.
        history: gives the events before it; called for a rewind only, which depends on them.
    """
    rewound = _rewinds_to(event)
    if rewound is not None:
        return _undone(event, rewound, list(history()))
    return [*_answers(event), *_asks(event)]


def settle(session: Session, outcomes: Iterable[Outcome]) -> None:
    """Let them happen to a session's questions."""
    for outcome in outcomes:
        if isinstance(outcome, Asked):
            session.ask(
                outcome.tool_call_id,
                outcome.text,
                kind=outcome.kind,
                options=outcome.options,
                source=outcome.source,
            )
            continue
        for question in session.pending_questions:
            if question.tool_call_id != outcome.tool_call_id:
                continue
            if isinstance(outcome, Answered):
                session.answer(question, outcome.answer, by=outcome.by)
            else:
                session.withdraw(question, outcome.reason, by=outcome.by)


def _asks(event: Mapping[str, Any]) -> list[Asked]:
    waited_for = [str(each) for each in event.get("long_running_tool_ids") or ()]
    calls = {str(call["id"]): call for call in calls_of(event) if call.get("id")}
    # Of two calls with one id, the one that is waited for is the question.
    always = {
        str(call["id"]): call for call in calls_of(event) if call.get("name") in _ALWAYS_WAITED_FOR and call.get("id")
    }
    calls |= always
    waited_for += always
    in_order = [*(each for each in calls if each in waited_for), *(each for each in waited_for if each not in calls)]
    return [_asked(each, calls.get(each, {})) for each in dict.fromkeys(in_order)]


def _asked(call_id: str, call: Json) -> Asked:
    name = str(call.get("name") or "")
    arguments = call.get("args")
    said: Mapping[str, Any] = arguments if isinstance(arguments, Mapping) else {}
    kind = _KINDS.get(name, "long_running")
    options: tuple[str, ...] = ()
    if name == CONFIRMATION:
        text = _confirmation(said)
        options = ("confirm", "reject")
    elif name == CREDENTIAL:
        text = _text_among(said, _ASKING) or "A tool needs a credential"
    else:
        options = next((found for word in _OFFERING if (found := _texts(said.get(word)))), ())
        text = _text_among(said, _ASKING) or ("Which one?" if options else _running(name, call_id, said))
        if kind == "long_running" and (options or _text_among(said, _ASKING)):
            kind = "clarification"
    return Asked(call_id, text, kind, options, name or None)


def _confirmation(said: Mapping[str, Any]) -> str:
    hint = _text_among(_object(said.get("toolConfirmation")), ("hint",))
    call = _object(said.get("originalFunctionCall"))
    what = _called(str(call.get("name") or "the tool"), _object(call.get("args")))
    return f"{hint} {what}" if hint else f"May it run? {what}"


def _running(name: str, call_id: str, said: Mapping[str, Any]) -> str:
    return f"It waits for {_called(name, said)}" if name else f"It waits for the call {call_id}"


def _called(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={json.dumps(value, ensure_ascii=False)}' for key, value in arguments.items())})"


def _answers(event: Mapping[str, Any]) -> list[Answered]:
    if event.get("author") != PERSON:
        return []
    responses = responses_of(event)
    answers = [
        Answered(str(each["id"]), _answer(each.get("name"), each.get("response")), PERSON)
        for each in responses
        if each.get("id")
    ]
    if answers:
        # What a person answers on a branch answers the call too that the branch began with.
        runs = [part.rpartition("@")[2] for part in str(event.get("branch") or "").split(".") if "@" in part]
        answers += [Answered(run, answers[-1].answer, PERSON) for run in runs]
    return answers


def _answer(name: Any, response: Any) -> Any:
    return _SECRET if name == CREDENTIAL else said_by(response)


def _rewinds_to(event: Mapping[str, Any]) -> str | None:
    to = _object(event.get("actions")).get("rewind_before_invocation_id")
    return to if isinstance(to, str) and to else None


def _undone(event: Mapping[str, Any], rewound: str, history: list[Json]) -> list[Outcome]:
    before, after = _open(history), _open([*history, dict(event)])
    by = str(event.get("author") or PERSON)
    gone: list[Outcome] = [Withdrawn(call, f"rewound to before {rewound}", by) for call in before if call not in after]
    return gone + [asked for call, asked in after.items() if call not in before]


def _open(events: list[Json]) -> dict[str, Asked]:
    """Give the calls that are waited for after these events."""
    waiting: dict[str, Asked] = {}
    for event in _standing(events):
        for answered in _answers(event):
            waiting.pop(answered.tool_call_id, None)
        waiting.update((asked.tool_call_id, asked) for asked in _asks(event))
    return waiting


def _standing(events: list[Json]) -> list[Json]:
    """Give the events that no rewind has taken back, as ADK tells them apart: the last rewind first."""
    begins: dict[str, int] = {}
    for place, event in enumerate(events):
        begins.setdefault(str(event.get("invocation_id") or ""), place)
    standing: list[Json] = []
    place = len(events) - 1
    while place >= 0:
        rewound = _rewinds_to(events[place])
        if rewound is None:
            standing.append(events[place])
        elif begins.get(rewound, place) < place:
            place = begins[rewound]
        place -= 1
    return standing[::-1]


def _text_among(holder: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((value for name in names if isinstance(value := holder.get(name), str) and value), "")


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else ()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
