"""A session is brought to another state in place: its containers stay the caller's own objects."""

from __future__ import annotations

from typing import Any

from ledger.domain.frozen import FrozenDict, FrozenList
from ledger.domain.session import Session
from ledger.domain.values import json_equal, thaw
from ledger.domain.view import View

__all__ = ["become", "stamp"]


def stamp(session: Session, head: View) -> None:
    """Let the session say where it stands: what the log decides, not its owner."""
    session.__dict__.update(
        version=head.version,
        metadata_version=head.metadata_version,
        created_at=head.created_at,
        updated_at=head.updated_at,
        forked_from=None if head.forked_from is None else dict(head.forked_from),
    )


def become(session: Session, target: View) -> None:
    """Make the session hold what `target` holds.

    `messages`, `questions`, `metadata` and `state` stay the same objects, and so does everything inside them that is
    the same in `target`. A container that cannot be changed, or that is of another kind, is replaced.
    """
    for name in ("title", "pinned", "model", "parent_session_id", "root_session_id"):
        session.__dict__[name] = getattr(target, name)
    for name in ("summary", "metadata", "state"):
        session.__dict__[name] = _patched(session.__dict__[name], getattr(target, name))
    messages: Any = session.messages
    if not isinstance(messages, list):
        session.messages = list(target.messages)
    elif list(target.messages) != messages:
        messages[:] = target.messages
    asked = dict(session.questions)
    if list(asked.items()) != list(target.questions.items()):
        session.questions.clear()
        for question_id, question in target.questions.items():
            session.questions[question_id] = asked[question_id] if asked.get(question_id) == question else question


def _patched(present: Any, target: Any) -> Any:
    """Give `target` as the caller's own JSON: `present` changed in place as far as it goes, a copy beyond."""
    if isinstance(present, FrozenDict | FrozenList):
        return present if json_equal(present, target) else thaw(target)
    if isinstance(present, dict) and isinstance(target, dict):
        for key in [key for key in present if key not in target]:
            del present[key]
        for key, value in target.items():
            present[key] = _patched(present[key], value) if key in present else thaw(value)
        return present
    if isinstance(present, list) and isinstance(target, list):
        _patch_list(present, target)
        return present
    return present if json_equal(present, target) else thaw(target)


def _patch_list(present: list[Any], target: list[Any]) -> None:
    """Keep what is the same at the beginning and at the end, so that an object never becomes its neighbour."""
    shorter = min(len(present), len(target))
    start = next((place for place in range(shorter) if not json_equal(present[place], target[place])), shorter)
    stop = 0
    while stop < shorter - start and json_equal(present[-1 - stop], target[-1 - stop]):
        stop += 1
    old, new = present[start : len(present) - stop], target[start : len(target) - stop]
    if len(old) == len(new):
        present[start : len(present) - stop] = [_patched(*pair) for pair in zip(old, new, strict=True)]
    else:
        present[start : len(present) - stop] = thaw(new)
