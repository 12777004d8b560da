"""`LedgerSaver` keeps a thread's checkpoints: what is stored, where, how much of it, and what the record says."""

from __future__ import annotations

import asyncio
import json

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.serde.base import CipherProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

import ledger
from ledger import InvalidSession, Ledger
from ledger.adapters.langgraph import LedgerSaver
from tests.adapters.langgraph_samples import LONG, MESSAGES, checkpoint, config, ids, payload_sizes, put
from tests.contract.backends import on_durable
from tests.contract.faces import Book
from tests.contract.faults import held_commits

pytestmark = on_durable


def test_a_conversation_reads_as_messages(saver: LedgerSaver, book: Ledger) -> None:
    """With role, text, reasoning, calls and results, and each message keeps LangChain's own."""
    put(saver, checkpoint({"messages": MESSAGES}), config())

    session = book.load("t")

    assert ["system", "user", "assistant", "tool"] == [message.role for message in session.messages[:4]]
    assert session.messages[2].content == LONG == session.messages[2].reasoning
    assert session.messages[2].tool_calls[0].name == "look_up"
    assert ("call_1", False) == (session.messages[3].tool_call_id, session.messages[3].tool_success)


def test_a_checkpoint_costs_what_changed(saver: LedgerSaver, book: Ledger) -> None:
    """A conversation that grew by two costs two messages, however long it is."""
    messages: list[AnyMessage] = [HumanMessage(f"{number}", id=f"m{number}") for number in range(500)]
    at = put(saver, checkpoint({"messages": messages, "notes": [LONG] * 50}), config())
    grown = [*messages, HumanMessage("one", id="one"), AIMessage("two", id="two")]

    put(saver, checkpoint({"messages": grown, "notes": [LONG] * 51}), at)

    first, second = payload_sizes(book, "t")
    assert first > 100_000
    assert second < 2_500
    changes = [event.changes for event in book.history("t")][1]
    assert ["one", "two"] == [change.message.content for change in changes if change.type == "message_appended"]


def test_what_a_task_wrote_is_stored_once(saver: LedgerSaver, book: Ledger) -> None:
    """As a write, and not again where the checkpoint that it led to holds it: messages, texts, blobs."""
    at = put(saver, checkpoint({"messages": []}), config())
    said, blob = AIMessage(LONG, id="a1"), b"\x00" * 1_000
    saver.put_writes(at, [("messages", [said]), ("plan", LONG + "!"), ("file", blob), ("docs", [LONG + "?"])], "task")

    put(saver, checkpoint({"messages": [said], "plan": LONG + "!", "file": blob, "docs": [LONG + "?"]}), at)

    assert payload_sizes(book, "t")[2] < 1_200
    found = saver.get_tuple(config())
    assert found is not None
    assert {"messages": [said], "plan": LONG + "!", "file": blob, "docs": [LONG + "?"]} == found.checkpoint[
        "channel_values"
    ]


def test_a_message_that_is_named_late_is_stored_once(saver: LedgerSaver, book: Ledger) -> None:
    """A graph gives a message its id when it is in the channel, which may be after its write was stored."""
    at = put(saver, checkpoint({"messages": []}), config())
    said = AIMessage(LONG)
    saver.put_writes(at, [("messages", [said])], "task")
    named = said.model_copy(update={"id": "a1"})

    put(saver, checkpoint({"messages": [named]}), at)

    assert 1 == sum(change.type == "message_appended" for event in book.history("t") for change in event.changes)
    found = saver.get_tuple(config())
    assert found is not None
    assert [named] == found.checkpoint["channel_values"]["messages"]


def test_a_message_that_was_changed_in_place_is_noticed(saver: LedgerSaver) -> None:
    """At any depth of it, though the object is the same."""
    said = AIMessage("", id="a1", additional_kwargs={"deep": [{"n": 1}]})
    at = put(saver, checkpoint({"messages": [said]}), config())
    said.additional_kwargs["deep"][0]["n"] = 2

    put(saver, checkpoint({"messages": [said]}), at)

    found = [each.checkpoint["channel_values"]["messages"][0] for each in saver.list(config())]
    assert [2, 1] == [message.additional_kwargs["deep"][0]["n"] for message in found]


