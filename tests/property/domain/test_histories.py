"""Three writers with copies of one session, edits at any moment, and a log that fails in every way: nothing is lost."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.domain.flights import Submission
from ledger.domain.session import Message, Session, session_of, tracking_of
from ledger.domain.submission import submit
from ledger.domain.view import View
from tests.property.domain.memory_log import START, Fault, MemoryLog

WRITERS = st.integers(0, 2)
FAULTS: st.SearchStrategy[Fault | None] = st.sampled_from(
    [None, None, None, "early", "late", "unanswered", "cancelled"]
)


@dataclass
class Saved:
    """What stood in the saves that are in the log."""

    messages: set[str] = field(default_factory=set)
    tokens: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)


class Copy:
    """One writer's copy of the session, and what it has put into it."""

    def __init__(self, session: Session) -> None:
        self.hold(session)

    def hold(self, session: Session) -> None:
        self.session = session
        self.containers = (session.messages, session.questions, session.metadata, session.state)
        self.messages: set[str] = set()
        self.tokens: set[str] = set()
        self.asked: set[str] = set()


class Histories(RuleBasedStateMachine):
    """Every writer edits, saves, has saves under way, loses replies, and starts again from a copy."""

    @initialize()
    def begin(self) -> None:
        self.log = MemoryLog()
        self.names = iter(range(1_000_000))
        self.removed: set[str] = set()
        self.resolved: set[str] = set()
        self.under_way: list[tuple[Copy, Submission]] = []
        self.saved = Saved()
        session = Session.new("s", "m", created_at=START)
        session.state["log"] = []
        session.messages += [Message.user("first", id="first", created_at=START)]
        self.log.save(session)
        self.copies = [Copy(self.log.load()) for _ in range(3)]

    def name(self) -> str:
        return f"n{next(self.names)}"

    @rule(writer=WRITERS, place=st.integers(0, 5))
    def add_message(self, writer: int, place: int) -> None:
        copy = self.copies[writer]
        message = Message.user(id=self.name(), created_at=START)
        copy.session.messages.insert(len(copy.session.messages) - place if place < 3 else 10**6, message)
        copy.messages.add(message.id)

    @rule(writer=WRITERS, place=st.integers(0, 5))
    def remove_message(self, writer: int, place: int) -> None:
        messages = self.copies[writer].session.messages
        if place < len(messages):
            self.removed.add(messages.pop(place).id)

    @rule(writer=WRITERS, place=st.integers(0, 5), metadata=st.booleans())
    def revise_message(self, writer: int, place: int, *, metadata: bool) -> None:
        messages = self.copies[writer].session.messages
        if place < len(messages):
            update: dict[str, Any] = {"metadata": {"k": self.name()}} if metadata else {"content": self.name()}
            messages[place] = messages[place].model_copy(update=update)

    @rule(writer=WRITERS, order=st.randoms(use_true_random=False))
    def reorder_messages(self, writer: int, order: Any) -> None:
        order.shuffle(self.copies[writer].session.messages)

    @rule(writer=WRITERS)
    def extend_list(self, writer: int) -> None:
        copy = self.copies[writer]
        token = self.name()
        copy.session.state["log"].append(token)
        copy.tokens.add(token)

    @rule(writer=WRITERS, key=st.sampled_from(["a", "b"]), inner=st.sampled_from(["x", "y", None]))
    def set_state(self, writer: int, key: str, inner: str | None) -> None:
        state = self.copies[writer].session.state
        if inner is None:
            state[key] = self.name()
        elif isinstance(state.get(key), dict):
            state[key][inner] = self.name()
        else:
            state[key] = {inner: self.name()}

    @rule(writer=WRITERS, index=st.sampled_from([None, None, 0, 1]))
    def ask(self, writer: int, index: int | None) -> None:
        copy = self.copies[writer]
        known = [copy.session.questions, *(view.questions for view in tracking_of(copy.session).views())]
        lost = tracking_of(copy.session).base is None
        if index is None or (not lost and not any(f"c#{index}" in questions for questions in known)):
            asked = copy.session.ask("c", self.name(), index=index)
            if index is None:
                copy.asked.add(asked.text)

    @rule(writer=WRITERS, place=st.integers(0, 3))
    def answer(self, writer: int, place: int) -> None:
        pending = self.copies[writer].session.pending_questions
        if place < len(pending):
            self.resolved.add(pending[place].text)
            self.copies[writer].session.answer(pending[place], {"to": pending[place].text})

    @rule(writer=WRITERS, place=st.integers(0, 3), verb=st.sampled_from(["withdraw", "expire", "supersede"]))
    def close(self, writer: int, place: int, verb: str) -> None:
        session = self.copies[writer].session
        pending = session.pending_questions
        if place < len(pending):
            self.resolved.add(pending[place].text)
            if verb == "withdraw":
                session.withdraw(pending[place], "no longer needed")
            elif verb == "expire":
                session.expire(pending[place])
            else:
                self.copies[writer].asked.add(session.ask("c", self.name(), supersedes=pending[place]).text)

    @rule(writer=WRITERS, place=st.integers(0, 3))
    def drop_question(self, writer: int, place: int) -> None:
        copy = self.copies[writer]
        base = tracking_of(copy.session).base
        if base is not None and place < len(base.questions):
            dropped = copy.session.questions.pop(list(base.questions)[place], None)
            copy.asked -= {dropped.text} if dropped else set()

    @rule(writer=WRITERS, fault=FAULTS)
    def save(self, writer: int, fault: Fault | None) -> None:
        self.submit(writer)
        self.finish_all(fault)
        if fault is None:
            assert session_of(self.log.head) == self.copies[writer].session

    @rule(writer=WRITERS)
    def submit(self, writer: int) -> None:
        copy = self.copies[writer]
        self.under_way.append((copy, submit(copy.session, writer=f"w{writer}", authority="runtime")))

    @precondition(lambda self: self.under_way)
    @rule(fault=FAULTS)
    def finish(self, fault: Fault | None) -> None:
        copy, submission = self.under_way.pop(0)
        seen = submission.seen
        assert seen is not None
        before = len(self.log.events)
        self.log.finish(copy.session, submission, fault)
        if len(self.log.events) > before or submission.outcome is not None:
            self.saved.messages |= {message.id for message in seen.messages}
            self.saved.tokens |= set(seen.state["log"])
            self.saved.asked |= {question.text for question in seen.questions.values() if question.text in copy.asked}

    def finish_all(self, fault: Fault | None) -> None:
        while len(self.under_way) > 1:
            self.finish(None)
        self.finish(fault)

    @rule(writer=WRITERS)
    def reload(self, writer: int) -> None:
        if all(copy is not self.copies[writer] for copy, _ in self.under_way):
            self.copies[writer] = Copy(self.log.load())

    @rule(writer=WRITERS, copied=st.sampled_from([Session.model_copy, lambda s: pickle.loads(pickle.dumps(s))]))  # noqa: S301
    def continue_with_a_copy(self, writer: int, copied: Callable[[Session], Session]) -> None:
        old = self.copies[writer]
        lost_track = copied is not Session.model_copy
        if all(copy is not old for copy, _ in self.under_way) and not (
            lost_track and (tracking_of(old.session).attempt or tracking_of(old.session).flights)
        ):
            self.copies[writer] = new = Copy(copied(old.session))
            new.messages, new.tokens, new.asked = old.messages, old.tokens, old.asked

    @invariant()
    def nothing_saved_is_lost(self) -> None:
        """Whatever stood in a save that is in the log is in the head, unless someone removed it."""
        head = self.log.head
        assert self.saved.messages - self.removed <= {message.id for message in head.messages}
        assert self.saved.asked <= {question.text for question in head.questions.values()}
        assert self.saved.tokens <= set(head.state["log"])

    @invariant()
    def nothing_is_there_twice(self) -> None:
        """No retry and no rebase makes a message, a question or an item of a list twice."""
        states: list[View | Session] = [self.log.head, *(copy.session for copy in self.copies)]
        for state in states:
            assert len(state.messages) == len({message.id for message in state.messages})
            assert 1 == max(Counter(state.state["log"]).values(), default=1)
            assert len(state.questions) == len({question.text for question in state.questions.values()})

    @invariant()
    def no_open_question_closes_by_itself(self) -> None:
        """Only an answer takes it out of the open set, and every answer is to the question that was meant."""
        for question in self.log.head.questions.values():
            assert question.is_pending or question.text in self.resolved
            assert question.answer in (None, {"to": question.text})

    @invariant()
    def edits_stay_in_the_session(self) -> None:
        """Whatever became of its saves, a session holds what its owner put into it, in the same containers."""
        for copy in self.copies:
            session = copy.session
            assert copy.messages - self.removed <= {message.id for message in session.messages}
            assert copy.tokens <= set(session.state["log"])
            assert copy.asked <= {question.text for question in session.questions.values()}
            assert all(
                now is then
                for now, then in zip(
                    (session.messages, session.questions, session.metadata, session.state), copy.containers, strict=True
                )
            )

    @invariant()
    def the_log_explains_the_head(self) -> None:
        """Versions run without a gap, and folding all events from the beginning gives the head."""
        assert list(range(1, len(self.log.events) + 1)) == [event.version for event in self.log.events]
        assert all(event.base_version < event.version for event in self.log.events)
        assert self.log.head == self.log.replayed()

    def teardown(self) -> None:
        """In the end everyone saves, and each then holds the head."""
        if not hasattr(self, "log"):
            return
        for writer in (0, 1, 2):
            self.save(writer, None)
        self.nothing_saved_is_lost()
        self.edits_stay_in_the_session()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
