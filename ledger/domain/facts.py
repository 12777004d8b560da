"""The facts of a session: what one save can put there, and another one overwrite. Pure.

A fact goes by a JSON Pointer into the session: `/title`, `/pinned`, `/model`, `/summary`, `/parent_session_id` (with
the root), each `/messages/ID` with its metadata, `/messages` for their order, each `/questions/ID`, each key of
`/metadata/KEY` and `/state/KEY`. A field that holds what an empty session holds counts as nothing there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

from ledger.domain.events import Change
from ledger.domain.parts import Message
from ledger.domain.touches import path_of
from ledger.domain.values import join, json_equal, split
from ledger.domain.view import View

__all__ = ["ABSENT", "FIELDS", "ORDER", "FactKind", "fact_in", "fact_of", "facts_in", "field_in", "kind_of"]

FactKind = Literal[
    "title", "pinned", "model", "summary", "parent", "message", "order", "question", "metadata", "state"
]  # fmt: skip

#: What stands where there is nothing.
ABSENT: Any = object()
#: The fact that the messages stand in this order.
ORDER = "/messages"
#: The facts that are fields of the session itself, in its own order.
FIELDS = ("/title", "/pinned", "/model", "/summary", "/parent_session_id")
_KINDS: dict[str, FactKind] = {
    **{kind: kind for kind in get_args(FactKind)},
    "parent_session_id": "parent",
    "messages": "message",
    "questions": "question",
}
_EMPTY = View("")


def fact_of(change: Change) -> str:
    """Give the fact that a change is about, or an empty path: a record is about none, and what begins a life about all.

    >>> from ledger.domain.events import StateSet
    >>> fact_of(StateSet(path="/plan/step", value=2))
    '/state/plan'
    """
    question_id = change.question.id if change.type == "question_asked" else getattr(change, "question_id", None)
    if question_id is not None:
        return join("/questions", question_id)
    path, _ = path_of(change)
    return "/".join(path.split("/")[:3])


def kind_of(path: str) -> FactKind:
    """Give the kind of a fact."""
    return "order" if path == ORDER else _KINDS[path.split("/")[1]]


def field_in(fields: Any, path: str) -> Any:
    """Give what `fields` (a function from a name to its value) have of one of `FIELDS`, or `ABSENT`."""
    name = path[1:]
    if name == "parent_session_id":
        both = {each: fields(each) for each in (name, "root_session_id")}
        return both if any(value is not None for value in both.values()) else ABSENT
    value = fields(name)
    return ABSENT if json_equal(value, getattr(_EMPTY, name)) else value


def fact_in(view: View, path: str) -> Any:
    """Give what a view holds of a fact other than the order, or `ABSENT`."""
    if path in FIELDS:
        return field_in(lambda name: getattr(view, name), path)
    _, kind, key = path.split("/")
    (key,) = split(f"/{key}")
    if kind == "messages":
        message: Message | None = view.messages.find(key)
        return ABSENT if message is None else message
    return getattr(view, kind).get(key, ABSENT)


def facts_in(view: View) -> Iterator[str]:
    """Give every fact that a view holds, but for the order, in the session's own order."""
    yield from (path for path in FIELDS if fact_in(view, path) is not ABSENT)
    yield from (join("/messages", message.id) for message in view.messages)
    for kind in ("questions", "metadata", "state"):
        yield from (join(f"/{kind}", key) for key in getattr(view, kind))
