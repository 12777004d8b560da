"""What explains: how states differ, who wrote what, and what became of a question."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.attributing import Attributing
from ledger.domain.arguments import check_kind
from ledger.domain.compare import compare
from ledger.domain.revisions import At, Place
from ledger.domain.session_diff import SessionDiff
from ledger.domain.steps import Step
from ledger.domain.transitions import Course, Transition
from ledger.domain.view import View
from ledger.errors import QuestionNotFound, SessionDeleted
from ledger.stepping import Stepping
from ledger.store.locating import line_of_descent
from ledger.store.question_trail import QuestionTrail

__all__ = ["Explaining"]


class Explaining(Attributing):
    """The explaining part of the facade: everything in it is read from the record, and nothing is written."""

    def diff(self, session_id: str, a: At | None, b: At | None = None, *, other: str | None = None) -> SessionDiff:
        """Tell what differs between two states of a session, or of two sessions: what leads from `a` to `b`.

        Messages are aligned by id, questions by what became of them, `metadata` and `state` by key at every depth. The
        two may come in either order: from the later to the earlier, it is what going back would undo.

            diff = book.diff("s1", 3, 5)
            [message.after.content for message in diff.messages.added]

        Args:
            session_id: whose.
            a: a revision, as `load` takes them; `None` is the head.
            b: another one; the head by default.
            other: the session that `b` belongs to, such as a fork of this one; the same by default.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            SessionDeleted: a `SessionNotFound` too; if one of them was deleted at its revision.
            VersionNotFound: if there is no such revision.
            InvalidRevision: a `ValueError`; if `a` or `b` is no revision at all.
        """
        if other is not None:
            check_kind(other, "other", str, "text")
        first = self.locate(session_id, a)
        second = self.locate(session_id if other is None else other, b)
        views = self._both(first, second)
        for view in views:
            if not view.alive:
                raise SessionDeleted(view.session_id, view.version)
        return compare(*views)

    def _both(self, a: Place, b: Place) -> tuple[View, View]:
        """Give both views; what they share, one object, is told equal at a glance."""
        met = self._met(a, b)
        if met is None:
            return self._reads.view(*a), self._reads.view(*b)
        shared = self._reads.view(*met)
        first, second = (shared if place == met else self._reads.view(*place, known=shared) for place in (a, b))
        return first, second

    def _met(self, a: Place, b: Place) -> Place | None:
        """Give the last state that both went through."""
        if a.session_id == b.session_id:
            return min(a, b)
        with self._database.read() as connection:
            lines = [line_of_descent(self._log, connection, place) for place in (a, b)]
        same = [pair for pair in zip(*lines, strict=False) if len({place.session_id for place in pair}) == 1]
        return min(same[-1]) if same else None

    def replay(self, session_id: str, start: At | None = None, stop: At | None = None) -> Iterator[Step]:
        """Step through the saves of a session, oldest first, each with the session before and after it.

        It is a fold over the log and nothing else: no model is called, no tool runs, nothing is written, and the same
        range gives the same steps for ever. It is lazy, and holds no transaction between pages. A fork can be stepped
        through from before it began: the steps across the join are those of the session that it came from.

            for step in book.replay("s1", "q:call_1#0"):
                print(step.event.version, step.event.writer, step.after and len(step.after.messages))

        Args:
            session_id: whose; a deleted one can be replayed too.
            start: the first save, in any form that `load(at=…)` takes; the first of all by default.
            stop: the last save, likewise; the newest by default.

        Returns:
            A step for each save, both ends included: `step.event`, `step.before`, `step.after`.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            VersionNotFound: if there is no such revision.
            InvalidRevision: a `ValueError`; if one of the two is no revision at all.
            InvalidRange: a `ValueError`; if `stop` lies before `start`.
        """
        return Stepping(self._database, self._log, self._reads).steps(session_id, start, stop)

    def transitions(self, session_id: str, question_id: str) -> list[Transition]:
        """Give everything that ever happened to one question, in the order in which it happened.

        It is found by one pass over the log, from the save that asked on, so that nothing is missed. An id that was
        asked in several lives of the session has all of them here. In a fork, what happened before it began is told of
        the session that it came from.

            for transition in book.transitions("s1", "call_1#0"):
                print(transition.version, transition.kind, transition.writer)

        Args:
            session_id: whose question it is; a deleted session has them still.
            question_id: its id, `tool_call_id#index`.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            QuestionNotFound: if it never asked such a question.
        """
        check_kind(question_id, "question_id", str, "text")
        head = self.locate(session_id)
        with self._database.read() as connection:
            places = line_of_descent(self._log, connection, head)
        course = Course(question_id)
        found: list[Transition] = []
        for place in places:
            # A fork may have the question from its first event on.
            first = self._first_asked(place.session_id, question_id) if place is places[0] else 1
            trail = QuestionTrail(self._database, self._log, place.session_id)
            for event, at in trail.events(first, place.version):
                found += course.take(event, at)
        if not any(transition.kind == "asked" for transition in found):
            raise QuestionNotFound(session_id, question_id)
        return found

    def _first_asked(self, session_id: str, question_id: str) -> int:
        """Give the first version that can have asked: where the read model does not know of any, the log is asked."""
        records = self._reads.questions(session_id=session_id)
        return min((record.asked_version for record in records if record.id == question_id), default=1)
