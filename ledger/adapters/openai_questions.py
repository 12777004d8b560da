"""The questions of an agent of OpenAI's SDK: calls that wait for an approval, and tools that ask somebody. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.adapters.openai_items import (
    APPROVAL_REQUEST,
    OUTPUTS,
    called_by,
    is_native,
    item_of,
    message_of,
    result_of,
)
from ledger.domain.asking import ask_as
from ledger.domain.pairing import stand_in
from ledger.domain.parts import Message, Question, QuestionStatus
from ledger.domain.session import Session
from ledger.domain.values import thaw

__all__ = [
    "APPROVAL",
    "APPROVE",
    "REJECT",
    "REJECTED",
    "Outcome",
    "Verdict",
    "answer_of",
    "ask",
    "asked_by",
    "known_of",
    "latest_of",
    "outcome_of",
    "questions_of",
    "resolve",
    "verdict_of",
]

APPROVAL = "approval"
APPROVE, REJECT = "approve", "reject"
#: What the framework tells the model of a call that was rejected, if nobody says it otherwise.
REJECTED = "Tool execution was not approved."
NOT_RUN = "Cancelled: the call was approved, and has no recorded result."

#: Tools that exist to ask a person, by their names without case and separators.
_ASKING = frozenset(
    {
        "askclarification",
        "askclarifyingquestion",
        "askfollowupquestion",
        "askhuman",
        "askperson",
        "askquestion",
        "asktheuser",
        "askuser",
        "askuserquestion",
        "clarify",
        "getuserinput",
        "humaninput",
        "requestclarification",
        "requesthumaninput",
        "requestinput",
        "requestuserinput",
    }
)
_TEXTS = ("question", "text", "prompt", "message", "query")
_OPTIONS = ("options", "choices")
#: A longer spelling of a call's arguments is cut: the message has them whole.
_LONGEST = 160
#: Their results come from the provider, whoever asked for them.
_NEVER_ASKED = frozenset({"program", "tool_search_call"})


class Verdict(NamedTuple):
    """What became of a request for approval, and what the model is told of a rejection."""

    approved: bool
    message: str | None = None


def asked_by(item: Mapping[str, Any], *, waits: bool) -> list[Question]:
    """Give the questions that an item asks.

    A call of a tool that exists to ask is a clarification, a request for approval an approval. Any other call is one
    if it waits: its run was interrupted before it had a result.
    """
    call_id = called_by(item)
    if call_id is None or item["type"] in _NEVER_ASKED:
        return []
    call = message_of(item).tool_calls[0]
    if "".join(letter for letter in call.name if letter.isalnum()).lower() in _ASKING:
        asked = _clarifications(call_id, call.name, call.arguments)
        if asked:
            return asked
    if not waits and item["type"] != APPROVAL_REQUEST:
        return []
    text = f"Approve {call.name}({_spelled(call.arguments)})?"
    return [_question(call_id, text, kind=APPROVAL, header=call.name, options=[APPROVE, REJECT], allow_custom=False)]


def _question(call_id: str, text: str, *, index: int = 0, **fields: Any) -> Question:
    return Question(id=f"{call_id}#{index}", tool_call_id=call_id, index=index, text=text, **fields)


def _clarifications(call_id: str, name: str, arguments: Any) -> list[Question]:
    several = arguments.get("questions") if isinstance(arguments, Mapping) else None
    asked: list[Question] = []
    for one in several if isinstance(several, Sequence) and not isinstance(several, str) else [arguments]:
        told = {"question": one} if isinstance(one, str) else one if isinstance(one, Mapping) else {}
        text = next((told[key] for key in _TEXTS if isinstance(told.get(key), str) and told[key]), None)
        if text is None:
            continue
        header = told.get("header")
        asked.append(
            _question(
                call_id,
                text,
                index=len(asked),
                header=header if isinstance(header, str) else None,
                options=_options(next((told[key] for key in _OPTIONS if told.get(key)), None)),
                multiple=(told.get("multiple") or told.get("multiSelect")) is True,
                source=name,
            )
        )
    return asked


def _options(value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        return []
    labels = []
    for option in value:
        if isinstance(option, str):
            labels.append({"label": option})
        elif isinstance(option, Mapping) and isinstance(option.get("label"), str):
            description = option.get("description")
            labels.append(
                {"label": option["label"]} | ({"description": description} if isinstance(description, str) else {})
            )
    return labels


def _spelled(arguments: Any) -> str:
    if isinstance(arguments, Mapping):
        text = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    else:
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def ask(session: Session, questions: Sequence[Question]) -> None:
    """Ask questions of one call; if its id was used before, they take the next free indexes."""
    for question in questions:
        ask_as(session, question)


def questions_of(session: Session, call_id: str | None) -> list[Question]:
    """Give the questions of the latest call of an id, which some providers use again.

    Of a call that is over there are none. One that the session does not hold yet may have been asked about before.
    """
    asked = [question for question in session.questions.values() if question.tool_call_id == call_id]
    if not asked:
        return []
    latest = latest_of(session, call_id)
    if latest is None:
        return asked
    if latest.role == "tool":
        return [question for question in asked if question.is_pending]
    if not is_native(latest):
        return asked
    asks = asked_by(item_of(latest), waits=True)
    return asked[-len(asks) :] if asks else []


def latest_of(session: Session, call_id: str | None) -> Message | None:
    """Give the latest message that makes the call of an id, or brings its result."""
    for message in reversed(session.messages):
        if message.tool_call_id == call_id or any(call.id == call_id for call in message.tool_calls):
            return message
    return None


def resolve(
    session: Session, item: Mapping[str, Any], decided: Callable[[Question], Verdict | None] = lambda _: None
) -> bool:
    """Let the result of a call answer what it waited for.

    Args:
        session: whose questions they are.
        item: the result.
        decided: what was decided of the question's call, if the framework knows; else the result tells.

    Returns:
        Whether something had been asked of its call, be it open or not.
    """
    asked = questions_of(session, result_of(item))
    for question in asked:
        if question.is_pending:
            outcome = outcome_of(item, question.kind, decided(question))
            if outcome.reason is None:
                session.answer(question.id, outcome.answer)
            else:
                session.withdraw(question.id, outcome.reason)
    return bool(asked)


class Outcome(NamedTuple):
    """What became of a question: its answer, or else why it was withdrawn."""

    answer: Any = None
    reason: str | None = None


def outcome_of(item: Mapping[str, Any], kind: str, verdict: Verdict | None = None) -> Outcome:
    """Give what the result of a call means for a question of this kind."""
    said = message_of(item).content
    if item.get("type") == OUTPUTS[APPROVAL_REQUEST]:
        reason = item.get("reason")
        verdict = Verdict(item.get("approve") is True, reason if isinstance(reason, str) and reason else None)
    elif verdict is None:
        verdict = Verdict(said != REJECTED)
    if kind == APPROVAL:
        return Outcome(answer=answer_of(verdict))
    return Outcome(answer=said) if verdict.approved else Outcome(reason=verdict.message or REJECTED)


def answer_of(verdict: Verdict) -> Any:
    """Give a verdict as the answer to its question.

    >>> answer_of(Verdict(False, "not on a Friday"))
    {'decision': 'reject', 'message': 'not on a Friday'}
    """
    decision = APPROVE if verdict.approved else REJECT
    return decision if verdict.message is None else {"decision": decision, "message": verdict.message}


def verdict_of(question: Question) -> Verdict | None:
    """Give what the answer to a question means for its call; `None` while there is none.

    A clarification that was answered lets its call run, so that its tool gives the answer.

    Raises:
        ValueError: if an approval was answered with something else than approve or reject.
    """
    if question.status is not QuestionStatus.ANSWERED:
        return None if question.is_pending else Verdict(approved=False, message=question.reason)
    if question.kind != APPROVAL:
        return Verdict(approved=True)
    answer = question.answer
    decision, message = (
        (answer.get("decision"), answer.get("message")) if isinstance(answer, Mapping) else (answer, None)
    )
    if decision not in (APPROVE, REJECT):
        raise ValueError(
            f"question {question.id} was answered {answer!r}, which neither approves nor rejects; "
            f"answer {APPROVE!r}, {REJECT!r} or {{'decision': {REJECT!r}, 'message': …}}"
        )
    return Verdict(decision == APPROVE, message if isinstance(message, str) else None)


def known_of(asked: Sequence[Question]) -> str | None:
    """Give what is known of a call without a result by its questions."""
    waiting = [question.text for question in asked if question.is_pending]
    if waiting:
        return stand_in("; ".join(waiting))
    answered = [question for question in asked if question.status is QuestionStatus.ANSWERED]
    if not answered:
        return None
    if answered[-1].kind == APPROVAL:
        return NOT_RUN if answered[-1].answer == APPROVE else _rejected(answered[-1].answer)
    if len(answered) == 1:
        return _spoken(answered[0].answer)
    return "\n".join(f"{question.text} {_spoken(question.answer)}" for question in answered)


def _spoken(answer: Any) -> str:
    return answer if isinstance(answer, str) else json.dumps(thaw(answer), ensure_ascii=False)


def _rejected(answer: Any) -> str:
    message = answer.get("message") if isinstance(answer, Mapping) else None
    return message if isinstance(message, str) and message else REJECTED
