"""The session: frozen parts in one mutable shell that remembers what it was loaded from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PrivateAttr

from ledger.domain.messages import Messages
from ledger.domain.pairing import paired
from ledger.domain.parts import JsonObject, JsonValue, Message, Option, Question, QuestionStatus, ToolCall
from ledger.domain.tracking import Tracking
from ledger.domain.values import json_equal, thaw
from ledger.domain.view import View
from ledger.errors import InvalidSession, QuestionNotPending

__all__ = ["Message", "Option", "Question", "QuestionStatus", "Session", "ToolCall"]

Which = Question | str


def _now() -> datetime:
    return datetime.now(UTC)


class Session(BaseModel):
    """One conversation, as its owner may change it: the lists and dictionaries in it are plain ones.

    A save compares it with what it was loaded from and appends the difference as one event. `==` compares what it
    holds, not where it came from. A copy (`model_copy`, `copy.copy`, `copy.deepcopy`) is independent.

    >>> session = Session.new("s1", model="gpt-5")
    >>> session.add_message(Message.user("Deploy it")).role
    'user'
    >>> session.ask("call_1", "Which environment?", options=["staging", "prod"]).id
    'call_1#0'
    >>> session.answer("call_1", "staging").status
    <QuestionStatus.ANSWERED: 'answered'>
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(frozen=True)
    title: str | None = None
    pinned: bool = False
    model: str = ""
    messages: list[Message] = Field(default_factory=list)
    questions: dict[str, Question] = Field(default_factory=dict)
    metadata: JsonObject = Field(default_factory=dict)
    state: JsonObject = Field(default_factory=dict)
    summary: JsonValue = None
    parent_session_id: str | None = None
    root_session_id: str | None = None
    forked_from: JsonObject | None = Field(default=None, frozen=True)
    created_at: AwareDatetime = Field(default_factory=_now, frozen=True)
    updated_at: AwareDatetime = Field(default_factory=_now, frozen=True)
    version: int = Field(default=0, ge=0, frozen=True)
    metadata_version: int = Field(default=0, ge=0, frozen=True)

    _tracking: Tracking = PrivateAttr(default_factory=Tracking)

    def model_post_init(self, context: Any, /) -> None:
        """Take what a fresh session was made of as its base: what a constructor sets is no change."""
        del context
        if self.version == 0:
            self._tracking.base = unborn(self)

    @classmethod
    def new(
        cls,
        id: str,  # noqa: A002 - the design's name for it
        model: str,
        *,
        created_at: datetime | None = None,
        **fields: Any,
    ) -> Self:
        """Make a session that is not saved yet.

        Saved over a session that exists, it is a very stale writer: what it was given here counts as no change, what
        was added to it does.

        Args:
            id: not empty, without NUL.
            model: the model that the conversation runs on.
            created_at: aware; now by default.
            **fields: `title`, `pinned`, `summary`, `metadata`, `state`, `parent_session_id`, `root_session_id`.
        """
        time = created_at or _now()
        return cls(id=id, model=model, created_at=time, updated_at=time, **fields)

    @property
    def pending_questions(self) -> list[Question]:
        """The questions that the agent waits for, oldest first."""
        return [question for question in self.questions.values() if question.is_pending]

    @property
    def pending_question(self) -> Question | None:
        """The oldest question that the agent waits for."""
        return next((question for question in self.questions.values() if question.is_pending), None)

    def for_model(self) -> list[Message]:
        """Give the messages in an order that a model's provider accepts: each result of a tool right behind its call.

        A call without a result gets a message in its place that says whether it is pending or cancelled; a result
        without a call is left out. The session is not changed.

            >>> session = Session.new("s1", model="gpt-5")
            >>> call = ToolCall(id="call_1", name="ask_user")
            >>> _ = session.add_message(Message.assistant(tool_calls=[call]))
            >>> _ = session.ask("call_1", "Which environment?")
            >>> session.for_model()[1].content
            'Pending: the call waits for an answer: Which environment?'

        Returns:
            The session's own messages, and those that stand in for results.
        """
        return paired(self.messages, self.pending_questions)

    def add_message(self, message: Message) -> Message:
        """Append a message and give it back."""
        self.messages.append(message)
        return message

    def ask(
        self,
        tool_call_id: str,
        text: str,
        *,
        options: Sequence[str | dict[str, Any] | Option] = (),
        kind: str = "clarification",
        allow_custom: bool = True,
        multiple: bool = False,
        header: str | None = None,
        index: int | None = None,
        source: str | None = None,
        supersedes: Which | None = None,
    ) -> Question:
        """Ask a clarification: it is pending until someone answers, withdraws, supersedes or expires it.

        Args:
            tool_call_id: the call that waits. One call can carry several questions, and several can be open at once.
            text: what the agent wants to know.
            options: labels, or mappings with `label` and `description`.
            kind: what sort of question; frameworks use their own words.
            allow_custom: whether an answer outside the options is welcome.
            multiple: whether more than one option may be chosen.
            header: a short heading for a UI.
            index: the place among the questions of this call; the next free one by default.
            source: which mechanism paused the agent.
            supersedes: a pending question that this one takes the place of.

        Raises:
            InvalidSession: if the index is taken by a question with another text.
            QuestionNotPending: if the superseded question is not open.
        """
        chosen = self._next_index(tool_call_id) if index is None else index
        replaced = None if supersedes is None else self._pending(supersedes)
        question = Question(
            id=f"{tool_call_id}#{chosen}",
            tool_call_id=tool_call_id,
            index=chosen,
            kind=kind,
            header=header,
            text=text,
            options=[Option.model_validate(option) for option in options],
            allow_custom=allow_custom,
            multiple=multiple,
            source=source,
            supersedes=replaced.id if replaced else None,
        )
        standing = self.questions.get(question.id)
        if standing is not None:
            if standing.asks_the_same(question) and standing.supersedes == question.supersedes:
                return standing
            raise InvalidSession(
                f"question {question.id} asks {standing.text!r} already; choose another index",
                path=f"/questions/{question.id}",
                session_id=self.id,
            )
        self.questions[question.id] = question
        if index is None:
            self._tracking.defaulted.add(question.id)
        if replaced is not None:
            self._resolve(replaced, QuestionStatus.SUPERSEDED)
        return question

    def answer(self, question: Which, answer: Any, by: str | None = None) -> Question:
        """Answer a pending question, named by itself, its id, or a tool call that has one pending.

        Raises:
            QuestionNotPending: if it was resolved before, was never asked, or the tool call has several open.
        """
        return self._resolve(self._pending(question), QuestionStatus.ANSWERED, answer=answer, resolved_by=by)

    def withdraw(self, question: Which, reason: str, by: str | None = None) -> Question:
        """Take a pending question back: nobody need answer it any more.

        Raises:
            QuestionNotPending: as `answer` does.
        """
        return self._resolve(self._pending(question), QuestionStatus.WITHDRAWN, reason=reason, resolved_by=by)

    def expire(self, question: Which, by: str | None = None) -> Question:
        """Record that a pending question's time ran out.

        Raises:
            QuestionNotPending: as `answer` does.
        """
        return self._resolve(self._pending(question), QuestionStatus.EXPIRED, resolved_by=by)

    def clear_pending_question(self, reason: str) -> list[Question]:
        """Withdraw every pending question, with one reason, and give them back as they are then."""
        return [self.withdraw(question, reason) for question in self.pending_questions]

    def recover(self, question: Which) -> Question:
        """Make a question pending again that an imported history had lost.

        Raises:
            QuestionNotPending: if it is not lost.
        """
        name, found = self._named(question)
        if found is None or found.status is not QuestionStatus.LOST:
            raise QuestionNotPending(self.id, name, found.status if found else None, "it is not lost")
        return self._resolve(found, QuestionStatus.PENDING)

    def _next_index(self, tool_call_id: str) -> int:
        # What was dropped from the dictionary stands in the log, and keeps its id there.
        known = [self.questions, *(view.questions for view in self._tracking.views())]
        return next(index for index in count() if not any(f"{tool_call_id}#{index}" in taken for taken in known))

    def _resolve(self, question: Question, status: QuestionStatus, **fields: Any) -> Question:
        resolved = question.model_copy(update={"status": status, **fields})
        self.questions[question.id] = resolved
        return resolved

    def _named(self, which: Which) -> tuple[str, Question | None]:
        if not isinstance(which, Question):
            return which, self.questions.get(which)
        found = self.questions.get(which.id)
        if found is None or not found.asks_the_same(which):
            # Its save met another question under that id, and it moved to the next free one.
            found = next((other for other in self.questions.values() if other.asks_the_same(which)), None)
        return which.id, found

    def _pending(self, which: Which) -> Question:
        name, found = self._named(which)
        if found is None:
            of_call = [question for question in self.questions.values() if question.tool_call_id == name]
            pending = [question for question in of_call if question.is_pending]
            if len(pending) == 1:
                return pending[0]
            if pending:
                names = ", ".join(question.id for question in pending)
                raise QuestionNotPending(self.id, name, None, f"the call has {len(pending)} open: name {names}")
            raise QuestionNotPending(self.id, name, of_call[-1].status if of_call else None)
        if not found.is_pending:
            raise QuestionNotPending(self.id, name, found.status)
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Session):
            return NotImplemented
        return same_content(self, other)

    __hash__ = None  # type: ignore[assignment]  # mutable, like the list that it holds

    def __repr__(self) -> str:
        pending = len(self.pending_questions)
        waits = f", {pending} pending" if pending else ""
        return f"<Session {self.id} v{self.version}: {len(self.messages)} messages{waits}>"

    __str__ = __repr__

    def model_copy(self, *, update: Any = None, deep: bool = False) -> Self:
        """Give an independent copy that remembers the same base; the values in `update` are checked.

        Under another id it is another session, which was never saved.
        """
        del deep  # parts are immutable, and everything else is copied
        fields = {**self.__dict__, **(update or {})}
        if fields["id"] != self.id:
            fields = {**fields, "version": 0, "metadata_version": 0, "forked_from": None}
        twin = type(self)(**fields)
        if twin.id == self.id:
            twin._tracking = self._tracking.copy()  # noqa: SLF001 - of the same class
        return twin

    def __copy__(self) -> Self:
        return self.model_copy()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the base, which is as large as the session: another process takes it from the log.
        return _revived, (type(self), dict(self.__dict__), self._tracking.defaulted)


