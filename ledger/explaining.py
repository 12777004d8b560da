"""What explains: how states differ, who wrote what, and what became of a question."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.domain.transitions import Course, Transition
from ledger.errors import QuestionNotFound
from ledger.loading import Loading
from ledger.store.question_trail import QuestionTrail

__all__ = ["Explaining"]


class Explaining(Loading):
    """The explaining part of the facade: everything in it is read from the record, and nothing is written."""

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
        head = self._head_or_raise(session_id)
        course = Course(question_id)
        found: list[Transition] = []
        for trail, last in self._trails(session_id, head.version):
            first = self._first_asked(trail.session_id, question_id) if trail.origin is None else 1
            for event, at in trail.events(first, last):
                found += course.take(event, at)
        if not any(transition.kind == "asked" for transition in found):
            raise QuestionNotFound(session_id, question_id)
        return found

    def _trails(self, session_id: str, last: int) -> Iterator[tuple[QuestionTrail, int]]:
        """Give the session's trail, with its last version, behind those of the sessions that it was forked from."""
        trail = QuestionTrail(self._database, self._log, session_id)
        if trail.origin is not None:
            yield from self._trails(trail.origin.from_session_id, trail.origin.from_version)
        yield trail, last

    def _first_asked(self, session_id: str, question_id: str) -> int:
        """Give the first version that can have asked: where the read model does not know of any, the log is asked."""
        records = self._reads.questions(session_id=session_id)
        return min((record.asked_version for record in records if record.id == question_id), default=1)
