"""What is asked of a ledger is checked here, so that no wrong type is left to a database, or taken for an answer. Pure.

What is to be saved is checked in `submitted.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ledger.errors import InvalidArgument

__all__ = ["check_callable", "check_expected", "check_kind", "check_number", "check_text", "check_word", "texts"]

#: What a database counts up to, in 64 bits.
LARGEST = 2**63 - 1


def check_kind(value: Any, name: str, kind: type[Any], wanted: str) -> None:
    """Refuse an argument of another type than `kind`.

    >>> check_kind(5, "open_for", str, "text")
    Traceback (most recent call last):
    ...
    ledger.errors.InvalidArgument: open_for cannot be 5: it is an int, not text
    """
    if not isinstance(value, kind):
        raise InvalidArgument(name, value, f"it is {_a(value)}, not {wanted}")


def check_text(value: Any, name: str) -> None:
    """Refuse what is no text, or text that no database takes."""
    check_kind(value, name, str, "text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidArgument(name, value, "it holds a lone surrogate")


def texts(values: Any, name: str) -> list[str]:
    """Give one text or several as a list, so that what is iterated over only once is still there.

    Raises:
        InvalidArgument: naming the argument, or the item.
    """
    if isinstance(values, str):
        return [values]
    if isinstance(values, bytes) or not isinstance(values, Iterable):
        raise InvalidArgument(name, values, f"it is {_a(values)}, not text or several of it")
    found = list(values)
    for number, value in enumerate(found):
        check_kind(value, f"{name}[{number}]", str, "text")
    return found


def check_number(value: Any, name: str, least: int = -LARGEST) -> None:
    """Refuse what is no whole number from `least` on."""
    if type(value) is not int:
        raise InvalidArgument(name, value, f"it is {_a(value)}, not a whole number")
    if not least <= value <= LARGEST:
        raise InvalidArgument(name, value, f"it is not between {least} and {LARGEST}")


def check_word(value: Any, name: str, known: Collection[str]) -> None:
    """Refuse what is none of the words that mean something."""
    if not isinstance(value, str) or value not in known:
        raise InvalidArgument(name, value, f"it is none of {', '.join(known)}")


def check_callable(value: Any, name: str) -> None:
    """Refuse what cannot be called before there is something to tell it; `None` is told nothing."""
    if value is not None and not callable(value):
        raise InvalidArgument(name, value, f"it is {_a(value)}, which cannot be called")


def check_expected(value: Any, name: str) -> None:
    """Refuse what does not give sessions their versions and digests."""
    check_kind(value, name, Mapping, "a dict of ids")
    for session_id, pair in value.items():
        check_kind(session_id, name, str, "text")
        if not isinstance(pair, tuple | list) or [type(each) for each in pair] != [int, str]:
            raise InvalidArgument(f"{name}[{session_id!r}]", pair, "it is no version and digest")


def _a(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
