"""Sessions that are forked, saved, deleted and created anew in any order: each is what a dictionary says it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger
from ledger import Session, SessionDeleted, SessionExists, VersionNotFound
from tests.property.history_edits import EDITS
from tests.property.history_model import WRITERS, Writer, content_of

DOINGS = {"save": 12, "save_an_old_copy": 4, "save_a_fresh_one": 2, "fork": 6, "delete": 1, "snapshot": 1, "rebuild": 1}
STEPS = st.tuples(
    st.sampled_from([doing for doing, often in DOINGS.items() for _ in range(often)]),
    st.integers(0, 59),
    st.integers(0, 59),
    st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.integers(0, 5)), max_size=4),
)

Edits = list[tuple[str, int]]


def held(session: Session | None) -> dict[str, Any] | None:
    """Give what a session holds, but for what says which one it is and of when."""
    own = {"id", "version", "forked_from", "created_at", "updated_at"}
    dumped = {} if session is None else session.model_dump()
    return None if session is None else {name: value for name, value in dumped.items() if name not in own}


class Family:
    """Sessions that come from one, and what each save of each of them left: `None` for a deletion."""

    def __init__(self) -> None:
        self.book = ledger.open("sqlite://", writer="agent")
        self.past: dict[str, list[Session | None]] = {}
        #: Where each fork was forked.
        self.joins: dict[str, tuple[str, int]] = {}
        self.made = 0
        self.book.save(Session.new("s0", "m"))
        self.note("s0")

    def note(self, session_id: str) -> None:
        """Keep what the last save of a session left, which nothing may change any more."""
        try:
            left: Session | None = self.book.load(session_id)
        except SessionDeleted:
            left = None
        self.past.setdefault(session_id, []).append(left)
        head = self.book.head(session_id)
        assert head is not None
        assert len(self.past[session_id]) == head.version

    def one(self, pick: int) -> str:
        """Choose a session: the shrunken choice is the first."""
        return list(self.past)[pick % len(self.past)]

    def edited(self, session: Session, edits: Edits) -> Session:
        """Edit a copy as its writer would."""
        writer = Writer(WRITERS[self.made % 3], session, content_of(session), session.version, 1)
        for kind, place in edits:
            self.made += 1
            EDITS[kind](writer, self.made, place)
        return session

    def save(self, pick: int, _: int, edits: Edits) -> None:
        session_id = self.one(pick)
        self.book.save(self.edited(self.book.load_or_create(session_id, model="m"), edits))
        self.note(session_id)

    def save_an_old_copy(self, pick: int, place: int, edits: Edits) -> None:
        session_id = self.one(pick)
        copy = self.past[session_id][place % len(self.past[session_id])]
        if copy is None:
            return
        try:
            self.book.save(self.edited(copy.model_copy(), edits))
        except SessionDeleted:
            return
        self.note(session_id)

    def save_a_fresh_one(self, pick: int, _: int, edits: Edits) -> None:
        session_id = self.one(pick)
        if self.past[session_id][-1] is not None:
            self.book.save(self.edited(Session.new(session_id, "m"), edits))
            self.note(session_id)

    def fork(self, pick: int, place: int, edits: Edits) -> None:
        session_id, new_id = self.one(pick), f"s{len(self.past)}"
        version = place % len(self.past[session_id]) + 1
        then = self.past[session_id][version - 1]
        if then is None:
            with pytest.raises(SessionDeleted):
                self.book.fork(session_id, new_id, at=version)
            return
        child = self.book.fork(session_id, new_id, at=version)
        assert held(then) == held(child)
        assert child == self.book.load(new_id)
        self.joins[new_id] = session_id, version
        self.note(new_id)
        with pytest.raises(SessionExists):
            self.book.fork(new_id, session_id)
        if edits:
            self.book.save(self.edited(child, edits))
            self.note(new_id)

    def delete(self, pick: int, _: int, edits: Edits) -> None:
        del edits
        session_id = self.one(pick)
        if self.book.delete(session_id):
            self.note(session_id)

    def snapshot(self, pick: int, _: int, edits: Edits) -> None:
        del edits
        self.book.snapshot(self.one(pick))

    def rebuild(self, pick: int, _: int, edits: Edits) -> None:
        del pick, edits
        self.book.rebuild()

    def check(self) -> None:
        """Hold every state of every session, and all that is told of them, against what was noted."""
        for session_id, past in self.past.items():
            for version, left in enumerate(past, 1):
                if left is None:
                    with pytest.raises(SessionDeleted):
                        self.book.load(session_id, version)
                else:
                    assert left == self.book.load(session_id, version)
            self._check_before(session_id, len(past))
        heads = {session_id: past[-1] for session_id, past in self.past.items()}
        assert {
            session.id: (len(session.messages), len(session.pending_questions), session.version)
            for session in heads.values()
            if session is not None
        } == {line.id: (line.messages, line.pending_questions, line.version) for line in self.book.sessions()}
        records = [(record.session_id, record.id) for record in self.book.questions(status="pending")]
        assert sorted(records) == sorted(
            (session.id, question.id)
            for session in heads.values()
            if session is not None
            for question in session.pending_questions
        )
        for session_id, session in heads.items():
            head = self.book.head(session_id)
            assert head is not None
            pending = [] if session is None else [question.id for question in session.pending_questions]
            assert sorted(pending) == sorted(head.open_questions)
        everything = self.book.verify()
        assert everything.ok, everything.problems
        assert all(self.book.verify(session_id).ok for session_id in self.past)

    def _check_before(self, session_id: str, head: int) -> None:
        """Count back beyond the first version: what the error names is what was noted there."""
        number, at, name = 0, -head, session_id
        while name in self.joins:
            name, version = self.joins[name]
            number += version
            if number >= 1:
                with pytest.raises(VersionNotFound) as caught:
                    self.book.load(session_id, at)
                assert (name, number) == caught.value.before
                number, at = number - version, at - version


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=10, max_size=30))
def test_a_fork_is_the_state_that_it_was_forked_from(steps: list[tuple[str, int, int, Edits]]) -> None:
    """At any version of any history; what is saved in one of them never shows in another, and no past ever changes."""
    family = Family()
    try:
        for doing, pick, place, edits in steps:
            getattr(family, doing)(pick, place, edits)
        family.check()
    finally:
        family.book.close()
