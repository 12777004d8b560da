"""Everybody who may use a ledger, doing anything in any order, beside a model of plain lists and dictionaries.

Two ledgers are open on one database, one through each face, and a repository with a cache over the second: what the one
saves, the others have to notice. Writers hold copies that are fresh, loaded, old, copied, pickled. A third ledger takes
in exports. After each call its outcome is compared with what the model says it must be.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledger import (
    IdempotencyConflict,
    LedgerError,
    Message,
    QuestionNotPending,
    Receipt,
    Session,
    SessionExists,
    SessionNotFound,
)
from tests.contract.faces import Book
from tests.property.session_edits import EDITS
from tests.property.session_model import Content, Copy, Thread, content_of, differences
from tests.property.session_stage import SLOTS, WRITERS, Edits, Stage, one_of

__all__ = ["SessionMachine"]

MOST_SESSIONS = 6
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

slots = st.integers(0, SLOTS - 1)
picks = st.integers(0, 23)
writers = st.sampled_from(sorted(WRITERS))
edits_of = st.lists(
    st.tuples(
        st.sampled_from([*EDITS, "say", "say", "ask", "ask", "forget", "extend", "name", "policy", "policy"]),
        st.integers(0, 5),
    ),
    max_size=4,
)


class SessionMachine(Stage):
    """The rules."""

    # --- Copies ---

    @rule(slot=slots, pick=picks, place=picks, way=st.sampled_from(["past", "head", "create", "new", "past"]))
    def obtain(self, slot: int, pick: int, place: int, way: str) -> None:
        """Take a copy from a ledger, or make one."""
        thread = self.thread(pick)
        if way == "new":
            self.pool[slot] = Copy.of(Session.new(thread.id, "m"), 0, fresh=True)
        elif way == "create":
            session = self.do(self.book.load_or_create(thread.id, model="m"))
            assert thread.version == session.version
            life = thread.next_life() if thread.version else 0
            self.pool[slot] = Copy.of(session, life, fresh=not thread.alive)
        else:
            version = place % thread.version + 1 if way == "past" and thread.version else None
            outcome = self.attempt(self.book.load(thread.id, at=version))
            self.hold(slot, thread, outcome, version)

    @rule(slot=slots, pick=picks, way=st.sampled_from(["load", "load_merged", "load_merged", "load_or_create"]))
    def obtain_cached(self, slot: int, pick: int, way: str) -> None:
        """Take a copy from the repository: `load` may give an old one, `load_merged` never does."""
        thread = self.thread(pick)
        cached = self.repository.cache.get(thread.id)
        call: Any = getattr(self.repository, way)
        session = self.do(call(thread.id, "m") if way == "load_or_create" else call(thread.id))
        if way == "load_merged" or cached is None:
            found = session if way != "load_or_create" or thread.alive else None
            assert (thread.at(thread.version).session if thread.alive else None) == found
        else:
            assert cached == session
        if session is None:
            return
        fresh = way == "load_or_create" and cached is None and not thread.alive
        life = thread.next_life() if fresh else thread.at(session.version).life
        if not fresh:
            assert thread.at(session.version).session == session
        self.pool[slot] = Copy.of(session, life if thread.version else 0, fresh=fresh)

    @rule(slot=slots, other=slots, way=st.sampled_from(["twin", "copy", "deepcopy", "pickle", "json"]))
    def carry(self, slot: int, other: int, way: str) -> None:
        """Carry a copy elsewhere. What a constructor is given is no change, and JSON forgets who chose an index."""
        held = self.pool[slot]
        match way:
            case "twin":
                self.pool[other] = copy.deepcopy(held)
            case "copy":
                held.session = copy.copy(held.session)
            case "deepcopy":
                held.session = copy.deepcopy(held.session)
            case "json" if content_of(held.session).questions.keys() <= held.base.questions.keys():
                held.session = Session.model_validate_json(held.session.model_dump_json())
                self.constructed(held)
            case "pickle":
                held.session = pickle.loads(pickle.dumps(held.session))  # noqa: S301 - made right here
                self.constructed(held)

    # --- Saves ---

    @rule(slot=slots, name=writers, edits=edits_of)
    def work(self, slot: int, name: str, edits: Edits) -> None:
        """Edit a copy, and do not save it yet."""
        self.edit(self.pool[slot], name, edits)

    @rule(
        slot=slots,
        name=writers,
        edits=edits_of,
        pick=picks,
        how=st.sampled_from(
            ["plain", "plain", "plain", "repository", "save_and_cache", "lose", "raise", "key", "expected", "create",
             "occurred"]
        ),
    )  # fmt: skip
    def save(self, slot: int, name: str, edits: Edits, pick: int, how: str) -> None:
        """Save a copy, in any of the ways in which one can."""
        held = self.pool[slot]
        thread, now = self.threads[held.id], self.edit(held, name, edits)
        words: dict[str, Any] = {"writer": name, "authority": WRITERS[name]}
        call: Callable[..., Any] = self.book.save
        match how:
            case "create":
                call = self.book.create
            case "repository" | "save_and_cache":
                call = self.repository.save if how == "repository" else self.repository.save_and_cache
            case "lose" | "raise":
                words["on_omission"] = how
            case "key":
                words["key"] = f"k{self.number}"
            case "expected":
                words["expected_version"] = max(0, held.version - pick % 2)
            case "occurred":
                words["occurred_at"] = BEGINNING + timedelta(minutes=pick)
        before, carried = held.session.model_dump(), pickle.dumps(held.session)
        refusals = thread.refusals(held, now, words, create=how == "create")
        outcome = self.attempt(call(held.session, **words))
        if refusals or isinstance(outcome, LedgerError):
            assert type(outcome) in refusals, (outcome, refusals)
            assert before == held.session.model_dump()
            assert thread.version == self.stored_version(thread)
            return
        assert isinstance(outcome, Receipt)
        plain = not held.fresh or (now.title, now.pinned) == (held.base.title, held.base.pinned)
        self.take(thread, held, now, words, outcome)
        self.settled(thread, held)
        if how == "key" and plain:
            self.keyed.append((thread.id, words, carried, outcome))
            assert outcome == self.do(self.other.save(held.session, **words)), "saved again, unchanged, it is a retry"
            self.settled(thread, held)

    @rule(name=writers, edits=edits_of)
    def save_the_oldest(self, name: str, edits: Edits) -> None:
        """Save the copy that is furthest behind, of those that may still be saved."""
        behind = [
            -1 if thread.is_dead_for(held, create=False) else thread.version - held.version
            for held in self.pool
            for thread in (self.threads[held.id],)
        ]
        self.save(behind.index(max(behind)), name, edits, 0, "plain")

    @rule(picked=st.lists(slots, min_size=2, max_size=4, unique=True), name=writers, edits=edits_of, pick=picks)
    def save_together(self, picked: list[int], name: str, edits: Edits, pick: int) -> None:
        """Save several sessions in one transaction: all or none."""
        chosen = list({self.pool[slot].id: self.pool[slot] for slot in picked}.values())
        nows = [self.edit(held, name, edits) for held in chosen]
        words: dict[str, Any] = {"writer": name, "authority": WRITERS[name]}
        given: dict[str, Any] = dict(words)
        if pick % 3 == 0:
            given["on_omission"] = words["on_omission"] = "raise"
        expected = {held.id: held.version for held in chosen} if pick % 4 == 0 else {}
        refusals: set[type[LedgerError]] = set()
        for held, now in zip(chosen, nows, strict=True):
            each = words | ({"expected_version": expected[held.id]} if expected else {})
            refusals |= self.threads[held.id].refusals(held, now, each, create=False)
        if expected:
            given["expected_version"] = expected
        before = [held.session.model_dump() for held in chosen]
        outcome = self.attempt(self.book.save_all([held.session for held in chosen], **given))
        if refusals or isinstance(outcome, LedgerError):
            assert type(outcome) in refusals, (outcome, refusals)
            assert before == [held.session.model_dump() for held in chosen]
            for held in chosen:
                assert self.threads[held.id].version == self.stored_version(self.threads[held.id])
            return
        assert isinstance(outcome, list)
        for held, now, receipt in zip(chosen, nows, outcome, strict=True):
            self.take(self.threads[held.id], held, now, words, receipt)
            self.settled(self.threads[held.id], held)

    @rule(picked=st.lists(slots, min_size=2, max_size=4, unique=True), name=writers, edits=edits_of)
    def save_at_once(self, picked: list[int], name: str, edits: Edits) -> None:
        """Save copies of several sessions at once, without waiting for one another."""
        chosen = list({self.pool[slot].id: self.pool[slot] for slot in picked}.values())
        chosen = [held for held in chosen if not self.threads[held.id].is_dead_for(held, create=False)]
        nows = [self.edit(held, name, edits) for held in chosen]
        words = {"writer": name, "authority": WRITERS[name]}

        async def all_of() -> list[Receipt]:
            receipts: list[Receipt] = await asyncio.gather(
                *(self.books[1].save(held.session, **words) for held in chosen)
            )
            return receipts

        for held, now, receipt in zip(chosen, nows, self.do(all_of()), strict=True):
            self.take(self.threads[held.id], held, now, words, receipt)
            self.settled(self.threads[held.id], held)

    @rule(pick=picks, other=st.booleans())
    def retry(self, pick: int, *, other: bool) -> None:
        """From a process that was started again with what it had before it saved: the same receipt, and no event."""
        if not self.keyed:
            return
        name, words, carried, receipt = one_of(self.keyed, pick)
        session: Session = pickle.loads(carried)  # noqa: S301 - made above
        if other:
            self.number += 1
            session.add_message(Message.user("else", id=f"m{self.number}"))
            assert isinstance(self.attempt(self.book.save(session, **words)), IdempotencyConflict)
        else:
            assert receipt == self.do(self.book.save(session, **words))
            thread = self.threads[name]
            current = thread.alive and thread.at(receipt.version).life == thread.life
            assert thread.at(thread.version if current else receipt.version).session == session
        assert self.threads[name].version == self.stored_version(self.threads[name])

    # --- Verbs ---

    @rule(pick=picks, name=writers, key=st.booleans(), place=picks)
    def append(self, pick: int, name: str, place: int, *, key: bool) -> None:
        """Append messages to a session that nobody has loaded."""
        thread, now = self.at_head(pick)
        said = [Message.user(f"{name} {self.number}", id=f"m{self.number}.{n}") for n in range(1 + place % 2)]
        now.messages |= {message.id: {"text": message.content} for message in said}
        self.by_verb(thread, now, name, lambda book, words: book.append(thread.id, *said, **words), key=key)

    @rule(pick=picks, name=writers, key=st.booleans(), place=picks)
    def answer(self, pick: int, name: str, place: int, *, key: bool) -> None:
        """Answer a question of a session that nobody has loaded; one that is not open is refused."""
        thread, now = self.at_head(pick)
        session = thread.at(thread.version).session if thread.alive else None
        asked = one_of(list(session.questions.values()), place) if session and session.questions else None
        value = {"said": self.number}
        refusal = None if asked is not None and asked.is_pending else QuestionNotPending
        if asked is not None:
            now.questions[asked.text] = ("answered", value)
        question_id = asked.id if asked else "nothing#0"
        self.by_verb(
            thread, now, name, lambda book, words: book.answer(thread.id, question_id, value, **words),
            key=key, refusal=refusal,
        )  # fmt: skip

    @rule(pick=picks, name=writers, edits=edits_of, key=st.booleans())
    def update(self, pick: int, name: str, edits: Edits, *, key: bool) -> None:
        """Change a session as one step."""
        thread, now = self.at_head(pick)
        trial = Copy.of(Session.new(thread.id, "m"), thread.life)
        first = self.number
        if thread.alive:
            trial = Copy.of(self.do(self.other.load(thread.id)), thread.life)
            now = self.edit(trial, name, edits)
        last, self.number = self.number, first

        def mutate(session: Session) -> None:
            self.number = first  # it makes the same edits however often it runs
            self.edit(Copy.of(session, thread.life), name, edits)

        self.by_verb(
            thread, now, name, lambda book, words: book.update(thread.id, mutate, **words),
            key=key, reordered=trial.reordered,
        )  # fmt: skip
        self.number = max(last, self.number)

    def by_verb(
        self, thread: Thread, now: Content, name: str, call: Callable[[Book, dict[str, Any]], Any], *, key: bool,
        refusal: type[LedgerError] | None = None, reordered: bool = False,
    ) -> None:  # fmt: skip
        words: dict[str, Any] = {"writer": name, "authority": WRITERS[name]}
        if key:
            words["key"] = f"v{self.number}"
        refusal = thread.unloadable() or refusal
        book = self.book
        outcome = self.attempt(call(book, words))
        if refusal is not None:
            assert refusal is type(outcome)
            assert thread.version == self.stored_version(thread)
            return
        assert isinstance(outcome, Receipt), outcome
        at_head = Copy(Session.new(thread.id, "m"), copy.deepcopy(thread.head), thread.version, thread.life)
        at_head.reordered = reordered
        self.take(thread, at_head, now, words, outcome)
        if key:
            assert outcome == self.do(call(self.books[self.books[0] is book], words))
            assert thread.version == self.stored_version(thread)

    @rule(pick=picks, name=writers, way=st.sampled_from(["book", "book", "key", "repository"]))
    def delete(self, pick: int, name: str, way: str) -> None:
        """End the life of a session; what does not live is left as it is."""
        thread = self.thread(pick)
        key = f"d{self.number}" if way == "key" and thread.alive else None
        words: dict[str, Any] = {"writer": name, "authority": WRITERS[name], "reason": "done"}
        if key:
            words["key"] = key
        assert thread.alive == self.do(
            (self.repository if way == "repository" else self.book).delete(thread.id, **words)
        )
        if thread.alive:
            thread.end(name, WRITERS[name], key)
            if key:
                assert self.do(self.other.delete(thread.id, **words))
        assert thread.version == self.stored_version(thread)

    @rule(pick=picks, place=picks, name=writers, again=st.integers(0, 5))
    def fork(self, pick: int, place: int, name: str, again: int) -> None:
        """Begin a session from any state of another one, a fork included; no id is forked onto twice."""
        thread = self.thread(pick)
        new_id = f"f{len(self.threads)}"
        if not again or len(self.threads) >= MOST_SESSIONS:
            new_id = one_of([name for name, other in self.threads.items() if other.version] or ["f0"], place)
        version = place % thread.version + 1 if thread.version else None
        refusals = {thread.unloadable(version)} - {None}
        if new_id in self.threads:
            refusals.add(SessionExists)
        words: dict[str, Any] = {"writer": name, "authority": WRITERS[name]}
        outcome = self.attempt(self.book.fork(thread.id, new_id, at=version, **words))
        if refusals:
            assert type(outcome) in refusals
            return
        assert isinstance(outcome, Session), outcome
        assert version is not None
        child = self.threads[new_id] = thread.fork(new_id, version, **words)
        assert [] == differences(child.head, content_of(outcome))
        assert list(child.head.messages) == [message.id for message in outcome.messages]
        child.at(1).session = self.do(self.other.load(new_id))
        assert child.at(1).session == outcome
        self.pool[place % SLOTS] = Copy.of(outcome, 1)

    @rule(pick=picks, number=st.integers(0, 1000), key=st.none() | st.sampled_from(["u1", "u2"]))
    def record_usage(self, pick: int, number: int, key: str | None) -> None:
        """Note tokens; the same key once, and nothing for a session that never was."""
        thread = self.thread(pick)
        record = {"tokens": number if key is None else len(key), "model": "m"}
        outcome = self.attempt(self.book.record_usage(thread.id, record, key=key))
        if not thread.version:
            assert isinstance(outcome, SessionNotFound)
            return
        assert outcome is None, outcome
        if key is None:
            thread.usage.setdefault(None, []).append(number)
        else:
            thread.usage[key] = [len(key)]

    # --- What changes nothing ---

    @rule(
        pick=picks, place=picks, other=picks,
        what=st.sampled_from(["past", "past", "models", "snapshot", "rebuild", "verify", "reopen", "export"]),
    )  # fmt: skip
    def look(self, pick: int, place: int, other: int, what: str) -> None:
        """Read, and do what an operator does, between any two saves."""
        thread = self.thread(pick)
        match what:
            case "past" if thread.version:
                self.look_back(thread, place, other)
            case "models":
                self.look_around(thread)
            case "snapshot" if thread.version:
                self.do(self.book.snapshot(thread.id))
            case "rebuild":
                self.do(self.book.rebuild(one_of((None, "catalog", "questions", "session_view", "usage"), place)))
            case "verify":
                self.verify(self.book)
            case "reopen":
                self.reopen(place % 2)
            case "export":
                self.export()
