"""The ids of the sessions that hold a LangGraph thread, and what such an id says. Pure.

A thread is a tree and a session is a line, so a thread takes one session for each of its namespaces and branches::

    thread-1                 the root namespace, as it began
    thread-1##2              a second branch of it
    thread-1#child:7f        a subgraph's namespace
    thread-1#child:7f#2      a second branch of that
"""

from __future__ import annotations

from typing import NamedTuple, Self

__all__ = ["Line", "thread_prefix"]

#: What separates the parts of an id; in the parts themselves it is escaped.
MARK = "#"
#: An id may not be empty, a thread's name may.
NAMELESS = "%"


class Line(NamedTuple):
    """One branch of one namespace of a thread. The first branch has the number 1."""

    thread: str
    namespace: str
    branch: int = 1

    @property
    def session_id(self) -> str:
        """The id of its session."""
        parts = [_escaped(self.thread) or NAMELESS]
        if self.namespace or self.branch > 1:
            parts.append(_escaped(self.namespace))
        if self.branch > 1:
            parts.append(str(self.branch))
        return MARK.join(parts)

    @classmethod
    def of(cls, session_id: str) -> Self | None:
        """Give the line that a session holds, `None` if its id is none of a line's."""
        thread, *rest = session_id.split(MARK)
        namespace = rest[0] if rest else ""
        branch = rest[1] if len(rest) > 1 else "1"
        if not branch.isdecimal():
            return None
        line = cls(_read("" if thread == NAMELESS else thread), _read(namespace), int(branch))
        return line if line.session_id == session_id else None

    @property
    def others_prefix(self) -> str:
        """How the ids of the second and later branches of its namespace begin, and no other id."""
        return f"{thread_prefix(self.thread)}{_escaped(self.namespace)}{MARK}"


def thread_prefix(thread: str) -> str:
    """Give how the ids of a thread's sessions begin, all but that of its first branch in the root namespace."""
    return f"{_escaped(thread) or NAMELESS}{MARK}"


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace(MARK, "%23")


def _read(part: str) -> str:
    return part.replace("%23", MARK).replace("%25", "%")
