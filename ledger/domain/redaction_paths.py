"""Which values of a session a path means, for an export that blanks them: a JSON Pointer in which ``*`` is any key.

Messages and questions are named by their ids: ``/messages/*/content``, ``/questions/call_1#0/answer``,
``/metadata/email``, ``/state/token``, ``/title``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.domain.values import split
from ledger.errors import InvalidRedaction

__all__ = ["ANY", "MESSAGE_FIELDS", "QUESTION_FIELDS", "parse_path", "rest_of"]

#: The token that means every key, every message, every item.
ANY: Final = "*"

_SCALARS = ("title", "pinned", "model", "parent_session_id", "root_session_id")
_DOCUMENTS = ("metadata", "state", "summary")
#: Of a message, what can be blanked. Its id and its time hold the history together.
MESSAGE_FIELDS = (
    "role", "content", "parts", "reasoning", "tool_calls", "tool_call_id", "tool_success", "metadata", "native",
)  # fmt: skip
#: Of a question, what can be blanked: never what says which one it is, and where it stands.
QUESTION_FIELDS = ("kind", "header", "text", "source", "options", "answer", "resolved_by", "reason")
_LISTS = {"messages": MESSAGE_FIELDS, "questions": QUESTION_FIELDS}
#: The fields that hold something to look into.
_DEEP = ("parts", "tool_calls", "metadata", "native", "options", "answer")


def parse_path(path: str) -> tuple[str, ...]:
    """Give the tokens of a path; those of ``/messages`` mean every message.

    Raises:
        InvalidRedaction: if nothing of a session can stand there, or what does cannot be blanked.
    """
    if not path.startswith("/") or path == "/":
        raise InvalidRedaction(path, 'it is no JSON Pointer, which begins with "/"')
    top, *below = tokens = split(path)
    if top in _LISTS:
        return _in_a_list(path, top, below)
    if top in _SCALARS:
        if below:
            raise InvalidRedaction(path, f"there is nothing inside {top}")
    elif top not in _DOCUMENTS:
        known = ", ".join([*_LISTS, *_DOCUMENTS, *_SCALARS])
        raise InvalidRedaction(path, f"it is none of what can be blanked in a session: {known}")
    return tuple(tokens)


def _in_a_list(path: str, top: str, below: Sequence[str]) -> tuple[str, ...]:
    if not below:
        return (top, ANY)
    if len(below) == 1:
        return (top, *below)
    field = below[1]
    if field not in (ANY, *_LISTS[top]):
        raise InvalidRedaction(path, f"of each of the {top} this can be blanked: {', '.join(_LISTS[top])}")
    if below[2:] and field not in (ANY, *_DEEP):
        raise InvalidRedaction(path, f"there is nothing inside {field}")
    return (top, *below)


def rest_of(pattern: Sequence[str], address: Sequence[str]) -> Sequence[str] | None:
    """Give what of a pattern goes on inside the value at an address, or `None` if it means none of it.

    Nothing goes on where the pattern means the value as a whole, or something above it.

    >>> rest_of(("messages", "*", "content"), ("messages", "m1"))
    ('content',)
    >>> rest_of(("metadata", "user"), ("metadata", "user", "email"))
    ()
    """
    for token, key in zip(pattern, address, strict=False):
        if ANY not in (token, key) and token != key:
            return None
    return pattern[len(address) :]