def _revived(kind: type[Session], fields: dict[str, Any], defaulted: set[str]) -> Session:
    session = kind(**fields)
    tracking_of(session).defaulted = defaulted
    return session


def tracking_of(session: Session) -> Tracking:
    """Give what a session remembers of the log; for the code that saves and loads, not for users."""
    # Where pydantic keeps it; `session._tracking` asks for it in four places first.
    private: dict[str, Any] = session.__pydantic_private__  # type: ignore[assignment]  # every session has some
    return private["_tracking"]  # type: ignore[no-any-return]  # as declared


def same_content(a: Session, b: Session) -> bool:
    """Compare two sessions by what they hold, typed."""
    return all(json_equal(value, b.__dict__[name]) for name, value in a.__dict__.items())


def unborn(session: Session) -> View:
    """Give the base of a session that the log does not know: what a constructor was given, and nothing added."""
    return View(
        session_id=session.id,
        created_at=session.created_at,
        updated_at=session.updated_at,
        title=session.title,
        pinned=session.pinned,
        model=session.model,
        summary=thaw(session.summary),
        parent_session_id=session.parent_session_id,
        root_session_id=session.root_session_id,
    )


def reborn(content: Session | View, tombstone: View) -> View:
    """Give the base of a session that begins a new life: the tombstone, with what a constructor was given."""
    return replace(
        content if isinstance(content, View) else unborn(content),
        alive=False,
        messages=Messages(),
        questions={},
        metadata={},
        state={},
        version=tombstone.version,
        digest=tombstone.digest,
        metadata_version=tombstone.metadata_version,
        updated_at=tombstone.updated_at,
    )


def session_of(view: View) -> Session:
    """Give a session of the caller's own at `view`, with `view` as its base."""
    fields: dict[str, Any] = {
        "id": view.session_id,
        "title": view.title,
        "pinned": view.pinned,
        "model": view.model,
        "messages": list(view.messages),
        "questions": dict(view.questions),
        "metadata": thaw(view.metadata),
        "state": thaw(view.state),
        "summary": thaw(view.summary),
        "parent_session_id": view.parent_session_id,
        "root_session_id": view.root_session_id,
        "forked_from": thaw(view.forked_from),
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "version": view.version,
        "metadata_version": view.metadata_version,
    }
    session = Session.model_construct(**fields)
    tracking_of(session).base = view
    return session
