"""The verbs that take several steps, written once for both faces.

Each is a generator that yields steps and is sent their results: `Ledger` takes the steps at once, `AsyncLedger` awaits
them. What a step raises is thrown into the generator.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ledger.domain.events import Change, MessageAppended, QuestionAnswered
from ledger.domain.parts import Message
from ledger.domain.payload import content_digest
from ledger.domain.receipt import Receipt
from ledger.domain.session import Session
from ledger.errors import VersionConflict

__all__ = [
    "UPDATE_TRIES",
    "Await",
    "Load",
    "LookUp",
    "Save",
    "Step",
    "Steps",
    "answer",
    "append",
    "awaited",
    "driven",
    "update",
]

S = TypeVar("S")
T = TypeVar("T")

#: How often `update` loads and mutates anew before it gives up: each try lost to a save that succeeded.
UPDATE_TRIES = 50


@dataclass(frozen=True, slots=True)
class Load:
    """Load the head of a session."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Save:
    """Save a session with these keywords."""

    session: Session
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUp:
    """Look an idempotency key up."""

    session_id: str
    key: str
    key_digest: str


@dataclass(frozen=True, slots=True)
class Await:
    """Await what an async `mutate` returned."""

    awaitable: Awaitable[Any]


Step = Load | Save | LookUp | Await
Steps = Generator[Step, Any, Receipt]


def update(
    session_id: str,
    mutate: Callable[[Session], Any],
    *,
    key: str | None = None,
    call: str = "update",
    arguments: list[Change] | None = None,
    **keywords: Any,
) -> Steps:
    """Load the head, mutate it, and save it only if it is still the head; else begin anew."""
    submitted = arguments or []
    if key is not None:
        receipt: Receipt | None = yield LookUp(session_id, key, content_digest(call, submitted))
        if receipt is not None:
            return receipt
        keywords |= {"key": key, "call": call, "arguments": submitted}
    tries = 0
    while True:
        tries += 1
        session = yield Load(session_id)
        outcome = mutate(session)
        if inspect.isawaitable(outcome):
            yield Await(outcome)
        try:
            saved: Receipt = yield Save(session, {**keywords, "expected_version": session.version})
        except VersionConflict:
            if tries >= UPDATE_TRIES:
                raise
        else:
            return saved


def append(session_id: str, messages: tuple[Message, ...], *, key: str | None = None, **keywords: Any) -> Steps:
    """Append messages behind whatever is there."""
    arguments: list[Change] = [MessageAppended(message=message) for message in messages]
    if key is not None:
        receipt: Receipt | None = yield LookUp(session_id, key, content_digest("append", arguments))
        if receipt is not None:
            return receipt
        keywords |= {"key": key, "call": "append", "arguments": arguments}
    session = yield Load(session_id)
    known = {message.id: message for message in session.messages}
    # A message that is there already, word for word, is the same message: a repeated call adds it once.
    session.messages.extend(message for message in messages if known.get(message.id) != message)
    saved: Receipt = yield Save(session, keywords)
    return saved


def answer(
    session_id: str, question_id: str, value: Any, *, by: str | None = None, key: str | None = None, **keywords: Any
) -> Steps:
    """Answer a question at the head; between two answers the first stands, and the second caller is told."""
    arguments: list[Change] = [QuestionAnswered(question_id=question_id, answer=value, by=by)]

    def mutate(session: Session) -> None:
        session.answer(question_id, value, by=by)

    saved: Receipt = yield from update(session_id, mutate, key=key, call="answer", arguments=arguments, **keywords)
    return saved


def driven(steps: Generator[S, Any, T], take: Callable[[S], Any]) -> T:
    """Let `take` do each step of a verb at once, and give what comes of it."""
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.throw(error) if error is not None else steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # what the generator returns
        result, error = None, None
        try:
            result = take(step)
        except Exception as raised:  # noqa: BLE001 - the verb decides which of them it retries
            error = raised


async def awaited(steps: Generator[S, Any, T], take: Callable[[S], Awaitable[Any]]) -> T:
    """Await what `take` does of each step of a verb, and give what comes of it."""
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.throw(error) if error is not None else steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # what the generator returns
        result, error = None, None
        try:
            result = await take(step)
        except Exception as raised:  # noqa: BLE001 - the verb decides which of them it retries
            error = raised
