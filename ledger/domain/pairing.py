"""Messages in an order that model providers accept: each result of a tool right behind its call. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from ledger.domain.parts import Message, Question, ToolCall

__all__ = ["paired", "stand_in"]


def paired(messages: Sequence[Message], pending: Iterable[Question] = ()) -> list[Message]:
    """Give the messages with every call answered, once and at once, and without results of calls that are not there.

    A call whose result is missing gets a message in its place that says whether it is still pending, which a question
    that is open tells, or cancelled. Of several results of one call the last is given. A result goes to the nearest
    call before it that has its id, since some providers use an id again; if there is none, to the first one after it.
    Of an id that was used again, the last call is the one that waits.

    Args:
        messages: as they stand in the session.
        pending: its questions that are open.
    """
    calls = _calls(messages)
    results = _results(messages, calls)
    waiting = _waiting(pending, calls)
    given: list[Message] = []
    for place, message in enumerate(messages):
        if message.role == "tool":
            continue
        given.append(message)
        for number in range(len(message.tool_calls)):
            result = results.get((place, number))
            given.append(_missing(message, number, waiting.get((place, number))) if result is None else result)
    return given


def stand_in(waits_for: str | None) -> str:
    """Give the text that stands in for a result: of a call that is pending, or else of one that was cancelled.

    >>> stand_in("Which environment?")
    'Pending: the call waits for an answer: Which environment?'
    """
    if waits_for is None:
        return "Cancelled: this call has no recorded result."
    return f"Pending: the call waits for an answer: {waits_for}"


#: A call, by the place of its message and its number in it.
_Place = tuple[int, int]


def _calls(messages: Sequence[Message]) -> dict[str, list[_Place]]:
    """Give the calls of each id, in order."""
    calls: dict[str, list[_Place]] = {}
    for place, message in enumerate(messages):
        if message.role != "tool":
            for number, call in enumerate(message.tool_calls):
                calls.setdefault(call.id, []).append((place, number))
    return calls


def _results(messages: Sequence[Message], calls: Mapping[str, list[_Place]]) -> dict[_Place, Message]:
    """Give the result of each call."""
    results: dict[_Place, Message] = {}
    for place, message in enumerate(messages):
        named = calls.get(message.tool_call_id or "", []) if message.role == "tool" else []
        if named:
            behind = bisect_left(named, (place, 0))
            nearest = named[max(behind - 1, 0)][0]
            # One message may use an id twice: its calls are answered in their order, and then the last one anew.
            of_message = named[bisect_left(named, (nearest, 0)) : bisect_left(named, (nearest + 1, 0))]
            results[next((call for call in of_message if call not in results), of_message[-1])] = message
    return results


def _waiting(pending: Iterable[Question], calls: Mapping[str, list[_Place]]) -> dict[_Place, str]:
    """Give what each call that waits is waiting for."""
    asked: dict[_Place, list[str]] = {}
    for question in pending:
        if question.tool_call_id in calls:
            asked.setdefault(calls[question.tool_call_id][-1], []).append(question.text)
    return {call: "; ".join(texts) for call, texts in asked.items()}


def _missing(message: Message, number: int, waits_for: str | None) -> Message:
    call: ToolCall = message.tool_calls[number]
    return Message(
        id=f"{message.id}/{number}/{call.id}",
        role="tool",
        content=stand_in(waits_for),
        tool_call_id=call.id,
        created_at=message.created_at,
    )
