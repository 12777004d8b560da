"""The fold: a view and an event make the next view. Pure, and total over the known changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from ledger.domain import events as e
from ledger.domain.document import Document
from ledger.domain.events import Change, Event
from ledger.domain.message_list import MessageList
from ledger.domain.messages import Messages
from ledger.domain.parts import Message, Question, QuestionStatus
from ledger.domain.values import thaw
from ledger.domain.view import View
from ledger.errors import UnknownChange

__all__ = ["FOLD_VERSION", "BareEvent", "Draft", "Foldable", "apply", "apply_changes", "fold", "stamped"]

#: Raised whenever the same events fold into another view; snapshots of an older fold are then dropped.
FOLD_VERSION = 1


class Foldable(Protocol):
    """What the fold takes of an event; an `Event` has more."""

    @property
    def version(self) -> int: ...  # noqa: D102 - as in `Event`, like those below
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def recorded_at(self) -> datetime: ...  # noqa: D102
    @property
    def occurred_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def changes(self) -> Iterable[Change | Message]: ...  # noqa: D102
    @property
    def digest(self) -> str: ...  # noqa: D102


class BareEvent(NamedTuple):
    """Of an event, what the fold takes: making a whole one costs as much as everything else but the payload.

    Among its changes, a message stands for the change that appended it.
    """

    version: int
    kind: str
    recorded_at: datetime
    occurred_at: datetime | None
    changes: Iterable[Change | Message]
    digest: str


def apply(view: View, event: Event) -> View:
    """Give the view after `event`. Pure: the given view stays as it is.

    Raises:
        UnknownChange: if the event holds a change that this release does not know.
    """
    return fold(view, (event,))


def fold(view: View, events: Iterable[Foldable]) -> View:
    """Give the view after `events`, which follow it in order and without a gap; without any, the very `view`."""
    draft: Draft | None = None
    for event in events:
        draft = draft or Draft(view)
        draft.take(event)
    return draft.view() if draft else view


def apply_changes(view: View, changes: Sequence[Change]) -> View:
    """Give the view with `changes` made in it, its version and digest as they were: what a save would leave."""
    messages = [change.message for change in changes if type(change) is e.MessageAppended]
    if len(messages) == len(changes):
        return View.of({**view.__dict__, "messages": view.messages.plus(messages)})  # as most saves are
    draft = Draft(view)
    draft.make(changes)
    return draft.view()


def stamped(content: View, event: Foldable) -> View:
    """Give the view after `event`, of a view that its changes were made in already by `apply_changes`."""
    return View.of(
        {
            **content.__dict__,
            "version": event.version,
            "digest": event.digest,
            "updated_at": _effective_time(content.updated_at, event),
            "alive": True,
            "life_version": content.life_version if content.alive else event.version,
        }
    )


def _effective_time(before: datetime | None, event: Foldable) -> datetime:
    """The time of an event as time travel sees it: it never runs backwards within a session."""
    raw = event.occurred_at or event.recorded_at
    return raw if before is None or event.version == 1 or raw > before else before


class Draft:
    """A view under construction; what it shares with the view it began from, it never changes.

    Whoever goes through a long history event by event keeps one: each then costs what it changes, not what is there.
    """

    def __init__(self, view: View) -> None:
        self.fields = view.fields
        self.messages = MessageList(view.messages)
        self._questions: dict[str, Question] | None = None
        self.metadata = Document(view.metadata)
        self.state = Document(view.state)

    def take(self, event: Foldable) -> None:
        """Take in the next event."""
        self.make(event.changes)
        fields = self.fields
        if event.kind == "deleted":
            fields["alive"] = False
        elif not fields["alive"]:
            fields["alive"], fields["life_version"] = True, event.version
        fields["updated_at"] = _effective_time(fields["updated_at"], event)
        fields["version"], fields["digest"] = event.version, event.digest

    def make(self, changes: Iterable[Change | Message]) -> None:
        """Make changes, without an event around them."""
        for change in changes:
            kind = type(change)
            if kind is Message:
                self.messages.append(change)  # type: ignore[arg-type]  # it is one
                continue
            try:
                make = _MAKERS[kind]
            except KeyError:
                raise UnknownChange(getattr(change, "type", kind.__name__)) from None
            make(self, change)
            if kind in _MARKED and change.authoritative:  # type: ignore[union-attr]  # those have it
                self.fields["metadata_version"] += 1

    def view(self) -> View:
        """Give what it holds as a view."""
        self.fields.update(messages=self.messages.messages(), metadata=self.metadata.root, state=self.state.root)
        if self._questions is not None:
            self.fields["questions"] = self._questions
        return View.of(self.fields)

    def create(self, change: e.SessionCreated) -> None:
        """Begin a life, with what a constructor was given."""
        for name in ("title", "pinned", "model", "parent_session_id", "root_session_id", "created_at"):
            self.fields[name] = getattr(change, name)
        self.fields.update(session_id=change.session_id, summary=thaw(change.summary), forked_from=None)
        self.messages = MessageList(Messages())
        self._questions = {}
        self.metadata = Document({})
        self.state = Document({})

    def fork(self, change: e.SessionForked) -> None:
        """Begin a life with what another session held."""
        # What the other session held stays as it is; a life of its own begins here.
        origin = {
            "session_id": change.from_session_id,
            "version": change.from_version,
            "digest": change.from_digest,
        }
        self.fields.update(session_id=change.session_id, created_at=change.created_at, forked_from=origin, alive=False)

    def put_question(self, question: Question) -> None:
        """Put a question where it stands, or behind all others."""
        if self._questions is None:
            self._questions = dict(self.fields["questions"])
        self._questions[question.id] = question

    @property
    def questions(self) -> Mapping[str, Question]:
        """The questions as they stand now."""
        known: Mapping[str, Question] = self.fields["questions"] if self._questions is None else self._questions
        return known

    def resolve(self, question_id: str, status: QuestionStatus, **fields: Any) -> None:
        """Let a question end, or be pending again."""
        self.put_question(self.questions[question_id].model_copy(update={"status": status, **fields}))

    def revise(self, change: e.MessageRevised) -> None:
        """Replace a message, but for its metadata."""
        kept = self.messages.get(change.message.id).metadata
        self.messages.replace(change.message.model_copy(update={"metadata": kept}))

    def edit_message(self, message_id: str, edit: Callable[[Document], None]) -> None:
        """Edit a message's metadata."""
        message: Message = self.messages.get(message_id)
        document = Document(message.metadata)
        edit(document)
        self.messages.replace(message.model_copy(update={"metadata": document.root}))


