"""A ledger of one session as plain lists and dictionaries: what has to be there, however the saves interleave."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from ledger import Session

__all__ = ["WRITERS", "Content", "History", "Writer", "content_of", "same"]

WRITERS = ("agent", "scheduler", "ui")


@dataclass
class Content:
    """What a session holds, in the terms of the model: questions go by their text, which no two share."""

    messages: dict[str, str] = field(default_factory=dict)
    questions: dict[str, str] = field(default_factory=dict)
    own: dict[str, dict[str, int]] = field(default_factory=lambda: {name: {} for name in WRITERS})
    #: `None` before anyone has made it.
    shared: list[int] | None = None


def content_of(session: Session) -> Content:
    """Read a session in the terms of the model."""
    paths = session.state.get("own", {})
    return Content(
        messages={message.id: message.content for message in session.messages},
        questions={question.text: str(question.status) for question in session.questions.values()},
        own={name: dict(paths.get(name, {})) for name in WRITERS},
        shared=copy.copy(session.state.get("shared")),
    )


@dataclass
class Writer:
    """A writer with its copy: `base` is what it last tried to store, on what it saw at `version`, in which life."""

    name: str
    session: Session
    base: Content
    version: int
    life: int
    #: The version of a save whose reply was lost.
    unanswered: int | None = None
    #: Every version since `version` that is its own, by such saves; what others saved between them, it has not seen.
    own: set[int] = field(default_factory=set)


class History:
    """What the ledger must hold after every save that it took."""

    def __init__(self) -> None:
        self.head = Content()
        self.version = 0
        self.life = 0
        self.alive = False
        #: In which version a message was last revised, and in which life each version was.
        self.revised: dict[str, int] = {}
        self.lives: dict[int, int] = {}
        #: The version that made the shared list what it is, but for what was added to it.
        self.made = 0

    def begin(self) -> None:
        """Begin a life, empty."""
        self.head, self.life, self.alive, self.revised, self.made = Content(), self.life + 1, True, {}, 0

    def end(self) -> None:
        """End it: a version, after which nothing is pending."""
        self.version += 1
        self.alive = False

    def take(self, writer: Writer, now: Content) -> None:
        """Take in a save of what the writer made of its base."""
        base, seen = writer.base, {*range(writer.version + 1), *writer.own}
        self.version += 1
        self.lives[self.version] = self.life
        self._take_messages(base, seen, now)
        for text, status in now.questions.items():
            if text not in base.questions or (base.questions[text] == "pending" != status):
                standing = self.head.questions.get(text, "pending")
                self.head.questions[text] = status if standing == "pending" else standing
        for name in WRITERS:
            was, is_ = base.own[name], now.own[name]
            for key in was.keys() | is_.keys():
                if key not in is_:
                    self.head.own[name].pop(key, None)
                elif was.get(key) != is_[key]:
                    self.head.own[name][key] = is_[key]
        self._take_list(base.shared, seen, now.shared)

    def _take_list(self, base: list[int] | None, seen: set[int], now: list[int] | None) -> None:
        """Of two who make the list, the later one's stands, and of two who extend it, both do."""
        if now is None or now == base:
            return
        if base is None or self.made not in seen:
            # Made by this save, or made anew by another since: the whole list stands.
            self.head.shared, self.made = list(now), self.version
        else:
            assert self.head.shared is not None
            self.head.shared += now[len(base) :]

    def _take_messages(self, base: Content, seen: set[int], now: Content) -> None:
        for message_id, text in now.messages.items():
            if base.messages.get(message_id) != text:
                self.head.messages[message_id] = text
                self.revised[message_id] = self.version
        for message_id in base.messages.keys() - now.messages.keys():
            if self.revised.get(message_id, 0) in seen:
                self.head.messages.pop(message_id, None)


def same(expected: Content, found: Content) -> list[Any]:
    """Give what differs, but for the order of messages and questions."""
    return [
        (name, getattr(expected, name), getattr(found, name))
        for name in ("messages", "questions", "own", "shared")
        if getattr(expected, name) != getattr(found, name)
    ]
