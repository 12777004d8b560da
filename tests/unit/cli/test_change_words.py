from typing import get_args

import pytest

from ledger import Message, Question, ToolCall
from ledger.cli.change_words import agreed_in_words, in_words, said, summed_up, value_text
from ledger.domain import events as e
from ledger.domain.parts import Part

ASKED = Question(id="c#0", tool_call_id="c", text="Which?")
HI = Message.user("Hi", id="m1")

WORDS: list[tuple[Part, str]] = [
    (e.SessionCreated(session_id="s", created_at=HI.created_at), "created the session"),
    (
        e.SessionCreated(session_id="s", created_at=HI.created_at, title="T", model="m", parent_session_id="p"),
        'created the session, titled "T", model m, under p',
    ),
    (
        e.SessionForked(
            session_id="s2", from_session_id="s", from_version=3, from_digest="ab" * 32, created_at=HI.created_at
        ),
        "forked from s@3",
    ),
    (e.SessionWasDeleted(reason="done"), "deleted the session: done"),
    (e.SessionWasDeleted(), "deleted the session"),
    (e.TitleChanged(title="T"), 'titled "T"'),
    (e.TitleChanged(title=None), "removed the title"),
    (e.PinnedChanged(pinned=True), "pinned"),
    (e.PinnedChanged(pinned=False), "unpinned"),
    (e.ModelChanged(model="m2"), "changed the model to m2"),
    (e.SummaryChanged(summary="short"), "summarised: short"),
    (e.SummaryChanged(summary=None), "removed the summary"),
    (e.ParentChanged(parent_session_id="p", root_session_id="p"), "moved under p"),
    (e.ParentChanged(parent_session_id=None, root_session_id=None), "moved to the top"),
    (e.MessageAppended(message=HI), "user: Hi"),
    (e.MessageInserted(message=HI, after="m0"), "inserted after m0: user: Hi"),
    (e.MessageInserted(message=HI, after=None), "inserted at the start: user: Hi"),
    (e.MessageRevised(message=HI), "revised m1: user: Hi"),
    (e.MessageRemoved(message_id="m1"), "removed message m1"),
    (e.MessagesReordered(order=["m2", "m1"]), "reordered 2 messages"),
    (e.MetadataSet(path="/a", value={"b": 1}), 'metadata/a = {"b": 1}'),
    (e.MetadataRemoved(path="/a"), "removed metadata/a"),
    (e.MetadataExtended(path="/a", values=[1, "x"]), 'metadata/a += [1, "x"]'),
    (e.StateSet(path="/a", value="x"), "state/a = x"),
    (e.StateRemoved(path="/a"), "removed state/a"),
    (e.StateExtended(path="/a", values=[1]), "state/a += [1]"),
    (e.MessageMetadataSet(message_id="m1", path="/a", value=None), "metadata of message m1/a = null"),
    (e.MessageMetadataRemoved(message_id="m1", path="/a"), "removed metadata of message m1/a"),
    (e.MessageMetadataExtended(message_id="m1", path="/a", values=[1]), "metadata of message m1/a += [1]"),
    (e.QuestionAsked(question=ASKED), "asked c#0: Which?"),
    (e.QuestionAnswered(question_id="c#0", answer="this", by="Ada"), "answered c#0 (by Ada): this"),
    (e.QuestionAnswered(question_id="c#0", answer=["a"]), 'answered c#0: ["a"]'),
    (e.QuestionWithdrawn(question_id="c#0", reason="moot"), "withdrew c#0: moot"),
    (e.QuestionWithdrawn(question_id="c#0"), "withdrew c#0: no reason given"),
    (e.QuestionSuperseded(question_id="c#0", superseded_by="c#1"), "replaced c#0 by c#1"),
    (e.QuestionExpired(question_id="c#0", by="timer"), "let c#0 expire (by timer)"),
    (e.QuestionOmitted(question_id="c#0"), "left out c#0 without a reason: it stays pending"),
    (e.QuestionLost(question_id="c#0"), "lost c#0"),
    (e.QuestionRecovered(question_id="c#0"), "found c#0 again: it is pending"),
    (
        e.ChangeOverruled(side="writer", writer="job", version=4, path="/title", value="T"),
        "overruled in this save: /title = T",
    ),
    (
        e.ChangeOverruled(side="head", writer="ui", version=3, path="/title", value=None),
        "overruled from version 3 of ui: /title = null",
    ),
]


@pytest.mark.parametrize(("change", "expected"), WORDS)
def test_a_change_is_told_in_a_few_words(change: e.Change, expected: str) -> None:
    """Somebody who does not know the types understands what happened."""
    assert expected == in_words(change)


def test_every_type_of_change_has_words() -> None:
    """A change that a later release adds has to be told, too."""
    union, *_ = get_args(e.Change)

    assert set(get_args(union)) == {type(change) for change, _ in WORDS}


def test_a_save_without_changes_is_told_as_one() -> None:
    """That someone saved, and from where, is evidence; the log says that nothing changed."""
    assert ["changed nothing"] == summed_up([])


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (Message.assistant("On it", tool_calls=[ToolCall(id="1", name="run")]), "assistant: On it; calls run"),
        (
            Message.assistant(tool_calls=[ToolCall(id="1", name="a"), ToolCall(id="2", name="b")]),
            "assistant: calls a, b",
        ),
        (Message.user(parts=[{"type": "image"}, 3]), "user: (image, part)"),
        (Message.assistant(reasoning="hm"), "assistant: (thinks)"),
        (Message.system(), "system: (nothing)"),
    ],
)
def test_a_message_is_told_by_what_it_says_or_does(message: Message, expected: str) -> None:
    """A message without text still says what it is there for."""
    assert expected == said(message)


def test_text_is_told_without_quotes_and_json_as_json() -> None:
    """An answer reads as it was given."""
    assert ("staging", "null", "1.0", '"' not in value_text("x")) == (
        value_text("staging"), value_text(None), value_text(1.0), True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("agreement", "where"),
    [
        (e.Agreement(path="/title"), "/title"),
        (e.Agreement(path="/messages", but=["m1"]), "every message but 1"),
        (e.Agreement(path="/messages", but=[]), "every message"),
    ],
)
def test_an_agreement_is_told_by_what_it_covers(agreement: e.Agreement, where: str) -> None:
    """One fact by its place, a whole list of messages by what is missing in it."""
    assert f"agreed with the newest version at {where}" == agreed_in_words(agreement)
