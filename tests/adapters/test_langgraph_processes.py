"""Two processes use one thread at once: nothing is lost, nothing is there twice, each one's steps keep their order."""

from __future__ import annotations

import pytest
from langchain_core.messages import HumanMessage

import ledger
from ledger.adapters.langgraph import LedgerSaver
from tests.adapters.langgraph_samples import checkpoint, config
from tests.adapters.langgraph_workers import go_on, write
from tests.adapters.openai_workers import at_once
from tests.contract.backends import on_durable

pytestmark = on_durable

TURNS = 12


@pytest.fixture
def parent(url: str) -> str:
    """Give the checkpoint that both go on from."""
    made = checkpoint({"messages": [HumanMessage("start", id="start")]})
    with LedgerSaver(url) as saver:
        saver.put(config(), made, {"source": "input", "step": -1}, made["channel_versions"])
    return made["id"]


def test_two_processes_that_go_on_from_one_checkpoint_both_stand(url: str, parent: str) -> None:
    """Each on a branch of its own, with all its checkpoints, their writes and its messages in order."""
    ids = at_once(go_on, (url, "one", parent, TURNS), (url, "two", parent, TURNS))

    with ledger.open(url) as book:
        saver = LedgerSaver(book)
        assert {*ids[0], *ids[1], parent} == {found.checkpoint["id"] for found in saver.list(config())}
        assert 2 * TURNS + 1 == len([*saver.list(config())])
        for writer, mine in zip(("one", "two"), ids, strict=True):
            for number, name in enumerate(mine):
                found = saver.get_tuple(config(checkpoint_id=name))
                assert found is not None
                expected = ["start", *(f"{writer} {each}" for each in range(number + 1))]
                assert expected == [message.content for message in found.checkpoint["channel_values"]["messages"]]
                assert found.parent_config == config(checkpoint_id=([parent, *mine][number]))
                assert [f"{writer} next {number}"] == [
                    message.content for _, _, value in found.pending_writes or () for message in value
                ]
        assert ["t", "t##2"] == book.ids()
        lines = [{event.writer for event in book.history(name, after=1)} for name in book.ids()]
        assert [{"one"}, {"two"}] == sorted(lines, key=str)
        assert book.verify().ok


def test_what_two_processes_write_under_one_checkpoint_is_all_there(url: str, parent: str) -> None:
    """Whatever one stores that the other one refers to."""
    at_once(write, (url, "one", parent, TURNS), (url, "two", parent, TURNS))

    with ledger.open(url) as book:
        found = LedgerSaver(book).get_tuple(config())
        assert found is not None
        writes = {(task, channel): value for task, channel, value in found.pending_writes or ()}
        assert 4 * TURNS == len(writes)
        for writer in ("one", "two"):
            for number in range(TURNS):
                assert f"said {number} " * 30 == writes[f"{writer} {number}", "messages"][0].content
                assert f"text {number} " * 40 == writes[f"{writer} {number}", "x"]
        assert ["t"] == book.ids()
        assert TURNS + 1 == len(book.load("t").messages), "a message that both wrote is stored once"
