"""Read-only JSON: dictionaries and lists that equal plain ones, serialise like them, and refuse to change.

Parts of a session are shared between copies, so a change inside one would be a change inside all of them.
"""

from __future__ import annotations

from typing import Any, NoReturn

from ledger.domain.values import json_equal

__all__ = ["FrozenDict", "FrozenList", "copy_json", "freeze", "no_items", "no_members"]


def _refuse(self: object, *_args: object, **_kwargs: object) -> NoReturn:
    del self
    raise TypeError("this JSON belongs to an immutable part of a session; copy the part with model_copy(update=...)")


class FrozenDict(dict[str, Any]):
    """A JSON object that raises `TypeError` when someone tries to change it."""

    __slots__ = ()
    __hash__ = None  # equal to plain dicts, which have no hash

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __eq__(self, other: object) -> bool:
        return json_equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not json_equal(self, other)

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (dict(self),)

    def __copy__(self) -> FrozenDict:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenDict:
        return self


class FrozenList(list[Any]):
    """A JSON array that raises `TypeError` when someone tries to change it. Equals tuples of the same items too."""

    __slots__ = ()
    __hash__ = None  # equal to plain lists, which have no hash

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __eq__(self, other: object) -> bool:
        return json_equal(self, other)

    def __ne__(self, other: object) -> bool:
        return not json_equal(self, other)

    def __reduce__(self) -> tuple[Any, ...]:
        return freeze, (list(self),)

    def __copy__(self) -> FrozenList:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenList:
        return self


def freeze(value: Any) -> Any:
    """Give `value` as read-only JSON at every depth; what is frozen already is returned as it is."""
    kind = type(value)
    if kind is dict:
        return FrozenDict({key: freeze(item) for key, item in value.items()})
    if kind is list or kind is tuple:
        return FrozenList([freeze(item) for item in value])
    return value


_NO_ITEMS, _NO_MEMBERS = FrozenList(), FrozenDict()


def no_items() -> FrozenList:
    """Give the empty array that all parts share: most of what most messages hold is empty."""
    return _NO_ITEMS


def no_members() -> FrozenDict:
    """Give the empty object that all parts share."""
    return _NO_MEMBERS


def copy_json(value: Any) -> Any:
    """Copy containers at every depth and leave scalars, and whatever is no JSON, to the check at the save."""
    if isinstance(value, FrozenDict | FrozenList):
        return value
    if isinstance(value, dict):
        return {key: copy_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copy_json(item) for item in value]
    return value
