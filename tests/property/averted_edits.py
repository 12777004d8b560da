"""Ways to change a copy that bring writers to overwrite, to undo, and to agree with one another."""

from __future__ import annotations

import copy
from typing import Any

from ledger import Message, Session

__all__ = ["agree", "decorate", "move", "rewrite"]

#: Few of each, so that writers meet, agree by chance, and come back to what was there before. Some look equal only.
TITLES = (None, "A", "B")
KEYS = ("k0", "k1", "k2")
VALUES = (1, 1.0, True, None, [1], {"x": 1, "y": 1}, {"x": 2, "y": 1}, {"x": 1, "y": 2})


def decorate(session: Session, number: int, place: int) -> None:
    """Change a field of the session itself."""
    match place:
        case 0 | 1:
            session.title = TITLES[number % len(TITLES)]
        case 2:
            session.pinned = bool(number % 2)
        case 3:
            session.model = f"m{number % 2}"
        case 4:
            session.summary = VALUES[number % len(VALUES)]
        case _:
            session.parent_session_id = session.root_session_id = TITLES[number % len(TITLES)]


def move(session: Session, number: int, place: int) -> None:
    """Put one message elsewhere."""
    if session.messages:
        message = session.messages.pop(number % len(session.messages))
        session.messages.insert(place, message)


def rewrite(session: Session, number: int, place: int) -> None:
    """Set or remove a key, of the session or of a message, or say what another may have said, or said before."""
    value = VALUES[number % len(VALUES)]
    match place:
        case 0 | 1:
            documents = (session.metadata, session.state)
            documents[place][KEYS[number % len(KEYS)]] = copy.deepcopy(value)
        case 2:
            session.metadata.pop(KEYS[number % len(KEYS)], None)
        case 3 if session.messages:
            at = number % len(session.messages)
            session.messages[at] = session.messages[at].model_copy(update={"content": f"text {number % 2}"})
        case 4 if session.messages:
            at = number % len(session.messages)
            session.messages[at] = session.messages[at].model_copy(update={"metadata": {"k": value}})
        case _:
            name = f"shared{number % 4}"
            if all(message.id != name for message in session.messages):
                session.add_message(Message.user(f"text {number % 2}", id=name))


def agree(session: Session, head: Session, number: int, place: int) -> None:
    """Make a change that someone else has made already."""
    match place:
        case 0:
            session.title, session.pinned, session.summary = head.title, head.pinned, copy.deepcopy(head.summary)
        case 1:
            _take_over(session.metadata, head.metadata)
        case 2:
            _take_over(session.state, head.state)
        case 3:
            _say_the_same(session, head.messages[number % 3 :: 1 + number % 2])
        case 4:
            for question in session.pending_questions:
                standing = head.questions.get(question.id)
                if standing is not None and standing.status == "answered":
                    session.answer(question, standing.answer, by=standing.resolved_by)
        case _:
            places = {message.id: index for index, message in enumerate(head.messages)}
            session.messages.sort(key=lambda message: places.get(message.id, len(places)))


def _take_over(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    for key in KEYS:
        mine.pop(key, None)
        if key in theirs:
            mine[key] = copy.deepcopy(theirs[key])


def _say_the_same(session: Session, messages: list[Message]) -> None:
    at = {message.id: index for index, message in enumerate(session.messages)}
    for message in messages:
        if message.id in at:
            session.messages[at[message.id]] = message
        else:
            session.add_message(message)