def _nothing(draft: Draft, change: Any) -> None:
    """What the change records has no effect on the state."""


_MAKERS: dict[type[Any], Callable[[Draft, Any], None]] = {
    e.SessionCreated: Draft.create,
    e.SessionForked: Draft.fork,
    e.SessionWasDeleted: _nothing,  # the event's kind ends the life
    e.TitleChanged: lambda d, c: d.fields.update(title=c.title),
    e.PinnedChanged: lambda d, c: d.fields.update(pinned=c.pinned),
    e.ModelChanged: lambda d, c: d.fields.update(model=c.model),
    e.SummaryChanged: lambda d, c: d.fields.update(summary=thaw(c.summary)),
    e.ParentChanged: lambda d, c: d.fields.update(
        parent_session_id=c.parent_session_id, root_session_id=c.root_session_id
    ),
    e.MessageAppended: lambda d, c: d.messages.append(c.message),
    e.MessageInserted: lambda d, c: d.messages.insert(c.message, c.after),
    e.MessageRevised: Draft.revise,
    e.MessageRemoved: lambda d, c: d.messages.remove(c.message_id),
    e.MessagesReordered: lambda d, c: d.messages.reorder(c.order),
    e.MetadataSet: lambda d, c: d.metadata.set(c.path, thaw(c.value)),
    e.MetadataRemoved: lambda d, c: d.metadata.remove(c.path),
    e.MetadataExtended: lambda d, c: d.metadata.extend(c.path, thaw(c.values)),
    e.StateSet: lambda d, c: d.state.set(c.path, thaw(c.value)),
    e.StateRemoved: lambda d, c: d.state.remove(c.path),
    e.StateExtended: lambda d, c: d.state.extend(c.path, thaw(c.values)),
    e.MessageMetadataSet: lambda d, c: d.edit_message(c.message_id, lambda doc: doc.set(c.path, thaw(c.value))),
    e.MessageMetadataRemoved: lambda d, c: d.edit_message(c.message_id, lambda doc: doc.remove(c.path)),
    e.MessageMetadataExtended: lambda d, c: d.edit_message(
        c.message_id, lambda doc: doc.extend(c.path, thaw(c.values))
    ),
    e.QuestionAsked: lambda d, c: d.put_question(c.question),
    e.QuestionAnswered: lambda d, c: d.resolve(
        c.question_id, QuestionStatus.ANSWERED, answer=c.answer, resolved_by=c.by
    ),
    e.QuestionWithdrawn: lambda d, c: d.resolve(
        c.question_id, QuestionStatus.WITHDRAWN, reason=c.reason, resolved_by=c.by
    ),
    e.QuestionSuperseded: lambda d, c: d.resolve(c.question_id, QuestionStatus.SUPERSEDED),
    e.QuestionExpired: lambda d, c: d.resolve(c.question_id, QuestionStatus.EXPIRED, resolved_by=c.by),
    e.QuestionOmitted: _nothing,  # it stays pending: that is the point
    e.QuestionLost: lambda d, c: d.resolve(c.question_id, QuestionStatus.LOST),
    e.QuestionRecovered: lambda d, c: d.resolve(c.question_id, QuestionStatus.PENDING),
    e.ChangeOverruled: _nothing,
}

#: The changes that can carry the mark of the authoritative group.
_MARKED = frozenset(kind for kind in _MAKERS if "authoritative" in kind.model_fields)
