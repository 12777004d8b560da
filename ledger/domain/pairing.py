"""Messages in an order that model providers accept: each result of a tool right behind its call. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ledger.domain.parts import Message, Question, ToolCall

__all__ = ["paired"]

CANCELLED = "Cancelled: this call has no recorded result."
PENDING = "Pending: the call waits for an answer"


def paired(messages: Sequence[Message], pending: Iterable[Question] = ()) -> list[Message]:
    """Give the messages with every call answered, once and at once, and without results of calls that are not there.

    A call whose result is missing gets a message in its place that says whether it is still pending, which a question
    that is open tells, or cancelled. Of several results of one call the last is given. A result goes to the nearest
    call before it that has its id, since some providers use an id again; if there is none, to the first one after it.

    Args:
        messages: as they stand in the session.
        pending: its questions that are open.
    """
    waiting = {question.tool_call_id: question for question in pending}
    results = _results(messages)
    given: list[Message] = []
    for place, message in enumerate(messages):
        if message.role == "tool":
            continue
        given.append(message)
        for call in message.tool_calls:
            result = results.get((place, call.id))
            given.append(_stand_in(message, call, waiting) if result is None else result)
    return given


def _results(messages: Sequence[Message]) -> dict[tuple[int, str], Message]:
    """Give the result of each call, by the place of its message and its id."""
    calls: dict[str, list[int]] = {}
    for place, message in enumerate(messages):
        for call in message.tool_calls:
            calls.setdefault(call.id, []).append(place)
    results = {}
    for place, message in enumerate(messages):
        places = calls.get(message.tool_call_id or "", ()) if message.role == "tool" else ()
        if places:
            before = [each for each in places if each < place]
            results[before[-1] if before else places[0], message.tool_call_id or ""] = message
    return results


def _stand_in(message: Message, call: ToolCall, waiting: Mapping[str, Question]) -> Message:
    question = waiting.get(call.id)
    text = CANCELLED if question is None else f"{PENDING}: {question.text}"
    return Message(
        id=f"{message.id}/{call.id}", role="tool", content=text, tool_call_id=call.id, created_at=message.created_at
    )
