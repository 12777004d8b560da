"""JSON values: typed equality, a checked copy, and addresses inside them (JSON Pointer, RFC 6901)."""

from __future__ import annotations

import math
from typing import Any

from ledger.errors import InvalidSession

__all__ = ["MAX_DEPTH", "join", "json_equal", "overlaps", "plain", "split", "thaw"]

#: Deeper than any record of a conversation, and far from the depth at which Python's own JSON coder gives up.
MAX_DEPTH = 200
#: Python refuses to print or parse longer integers by default (4,300 digits), so they could not be read back.
_MAX_INTEGER_BITS = 14_000


def json_equal(a: Any, b: Any) -> bool:
    """Compare two JSON values by type and value: ``1``, ``1.0`` and ``True`` all differ; a tuple counts as a list."""
    if a is b:
        return True
    kind = type(a)
    if kind is str or kind is int or kind is bool or kind is float:
        return kind is type(b) and bool(a == b)
    if isinstance(a, dict):
        if not isinstance(b, dict) or len(a) != len(b):
            return False
        missing = b  # any value that is no member of `b`: identity decides
        for key, item in a.items():
            other = b.get(key, missing)
            if other is missing or not json_equal(item, other):
                return False
        return True
    if isinstance(a, list | tuple):
        if not isinstance(b, list | tuple) or len(a) != len(b):
            return False
        return all(map(json_equal, a, b))
    return bool(a == b)  # no JSON of its own: None, a time, a part


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
    if kind is int:
        if value.bit_length() > _MAX_INTEGER_BITS:
            raise InvalidSession("an integer of more than 4,300 digits", path=path)
        return value
    if kind is float:
        if not math.isfinite(value):
            raise InvalidSession(f"{value} is not JSON", path=path)
        return value
    if isinstance(value, dict):
        _check_depth(depth, path)
        return {
            _checked_key(key, path): plain(item, f"{path}/{_escape(key)}", depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        _check_depth(depth, path)
        return [plain(item, f"{path}/{index}", depth + 1) for index, item in enumerate(value)]
    # Enumerations and other heirs of JSON's own types are stored as what they inherit from.
    if isinstance(value, str):
        return _checked_text(str.__str__(value), path)
    if isinstance(value, int):
        return plain(int(value), path)
    if isinstance(value, float):
        return plain(float(value), path)
    raise InvalidSession(f"a value of type {kind.__name__} is not JSON", path=path)


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
    return path if len(path) <= 200 else f"{path[:100]}…{path[-80:]}"


def _checked_text(text: str, path: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidSession(f"a lone surrogate at character {error.start}", path=path) from error
    return text


def _checked_key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise InvalidSession(f"the key {key!r} is a {type(key).__name__}, JSON keys are text", path=path)
    return _checked_text(str.__str__(key), path)


def _escape(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def join(path: str, key: str) -> str:
    """Give the pointer of the member `key` of what `path` points at."""
    return f"{path}/{_escape(key)}"


def split(path: str) -> list[str]:
    """Give the keys that a pointer names, from the outermost in."""
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]


def overlaps(a: str, b: str) -> bool:
    """Tell whether two pointers are the same, or one lies above the other."""
    return a == b or a.startswith(f"{b}/") or b.startswith(f"{a}/")