def test_two_who_go_on_from_one_checkpoint_both_stand(saver: LedgerSaver, book: Ledger, url: str) -> None:
    """Each on a branch, and the record shows where the second one left."""
    at = put(saver, checkpoint({"x": 1}), config())
    with LedgerSaver(url) as other:
        assert other.get_tuple(config()) is not None
        one = put(saver, checkpoint({"x": "one"}), at)
        two = put(other, checkpoint({"x": "two"}), at)
        again = put(saver, checkpoint({"x": "one more"}), one)

        for each in (saver, other):
            values = {f["checkpoint"]["channel_values"]["x"] for f in (t._asdict() for t in each.list(config()))}
            assert {1, "one", "two", "one more"} == values
            found = each.get_tuple(two)
            assert found is not None
            assert found.parent_config == at
    assert ["t", "t##2"] == book.ids()
    assert {"session_id": "t", "version": 1} == {
        name: (book.load("t##2").forked_from or {})[name] for name in ("session_id", "version")
    }
    latest = saver.get_tuple(config())
    assert latest is not None
    assert again["configurable"]["checkpoint_id"] == latest.checkpoint["id"]


def test_putting_again_stores_nothing(saver: LedgerSaver, book: Ledger, url: str) -> None:
    """A checkpoint and its writes, after an error or from another process, also when the thread has gone on."""
    made, later = checkpoint({"x": 1, "messages": MESSAGES}), checkpoint({"x": 2})

    def everything(by: LedgerSaver) -> None:
        at = put(by, made, config())
        by.put_writes(at, [("x", LONG)], "task")
        put(by, later, at)

    everything(saver)
    version = book.head("t")
    everything(saver)
    with LedgerSaver(url) as other:
        everything(other)

    assert version == book.head("t")
    assert ["t"] == book.ids()


def test_a_checkpoint_put_again_with_other_values_is_replaced(saver: LedgerSaver) -> None:
    """The record keeps both; the later one is what the thread holds."""
    made, later = checkpoint({"x": 1}), checkpoint({"x": 2})
    at = put(saver, made, config())
    put(saver, {**made, "channel_values": {"x": "revised"}}, config())
    put(saver, later, at)
    put(saver, {**made, "channel_values": {"x": "revised again"}}, config())

    found = saver.get_tuple(at)

    assert found is not None
    assert {"x": "revised again"} == found.checkpoint["channel_values"]
    assert [later["id"], made["id"]] == ids(saver)


def test_writes_may_come_before_their_checkpoint(saver: LedgerSaver, book: Ledger) -> None:
    """And they are there when it comes."""
    made = checkpoint({"x": 1})
    saver.put_writes(config(checkpoint_id=made["id"]), [("x", 5)], "task")

    assert saver.get_tuple(config()) is None
    put(saver, made, config())

    found = saver.get_tuple(config())
    assert found is not None
    assert [("task", "x", 5)] == found.pending_writes
    assert ["t"] == book.ids()


def test_writes_may_come_long_after_the_thread_went_on(saver: LedgerSaver) -> None:
    """They are under their checkpoint all the same, and under no other one."""
    at = first = put(saver, checkpoint({"x": 0}), config())
    for number in range(1, 5):
        at = put(saver, checkpoint({"x": number}), at)

    saver.put_writes(first, [("x", "late")], "task")
    put(saver, checkpoint({"x": 5}), at)

    assert [[]] * 5 + [[("task", "x", "late")]] == [found.pending_writes for found in saver.list(config())]


