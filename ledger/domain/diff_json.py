"""What leads from one JSON object to another, by path. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.domain.values import join, json_equal, plain

__all__ = ["diff_json"]


def diff_json(
    before: Mapping[str, Any], after: Mapping[Any, Any], pointer: str, shown: str, depth: int = 0
) -> Iterator[tuple[str, str, Any]]:
    """Give what leads from one JSON object to another, as `(kind, pointer, value)`.

    `kind` is ``"set"``, ``"removed"`` or ``"extended"``. Objects are compared key by key at every depth; a list that
    only grew is ``"extended"`` by what it grew, any other changed list is set as a whole.

    Args:
        before: the object as it was.
        after: the object as it is; whatever is given out of it is a checked copy.
        pointer: where both stand in the document, for the changes.
        shown: the same seen from the session, for errors.
        depth: how many levels of the document are above.
    """
    for key in before:
        if key not in after:
            yield "removed", join(pointer, key), None
    for key, value in after.items():
        if not isinstance(key, str):
            plain({key: None}, shown)
        if key not in before:
            checked = plain({key: value}, shown, depth)
            yield "set", join(pointer, next(iter(checked))), checked[key]
            continue
        old = before[key]
        if old is value:
            continue
        where, seen = join(pointer, key), join(shown, key)
        if isinstance(old, dict) and isinstance(value, dict):
            yield from diff_json(old, value, where, seen, depth + 1)
        elif json_equal(old, value):
            continue
        elif isinstance(old, list) and isinstance(value, list | tuple) and _grew(old, value):
            known = len(old)
            grown = [plain(value[place], f"{seen}/{place}", depth + 2) for place in range(known, len(value))]
            yield "extended", where, grown
        else:
            yield "set", where, plain(value, seen, depth + 1)


def _grew(old: Sequence[Any], new: Sequence[Any]) -> bool:
    return len(new) > len(old) and all(map(json_equal, old, new))
