"""Strategies: JSON, sessions in any state, and what a writer makes of one."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from ledger.domain.apply import apply, apply_changes
from ledger.domain.diff import diff
from ledger.domain.events import Authority, Change, Event, SessionCreated
from ledger.domain.session import Message, Session, ToolCall, session_of, tracking_of
from ledger.domain.view import View

#: Each of these draws two or three whole sessions.
FEW = settings(max_examples=60)

START = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORITATIVE = frozenset({"a"})

#: Few names, so that two writers meet.
KEYS = st.sampled_from(["a", "b", "a/b", "~", ""])
#: Any JSON at all, for what is only carried.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
#: Values that differ little, for what is compared and merged.
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, False, True, 0, 1, -1, 2**70, 0.0, 1.0, 1e300, "", "1", "ä\0\u2028", [], [0], [0, 1], [0.0], [[]], [{}],
        [{"a": 1}, {"b": 1}], {}, {"a": 0}, {"a": 1}, {"a": 1.0}, {"b": 1}, {"a": 1, "b": 1}, {"a": {"a": 1}},
        {"a": {"b": [1]}}, {"a/b": {"~": 1}}, {"": {"": None}}, {"a": []}, {"a": [1]}, {"b": {"a": [], "b": {}}},
    ]
).map(copy.deepcopy)  # fmt: skip
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3)


CONTENTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"role": "user", "content": "x"},
        {"role": "user", "content": "y", "metadata": {"k": 0, "l": [1]}},
        {"role": "assistant", "tool_calls": [ToolCall(id="c", name="f", arguments={"a": [1]})], "reasoning": "r"},
        {"role": "tool", "content": "", "tool_call_id": "c", "tool_success": False, "native": {"format": "f"}},
        {"role": "assistant", "parts": [{"type": "text"}], "metadata": {"k": {"a": 1}}},
    ]
)


#: What becomes of a message: mostly nothing; `None` is its removal.
REVISIONS: st.SearchStrategy[dict[str, Any] | None] = st.sampled_from(
    [{}, {}, {}, {}, None, None, {"content": "x"}, {"content": "z"}, {"metadata": {"k": 1}}, {"metadata": {}}]
)


def message(draw: st.DrawFn, name: str) -> Message:
    """Give a message of that id."""
    return Message(id=name, created_at=START, **draw(CONTENTS))


class Edit:
    """Draws what a writer does to a session; `prefix` keeps the names that it invents apart from another's."""

    def __init__(self, draw: st.DrawFn, prefix: str) -> None:
        self.draw = draw
        self.prefix = prefix

    def scalars(self, session: Session) -> None:
        if self.draw(st.booleans()):
            session.title = self.draw(st.none() | st.sampled_from(["s", "t", "u"]))
        if self.draw(st.booleans()):
            session.pinned = self.draw(st.booleans())
            session.model = self.draw(st.sampled_from(["m", "n"]))
            session.summary = self.draw(VALUES)
            session.parent_session_id = self.draw(st.none() | st.just("p"))

    def documents(self, session: Session) -> None:
        for document in (session.metadata, session.state):
            for key in self.draw(st.lists(KEYS, max_size=2)):
                self._change(document, key)

    def _change(self, document: dict[str, Any], key: str) -> None:
        present = document.get(key)
        if isinstance(present, dict) and self.draw(st.booleans()):
            self._change(present, self.draw(KEYS))
        elif isinstance(present, list) and self.draw(st.booleans()):
            present.append(self.draw(VALUES))
        elif present is not None and self.draw(st.booleans()):
            del document[key]
        else:
            document[key] = self.draw(VALUES)

    def messages(self, session: Session) -> None:
        kept = []
        for present in session.messages:
            update = self.draw(REVISIONS)
            if update is not None:
                kept.append(present.model_copy(update=update))
        if self.draw(st.integers(0, 3)) == 0:
            kept = self.draw(st.permutations(kept))
        known = {message.id for message in session.messages}
        for number in range(self.draw(st.integers(0, 2))):
            name = f"{self.prefix}{number}"
            if name not in known:
                kept.insert(self.draw(st.integers(0, len(kept))), message(self.draw, name))
        session.messages[:] = kept

    def questions(self, session: Session) -> None:
        for question in session.pending_questions:
            what = self.draw(st.sampled_from(["leave", "leave", "answer", "withdraw", "expire", "supersede"]))
            if what == "answer":
                session.answer(question, self.draw(VALUES), by=self.draw(st.none() | st.just(self.prefix)))
            elif what == "withdraw":
                session.withdraw(question, self.prefix)
            elif what == "expire":
                session.expire(question)
            elif what == "supersede":
                session.ask("c", f"{self.prefix} instead of {question.text}", supersedes=question)
        for number in range(self.draw(st.integers(0, 2))):
            session.ask("c", f"{self.prefix} {number}?", options=self.draw(st.lists(st.just("yes"), max_size=1)))

    def __call__(self, session: Session) -> None:
        self.scalars(session)
        self.documents(session)
        self.messages(session)
        self.questions(session)


def event_on(view: View, changes: list[Change], writer: str = "w", authority: Authority = "runtime") -> Event:
    """Give the event that a save on `view` appends."""
    version = view.version + 1
    return Event(
        session_id="s",
        version=version,
        base_version=view.version,
        event_id=f"{version:032x}",
        recorded_at=START + timedelta(seconds=version),
        writer=writer,
        authority=authority,
        changes=tuple(changes),
        digest=f"{writer}:{version}",
    )


@st.composite
def views(draw: st.DrawFn) -> View:
    """Give version 1 of a session in any state."""
    session = Session.new("s", "m", created_at=START)
    Edit(draw, "first")(session)
    for document in (session.metadata, session.state):
        document.update(draw(OBJECTS))
    session.messages += [message(draw, name) for name in ("m0", "m1", "m2")]
    unborn = tracking_of(session).base
    assert unborn is not None
    created = SessionCreated(session_id="s", model="m", created_at=START)
    return apply(View("s"), event_on(View("s"), [created, *diff(unborn, session, AUTHORITATIVE)]))


@st.composite
def edits(draw: st.DrawFn, view: View, prefix: str) -> tuple[Session, list[Change], frozenset[str]]:
    """Give what a writer makes of `view`: the session, the changes, and the questions whose index was not chosen."""
    session = session_of(view)
    Edit(draw, prefix)(session)
    return session, diff(view, session, AUTHORITATIVE), frozenset(tracking_of(session).defaulted)


@st.composite
def meetings(draw: st.DrawFn) -> tuple[View, list[Event], View, View, list[Change], frozenset[str]]:
    """Give a base, the events and the head of others, and what a stale writer made of the base, with its changes."""
    base = draw(views())
    head, events = base, []
    for number in range(draw(st.integers(1, 2))):
        _, changes, _ = draw(edits(head, f"t{number}"))
        authority: Authority = draw(st.sampled_from(["runtime", "user"]))
        events.append(event_on(head, changes, f"theirs{number}", authority))
        head = apply(head, events[-1])
    _, changes, defaulted = draw(edits(base, "o"))
    return base, events, head, apply_changes(base, changes), changes, defaulted
