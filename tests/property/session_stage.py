"""Where everybody acts: two ledgers on one database, a repository over them, one for exports, and the model."""

from __future__ import annotations

import asyncio
import copy
import sys
import tempfile
from collections.abc import Awaitable, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, initialize

from ledger import LedgerError, Receipt, Session
from tests.contract.backends import BACKENDS, Backend
from tests.contract.faces import Book, open_face
from tests.property import session_checks as checks
from tests.property.session_edits import EDITS
from tests.property.session_model import Content, Copy, Thread, content_of, differences
from tests.quick_disk import quick_disk

__all__ = ["SLOTS", "WRITERS", "Edits", "Stage", "one_of"]

T = TypeVar("T")

Edits = list[tuple[str, int]]

#: The authority that each writer has.
WRITERS = {"agent": "runtime", "scheduler": "runtime", "ui": "user"}
SLOTS = 6
SQLITE = next(backend for backend in BACKENDS if backend.durable)
#: What the first two sessions are made of.
RICH = [(kind, 1) for kind in ("say", "say", "say", "ask", "ask", "name", "policy", "set_own", "extend")]


def one_of(choices: Sequence[T], pick: int) -> T:
    """Choose by a number: the shrunken choice is the first."""
    return choices[pick % len(choices)]


class Stage(RuleBasedStateMachine):
    """What the rules act on, and what each outcome is compared with."""

    #: Where the database is.
    backend: ClassVar[Backend] = SQLITE

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory(dir=quick_disk())
        self.url = self.backend.fresh_url(Path(self.folder.name))
        self.books = [self.opened("sync"), self.opened("async")]
        self.repository = self.books[1].awaited.repository()
        self.mirror = self.do(open_face("sync", "sqlite://"))
        self.mirrored: dict[str, int] = {}
        self.threads = {name: Thread(name) for name in ("a", "b", "c")}
        self.pool: list[Copy] = [Copy.of(Session.new(one_of("abc", slot), "m"), 0, fresh=True) for slot in range(SLOTS)]
        self.keyed: list[tuple[str, dict[str, Any], bytes, Receipt]] = []
        self.fed: list[tuple[str, int]] = []
        self.number = 0
        words = {"writer": "ui", "authority": "user"}
        for slot in (
            0,
            1,
        ):  # the other copies are the constructor's, of sessions that are there, and of one that is not
            held = self.pool[slot]
            now = self.edit(held, "ui", RICH)
            self.take(self.threads[held.id], held, now, words, self.do(self.book.save(held.session, **words)))
            self.settled(self.threads[held.id], held)
            self.pool[slot + 4] = copy.deepcopy(held)

    def opened(self, face: str) -> Book:
        return self.do(open_face(face, self.url, authoritative=("policy",)))

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)

    def attempt(self, call: Awaitable[T]) -> T | LedgerError:
        async def tried() -> T | LedgerError:
            try:
                return await call
            except LedgerError as error:
                return error

        return self.do(tried())

    @property
    def book(self) -> Book:
        """Either ledger, in turn."""
        return self.books[self.number % 2]

    @property
    def other(self) -> Book:
        return self.books[(self.number + 1) % 2]

    def thread(self, pick: int) -> Thread:
        self.number += 1
        return self.threads["a"] if pick % 3 == 0 else one_of(list(self.threads.values()), pick)

    def edit(self, held: Copy, name: str, edits: Edits) -> Content:
        for kind, place in edits:
            self.number += 1
            EDITS[kind](held, name, self.number, place)
        self.number += 1
        return content_of(held.session)

    def hold(self, slot: int, thread: Thread, outcome: object, version: int | None) -> None:
        """Take what a load gave, if there was something to load, and compare it with what was saved."""
        error = thread.unloadable(version)
        if error is not None:
            assert error is type(outcome)
            return
        assert isinstance(outcome, Session)
        saved = thread.at(thread.version if version is None else version)
        assert saved.session == outcome
        self.pool[slot] = Copy.of(outcome, saved.life)

    def constructed(self, held: Copy) -> None:
        if held.fresh:
            held.base.title, held.base.pinned = held.session.title, held.session.pinned

    def at_head(self, pick: int) -> tuple[Thread, Content]:
        thread = self.thread(pick)
        return thread, copy.deepcopy(thread.head)

    def stored_version(self, thread: Thread) -> int:
        head = self.do(self.other.head(thread.id))
        return head.version if head else 0

    def take(self, thread: Thread, held: Copy, now: Content, words: dict[str, Any], receipt: Receipt) -> None:
        """Let the model take a save in, and compare what it comes to with what the ledger holds now."""
        asked = set(thread.head.questions) if thread.alive else set()
        missing, before, stale = thread.missing(held, now), list(thread.head.messages), held.version < thread.version
        alive = thread.alive
        overruled = thread.take(held, now, words)
        version, lose = thread.version, words.get("on_omission") == "lose"
        assert version == receipt.version == self.stored_version(thread)
        head = self.do(self.other.load(thread.id))
        found = content_of(head)
        assert [] == differences(thread.head, found), differences(thread.head, found)
        if stale and alive:
            thread.take_order(held, now, before, list(found.messages))
        assert list(thread.head.messages) == list(found.messages)
        saved = thread.at(version)
        saved.session, saved.digest = head, receipt.digest
        new = [question for question in head.questions.values() if question.text not in asked]
        thread.places |= {question.id: (thread.id, version) for question in new}
        if not alive:
            saved.base = receipt.base_version  # a copy that a constructor made begins a life behind the tombstone
        (event,) = self.do(self.other.history(thread.id, after=version - 1))
        assert (event.writer, event.authority, event.base_version, event.digest) == (
            words["writer"], words["authority"], saved.base, receipt.digest
        )  # fmt: skip
        for kind, expected in (("question_omitted", not lose), ("question_lost", lose)):
            assert (missing if expected else set()) == {
                head.questions[c.question_id].text for c in event.changes if c.type == kind
            }
        assert len(receipt.omissions) == len(set() if lose else missing)
        paths = {change.path for change in receipt.overruled if change.side == "writer"}
        assert overruled <= {path.removeprefix("/metadata").removeprefix("/") for path in paths}

    def settled(self, thread: Thread, held: Copy) -> None:
        """The copy is at the head now, with nothing unsaved."""
        saved = thread.at(thread.version)
        assert saved.session == held.session
        assert thread.version == held.session.version
        vars(held).update(vars(Copy.of(held.session, saved.life)))

    def look_back(self, thread: Thread, place: int, other: int) -> None:
        """Any state of the past is what it was, by whatever name, and so is the way from one to another."""
        a, b = sorted((place % thread.version + 1, other % thread.version + 1))
        saved = thread.at(a)
        names = [a, a - thread.version if a < thread.version else str(a), f"key:{saved.key}" if saved.key else str(a)]
        self.do(checks.check_past(self.book, thread, one_of(names, other), a))
        for question_id in saved.session.questions if saved.session and saved.life == thread.life else ():
            if where := thread.places.get(question_id):
                self.do(checks.check_asking(self.book, thread.id, question_id, self.threads[where[0]], where[1]))
        self.do(checks.check_difference(self.other, thread, b, a))
        self.do(checks.check_steps(self.book, thread, a, b))
        self.do(checks.check_slice(self.book, thread, a - 1, other % 4, reverse=bool(other % 3)))
        self.do(checks.check_times(self.other, thread, place))

    def look_around(self, thread: Thread) -> None:
        """The read models tell what the heads hold, and the feed all that was saved."""
        self.fed = self.do(checks.check_feed(self.book, self.threads, self.fed))
        self.do(checks.check_catalog(self.book, self.threads))
        self.do(checks.check_usage(self.other, self.threads))
        if thread.version:
            self.do(checks.check_questions(self.book, thread))
            self.do(checks.check_history(self.other, thread))

    def verify(self, book: Book) -> None:
        heads = {thread.id: thread.at(thread.version) for thread in self.threads.values() if thread.version}
        expect = {name: (self.threads[name].version, saved.digest) for name, saved in heads.items() if saved.digest}
        told = self.do(book.verify(expect=expect))
        assert () == told.problems
        assert (len(heads), self.saved_in_all()) == (told.sessions, told.events)

    def saved_in_all(self) -> int:
        return sum(thread.version for thread in self.threads.values())

    def reopen(self, place: int) -> None:
        if place:
            self.do(self.repository.close())
        self.do(self.books[place].close())
        self.books[place] = self.opened(("sync", "async")[place])
        self.repository = self.books[1].awaited.repository() if place else self.repository

    def export(self) -> None:
        """Bring the third ledger up to date: each save is added once."""
        before = sum(self.mirrored.values())
        imported = self.do(self.mirror.import_(self.do(self.book.export())))
        assert self.saved_in_all() - before == imported.saves
        self.mirrored = {thread.id: thread.version for thread in self.threads.values()}

    # --- In the end ---

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            if sys.exc_info()[1] is None:  # else what failed first is to be told
                self.check_everything()
        finally:
            for book in (*self.books, self.mirror):
                self.do(book.close())
            self.loop.close()
            self.backend.give_back(self.url)
            self.folder.cleanup()

    def check_everything(self) -> None:
        """Hold every version of every session, all read models and the third ledger against the model."""
        self.export()
        lived = [thread for thread in self.threads.values() if thread.version]
        self.look_at_all(self.books[0], lived)
        self.do(self.books[0].rebuild())
        self.look_at_all(self.books[1], lived)
        for thread in lived:
            assert self.do(checks.told_again(self.books[1], thread)) == self.do(checks.told_again(self.mirror, thread))
        self.verify(self.mirror)

    def look_at_all(self, book: Book, lived: Iterable[Thread]) -> None:
        self.fed = self.do(checks.check_feed(book, self.threads, self.fed))
        self.do(checks.check_catalog(book, self.threads))
        self.do(checks.check_usage(book, self.threads))
        self.verify(book)
        for thread in lived:
            self.do(checks.check_history(book, thread))
            self.do(checks.check_questions(book, thread))
            self.do(checks.check_steps(book, thread, 1, thread.version))
            for version in range(1, thread.version + 1):
                self.do(checks.check_past(book, thread, version, version))
