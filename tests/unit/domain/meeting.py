"""Two writers who loaded the same version and save one after the other, as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger.domain.apply import apply, apply_changes
from ledger.domain.diff import diff
from ledger.domain.events import Authority, Change, ChangeOverruled, Event, SessionCreated
from ledger.domain.merge import Rebased, rebase
from ledger.domain.session import Message, Session, session_of, tracking_of
from ledger.domain.view import View

Edit = Callable[[Session], object]
Writer = tuple[str, Authority]

START = datetime(2026, 1, 1, tzinfo=UTC)
#: The metadata keys that are authoritative in these tests.
AUTHORITATIVE = frozenset({"owner"})
USER: Writer = ("ui", "user")
AGENT: Writer = ("agent", "runtime")


def put(**fields: Any) -> Edit:
    """Give the edit that sets fields of the session."""

    def edit(session: Session) -> None:
        for name, value in fields.items():
            setattr(session, name, value)

    return edit


def said(name: str, content: str = "", **fields: Any) -> Message:
    """Give a message whose stamps depend on its id alone, so that two makings of it are equal."""
    return Message.user(content or f"says {name}", id=name, created_at=START, **fields)


def holding(messages: str) -> Edit:
    """Give the edit that makes the session's messages these, one a letter; those of the session are kept."""

    def edit(session: Session) -> None:
        known = {message.id: message for message in session.messages}
        session.messages[:] = [known.get(name) or said(name) for name in messages]

    return edit


def ids(state: View | Session) -> str:
    """Give the ids of the messages, in order, as one word."""
    return "".join(message.id for message in state.messages)


def event_on(view: View, changes: Sequence[Change], writer: Writer = AGENT) -> Event:
    """Give the event that a save on `view` appends."""
    return Event(
        session_id=view.session_id,
        version=view.version + 1,
        base_version=view.version,
        event_id=f"{view.version + 1:032x}",
        recorded_at=START + timedelta(seconds=view.version + 1),
        writer=writer[0],
        authority=writer[1],
        changes=tuple(changes),
        digest=f"{writer[0]}:{view.version + 1}",
    )


def first(edit: Edit | None = None) -> View:
    """Give version 1 of a session that `edit` began."""
    session = Session.new("s", "m", created_at=START)
    if edit is not None:
        edit(session)
    unborn = tracking_of(session).base
    assert unborn is not None
    created = SessionCreated(session_id="s", model="m", created_at=START)
    return apply(View("s"), event_on(View("s"), [created, *diff(unborn, session, AUTHORITATIVE)]))


def changes_of(view: View, edit: Edit) -> list[Change]:
    """Give the changes that someone who loaded `view` makes by `edit`."""
    session = session_of(view)
    edit(session)
    return diff(view, session, AUTHORITATIVE)


@dataclass
class Meeting:
    """What came of it: the merged view, and the save that was rebased."""

    head: View
    merged: View
    rebased: Rebased

    @property
    def records(self) -> tuple[ChangeOverruled, ...]:
        """What gave way."""
        return self.rebased.overruled

    @property
    def overruled(self) -> list[tuple[str, int, str, object]]:
        """What gave way, as writer, version, path and value."""
        return [(record.writer, record.version, record.path, record.value) for record in self.records]


def meet(
    base: View,
    theirs: Edit | Sequence[tuple[Edit, Writer]],
    mine: Edit,
    *,
    they: Writer = ("ui", "runtime"),
    me: Writer = AGENT,
    defaulted: frozenset[str] = frozenset(),
) -> Meeting:
    """Let `theirs` be saved first, one event an edit, and `mine`, made on the same base, be rebased on it."""
    head, events = base, []
    for edit, writer in [(theirs, they)] if callable(theirs) else theirs:
        events.append(event_on(head, changes_of(head, edit), writer))
        head = apply(head, events[-1])
    changes = changes_of(base, mine)
    ours = apply_changes(base, changes)
    rebased = rebase(base, ours, head, changes, events, writer=me[0], authority=me[1], defaulted=defaulted)
    return Meeting(head, apply_changes(head, rebased.changes), rebased)