def test_interrupts_are_questions_and_resumes_answers(saver: LedgerSaver, book: Ledger) -> None:
    """By whatever they interrupt with: text, a form with options, calls that a person has to allow."""
    from langgraph.types import Interrupt

    at = put(saver, checkpoint({"x": 0}), config())
    form = {"question": "Which one?", "options": ["a", "b"]}
    review = {
        "action_requests": [{"name": "pay", "args": {"sum": 5}}],
        "review_configs": [{"action_name": "pay", "allowed_decisions": ["approve", "reject"]}],
    }
    for number, value in enumerate(["Where?", form, review, {"n": 1}]):
        saver.put_writes(at, [("__interrupt__", (Interrupt(value, f"i{number}"),))], f"task {number}")

    pending = book.load("t").pending_questions
    assert ["Where?", "Which one?", 'pay({"sum": 5})', '{"n": 1}'] == [question.text for question in pending]
    assert [[], ["a", "b"], ["approve", "reject"], []] == [question.options for question in pending]
    assert ["interrupt", "interrupt", "approval", "interrupt"] == [question.kind for question in pending]

    null = "00000000-0000-0000-0000-000000000000"
    saver.put_writes(at, [("__resume__", {"i0": "here", "i1": "b"})], null)
    saver.put_writes(at, [("__resume__", [{"decisions": [{"type": "approve"}]}])], "task 2")
    put(saver, checkpoint({"x": 1}), at, source="input")

    ended = [(question.answer, question.status) for question in book.load("t").questions.values()]
    assert [
        ("here", "answered"),
        ("b", "answered"),
        ({"decisions": [{"type": "approve"}]}, "answered"),
        (None, "withdrawn"),
    ] == ended


def test_an_interrupt_that_is_raised_again_is_asked_once(saver: LedgerSaver, book: Ledger) -> None:
    """A step that runs again raises what is open already; after its answer it may ask the same anew."""
    from langgraph.types import Interrupt

    at = put(saver, checkpoint({"x": 0}), config())
    raised = [("__interrupt__", (Interrupt("Age?", "i"),))]
    saver.put_writes(at, raised, "task")
    saver.put_writes(at, raised, "task")

    saver.put_writes(at, [("__interrupt__", (Interrupt("Age?", "i"),)), ("__resume__", ["-1"])], "task")

    questions = book.load("t").questions.values()
    assert [("Age?", "answered", "-1"), ("Age?", "pending", None)] == [(q.text, q.status, q.answer) for q in questions]


def test_what_the_serializer_refuses_is_named(saver: LedgerSaver, book: Ledger) -> None:
    """With its place in the session, and nothing is stored."""
    for refused in (
        lambda: put(saver, checkpoint({"lock": print}), config()),
        lambda: saver.put_writes(config(checkpoint_id="c"), [("lock", print)], "task"),
    ):
        with pytest.raises(InvalidSession, match="lock"):
            refused()
    assert [] == book.ids()


class _Reversing(CipherProtocol):
    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "reversed", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        assert ciphername == "reversed"
        return ciphertext[::-1]


def test_a_serializer_that_encrypts_keeps_its_promise(book: Ledger) -> None:
    """Nothing that it was given stands anywhere in clear: no message, no value, no question."""
    from langgraph.types import Interrupt

    saver = LedgerSaver(book, EncryptedSerializer(_Reversing(), JsonPlusSerializer()))
    at = put(saver, checkpoint({"messages": [HumanMessage("secret", id="h")], "x": {"deep": "secret"}}), config())
    saver.put_writes(at, [("x", "secret"), ("__interrupt__", (Interrupt("secret", "i"),))], "task")
    saver.put_writes(at, [("__resume__", ["secret"])], "task")

    assert not any("secret" in line for line in book.export())
    assert ["interrupt i"] == [question.text for question in book.load("t").questions.values()]
    found = saver.get_tuple(config())
    assert found is not None
    assert "secret" == found.checkpoint["channel_values"]["messages"][0].content
    assert {"deep": "secret"} == found.checkpoint["channel_values"]["x"]


def test_a_serializer_with_other_rights_shares_the_ledger(saver: LedgerSaver) -> None:
    """A graph that allows its own classes gets a saver of its own over the same ledger."""
    strict = LedgerSaver(saver._opened.book, JsonPlusSerializer(allowed_msgpack_modules=None))
    clone = strict.with_allowlist([("tests.adapters.langgraph_samples", "Point")])

    put(clone, checkpoint({"messages": MESSAGES}), config())  # type: ignore[arg-type]  # as the framework types it

    assert clone is not strict
    found = saver.get_tuple(config())
    assert found is not None
    assert len(MESSAGES) == len(found.checkpoint["channel_values"]["messages"])


