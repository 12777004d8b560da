"""Whatever happens to a session, no version goes back, and nothing that was said or asked is lost."""

from __future__ import annotations

import asyncio
from itertools import count

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import ledger
from ledger import Message, Session, SessionCache, SessionRepository
from ledger.domain.submission import unsettled
from tests.contract.faces import Book
from tests.contract.faults import refused_commit, unanswered_commit
from tests.unit.repository.tiers import PersistenceDoor, StorageDoor

HANDS = st.integers(0, 2)


class Histories(RuleBasedStateMachine):
    """One session, several who hold copies of it, a repository over a storage that fails, and a writer past it."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.book = ledger.open("sqlite://", writer="agent")
        tiers = self.book.repository()
        self.storage = StorageDoor(tiers.storage)
        self.persistence = PersistenceDoor(tiers.persistence)
        self.cache = SessionCache()
        self.repository = SessionRepository(self.cache, self.storage, self.persistence)
        self.numbers = count()
        self.copies: list[Session] = []
        #: What was acknowledged, or is kept unsaved: nobody may lose it.
        self.messages: set[str] = set()
        self.questions: set[str] = set()
        #: What was resolved, by whomever: only such a question may leave the open ones.
        self.resolved: set[str] = set()
        self.seen = 0
        first = Session.new("s1", "gpt-5")
        self.edit(first)
        self.loop.run_until_complete(self.repository.save(first))
        self.owe(first)
        self.hands = [first, first.model_copy(), first.model_copy()]

    @property
    def down(self) -> bool:
        return self.storage.error is not None or self.persistence.error is not None

    def edit(self, session: Session, *, ask: bool = False) -> None:
        name = f"n{next(self.numbers)}"
        session.add_message(Message.user(name, id=name))
        session.state.setdefault("said", []).append(name)  # unlike a message, it would be there twice if saved twice
        if ask:
            session.ask(name, f"Which {name}?")

    def owe(self, session: Session) -> None:
        self.messages |= {message.id for message in session.messages}
        self.questions |= {question.id for question in session.pending_questions}
        self.resolved |= {question.id for question in session.questions.values() if not question.is_pending}

    # What callers do with the copies in their hands.

    @rule(hand=HANDS, ask=st.booleans())
    def say(self, hand: int, *, ask: bool) -> None:
        self.edit(self.hands[hand], ask=ask)

    @rule(hand=HANDS)
    def answer(self, hand: int) -> None:
        question = self.hands[hand].pending_question
        if question is not None:
            self.hands[hand].answer(question, "yes")

    @rule(hand=HANDS)
    def forget_a_question(self, hand: int) -> None:
        question = self.hands[hand].pending_question
        if question is not None and question.id in self.questions:
            del self.hands[hand].questions[question.id]

    @rule(hand=HANDS)
    def load(self, hand: int) -> None:
        session = self.loop.run_until_complete(self.repository.load("s1"))
        if session is not None:
            self.hands[hand] = session

    @rule(hand=HANDS, other=HANDS)
    def copy(self, hand: int, other: int) -> None:
        self.hands[hand] = self.hands[other].model_copy()

    @rule(hand=HANDS)
    def save_and_cache(self, hand: int) -> None:
        session = self.hands[hand]
        receipt = self.loop.run_until_complete(self.repository.save_and_cache(session))
        event("kept" if receipt is None else "saved")
        self.owe(session)

    @precondition(lambda self: not self.down)
    @rule(hand=HANDS, stored=st.booleans())
    def save_and_cache_over_a_broken_connection(self, hand: int, *, stored: bool) -> None:
        if self.repository.unsaved or unsettled(self.hands[hand]) is not None:
            return  # the fault would meet what is repeated, or nothing that is written
        with (unanswered_commit if stored else refused_commit)(Book(self.book)):
            assert self.loop.run_until_complete(self.repository.save_and_cache(self.hands[hand])) is None
        self.owe(self.hands[hand])

    @precondition(lambda self: not self.down)
    @rule(hand=HANDS)
    def save(self, hand: int) -> None:
        self.loop.run_until_complete(self.repository.save(self.hands[hand]))
        self.owe(self.hands[hand])

    @rule(hand=HANDS)
    def load_merged(self, hand: int) -> None:
        session = self.loop.run_until_complete(self.repository.load_merged("s1"))
        assert session is not None, "it lives, in memory at least"
        self.check(session)
        self.hands[hand] = session

    # What happens to the tiers.

    @rule()
    def put_an_older_copy(self) -> None:
        for session in self.copies:
            self.cache.put(session)
        held = self.cache.get("s1")
        if held is not None:
            self.copies = [*self.copies[-2:], held]

    @rule(reading=st.booleans())
    def storage_goes_down(self, *, reading: bool) -> None:
        self.persistence.shut()
        if reading:
            self.storage.shut()

    @rule()
    def storage_comes_back(self) -> None:
        self.persistence.open()
        self.storage.open()

    @rule(ask=st.booleans())
    def another_saves(self, *, ask: bool) -> None:
        theirs = self.book.load("s1")
        self.edit(theirs, ask=ask)
        self.book.save(theirs, writer="ui")
        self.owe(theirs)

    @invariant()
    def the_cache_loses_no_unsaved_work(self) -> None:
        if not hasattr(self, "cache"):
            return
        held = self.cache.get("s1")
        stored = self.book.load("s1")
        there = {message.id for session in (held, stored) if session for message in session.messages}
        assert set() == self.messages - there

    def check(self, session: Session) -> None:
        assert session.version >= self.seen
        self.seen = session.version
        stored = set() if self.storage.error is None else {message.id for message in self.book.load("s1").messages}
        assert set() == self.messages - {message.id for message in session.messages} - stored
        open_there = {question.id for question in session.pending_questions}
        if self.storage.error is None:
            resolved = {question.id for question in session.questions.values() if not question.is_pending}
            assert set() == self.questions - open_there - self.resolved - resolved

    def teardown(self) -> None:
        if not hasattr(self, "book"):
            return
        self.storage_comes_back()
        session = self.loop.run_until_complete(self.repository.load_merged("s1"))
        assert session is not None
        self.check(session)
        self.loop.run_until_complete(self.repository.close())
        assert () == self.repository.unsaved
        stored = self.book.load("s1")
        assert sorted(self.messages) == sorted(message.id for message in stored.messages)
        assert sorted(self.messages) == sorted(stored.state["said"])
        assert set() == self.questions - self.resolved - {question.id for question in stored.pending_questions}
        assert self.book.verify().ok
        self.loop.close()
        self.book.close()


def test_whatever_happens_nothing_is_lost_and_no_version_goes_back() -> None:
    """Saves, stale and cached copies, outages for reading and for writing, lost replies, and another writer."""
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
