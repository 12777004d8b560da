"""Sessions as plain lists and dictionaries: what a save must leave, decided by the rules alone and by no code of ours.

Questions go by their texts, which no two share, and messages by their ids. The order of messages is exact where nobody
came between; of a stale save the rules that its order keeps are checked, and the order itself is taken from the ledger.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from ledger import (
    LedgerError,
    QuestionOmittedError,
    Session,
    SessionDeleted,
    SessionExists,
    SessionNotFound,
    VersionConflict,
)

__all__ = ["Content", "Copy", "Saved", "Thread", "content_of", "differences"]

#: Where a user's word stands against a runtime's.
AUTHORITATIVE = ("title", "pinned", "policy")

Standing = tuple[str, Any]


@dataclass
class Content:
    """What a session holds, as far as the model goes."""

    title: str | None = None
    pinned: bool = False
    #: By id: the text, and each key of the metadata.
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: By text: the status, and the answer.
    questions: dict[str, Standing] = field(default_factory=dict)
    #: Each path of the metadata and of the state, with its value.
    paths: dict[str, Any] = field(default_factory=dict)
    #: A list that everyone extends; `None` before anyone has made it.
    shared: list[int] | None = None

    def pending(self) -> set[str]:
        """Give the texts of the open questions."""
        return {text for text, (status, _) in self.questions.items() if status == "pending"}


def content_of(session: Session) -> Content:
    """Read a session in the terms of the model."""
    own = session.state.get("own", {})
    paths = {f"metadata/{key}": value for key, value in session.metadata.items()}
    paths |= {f"own/{name}/{key}": value for name, items in own.items() for key, value in items.items()}
    return Content(
        title=session.title,
        pinned=session.pinned,
        messages={
            message.id: {"text": message.content} | {f"/{key}": value for key, value in message.metadata.items()}
            for message in session.messages
        },
        questions={question.text: (str(question.status), question.answer) for question in session.questions.values()},
        paths=paths,
        shared=copy.copy(session.state.get("shared")),
    )


def differences(expected: Content, found: Content) -> list[Any]:
    """Give what differs, but for the order of messages and of questions."""
    return [(name, value, vars(found)[name]) for name, value in vars(expected).items() if value != vars(found)[name]]


@dataclass
class Copy:
    """A session in somebody's hands: what it was loaded as, at which version, and in which of the session's lives.

    A copy that a constructor made is of no life: it is for whatever lives when it is saved.
    """

    session: Session
    base: Content
    version: int
    life: int
    #: Whether a constructor made it, and not a load.
    fresh: bool = False
    reordered: bool = False

    @classmethod
    def of(cls, session: Session, life: int, *, fresh: bool = False) -> Copy:
        """Take what was just loaded or made."""
        return cls(session, content_of(session), session.version, life, fresh)

    @property
    def id(self) -> str:
        return self.session.id


@dataclass
class Saved:
    """One version: who saved it, on what, and what it left; `None` for a deletion."""

    writer: str
    authority: str
    base: int
    life: int
    left: Content | None
    key: str | None = None
    #: The session as it was loaded when it was saved: so it must load for ever.
    session: Session | None = None
    #: What its receipt said.
    digest: str = ""


@dataclass
class Thread:
    """One session: every version of it, and what its head holds."""

    id: str
    saves: list[Saved] = field(default_factory=list)
    head: Content = field(default_factory=Content)
    life: int = 0
    alive: bool = False
    #: The authority and the version of the last change to an authoritative field.
    touched: dict[str, tuple[str, int]] = field(default_factory=dict)
    revised: dict[str, int] = field(default_factory=dict)
    #: The version that made the shared list what it is, but for what was added to it.
    made: int = 0
    #: Every question that was ever asked here, also in a life that has ended.
    asked: dict[str, str] = field(default_factory=dict)
    usage: dict[str | None, list[int]] = field(default_factory=dict)
    #: By its id, where a question was last asked: in which session, and in which version of it.
    places: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        return len(self.saves)

    def next_life(self) -> int:
        """Give the life that a copy is of which is loaded, or made for want of something to load, now."""
        return self.life if self.alive else self.life + 1

    def at(self, version: int) -> Saved:
        return self.saves[version - 1]

    # --- What a call must come to ---

    def missing(self, held: Copy, now: Content) -> set[str]:
        """Give the open questions that the writer had loaded and saves without."""
        return (held.base.pending() - now.questions.keys()) & self.head.pending() if self.alive else set()

    def is_dead_for(self, held: Copy, *, create: bool) -> bool:
        """Tell whether the copy is of a life that has ended."""
        if held.life == 0:
            return not self.alive and self.life > 0 and not create
        return held.life < self.life or (held.life == self.life and not self.alive)

    def refusals(self, held: Copy, now: Content, words: dict[str, Any], *, create: bool) -> set[type[LedgerError]]:
        """Give the errors that a save may raise; if there is any, it must raise one."""
        refused: set[type[LedgerError]] = set()
        if self.is_dead_for(held, create=create):
            refused.add(SessionDeleted)
        if create and self.alive:
            refused.add(SessionExists)
        expected = words.get("expected_version")
        if expected is not None and not held.version == self.version == expected:
            refused.add(VersionConflict)
        if words.get("on_omission") == "raise" and self.missing(held, now):
            refused.add(QuestionOmittedError)
        return refused

    def unloadable(self, version: int | None = None) -> type[LedgerError] | None:
        """Give the error that a load raises, of the head or of a version that exists; `None` if there is none."""
        if not self.saves:
            return SessionNotFound
        left = self.alive if version is None else self.at(version).left is not None
        return None if left else SessionDeleted

    # --- What becomes of it ---

    def take(self, held: Copy, now: Content, words: dict[str, Any]) -> set[str]:
        """Take a save in: what it leaves is `head`. Give the paths at which the writer was overruled."""
        missing = self.missing(held, now)
        if not self.alive:
            self.begin(now)
        stale, known = held.version < self.version, set(self.head.questions)
        authority, version = words["authority"], self.version + 1
        overruled = self._take_fields(held, now, authority, version)
        self._take_messages(held, now, version, stale=stale)
        self._take_questions(held, now)
        if words.get("on_omission") == "lose":
            self.head.questions |= dict.fromkeys(missing, ("lost", None))
        self._take_list(held, now, version)
        for text, (status, _) in self.head.questions.items():
            if text in self.asked or text not in known:  # what a fork brought along resolved, was not asked in it
                self.asked[text] = status
        self.note(words["writer"], authority, held.version, words.get("key"))
        return overruled

    def begin(self, now: Content) -> None:
        """Begin a life, with what a constructor can set and nothing else."""
        self.head, self.life, self.alive = Content(title=now.title, pinned=now.pinned), self.life + 1, True
        self.touched, self.revised, self.made = {}, {}, 0

    def end(self, writer: str, authority: str, key: str | None) -> None:
        """End it: one more version, behind which nothing is open."""
        self.asked |= dict.fromkeys(self.head.pending(), "withdrawn")
        self.alive = False
        self.saves.append(Saved(writer, authority, self.version, self.life, None, key))

    def note(self, writer: str, authority: str, base: int, key: str | None = None) -> None:
        """Keep what the head holds as one more version."""
        self.saves.append(Saved(writer, authority, base, self.life, copy.deepcopy(self.head), key))

    def fork(self, new_id: str, version: int, writer: str, authority: str) -> Thread:
        """Give the session that begins with what a version of this one left."""
        left = self.at(version).left
        assert left is not None
        child = Thread(new_id, head=copy.deepcopy(left), life=1, alive=True, made=1)
        child.asked = dict.fromkeys(left.pending(), "pending")
        child.places = {name: at for name, at in self.places.items() if at[0] != self.id or at[1] <= version}
        child.note(writer, authority, 0)
        return child

    def _take_fields(self, held: Copy, now: Content, authority: str, version: int) -> set[str]:
        """The later save stands, but for a runtime's against a user's that it had not seen."""
        overruled = set()
        was, is_, stands = (_fields(content) for content in (held.base, now, self.head))
        for name in was.keys() | is_.keys():
            if was.get(name) == is_.get(name):
                continue
            by, touched = self.touched.get(name, ("", 0))
            if name in AUTHORITATIVE and authority == "runtime" and by == "user" and touched > held.version:
                if is_.get(name) != stands.get(name):
                    overruled.add(name)
            elif name in is_ or name in stands:
                stands[name] = is_.get(name)
                if name in AUTHORITATIVE:
                    self.touched[name] = authority, version
        self.head.title, self.head.pinned = stands.pop("title"), stands.pop("pinned")
        self.head.paths = {_path(name): value for name, value in stands.items() if value is not None}
        return overruled

    def _take_messages(self, held: Copy, now: Content, version: int, *, stale: bool) -> None:
        for message_id, said in now.messages.items():
            was, stands = held.base.messages.get(message_id), self.head.messages.get(message_id)
            if said in (was, stands):
                continue
            self.revised[message_id] = version
            if was is None or stands is None:
                self.head.messages[message_id] = dict(said)  # it is new, or back in its place
            else:
                for name in was.keys() | said.keys():
                    if was.get(name) != said.get(name):
                        stands |= {name: said.get(name)}
                self.head.messages[message_id] = {name: value for name, value in stands.items() if value is not None}
        for message_id in held.base.messages.keys() - now.messages.keys():
            if self.revised.get(message_id, 0) <= held.version:
                self.head.messages.pop(message_id, None)
        if not stale:
            self.head.messages = copy.deepcopy(now.messages)

    def _take_questions(self, held: Copy, now: Content) -> None:
        """The first end stands, unless it was that the question had been lost."""
        for text, (status, answer) in now.questions.items():
            if held.base.questions.get(text) == (status, answer):
                continue
            standing = self.head.questions.setdefault(text, ("pending", None))
            asked_again = status == "pending" and text not in held.base.questions
            if standing[0] == "pending" or (standing[0] == "lost" and not asked_again):
                self.head.questions[text] = status, answer

    def _take_list(self, held: Copy, now: Content, version: int) -> None:
        """Of two who make the list, the later one's stands, and of two who extend it, both do."""
        if now.shared is None or now.shared == held.base.shared:
            return
        if held.base.shared is None or self.made > held.version or self.head.shared is None:
            self.head.shared, self.made = list(now.shared), version
        else:
            self.head.shared += now.shared[len(held.base.shared) :]

    # --- The order of messages ---

    def take_order(self, held: Copy, now: Content, before: list[str], found: list[str]) -> None:
        """Hold the order that a stale save left against the rules, and go on from it."""
        assert sorted(self.head.messages) == sorted(found)
        known = set(held.base.messages)
        new = [message_id for message_id in now.messages if message_id not in known and message_id not in before]
        if held.reordered:
            mine = [message_id for message_id in now.messages if message_id in found]
            assert mine == [message_id for message_id in found if message_id in now.messages]
        else:
            stood = [message_id for message_id in before if message_id in found]
            assert stood == [message_id for message_id in found if message_id in before], "what stood was reordered"
            assert new == [message_id for message_id in found if message_id in new], "what came was reordered"
            last = max((place for place, item in enumerate(now.messages) if item in known), default=-1)
            appended = [item for place, item in enumerate(now.messages) if place > last and item in new]
            assert appended == found[len(found) - len(appended) :], "what was appended does not stand at the end"
        self.head.messages = {message_id: self.head.messages[message_id] for message_id in found}
        left = self.saves[-1].left
        assert left is not None
        left.messages = copy.deepcopy(self.head.messages)


def _fields(content: Content) -> dict[str, Any]:
    paths = {name.removeprefix("metadata/"): value for name, value in content.paths.items()}
    return {"title": content.title, "pinned": content.pinned, **paths}


def _path(name: str) -> str:
    return name if name.startswith("own/") else f"metadata/{name}"