def test_what_is_removed_is_a_recorded_removal(saver: LedgerSaver, book: Ledger) -> None:
    """Messages that a graph trims are gone from its state, and every version that had them still has them."""
    said: list[AnyMessage] = [HumanMessage(str(number), id=str(number)) for number in range(6)]
    at = put(saver, checkpoint({"messages": said}), config())
    saver.put_writes(at, [("messages", [RemoveMessage("0"), AIMessage("new", id="n")])], "task")

    put(saver, checkpoint({"messages": [*said[4:], AIMessage("new", id="n")]}), at)

    assert ["4", "5", "new"] == [message.content for message in book.load("t").messages]
    assert 6 == len(book.load("t", at=1).messages)


def test_a_thread_that_began_in_another_saver_keeps_its_versions(saver: LedgerSaver) -> None:
    """Numbers follow numbers, and text of their own SQLite saver text that is greater."""
    assert 1 == saver.get_next_version(None, None)
    assert 8 == saver.get_next_version(7, None)
    text = "00000000000000000000000000000007.0.5"
    assert text < saver.get_next_version(text, None)


async def test_the_async_methods_block_no_event_loop(url: str) -> None:
    """While a checkpoint and what tasks wrote wait for their commits, other tasks go on."""
    async with ledger.open_async(url) as opened:
        saver = LedgerSaver(opened)
        made = checkpoint({"messages": MESSAGES})
        at = await saver.aput(config(), made, {"source": "loop"}, made["channel_versions"])
        later = checkpoint({"messages": [*MESSAGES, HumanMessage("more", id="more")]})
        with held_commits(Book(opened)) as hold:
            waiting = [
                asyncio.ensure_future(saver.aput(at, later, {"source": "loop"}, later["channel_versions"])),
                asyncio.ensure_future(saver.aput_writes(at, [("x", 1)], "task")),
            ]
            await asyncio.to_thread(hold.wait)
            for _ in range(10):
                await asyncio.sleep(0)
            assert not any(task.done() for task in waiting)
            hold.release()
            await asyncio.gather(*waiting)

        assert 2 == len([found async for found in saver.alist(config())])


async def test_cancelled_it_is_whole_or_absent(url: str) -> None:
    """And the next one finds out which."""
    async with LedgerSaver(url) as saver:
        made = checkpoint({"x": 1})
        at = await saver.aput(config(), made, {"source": "loop"}, made["channel_versions"])
        for number in range(8):
            later = checkpoint({"x": number})
            putting = asyncio.ensure_future(saver.aput(at, later, {"source": "loop"}, later["channel_versions"]))
            for _ in range(number):
                await asyncio.sleep(0)
            putting.cancel()
            await asyncio.wait([putting])
            at = await saver.aput(at, later, {"source": "loop"}, later["channel_versions"])
        listed = [found.checkpoint["channel_values"]["x"] async for found in saver.alist(config())]

    assert [*range(7, -1, -1), 1] == listed


def test_close_closes_what_was_opened_here_and_nothing_else(url: str, book: Ledger) -> None:
    """Closing twice is fine; a ledger that was handed over stays open."""
    with LedgerSaver(url) as saver:
        put(saver, checkpoint({"x": 1}), config())
    saver.close()
    with pytest.raises(RuntimeError, match="closed"):
        saver.get_tuple(config())

    with LedgerSaver(book) as given:
        assert given.get_tuple(config()) is not None
    assert 1 == len(book.sessions())


def test_who_saved_is_told(url: str) -> None:
    """`langgraph`, the writer of the ledger that was handed over, or who is named."""
    with ledger.open(url, writer="support-bot") as book:
        for saver in (LedgerSaver(url), LedgerSaver(book), LedgerSaver(book, writer="me")):
            put(saver, checkpoint({"x": 1}), config(), by=json.dumps(book.ids()))
            saver.close()

        writers = [event.writer for name in book.ids() for event in book.history(name)]
        assert ["langgraph", "support-bot", "me"] == writers
