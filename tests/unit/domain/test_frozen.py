"""Read-only JSON: refuses to change at every depth, equals plain JSON, serialises like it."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from ledger.domain.frozen import FrozenDict, FrozenList, copy_json, freeze, no_items, no_members
from ledger.domain.parts import Message

PLAIN = {"a": [1, {"b": [True, None]}], "c": {}}
FROZEN = freeze(PLAIN)

MAPPING_CHANGES: list[Callable[[Any], object]] = [
    lambda d: d.__setitem__("x", 1),
    lambda d: d.__delitem__("a"),
    lambda d: d.__ior__({"x": 1}),
    lambda d: d.clear(),
    lambda d: d.pop("a"),
    lambda d: d.popitem(),
    lambda d: d.setdefault("x", 1),
    lambda d: d.update(x=1),
]
LIST_CHANGES: list[Callable[[Any], object]] = [
    lambda x: x.__setitem__(0, 1),
    lambda x: x.__setitem__(slice(0, 1), []),
    lambda x: x.__delitem__(0),
    lambda x: x.__iadd__([1]),
    lambda x: x.__imul__(2),
    lambda x: x.append(1),
    lambda x: x.clear(),
    lambda x: x.extend([1]),
    lambda x: x.insert(0, 1),
    lambda x: x.pop(),
    lambda x: x.remove(x[0]),
    lambda x: x.reverse(),
    lambda x: x.sort(),
]


@pytest.mark.parametrize("change", MAPPING_CHANGES, ids=range(len(MAPPING_CHANGES)))
@pytest.mark.parametrize("frozen", [FROZEN, FROZEN["a"][1], FROZEN["c"]], ids=["outer", "inner", "empty"])
def test_an_object_refuses_every_change(change: Callable[[Any], object], frozen: Any) -> None:
    """Whichever way one tries, and however deep, it is a `TypeError`, and nothing has changed."""
    with pytest.raises(TypeError, match="immutable part"):
        change(frozen)

    assert freeze(PLAIN) == FROZEN


@pytest.mark.parametrize("change", LIST_CHANGES, ids=range(len(LIST_CHANGES)))
@pytest.mark.parametrize("frozen", [FROZEN["a"], FROZEN["a"][1]["b"]], ids=["outer", "inner"])
def test_an_array_refuses_every_change(change: Callable[[Any], object], frozen: Any) -> None:
    """The same for lists."""
    with pytest.raises(TypeError, match="immutable part"):
        change(frozen)

    assert freeze(PLAIN) == FROZEN


@pytest.mark.parametrize("plain", [PLAIN, {"a": (1, {"b": (True, None)}), "c": {}}], ids=["lists", "tuples"])
def test_frozen_json_equals_plain_json(plain: dict[str, Any]) -> None:
    """From either side, and a tuple of the same items is a list of them."""
    assert plain == FROZEN
    assert FROZEN == plain
    assert not (plain != FROZEN)  # noqa: SIM202 - `!=` is an operator of its own
    assert plain["a"] == FROZEN["a"]
    assert FROZEN["a"] == plain["a"]


@pytest.mark.parametrize("other", [{"a": 1.0}, {"a": True}, {"a": "1"}, {}, {"a": 1, "b": 1}, None, [1]], ids=repr)
def test_equality_is_typed(other: object) -> None:
    """`1`, `1.0` and `True` are different JSON, from either side."""
    assert freeze({"a": 1}) != other
    assert other != freeze({"a": 1})
    assert freeze([{"a": 1}]) != [other]
    assert [other] != freeze([{"a": 1}])


def test_frozen_json_has_no_hash() -> None:
    """Plain dictionaries and lists, which it equals, have none."""
    for frozen in (FROZEN, FROZEN["a"]):
        with pytest.raises(TypeError, match="unhashable"):
            hash(frozen)


def test_it_serialises_like_plain_json() -> None:
    """The same text, byte for byte."""
    assert json.dumps(PLAIN) == json.dumps(FROZEN)
    assert PLAIN == json.loads(json.dumps(FROZEN, indent=2))


def test_pickled_it_comes_back_frozen() -> None:
    """Another process may not change it either."""
    revived = pickle.loads(pickle.dumps(FROZEN))  # noqa: S301 - our own

    assert PLAIN == revived
    assert (FrozenDict, FrozenList, FrozenDict) == (type(revived), type(revived["a"]), type(revived["a"][1]))


def test_a_copy_is_the_same_object() -> None:
    """What cannot change need not be copied; a plain, changeable copy is `dict(...)` or `list(...)`."""
    assert copy.copy(FROZEN) is FROZEN
    assert copy.deepcopy(FROZEN) is FROZEN
    assert copy.deepcopy(FROZEN["a"]) is FROZEN["a"]
    assert freeze(FROZEN) is FROZEN
    assert copy_json(FROZEN) is FROZEN
    assert {"x": 1, **PLAIN} == {"x": 1, **FROZEN}


def test_what_is_empty_is_shared() -> None:
    """Most of what most messages hold is empty, and a log of a million messages makes one of it."""
    one, other = Message.user("one"), Message.user("other")

    assert one.parts is other.parts is no_items()
    assert one.metadata is other.metadata is no_members()


def test_a_copy_of_json_shares_no_container() -> None:
    """Whoever gave the JSON may change theirs afterwards."""
    given = {"a": [{"b": (1,)}]}

    copied = copy_json(given)
    given["a"].append({"c": (2,)})

    assert {"a": [{"b": [1]}]} == copied
