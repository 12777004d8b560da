"""JSON values: typed equality, the checked copy, and pointers."""

import math
from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import pytest

from ledger.domain.frozen import freeze
from ledger.domain.values import MAX_DEPTH, join, json_equal, plain, split, thaw
from ledger.errors import InvalidSession


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


def nested(levels: int) -> Any:
    """Give a list in a list in a list."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (1.0, True),
        ("1", 1),
        (None, False),
        (None, 0),
        ([], {}),
        ([1], [1.0]),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        ({"a": None}, {"b": None}),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        (1, Decimal(1)),
    ],
    ids=repr,
)
def test_values_of_different_types_differ(a: Any, b: Any) -> None:
    """`1`, `1.0` and `True` are three values, at every depth."""
    assert not json_equal(a, b)
    assert not json_equal(b, a)
    assert not json_equal({"x": [a]}, {"x": [b]})


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1),
        (0.0, -0.0),
        ("ä", "ä"),
        ((1, 2), [1, 2]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (OrderedDict(a=[1]), {"a": (1,)}),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (freeze({"a": [1]}), {"a": [1]}),
    ],
    ids=repr,
)
def test_what_is_stored_alike_is_equal(a: Any, b: Any) -> None:
    """A tuple is a list, an enumeration its value, and the order of keys is none."""
    assert json_equal(a, b)
    assert json_equal(b, a)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        (OrderedDict(a=1), {"a": 1}),
        ({Colour.RED: Colour.RED}, {"red": "red"}),
        (Level.LOW, 1),
        ([True, None, 1.5, "x"], [True, None, 1.5, "x"]),
    ],
    ids=repr,
)
def test_a_checked_copy_is_plain(value: Any, expected: Any) -> None:
    """Heirs of JSON's types are stored as what they inherit from, exactly."""
    copied = plain(value, "")

    assert expected == copied
    assert type(expected) is type(copied)


def test_a_checked_copy_shares_nothing() -> None:
    """What is stored does not change with the caller's objects."""
    value = {"a": [{"b": 1}]}

    copied = plain(value, "")
    value["a"][0]["b"] = 2

    assert {"a": [{"b": 1}]} == copied


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        (math.nan, "/x", "nan is not JSON"),
        ({"a": [math.inf]}, "/x/a/0", "inf is not JSON"),
        ({"a": {"b": -math.inf}}, "/x/a/b", "-inf is not JSON"),
        ("\ud800", "/x", "a lone surrogate at character 0"),
        (["ok", "no\udfff"], "/x/1", "a lone surrogate at character 2"),
        ({"\ud800": 1}, "/x", "a lone surrogate at character 0"),
        ({1: 2}, "/x", "the key 1 is of type int, JSON keys are text"),
        ({None: 2}, "/x", "the key None is of type NoneType, JSON keys are text"),
        (object(), "/x", "a value of type object is not JSON"),
        ({"a/b~c": {1, 2}}, "/x/a~1b~0c", "a value of type set is not JSON"),
        (b"bytes", "/x", "a value of type bytes is not JSON"),
        (1j, "/x", "a value of type complex is not JSON"),
        ([10**5000], "/x/0", "an integer of more than 4,300 digits"),
    ],
)
def test_what_is_no_json_is_named(value: Any, path: str, problem: str) -> None:
    """The error says where in the session it is, as a JSON Pointer, and what is wrong with it."""
    with pytest.raises(InvalidSession) as caught:
        plain(value, "/x")

    assert (path, problem) == (caught.value.path, caught.value.problem)


def test_nesting_has_an_end() -> None:
    """What could not be read again is refused; what holds itself is refused too, not followed for ever."""
    endless: list[Any] = []
    endless.append(endless)

    assert nested(MAX_DEPTH) == plain(nested(MAX_DEPTH), "")
    for value in (nested(MAX_DEPTH + 1), endless):
        with pytest.raises(InvalidSession, match=f"nested more than {MAX_DEPTH} levels deep") as caught:
            plain(value, "/state/deep")
        assert caught.value.path.startswith("/state/deep/0/0")
        assert len(caught.value.path) < 250


@pytest.mark.parametrize("value", [2**14_000 - 1, -(2**13_999), 0, 0.1, 1e300, 5e-324, 2**53 + 1])
def test_numbers_are_kept_as_they_are(value: float) -> None:
    """Every number that JSON can carry back passes."""
    assert value == plain(value, "")


@pytest.mark.parametrize(
    ("keys", "pointer"), [([], ""), (["a"], "/a"), (["a/b", "~", ""], "/a~1b/~0/"), (["~1", "~0"], "/~01/~00")]
)
def test_pointers_escape(keys: list[str], pointer: str) -> None:
    """RFC 6901: `~0` is a tilde and `~1` a slash, and what was joined splits again."""
    joined = ""
    for key in keys:
        joined = join(joined, key)

    assert pointer == joined
    assert keys == split(joined)


def test_thawed_json_is_the_callers_own() -> None:
    """Frozen JSON thaws into plain containers at every depth."""
    frozen = freeze({"a": [{"b": 1}]})

    thawed = thaw(frozen)
    thawed["a"][0]["b"] = 2

    assert {"a": [{"b": 1}]} == frozen
    assert (dict, list, dict) == (type(thawed), type(thawed["a"]), type(thawed["a"][0]))
