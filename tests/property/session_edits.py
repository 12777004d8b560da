"""The ways in which somebody changes a copy, each where there is something to change."""

from __future__ import annotations

from collections.abc import Callable

from ledger import Message, Question
from tests.property.session_model import Copy

__all__ = ["EDITS"]

#: What it changes, as whom, a number that no other edit has, and a choice.
Edit = Callable[[Copy, str, int, int], object]


def _say(held: Copy, name: str, number: int, place: int) -> None:
    del place
    held.session.add_message(Message.user(f"{name} {number}", id=f"m{number}"))


def _insert(held: Copy, name: str, number: int, place: int) -> None:
    held.session.messages.insert(place, Message.user(f"{name} {number}", id=f"m{number}"))


def _revise(held: Copy, name: str, number: int, place: int) -> None:
    messages = held.session.messages
    if place < len(messages):
        messages[place] = messages[place].model_copy(update={"content": f"{name} revised {number}"})


def _mark(held: Copy, name: str, number: int, place: int) -> None:
    messages = held.session.messages
    if place < len(messages):
        marks = dict(messages[place].metadata)
        marks["xyz"[number % 3]] = f"{name} {number}"
        if number % 4 == 0:
            marks.pop("x", None)
        messages[place] = messages[place].model_copy(update={"metadata": marks})


def _remove(held: Copy, name: str, number: int, place: int) -> None:
    del name, number, held.session.messages[place : place + 1]


def _reorder(held: Copy, name: str, number: int, place: int) -> None:
    del name, number
    messages = held.session.messages
    if place + 1 < len(messages):
        messages.append(messages.pop(place))
        held.reordered = True


def _ask(held: Copy, name: str, number: int, place: int) -> None:
    # Mostly of one call, so that two writers' questions meet at one index.
    held.session.ask("call" if place else f"call{number}", f"{name} {number}?")


def _supersede(held: Copy, name: str, number: int, place: int) -> None:
    del place
    if question := held.session.pending_question:
        held.session.ask("call", f"{name} {number}?", supersedes=question)


def _resolving(resolve: Callable[[Copy, Question, str], object]) -> Edit:
    def edit(held: Copy, name: str, number: int, place: int) -> None:
        pending = held.session.pending_questions
        if pending:
            resolve(held, pending[place % len(pending)], f"{name} {number}")

    return edit


def _recover(held: Copy, name: str, number: int, place: int) -> None:
    del name, number, place
    for question in list(held.session.questions.values()):
        if question.status == "lost":
            held.session.recover(question)


def _forget(held: Copy, name: str, number: int, place: int) -> None:
    """What a careless framework does: it saves a state that it built without the questions."""
    del name, number, place
    for asked in list(held.session.questions.values()):
        if asked.text in held.base.questions:
            del held.session.questions[asked.id]


def _name(held: Copy, name: str, number: int, place: int) -> None:
    held.session.title = f"{name} {number}" if place else None


def _pin(held: Copy, name: str, number: int, place: int) -> None:
    del name, number
    held.session.pinned = bool(place % 2)


def _setting(key: str) -> Edit:
    def edit(held: Copy, name: str, number: int, place: int) -> None:
        if place:
            held.session.metadata[key] = f"{name} {number}"
        else:
            held.session.metadata.pop(key, None)

    return edit


def _set_own(held: Copy, name: str, number: int, place: int) -> None:
    own = held.session.state.setdefault("own", {}).setdefault(name, {})
    own["abc"[number % 3]] = number
    if not place:
        del own["abc"[number % 3]]


def _extend(held: Copy, name: str, number: int, place: int) -> None:
    del name, place
    held.session.state.setdefault("shared", []).append(number)


EDITS: dict[str, Edit] = {
    "say": _say,
    "ask": _ask,
    "forget": _forget,
    "answer": _resolving(lambda held, question, word: held.session.answer(question, word)),
    "revise": _revise,
    "mark": _mark,
    "remove": _remove,
    "insert": _insert,
    "extend": _extend,
    "name": _name,
    "policy": _setting("policy"),
    "note": _setting("note"),
    "pin": _pin,
    "set_own": _set_own,
    "supersede": _supersede,
    "withdraw": _resolving(lambda held, question, word: held.session.withdraw(question, word)),
    "expire": _resolving(lambda held, question, _: held.session.expire(question)),
    "recover": _recover,
    "reorder": _reorder,
}
