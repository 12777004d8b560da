"""Two or three writers over a real ledger, in any order: nothing that was saved is ever lost, and the past stays."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger
from ledger import LedgerError, Receipt, Session, SessionDeleted, SessionExists, StorageError, VersionConflict
from tests.contract.faces import Book
from tests.contract.faults import refused_commit, unanswered_commit
from tests.property.history_edits import EDITS
from tests.property.history_model import WRITERS, Content, History, Writer, content_of, same

T = TypeVar("T")

Edits = list[tuple[str, int]]

HOW = ("plain", "plain", "not yet", "key", "plain", "expected", "unanswered", "not yet", "create", "refused")
FAULTS = {"unanswered": unanswered_commit, "refused": refused_commit}
#: How often each is done, among all that a history consists of.
DOINGS = {
    "work": 30, "load": 3, "load_the_past": 2, "carry": 2, "retry_with_its_key": 4, "delete": 1,
    "write_a_snapshot": 2, "rebuild": 1,
}  # fmt: skip
KINDS = (*EDITS, "say", "say", "ask", "forget")
#: What is done, by whom, a choice that it takes, and the edits that it makes: each a kind and a place.
STEPS = st.tuples(
    st.sampled_from([doing for doing, often in DOINGS.items() for _ in range(often)]),
    st.sampled_from(WRITERS),
    st.integers(0, 59),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5)), max_size=4),
)


def one_of(choices: Sequence[T], pick: int) -> T:
    """Choose by a number: the shrunken choice is the first."""
    return choices[pick % len(choices)]


class Play:
    """Writers that load, edit, save, lose replies, retry, delete and begin anew, beside a model of plain lists."""

    def __init__(self) -> None:
        self.book = ledger.open("sqlite://")
        self.face = Book(self.book)
        self.model = History()
        self.writers: dict[str, Writer] = {}
        #: What every version left, and the saves that were made with a key.
        self.past: dict[int, Session | None] = {}
        self.keyed: list[tuple[str, bytes, Receipt]] = []
        self.made = 0
        for name in WRITERS:
            self.hold_the_head(name)
        self.work("agent", 0, [("say", 0)] * 4 + [("ask", 0)] * 3 + [("extend", 0), ("set_own", 1)])
        for name in WRITERS:
            self.hold_the_head(name)

    def act(self, steps: Sequence[tuple[str, str, int, Edits]]) -> None:
        """Let everyone do what the steps say."""
        for doing, name, pick, edits in steps:
            getattr(self, doing)(name, pick, edits)

    def stored_versions(self) -> int:
        head = self.book.head("s")
        return head.version if head else 0

    # --- Copies ---

    def hold(self, name: str, session: Session, *, life: int) -> None:
        self.writers[name] = Writer(name, session, content_of(session), session.version, life)

    def hold_the_head(self, name: str) -> None:
        # Of a session that does not live, the copy is the first of a life that is to begin.
        life = self.model.life if self.model.alive else self.model.life + 1
        self.hold(name, self.book.load_or_create("s", model="m"), life=life)

    def load(self, name: str, pick: int, _: Edits) -> None:
        if pick % 3:
            self.hold_the_head(name)
        else:
            self.hold(name, Session.new("s", "m"), life=0)

    def load_the_past(self, name: str, pick: int, _: Edits) -> None:
        if not self.past:
            return
        version, left = one_of(list(self.past.items()), pick)
        if left is None:
            with pytest.raises(SessionDeleted):
                self.book.load("s", at=version)
        else:
            self.hold(name, self.book.load("s", at=version), life=self.model.lives[version])

    def carry(self, name: str, pick: int, _: Edits) -> None:
        """A pickle or JSON forgets a save whose reply was lost, and JSON which index was chosen: these stay."""
        writer = self.writers[name]
        asked = content_of(writer.session).questions.keys() - writer.base.questions.keys()
        match one_of(("copy", "pickle", "json"), pick):
            case "copy":
                writer.session = copy.copy(writer.session)
            case "pickle" if writer.unanswered is None:
                writer.session = pickle.loads(pickle.dumps(writer.session))  # noqa: S301 - made right here
            case "json" if writer.unanswered is None and not asked:
                writer.session = Session.model_validate_json(writer.session.model_dump_json())

    # --- Saves ---

    def stored(self, writer: Writer, now: Content) -> None:
        """Note that the ledger took a save of what the writer's copy held."""
        missing = {
            text
            for text, status in writer.base.questions.items()
            if status == "pending" and text not in now.questions and self.model.head.questions[text] == "pending"
        }
        if not self.model.alive:
            self.model.begin()
        self.model.take(writer, now)
        head, before = self.book.load("s"), self.past.get(self.model.version - 1)
        self.past[self.model.version] = head
        differing = same(self.model.head, content_of(head))
        assert [] == differing, differing
        assert self.model.version == head.version
        (event,) = self.book.history("s", after=self.model.version - 1)
        omitted = {head.questions[c.question_id].text for c in event.changes if c.type == "question_omitted"}
        assert writer.unanswered is not None or missing == omitted
        # What stood before keeps its order, and so does what the writer added.
        order = [message.id for message in head.messages]
        stood = [message.id for message in before.messages if message.id in order] if before else []
        assert stood == [message_id for message_id in order if message_id in stood]
        added = [message_id for message_id in now.messages if message_id not in writer.base.messages]
        assert added == [message_id for message_id in order if message_id in added]

    def refused_as_dead(self, writer: Writer, *, create: bool = False) -> bool:
        """Tell whether the writer's copy is of a life that has ended, or of none while nothing lives."""
        if create:
            return False
        if writer.life == 0:
            return not self.model.alive and self.model.life > 0
        return writer.life < self.model.life or (writer.life == self.model.life and not self.model.alive)

    def work(self, name: str, pick: int, edits: Edits) -> None:
        """Edit the copy, and save it or not yet."""
        for kind, place in edits:
            self.made += 1
            EDITS[kind](self.writers[name], self.made, place)
        how = one_of(HOW, pick)
        if how != "not yet":
            self.save(name, how)

    def save(self, name: str, how: str) -> None:
        writer = self.writers[name]
        now, before = content_of(writer.session), self.model.version
        keywords: dict[str, Any] = {"writer": name}
        if how == "key":
            keywords["key"] = f"k{before}"
        elif how == "expected":
            keywords["expected_version"] = writer.session.version
        carried = pickle.dumps(writer.session)
        call = self.book.create if how == "create" else self.book.save
        try:
            with FAULTS[how](self.face, certain=False) if how in FAULTS else nullcontext():
                receipt = call(writer.session, **keywords)
        except StorageError:
            if how == "unanswered":
                self.lost(writer, now)
            else:
                assert how == "refused"
                assert before == self.stored_versions()
                self.noticed(writer)
            return
        except LedgerError as error:
            self.refused(writer, how, error)
            return
        if receipt.version <= before:
            # The earlier try was found, and there was nothing to add to it.
            assert writer.unanswered == receipt.version
            now.questions |= writer.base.questions  # one that is missing is put back
            assert now == writer.base
        else:
            assert before + 1 == receipt.version
            assert writer.unanswered is None or now != writer.base  # else it was there, and is there twice now
            self.stored(writer, now)
            if how == "key" and writer.unanswered is None:
                self.keyed.append((keywords["key"], carried, receipt))
        self.settled(writer, receipt.version)

    def lost(self, writer: Writer, now: Content) -> None:
        """The save was stored, and the writer does not know."""
        self.stored(writer, now)
        writer.base, writer.life = content_of(writer.session), self.model.life
        writer.unanswered = self.model.version
        writer.own.add(self.model.version)

    def noticed(self, writer: Writer) -> None:
        """A save that failed may have found the one before, whose reply was lost: that is the base of the copy then."""
        if writer.unanswered is not None and writer.session.version == writer.unanswered:
            stored = self.past[writer.unanswered]
            assert stored is not None
            writer.base, writer.version = content_of(stored), writer.unanswered
            writer.unanswered = None
            writer.own.clear()

    def refused(self, writer: Writer, how: str, error: LedgerError) -> None:
        """Nothing was written, and for a reason."""
        assert self.model.version == self.stored_versions()
        unsure = writer.unanswered is not None
        self.noticed(writer)
        match error:
            case SessionDeleted():
                assert self.refused_as_dead(writer, create=how == "create" and writer.life == 0)
                self.hold_the_head(writer.name)
            case SessionExists():
                assert how == "create"
                assert self.model.alive
            case VersionConflict():
                assert how == "expected"
                assert not error.diverged
                assert writer.version != self.model.version or unsure
            case _:
                raise error

    def settled(self, writer: Writer, version: int) -> None:
        """The copy is at the head now, or at its own event, if that life has ended."""
        if self.model.alive and self.model.lives[version] == self.model.life:
            assert self.past[self.model.version] == writer.session
            assert self.model.version == writer.session.version
        else:
            assert version == writer.session.version
            assert self.past[version] == writer.session
        self.hold(writer.name, writer.session, life=self.model.lives[version])

    def retry_with_its_key(self, name: str, pick: int, _: Edits) -> None:
        """From a process that was started again with what it had before it saved: the same receipt, and no event."""
        if not self.keyed:
            return
        key, carried, receipt = one_of(self.keyed, pick)
        session = pickle.loads(carried)  # noqa: S301 - made above

        assert receipt == self.book.save(session, key=key, writer=name)

        assert self.model.version == self.stored_versions()
        self.writers[name] = Writer(name, session, content_of(session), session.version, 0)
        self.settled(self.writers[name], receipt.version)

    def delete(self, *_: object) -> None:
        assert self.model.alive == self.book.delete("s", reason="done")
        if self.model.alive:
            self.model.end()
            self.past[self.model.version] = None

    # --- What may happen at any time, and changes nothing ---

    def write_a_snapshot(self, *_: object) -> None:
        if self.model.version:
            self.book.snapshot("s")

    def rebuild(self, _: str, pick: int, __: Edits) -> None:
        self.book.rebuild(one_of((None, "catalog", "questions", "session_view"), pick))

    # --- In the end ---

    def check(self) -> None:
        self.check_the_past()
        self.book.rebuild()
        self.check_the_past()
        self.check_the_models()
        assert () == self.book.verify().problems

    def check_the_past(self) -> None:
        """Every version still loads as its save left it, from a snapshot or without."""
        assert list(range(1, self.model.version + 1)) == list(self.past)
        for version, left in self.past.items():
            if left is None:
                with pytest.raises(SessionDeleted):
                    self.book.load("s", at=version)
            else:
                loaded = self.book.load("s", at=version)
                assert left == loaded
                assert left.model_dump() == loaded.model_dump()

    def check_the_models(self) -> None:
        """The catalog and the questions tell what the head holds."""
        if not self.model.version:
            return
        events = list(self.book.history("s"))
        assert list(range(1, self.model.version + 1)) == [event.version for event in events]
        assert all(event.base_version < event.version for event in events)
        open_now = [text for text, status in self.model.head.questions.items() if status == "pending"]
        pending = [record.text for record in self.book.questions("s", status="pending")]
        assert sorted(open_now if self.model.alive else []) == sorted(pending)
        lines = [(line.messages, line.pending_questions, line.version) for line in self.book.sessions()]
        head = self.model.head
        assert ([(len(head.messages), len(open_now), self.model.version)] if self.model.alive else []) == lines


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=10, max_size=40))
def test_no_history_loses_anything(steps: list[tuple[str, str, int, Edits]]) -> None:
    """Whatever three writers do, a ledger holds what a model of plain lists holds, and its past stays as it was."""
    play = Play()
    try:
        play.act(steps)
        play.check()
    finally:
        play.book.close()
