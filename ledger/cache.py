"""The cache: sessions as they were last loaded or saved, bounded, in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from operator import is_
from typing import Any

from ledger.domain.copies import own
from ledger.domain.parts import Message
from ledger.domain.session import Session

__all__ = ["SessionCache"]

MAX_SESSIONS = 1_000
MAX_BYTES = 256 * 1024 * 1024
#: What a message, a session and a value of JSON take beside their text, roughly (by tracemalloc, in Python 3.11).
MESSAGE_BYTES = 1_200
SESSION_BYTES = 4_000
VALUE_BYTES = 60


@dataclass(slots=True)
class _Entry:
    session: Session
    messages_size: int
    size: int
    pinned: bool = False


class SessionCache:
    """Keeps the sessions that were used last. Safe to share between threads.

    It only gets better: a session that is older than the one it holds is ignored. What it hands out, and what it takes,
    is copied: changing it changes nobody else's. Parts are shared between copies, so a copy costs little.

    >>> cache = SessionCache(max_sessions=100)
    >>> cache.put(Session.new("s1", model="gpt-5"))
    >>> cache.get("s1").model
    'gpt-5'

    Args:
        max_sessions: at most so many; the one that was used longest ago goes first.
        max_bytes: at most about so many bytes of sessions; one that is larger alone is not kept.
    """

    def __init__(self, max_sessions: int = MAX_SESSIONS, max_bytes: int = MAX_BYTES) -> None:
        if max_sessions < 1 or max_bytes < 1:
            raise ValueError(f"a cache holds something: max_sessions={max_sessions}, max_bytes={max_bytes}")
        self.max_sessions = max_sessions
        self.max_bytes = max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._entries

    def get(self, session_id: str) -> Session | None:
        """Give a copy of the session that it holds, with the same base, or `None`."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None:
                return None
            self._entries.move_to_end(session_id)
            session = entry.session
        return own(session)  # nobody changes the one that is held, so it is copied without holding anyone up

    def peek(self, session_id: str) -> Session | None:
        """Give the session that it holds, itself: the same object until something else is held. Never change it."""
        with self._lock:
            entry = self._entries.get(session_id)
            return None if entry is None else entry.session

    def put(self, session: Session) -> None:
        """Hold a copy of `session`, unless what it holds of that id is newer, or pinned.

        Versions run on when a session is deleted and created again, so what was loaded before the deletion is older.
        """
        with self._lock:
            entry = self._entries.get(session.id)
            if entry is None or not (entry.pinned or session.version < entry.session.version):
                self._hold(session, pinned=False)

    def pin(self, session: Session) -> None:
        """Hold a copy of a session whose work is in no storage yet: it is not evicted, and nothing replaces it."""
        with self._lock:
            self._hold(session, pinned=True)

    def unpin(self, session_id: str) -> None:
        """Let a session go the way of all others again."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is not None:
                entry.pinned = False
                self._evict()

    def discard(self, session_id: str) -> None:
        """Forget a session, if it is held."""
        with self._lock:
            self._remove(session_id)

    def _hold(self, session: Session, *, pinned: bool) -> None:
        before = self._remove(session.id)
        messages_size = _messages_size(session, before)
        entry = _Entry(own(session), messages_size, messages_size + _rest_size(session), pinned)
        self._entries[session.id] = entry
        self._bytes += entry.size
        self._evict()

    def _remove(self, session_id: str) -> _Entry | None:
        entry = self._entries.pop(session_id, None)
        if entry is not None:
            self._bytes -= entry.size
        return entry

    def _evict(self) -> None:
        if len(self._entries) <= self.max_sessions and self._bytes <= self.max_bytes:
            return
        for session_id in [key for key, entry in self._entries.items() if not entry.pinned]:
            self._remove(session_id)
            if len(self._entries) <= self.max_sessions and self._bytes <= self.max_bytes:
                return


def _messages_size(session: Session, before: _Entry | None) -> int:
    """Estimate the bytes of the messages; of a session that only grew, by what it grew."""
    old = before.session.messages if before else []
    if before and len(old) <= len(session.messages) and all(map(is_, old, session.messages)):
        return before.messages_size + sum(map(_message_size, session.messages[len(old) :]))
    return sum(map(_message_size, session.messages))


def _message_size(message: Message) -> int:
    fields = message.__dict__
    size = MESSAGE_BYTES + len(fields["content"])
    for name in ("parts", "reasoning", "tool_calls", "metadata", "native"):
        if fields[name]:
            size += _json_size(fields[name])
    return size


def _rest_size(session: Session) -> int:
    rest = (session.questions, session.metadata, session.state, session.summary)
    return SESSION_BYTES + sum(_json_size(value) for value in rest if value)


def _json_size(value: Any) -> int:
    if isinstance(value, str):
        return VALUE_BYTES + len(value)
    if isinstance(value, dict):
        return VALUE_BYTES + sum(VALUE_BYTES + len(str(key)) + _json_size(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return VALUE_BYTES + sum(map(_json_size, value))
    # A question, a tool call, an option: what they hold is JSON.
    return _json_size(getattr(value, "__dict__", ""))
