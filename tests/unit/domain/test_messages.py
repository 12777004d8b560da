"""The messages of a view: an immutable list that knows its ids, in one table for a whole line of descent."""

import copy
import pickle
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


def test_a_long_line_shares_one_table() -> None:
    """To append costs what is appended: the ids of what was there are not written down again."""
    messages = listed("a")
    assert messages.holds("a")
    table = messages._ids
    for number in range(100):
        messages = messages.plus([said(f"m{number}")])

    assert table is messages._ids
    assert messages.holds("m99")
    assert not messages.holds("m100")


def test_it_is_a_tuple() -> None:
    """It compares, slices, hashes and copies as one."""
    messages = listed("abc")

    assert (said("a"), said("b"), said("c")) == messages
    assert (said("b"),) == messages[1:2]
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
