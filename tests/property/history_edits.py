"""The ways in which a writer changes its copy, each where there is something to change."""

from __future__ import annotations

from collections.abc import Callable

from ledger import Message, Question
from tests.property.history_model import Writer

__all__ = ["EDITS"]

Edit = Callable[[Writer, int, int], object]


def _say(writer: Writer, number: int, _: int) -> None:
    writer.session.add_message(Message.user(f"{number}", id=f"m{number}"))


def _revise(writer: Writer, number: int, place: int) -> None:
    messages = writer.session.messages
    if place < len(messages):
        messages[place] = messages[place].model_copy(update={"content": f"revised {number}"})


def _remove(writer: Writer, _: int, place: int) -> None:
    del writer.session.messages[place : place + 1]


def _ask(writer: Writer, number: int, _: int) -> None:
    # All of one call, so that two writers' questions meet at one index.
    writer.session.ask("call", f"{number}?")


def _resolving(resolve: Callable[[Writer, Question], object]) -> Edit:
    def edit(writer: Writer, number: int, place: int) -> None:
        del number, place
        if question := writer.session.pending_question:
            resolve(writer, question)

    return edit


def _forget(writer: Writer, number: int, place: int) -> None:
    """What a careless framework does: it saves a state that it built without the questions."""
    del number, place
    for asked in writer.session.pending_questions:
        if asked.text in writer.base.questions:
            del writer.session.questions[asked.id]


def _set_own(writer: Writer, number: int, place: int) -> None:
    state, key = writer.session.state, "abc"[number % 3]
    if place:
        state.setdefault("own", {}).setdefault(writer.name, {})[key] = place
    else:
        # Without making room for it first: what the model does not see must not change.
        state.get("own", {}).get(writer.name, {}).pop(key, None)


def _extend(writer: Writer, number: int, _: int) -> None:
    writer.session.state.setdefault("shared", []).append(number)


EDITS: dict[str, Edit] = {
    "say": _say,
    "revise": _revise,
    "remove": _remove,
    "ask": _ask,
    "answer": _resolving(lambda writer, question: writer.session.answer(question, writer.name)),
    "withdraw": _resolving(lambda writer, question: writer.session.withdraw(question, writer.name)),
    "expire": _resolving(lambda writer, question: writer.session.expire(question)),
    "forget": _forget,
    "set_own": _set_own,
    "extend": _extend,
}
