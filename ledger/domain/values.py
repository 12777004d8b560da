"""JSON values: typed equality, a checked copy, and addresses inside them (JSON Pointer, RFC 6901)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ledger.errors import InvalidSession

__all__ = ["MAX_DEPTH", "check_json", "is_json", "join", "json_equal", "plain", "split", "thaw"]

#: Deeper than any record of a conversation; with the event around it, within the 200 levels that pydantic reads.
MAX_DEPTH = 160
#: Python refuses to print or parse longer integers by default (4,300 digits), so they could not be read back.
_MAX_INTEGER_BITS = 14_000
#: A path that is longer is shown by its ends.
_SHOWN_PATH = 200
#: bool before int, which it inherits from.
_SCALARS = (str, bool, int, float)


def json_equal(a: Any, b: Any) -> bool:
    """Compare two JSON values by type and value: ``1``, ``1.0`` and ``True`` all differ; a tuple counts as a list."""
    if a is b:
        return True
    kind = type(a)
    if kind is type(b) and kind in _SCALARS:
        return bool(a == b)
    if isinstance(a, dict):
        return isinstance(b, dict) and len(a) == len(b) and _same_members(a, b)
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(json_equal, a, b))
    ours, theirs = _stored_as(kind), _stored_as(type(b))
    # What is no JSON of its own (a time, a part) knows its equals; an option equals its label.
    return (ours is theirs or str in {ours, theirs}) and bool(a == b)


def _same_members(a: dict[Any, Any], b: dict[Any, Any]) -> bool:
    missing = b  # any value that is no member of `b`: identity decides
    for key, item in a.items():
        other = b.get(key, missing)
        if other is missing or not json_equal(item, other):
            return False
    return True


def _stored_as(kind: type) -> type:
    """Enumerations and other heirs of JSON's own types are stored as what they inherit from."""
    return next((scalar for scalar in _SCALARS if issubclass(kind, scalar)), kind)


def plain(value: Any, path: str, depth: int = 0) -> Any:
    """Copy `value` as plain JSON at every depth, or name what in it is no JSON.

    Raises:
        InvalidSession: with the path of the first value that cannot be stored.
    """
    kind = type(value)
    if kind is str:
        return _checked_text(value, path)
    if value is None or kind is bool:
        return value
    if isinstance(value, dict):
        _check_depth(depth, path)
        return {
            _checked_key(key, path): plain(item, f"{path}/{_escape(key)}", depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        _check_depth(depth, path)
        return [plain(item, f"{path}/{index}", depth + 1) for index, item in enumerate(value)]
    return _plain_scalar(value, path)


def check_json(value: Any, path: str) -> None:
    """Check that `plain` can copy `value`, without copying it.

    Raises:
        InvalidSession: as `plain` does.
    """
    if not is_json(value):
        plain(value, path)


def is_json(value: Any, depth: int = 0) -> bool:
    """Tell whether a value is JSON at first sight, as nearly all is; `plain` knows what else is, and what is wrong."""
    test = _AT_FIRST_SIGHT.get(type(value))
    if test is not None:
        return test(value)
    if depth >= MAX_DEPTH:
        return False
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str or not key.isascii() or not is_json(item, depth + 1):
                return False
        return True
    return isinstance(value, list | tuple) and all(is_json(item, depth + 1) for item in value)


_AT_FIRST_SIGHT: dict[type, Callable[[Any], bool]] = {
    str: str.isascii,
    int: lambda value: value.bit_length() <= _MAX_INTEGER_BITS,
    float: math.isfinite,
    bool: lambda value: True,  # noqa: ARG005 - both are
    type(None): lambda value: True,  # noqa: ARG005 - there is one
}


def _plain_scalar(value: Any, path: str) -> Any:
    stored_as = _stored_as(type(value))
    if stored_as is str:
        return _checked_text(str.__str__(value), path)
    if stored_as is int:
        if value.bit_length() > _MAX_INTEGER_BITS:
            raise InvalidSession("an integer of more than 4,300 digits", path=path)
        return int(value)
    if stored_as is float:
        if not math.isfinite(value):
            raise InvalidSession(f"{float(value)} is not JSON", path=path)
        return float(value)
    raise InvalidSession(f"a value of type {type(value).__name__} is not JSON", path=path)


def thaw(value: Any) -> Any:
    """Copy JSON that was checked before as plain dictionaries and lists that the caller may change."""
    if isinstance(value, dict):
        return {key: thaw(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    return value


def _check_depth(depth: int, path: str) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidSession(f"nested more than {MAX_DEPTH} levels deep", path=_shortened(path))


def _shortened(path: str) -> str:
    return path if len(path) <= _SHOWN_PATH else f"{path[:100]}…{path[-80:]}"


def _checked_text(text: str, path: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidSession(f"a lone surrogate at character {error.start}", path=path) from error
    return text


def _checked_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise InvalidSession(f"the key {key!r} is of type {type(key).__name__}, JSON keys are text", path=path)
    return _checked_text(str.__str__(key), path)


def _escape(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def join(path: str, key: str) -> str:
    """Give the pointer of the member `key` of what `path` points at."""
    return f"{path}/{_escape(key)}"


def split(path: str) -> list[str]:
    """Give the keys that a pointer names, from the outermost in."""
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]
