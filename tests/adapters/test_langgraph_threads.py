"""Threads of `LedgerSaver`: deleted, pruned, copied and named as one likes, beside what others keep in the ledger."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

import ledger
from ledger import InvalidSession, Ledger, Message, SessionDeleted
from ledger.adapters.langgraph import LedgerSaver
from tests.adapters.langgraph_samples import checkpoint, config, ids, put
from tests.contract.backends import on_durable

pytestmark = on_durable


def test_what_is_deleted_keeps_its_record(saver: LedgerSaver, book: Ledger) -> None:
    """A deleted thread is not given any more, its versions still load, and it can begin anew."""
    at = put(saver, checkpoint({"x": 0}), config())
    put(saver, checkpoint({"x": 1}, channel_values={"x": 1}), config(namespace="sub:1"))

    saver.delete_thread("t")

    assert saver.get_tuple(at) is None
    assert [] == ids(saver)
    with pytest.raises(SessionDeleted):
        book.load("t")
    assert 0 == book.load("t", at=1).state["values"]["x"]
    made = checkpoint({"x": "new"})
    put(saver, made, config())
    assert [made["id"]] == ids(saver)
    assert book.verify().ok


def test_pruned_checkpoints_stay_hidden_on_every_branch(saver: LedgerSaver, book: Ledger, url: str) -> None:
    """Whoever goes on from a hidden one does not bring its past back; and no event is removed."""
    first = put(saver, checkpoint({"x": 0}), config())
    second = put(saver, checkpoint({"x": 1}), first)
    last = put(saver, checkpoint({"x": 2}), second)
    events = sum(1 for _ in book.history("t"))

    saver.prune(["t", "unknown"])
    saver.prune(["t"])
    assert saver.get_tuple(second) is None
    behind = put(saver, checkpoint({"x": 3}), second)

    with LedgerSaver(url) as other:
        for each in (saver, other):
            assert [behind["configurable"]["checkpoint_id"], last["configurable"]["checkpoint_id"]] == ids(each)
    assert events + 1 == sum(1 for _ in book.history("t"))
    with pytest.raises(ValueError, match="keep_latest"):
        saver.prune(["t"], strategy="oldest")


def test_runs_are_hidden_in_every_thread(saver: LedgerSaver) -> None:
    """A run's checkpoints and their writes; the thread's latest is then the one before."""
    first = put(saver, checkpoint({"x": 0}), config(), run_id="one")
    second = put(saver, checkpoint({"x": 1}), first, run_id="two")
    put(saver, checkpoint({"x": 1}), config("u"), run_id="two")

    saver.delete_for_runs(["two", "none"])

    found = saver.get_tuple(config())
    assert found is not None
    assert first == found.config
    assert saver.get_tuple(second) is None
    assert [] == ids(saver, config("u"))
    third = put(saver, checkpoint({"x": 2}), first, run_id="three")
    assert [third["configurable"]["checkpoint_id"], first["configurable"]["checkpoint_id"]] == ids(saver)


def test_a_copied_thread_goes_its_own_way(saver: LedgerSaver, book: Ledger) -> None:
    """It has all branches, checkpoints and writes, costs one event a branch, and outlives the original."""
    first = put(saver, checkpoint({"x": 0}), config())
    put(saver, checkpoint({"x": 1}), first)
    put(saver, checkpoint({"x": 2}), first)
    saver.put_writes(first, [("x", 5)], "task")
    expected = ids(saver)

    saver.copy_thread("t", "copy")
    put(saver, checkpoint({"x": 3}), config(checkpoint_id=expected[0]))
    saver.delete_thread("t")

    assert expected == ids(saver, config("copy"))
    found = saver.get_tuple(config("copy", first["configurable"]["checkpoint_id"]))
    assert found is not None
    assert [("task", "x", 5)] == found.pending_writes
    assert 2 == sum(1 for session_id in ("copy", "copy##2") for _ in book.history(session_id))
    further = put(saver, checkpoint({"x": 4}), config("copy", expected[0]))
    assert further["configurable"]["checkpoint_id"] == ids(saver, config("copy"))[0]


@pytest.mark.parametrize(
    "thread", ["a/b c", 'it\'s "quoted"', "🙂" * 3, "x" * 1_000, "a#b%c##2", "%", "", "t##2", "ü" * 300]
)
def test_any_thread_and_namespace_will_do(saver: LedgerSaver, thread: str) -> None:
    """Slashes, quotes, emoji, length, and what the sessions' ids are put together with."""
    others = [config(f"{thread}#"), config(f"{thread}2"), config(thread, namespace="a#1|b:2"), config(thread)]
    for number, at in enumerate(others):
        put(saver, checkpoint({"x": number}), at)
        put(saver, checkpoint({"x": number}), at)

    for number, at in enumerate(others):
        assert [number] * 2 == [found.checkpoint["channel_values"]["x"] for found in saver.list(at)]
        found = saver.get_tuple(at)
        assert found is not None
        assert at["configurable"].items() <= found.config["configurable"].items()


def test_a_thread_of_a_number_is_one_of_text(saver: LedgerSaver) -> None:
    """As in the framework's own savers."""
    put(saver, checkpoint({"x": 1}), {"configurable": {"thread_id": 7, "checkpoint_ns": ""}})

    assert saver.get_tuple(config("7")) is not None


def test_what_is_unknown_is_not_there(saver: LedgerSaver) -> None:
    """A thread, a checkpoint, a namespace: nothing is given, nothing is made."""
    put(saver, checkpoint({"x": 1}), config())

    assert saver.get_tuple(config("none")) is None
    assert saver.get_tuple(config(checkpoint_id="none")) is None
    assert saver.get_tuple(config(namespace="none")) is None
    assert [] == ids(saver, config("none"))
    saver.delete_thread("none")
    saver.copy_thread("none", "nothing")
    assert [] == ids(saver, config("nothing"))


def test_a_session_of_something_else_is_left_alone(saver: LedgerSaver, book: Ledger) -> None:
    """A thread cannot have its name, and a list of all threads passes it over."""
    session = ledger.Session.new("mine", model="gpt-5")
    session.add_message(Message.user("not a graph's"))
    book.save(session)
    put(saver, checkpoint({"x": 1}), config())

    for refused in (
        lambda: put(saver, checkpoint({"x": 1}), config("mine")),
        lambda: saver.get_tuple(config("mine")),
        lambda: saver.delete_thread("mine"),
    ):
        with pytest.raises(InvalidSession, match="give the thread another thread_id"):
            refused()
    assert 1 == len([*saver.list(None)])
    saver.delete_for_runs(["none"])
    assert 1 == book.load("mine").version


def test_what_somebody_else_put_into_the_session_stays(saver: LedgerSaver, book: Ledger) -> None:
    """A note or a title from a UI is no part of the graph's conversation, and no checkpoint removes it."""
    said: list[AnyMessage] = [HumanMessage("hi", id="h")]
    at = put(saver, checkpoint({"messages": said}), config())
    book.update("t", lambda session: setattr(session, "title", "Mine"), writer="ui", authority="user")
    book.append("t", Message.system("a note"), writer="ui")

    put(saver, checkpoint({"messages": [*said, AIMessage("yes", id="a")]}), at)

    session = book.load("t")
    assert ["hi", "yes", "a note"] == [message.content for message in session.messages]
    assert "Mine" == session.title
    found = saver.get_tuple(config())
    assert found is not None
    assert ["h", "a"] == [message.id for message in found.checkpoint["channel_values"]["messages"]]
