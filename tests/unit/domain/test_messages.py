"""The messages of a view: an immutable list that knows its ids, in one table for a whole line of descent."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ledger.domain.message_list import MessageList
from ledger.domain.messages import Messages
from tests.unit.domain.meeting import said


def listed(names: str) -> Messages:
    """Give messages, one a letter."""
    return Messages(said(name) for name in names)


def known(messages: Messages, among: str = "abcdexyz") -> str:
    """Give those of the ids that the list says it holds."""
    return "".join(name for name in among if messages.holds(name))


def test_a_list_knows_its_own_ids() -> None:
    """Neither those that its successors added, nor those of other lists that grew out of the same one."""
    base = listed("ab")
    assert "ab" == known(base)
    one, other = base.plus([said("c")]), base.plus([said("x"), said("y")])
    further, beside = one.plus([said("d")]), one.plus([said("z")])

    assert ["ab", "abc", "abxy", "abcd", "abcz"] == [known(m) for m in (base, one, other, further, beside)]
    assert "abc" == known(one.plus([]))


def test_a_long_line_is_kept_once() -> None:
    """To append costs what is appended: what was there is not copied again, nor are its ids written down again."""
    messages = listed("a")
    assert messages.holds("a")
    line = messages._line
    for number in range(100):
        messages = messages.plus([said(f"m{number}")])

    assert line is messages._line
    assert messages.holds("m99")
    assert not messages.holds("m100")


@pytest.mark.parametrize("kind", [list, tuple, Messages])
def test_a_list_knows_whether_another_begins_with_it(kind: type[Any]) -> None:
    """By what is in it, as often as it is asked, whatever else has grown out of it, and without becoming longer."""
    base = listed("ab")
    a, b = base

    for _ in range(2):
        for more in ("", "c", "cd", "x"):
            wanted = kind([a, b, *map(said, more)])
            assert tuple(wanted) == base.grown_to(wanted)
        for other in (
            [],
            [a],
            [b, a],
            [a, said("c")],
            [a, said("c"), b],
            [said("z"), a, b],
            [a, b.model_copy(update={"content": "new"})],
        ):
            assert base.grown_to(kind(other)) is None
    assert (a, b) == base


def test_what_is_put_behind_once_is_not_put_there_again() -> None:
    """The list that a save compares and the one that its changes make are one."""
    base = listed("ab")
    wanted = [*base, said("c"), said("d")]
    grown = base.grown_to(wanted)

    assert grown is not None
    assert grown._line is base.plus(wanted[2:])._line is base._line
    assert base.plus([said("c"), said("x")])._line is not base._line
    assert tuple(wanted) == grown


def test_a_comparison_that_fails_leaves_nothing_behind() -> None:
    """Whatever stands in a caller's list may raise; the line is as it was, and free to grow."""

    class Unequal:
        def __eq__(self, other: object) -> bool:
            raise ArithmeticError

        __hash__ = None  # type: ignore[assignment]  # as for any type that says what equals it

    base = listed("ab")
    wanted: Any = [said("a"), Unequal(), said("c")]

    with pytest.raises(ArithmeticError):
        base.grown_to(wanted)

    assert base.plus([said("c")])._line is base._line


def test_of_two_threads_one_grows_the_line() -> None:
    """The other copies it; each gets what it put there, and the same ids."""
    base = listed("ab")
    with ThreadPoolExecutor(8) as pool:
        for _ in range(50):
            lists = list(pool.map(base.plus, [[said(f"m{number}")] for number in range(8)]))
            assert [f"m{number}" for number in range(8)] == [messages[-1].id for messages in lists]
            assert all(messages.holds(f"m{number}") for number, messages in enumerate(lists))
            assert 1 == sum(messages._line is base._line for messages in lists)
            base = lists[0]


def test_it_is_like_a_tuple() -> None:
    """It compares, slices, hashes and copies as one."""
    messages = listed("abc")

    assert (said("a"), said("b"), said("c")) == messages
    assert messages != [*messages]
    assert messages != (said("a"),)
    assert (said("b"),) == messages[1:2]
    assert (said("c"), said("b"), said("a")) == messages[::-1]
    assert said("c") == messages[-1] == messages[2]
    with pytest.raises(IndexError):
        messages[3]
    assert hash(messages) == hash(tuple(messages))
    copies: list[Any] = [copy.copy(messages), copy.deepcopy(messages), pickle.loads(pickle.dumps(messages))]  # noqa: S301
    for copied in copies:
        assert messages == copied
        assert "abc" == known(copied)


def test_a_list_under_construction_leaves_what_it_began_as() -> None:
    """Every kind of edit, in any order; unedited, it is the very list that was given."""
    base = listed("abc")
    untouched, edited = MessageList(base), MessageList(base)
    edited.append(said("d"))
    edited.remove("b")
    edited.insert(said("x"), "a")
    edited.insert(said("y"), None)
    edited.reorder(["d", "a"])
    edited.replace(said("c", "new"))
    edited.append(said("z"))

    assert base is untouched.messages()
    assert "ydxcaz" == "".join(message.id for message in edited.messages())
    assert "new" == edited.get("c").content
    assert "abc" == "".join(message.id for message in base)


@pytest.mark.parametrize("name", ["x", ""])
def test_an_unknown_id_is_an_error(name: str) -> None:
    """A change that names what is not there would otherwise vanish, or add."""
    messages = MessageList(listed("ab"))

    for edit in (messages.get, messages.remove, lambda name: messages.replace(said(name))):
        with pytest.raises(KeyError):
            edit(name)
