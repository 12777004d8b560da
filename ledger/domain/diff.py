"""The changes between two states of a session. Pure.

The rule that the property tests hold it to: after `diff`'s changes were made in `base`, the result equals `after`, but
for what the omission guard keeps (a question that vanished stays) and a resolved question that was dropped (it is put
back without a word).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ledger.domain import events as e
from ledger.domain.diff_json import diff_json
from ledger.domain.diff_messages import diff_messages
from ledger.domain.diff_questions import diff_questions
from ledger.domain.events import Change
from ledger.domain.submitted import checked_object, checked_scalars
from ledger.domain.values import json_equal, plain
from ledger.domain.view import State, View
from ledger.errors import InvalidSession

__all__ = ["diff", "diff_json", "diff_messages"]

Authoritative = frozenset[str]


def diff(base: View, after: State, authoritative: Authoritative = frozenset()) -> list[Change]:
    """Give the changes that lead from `base` to `after`, checked: everything in them can be stored.

    The cost is what changed, plus a comparison by identity of the messages and a walk over `metadata` and `state`.

    Args:
        base: the state to start from.
        after: the state to arrive at; its containers are read, never kept.
        authoritative: the metadata keys whose changes carry the authoritative mark.

    Raises:
        InvalidSession: with the path of what cannot be stored, or of a question that was changed by hand.
    """
    changes: list[Change] = []
    if after is base:
        return changes
    try:
        if not _has_same_scalars(base, after):
            changes += _diff_scalars(base, after)
        changes += diff_messages(base.messages, after.messages)
        changes += diff_questions(base.questions, after.questions)
        if checked_object(after.metadata, "/metadata") or base.metadata:
            changes += _diff_metadata(base.metadata, after.metadata, authoritative)
        if checked_object(after.state, "/state") or base.state:
            for kind, path, value in diff_json(base.state, after.state, "", "/state"):
                changes.append(_STATE[kind](path, value))
    except InvalidSession as error:
        error.session_id = base.session_id
        raise
    return changes


def _has_same_scalars(base: View, after: State) -> bool:
    """Tell whether they are the very same, and so were checked before."""
    return (
        after.title is base.title
        and after.pinned is base.pinned
        and after.model is base.model
        and after.summary is None is base.summary
        and after.parent_session_id is base.parent_session_id
        and after.root_session_id is base.root_session_id
    )


def _diff_scalars(base: View, after: State) -> Iterator[Change]:
    title, pinned, model, summary, parent, root = checked_scalars(after)
    if title != base.title:
        yield e.TitleChanged(title=title)
    if pinned is not base.pinned:
        yield e.PinnedChanged(pinned=pinned)
    if model != base.model:
        yield e.ModelChanged(model=model)
    if not json_equal(base.summary, summary):
        yield e.SummaryChanged(summary=plain(summary, "/summary"))
    if (parent, root) != (base.parent_session_id, base.root_session_id):
        yield e.ParentChanged(parent_session_id=parent, root_session_id=root)


def _diff_metadata(
    before: Mapping[str, Any], after: Mapping[str, Any], authoritative: Authoritative
) -> Iterator[Change]:
    for kind, path, value in diff_json(before, after, "", "/metadata"):
        marked = bool(authoritative) and path.split("/", 2)[1].replace("~1", "/").replace("~0", "~") in authoritative
        yield _METADATA[kind](path, value, marked)


_STATE: dict[str, Callable[[str, Any], Change]] = {
    "set": lambda path, value: e.StateSet(path=path, value=value),
    "removed": lambda path, _: e.StateRemoved(path=path),
    "extended": lambda path, values: e.StateExtended(path=path, values=values),
}
_METADATA: dict[str, Callable[[str, Any, bool], Change]] = {
    "set": lambda path, value, mark: e.MetadataSet(path=path, value=value, authoritative=mark),
    "removed": lambda path, _, mark: e.MetadataRemoved(path=path, authoritative=mark),
    "extended": lambda path, values, mark: e.MetadataExtended(path=path, values=values, authoritative=mark),
}
