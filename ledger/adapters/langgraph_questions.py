"""Interrupts are questions, and resumes are answers. Pure, without the framework."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ledger.domain.parts import Question
from ledger.domain.session import Session

__all__ = ["GONE_ON", "RESUMED", "answer_all", "answer_task", "ask", "withdraw_open"]

KIND = "interrupt"
APPROVAL = "approval"
#: Where people put what they ask, when they interrupt with an object.
_TEXTS = ("question", "text", "message", "prompt", "query", "instruction", "description", "title")
_OPTIONS = ("options", "choices")
GONE_ON = "the graph went on without an answer"
RESUMED = 'the graph was resumed, and does not hand over with what (durability "exit")'


def ask(session: Session, task: str, interrupts: Iterable[tuple[str, Any]], *, readable: bool = True) -> None:
    """Ask what the interrupts of a task ask, by their ids and values; what is open already is not asked again.

    Args:
        session: what waits.
        task: the task that was interrupted.
        interrupts: of each, its id and its value.
        readable: whether the values may be told.
    """
    for name, value in interrupts:
        text, kind, options = _asked(value) if readable else (f"interrupt {name}", KIND, [])
        open_already = any(
            question.is_pending and question.tool_call_id == name and question.text == text
            for question in session.questions.values()
        )
        if not open_already:
            session.ask(name, text, kind=kind, options=options, source=_source(task))


def answer_task(session: Session, task: str, values: Any) -> None:
    """Answer the questions of a task with all the values that it was resumed with so far, in the order of asking."""
    answers = values if isinstance(values, list | tuple) else [values]
    asked = [question for question in session.questions.values() if question.source == _source(task)]
    # Of a task that a file tells of, only the last question may be known.
    for question, value in zip(asked, answers[max(0, len(answers) - len(asked)) :], strict=False):
        _answer(session, question, value)


def answer_all(session: Session, value: Any) -> None:
    """Answer with what the whole graph was resumed with: a value for the one question, or one by interrupt id."""
    pending = [question for question in session.pending_questions if _is_ours(question)]
    by_id = {question.tool_call_id: question for question in pending}
    if isinstance(value, Mapping) and value and all(name in by_id for name in value):
        for name, each in value.items():
            _answer(session, by_id[name], each)
    elif len(pending) == 1:
        _answer(session, pending[0], value)


def withdraw_open(session: Session, waiting: Iterable[str], reason: str = GONE_ON) -> None:
    """Withdraw what an earlier checkpoint waited for, since the graph is past it.

    Args:
        session: what waits.
        waiting: the tasks that may still be resumed, or were, by a write that is yet to come.
        reason: why nobody need answer any more.
    """
    kept = {_source(task) for task in waiting}
    for question in session.pending_questions:
        if _is_ours(question) and question.source not in kept:
            session.withdraw(question, reason)


def _answer(session: Session, question: Question, value: Any) -> None:
    if question.is_pending:
        session.answer(question, value if _is_json(value) else repr(value))


def _asked(value: Any) -> tuple[str, str, list[str]]:
    """Give text, kind and options of what a graph interrupts with."""
    if isinstance(value, str):
        return value, KIND, []
    if isinstance(value, Mapping):
        requests = value.get("action_requests")
        if isinstance(requests, list) and requests:
            return _approval(requests, value.get("review_configs"))
        text = next((value[name] for name in _TEXTS if isinstance(value.get(name), str)), None)
        options: list[Any] = next((value[name] for name in _OPTIONS if isinstance(value.get(name), list)), [])
        if text is not None:
            return text, KIND, _words(options)
    return json.dumps(value, ensure_ascii=False) if _is_json(value) else repr(value), KIND, []


def _approval(requests: list[Any], reviews: Any) -> tuple[str, str, list[str]]:
    """Tell what the middleware that asks a person before tools are called wants to know."""
    texts = []
    for request in requests:
        told = request if isinstance(request, Mapping) else {}
        call = f"{told.get('name')}({json.dumps(told.get('args'), ensure_ascii=False, default=repr)})"
        texts.append(str(told.get("description") or call))
    decisions = [
        word
        for review in (reviews if isinstance(reviews, list) else ())
        if isinstance(review, Mapping)
        for word in _words(review.get("allowed_decisions"))
    ]
    return "\n".join(texts), APPROVAL, list(dict.fromkeys(decisions))


def _words(options: Any) -> list[str]:
    return list(dict.fromkeys(option for option in options or () if isinstance(option, str)))


def _source(task: str) -> str:
    return f"task {task}"


def _is_ours(question: Question) -> bool:
    return (question.source or "").startswith(_source(""))


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return not isinstance(value, Mapping) or all(isinstance(key, str) for key in value)
