"""The text that an event stores: every change comes back, and what a newer release wrote is never skipped."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest

from ledger.domain import events as e
from ledger.domain import payload as payload_module
from ledger.domain.diff import diff
from ledger.domain.events import Change, Event
from ledger.domain.part_json import iso
from ledger.domain.parts import Message, Option, Question, ToolCall
from ledger.domain.payload import content_digest, decode_payload, encode_payload
from ledger.domain.session import Session, tracking_of
from ledger.domain.values import MAX_DEPTH
from ledger.errors import UnknownChange
from tests.unit.domain.meeting import START, Edit, put, said

NOW = datetime(2026, 1, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))
JSON: Any = {"a/b": [1, 1.0, True, None, "ä\0\u2028", {"": []}], "n": -0.0, "big": 10**30}

MESSAGE = Message.assistant(
    "text",
    id="m1",
    parts=[JSON],
    reasoning="why",
    tool_calls=[ToolCall(id="c", name="f", arguments=JSON), ToolCall(id="d", name="g", arguments="not an object")],
    tool_call_id="t",
    tool_success=False,
    created_at=NOW,
    metadata=JSON,
    native={"format": "x", "data": JSON},
)
QUESTION = Question(
    id="c#3",
    tool_call_id="c",
    index=3,
    kind="approval",
    header="h",
    text="Which?",
    options=[Option(label="a"), Option(label="b", description="d")],
    allow_custom=False,
    multiple=True,
    source="hook",
    supersedes="c#0",
)
CHANGES: list[Change] = [
    e.SessionCreated(session_id="s", title="t", pinned=True, model="m", summary=JSON, created_at=NOW),
    e.SessionForked(session_id="s", from_session_id="p", from_version=3, from_digest="ab" * 32, created_at=NOW),
    e.SessionWasDeleted(reason="r"),
    e.TitleChanged(title=None),
    e.PinnedChanged(pinned=False),
    e.ModelChanged(model=""),
    e.SummaryChanged(summary=JSON),
    e.ParentChanged(parent_session_id="p", root_session_id=None),
    e.MessageAppended(message=MESSAGE),
    e.MessageInserted(message=said("bare"), after=None),
    e.MessageRevised(message=MESSAGE),
    e.MessageRemoved(message_id="m"),
    e.MessagesReordered(order=["b", "a"]),
    e.MetadataSet(path="/a", value=JSON, authoritative=True),
    e.MetadataRemoved(path="/a"),
    e.MetadataExtended(path="/a", values=[JSON, 1]),
    e.StateSet(path="/a", value=None),
    e.StateRemoved(path="/a~1b"),
    e.StateExtended(path="/a", values=[False]),
    e.MessageMetadataSet(message_id="m", path="/a", value=0),
    e.MessageMetadataRemoved(message_id="m", path="/a"),
    e.MessageMetadataExtended(message_id="m", path="/a", values=[[]]),
    e.QuestionAsked(question=QUESTION),
    e.QuestionAnswered(question_id="q", answer=JSON, by="ann"),
    e.QuestionWithdrawn(question_id="q", reason=None, by=None),
    e.QuestionSuperseded(question_id="q", superseded_by="r"),
    e.QuestionExpired(question_id="q", by="timer"),
    e.QuestionOmitted(question_id="q"),
    e.QuestionLost(question_id="q"),
    e.QuestionRecovered(question_id="q"),
    e.ChangeOverruled(side="head", writer="w", version=3, path="/title", value=JSON),
]


def test_the_list_of_changes_is_whole() -> None:
    """Whoever adds a change adds it to these tests."""
    union = get_args(get_args(Change)[0])

    assert [kind.__name__ for kind in union] == [type(change).__name__ for change in CHANGES]
    assert {kind.__name__ for kind in union} <= set(e.__all__)


def test_agreements_come_back_and_are_no_changes() -> None:
    """They stand beside the changes, and take no byte where there are none."""
    agreed = (e.Agreement(path="/title"), e.Agreement(path="/messages", but=["m1"]))

    encoded = encode_payload([], agreed=agreed)

    assert b'{"changes":[],"agreed":[{"path":"/title"},{"path":"/messages","but":["m1"]}]}' == encoded
    assert ((), agreed) == (decode_payload(encoded).changes, decode_payload(encoded).agreed)
    assert b'{"changes":[]}' == encode_payload([])


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.type)
def test_every_change_comes_back(change: Change) -> None:
    """Encoded and decoded it is equal, typed, and encodes to the same bytes again."""
    encoded = encode_payload([change])

    decoded = decode_payload(encoded)

    assert (change,) == decoded.changes
    assert encoded == encode_payload(decoded.changes)
    assert change.type == json.loads(encoded)["changes"][0]["type"]


def test_the_rest_of_a_payload_comes_back() -> None:
    """Key, its digest, the original time and the base's leaf; what is absent takes no room."""
    encoded = encode_payload([], key="k", key_digest="d", occurred_at=NOW, base="ab")
    decoded = decode_payload(encoded)

    assert ("k", "d", NOW, "ab", ()) == (
        decoded.key,
        decoded.key_digest,
        decoded.occurred_at,
        decoded.base,
        decoded.changes,
    )
    assert b'{"changes":[]}' == encode_payload([])


def test_defaults_take_no_room() -> None:
    """A payload says what is not plain from its type: most of a message is default."""
    encoded = encode_payload([e.MessageAppended(message=said("x", "hello"))])

    assert {
        "changes": [
            {
                "type": "message_appended",
                "message": {"id": "x", "role": "user", "content": "hello", "created_at": iso(START)},
            }
        ]
    } == json.loads(encoded)


def test_text_is_stored_as_it_is() -> None:
    """UTF-8, readable in the database; only what JSON must escape is escaped."""
    encoded = encode_payload([e.TitleChanged(title="grün 🌱\0")])

    assert "grün 🌱\\u0000".encode() in encoded


def test_times_are_utc_to_the_microsecond() -> None:
    """Whatever zone they came in."""
    assert "2026-01-01T10:00:00.000005Z" == iso(NOW)
    assert "2026-01-01T00:00:00Z" == iso(datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("value", [0, False, "", [], {}, None, 0.0, [None], {"a": None}], ids=repr)
def test_empty_values_keep_their_type(value: Any) -> None:
    """What looks like nothing is still what it is."""
    changes: list[Change] = [
        e.StateSet(path="/a", value=value),
        e.QuestionAnswered(question_id="q", answer=value),
        e.MessageAppended(
            message=said("x", tool_calls=[ToolCall(id="c", name="f", arguments=value)], metadata={"v": value})
        ),
    ]

    assert tuple(changes) == decode_payload(encode_payload(changes)).changes


def test_what_may_be_saved_can_be_read() -> None:
    """The deepest JSON that passes the check stands, inside its event, within what the parser reads."""
    value: Any = "deep"
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    session = Session.new("s", model="m")
    session.state["deep"] = value
    session.metadata["number"] = 2**14_000 - 1
    session.add_message(
        Message.assistant(tool_calls=[ToolCall(id="c", name="f", arguments=[value])], native={"data": value})
    )
    session.ask("c", "Which?")
    session.answer("c", [value])
    base = tracking_of(session).base
    assert base is not None
    changes = diff(base, session)

    assert tuple(changes) == decode_payload(encode_payload(changes)).changes


def test_the_digest_of_a_key_stays_what_it_was() -> None:
    """A retry is told from other content by it, in ledgers of every release: a known answer, small floats and all."""
    small = e.StateSet(path="/a", value=[1e-07, 1e16, -0.0])

    assert "0273c1e2c94390592360d29ff0cd8a29b8c45cdab616a1d31220f477e2025945" == content_digest("save", CHANGES)
    assert "4e3be5078229939c39179156e8a9fad01b35d968d5aa29d86cc16ec2cb18ed93" == content_digest("save", [small])


def test_an_unknown_change_is_named() -> None:
    """A newer release wrote it: skipping it would give a state that never was."""
    body = b'{"changes":[{"type":"title_changed","title":"x"},{"type":"mood_changed","mood":"glad"}]}'

    with pytest.raises(UnknownChange, match=r"mood_changed.*upgrade") as caught:
        decode_payload(body)

    assert "mood_changed" == caught.value.change


def test_an_unknown_schema_is_named() -> None:
    """A payload of a newer schema may mean something else by the same words."""
    with pytest.raises(UnknownChange, match="schema 2"):
        decode_payload(b'{"changes":[]}', schema_version=2)


@pytest.mark.parametrize(
    ("body", "schema_version"),
    [
        (b"", 1),
        (b"not json", 1),
        (b'{"changes":[]', 1),
        (b"[]", 1),
        (b"{}", 1),
        (b'{"changes":[{}]}', 1),
        (b'{"changes":[{"type":"title_changed"}]}', 1),
        (b'{"changes":[{"type":"title_changed","title":5}]}', 1),
        (b'{"changes":[{"type":"title_changed","title":"x","more":1}]}', 1),
        (b'{"changes":[],"more":1}', 1),
        (b'{"changes":[]}\xff', 1),
        (b'{"changes":[]}', 0),
        (b'{"changes":[]}', -1),
    ],
)
def test_a_damaged_payload_is_a_value_error(body: bytes, schema_version: int) -> None:
    """The reader of the log says which version it is; the payload only that it does not parse."""
    with pytest.raises(ValueError, match=r".") as caught:
        decode_payload(body, schema_version)

    assert not isinstance(caught.value, UnknownChange)


def test_an_older_payload_is_upcast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step, from the schema that it was written in to this release's."""

    def first_to_second(document: dict[str, Any]) -> dict[str, Any]:
        document["changes"] = [{**change, "type": "title_changed"} for change in document.pop("facts")]
        return document

    def second_to_third(document: dict[str, Any]) -> dict[str, Any]:
        for change in document["changes"]:
            change["title"] = change.pop("name")
        return document

    monkeypatch.setattr(payload_module, "SCHEMA_VERSION", 3)
    monkeypatch.setitem(e.UPCASTERS, 1, first_to_second)
    monkeypatch.setitem(e.UPCASTERS, 2, second_to_third)

    assert (e.TitleChanged(title="old"),) == decode_payload(b'{"facts":[{"name":"old"}]}', 1).changes
    assert (e.TitleChanged(title="old"),) == decode_payload(
        b'{"changes":[{"type":"title_changed","name":"old"}]}', 2
    ).changes
    assert (e.TitleChanged(title="new"),) == decode_payload(encode_payload([e.TitleChanged(title="new")]), 3).changes


def test_there_is_an_upcaster_for_every_older_schema() -> None:
    """Every event ever written can be applied by every later release."""
    assert set(range(1, e.SCHEMA_VERSION)) == set(e.UPCASTERS)


def digest(edit: Edit, call: str = "save") -> str:
    """Give the digest of what someone submits who begins a session and does `edit`."""
    session = Session.new("s", model="m")
    edit(session)
    tracking = tracking_of(session)
    assert tracking.base is not None
    return content_digest(call, diff(tracking.base, session), frozenset(tracking.defaulted))


def test_a_retry_that_stamps_anew_has_the_same_digest() -> None:
    """Ids and times of new messages are a constructor's, not content."""

    def edit(session: Session) -> None:
        session.add_message(Message.user("a"))
        session.add_message(Message.user("b"))
        session.messages.insert(0, Message.system("c"))
        session.state["a"] = 1

    assert digest(edit) == digest(edit)
    assert 64 == len(digest(edit))


def test_a_retry_whose_question_lands_elsewhere_has_the_same_digest() -> None:
    """A defaulted index is no content, wherever it is named: in the question, its answer, and what supersedes it."""

    def retry(first: int, second: int) -> str:
        old = Question(id=f"c#{first}", tool_call_id="c", index=first, text="Which?")
        new = Question(id=f"c#{second}", tool_call_id="c", index=second, text="Better?", supersedes=old.id)
        changes: list[Change] = [
            e.QuestionAsked(question=old),
            e.QuestionAsked(question=new),
            e.QuestionSuperseded(question_id=old.id, superseded_by=new.id),
            e.QuestionAnswered(question_id=new.id, answer="yes"),
        ]
        return content_digest("save", changes, frozenset({old.id, new.id}))

    assert retry(0, 1) == retry(2, 5)


def test_a_chosen_index_is_content() -> None:
    """Who names the index means that question."""
    assert digest(lambda s: s.ask("c", "Which?", index=0)) != digest(lambda s: s.ask("c", "Which?", index=1))


@pytest.mark.parametrize(
    "other",
    [
        lambda s: s.add_message(Message.user("b")),
        lambda s: s.add_message(Message.assistant("a")),
        lambda s: [s.add_message(Message.user("a")), s.add_message(Message.user("a"))],
        lambda s: s.state.update(a=1),
        put(),
    ],
    ids=["text", "role", "twice", "state", "nothing"],
)
def test_other_content_has_another_digest(other: Edit) -> None:
    """What was said is content."""
    assert digest(lambda session: session.add_message(Message.user("a"))) != digest(other)


def test_another_verb_has_another_digest() -> None:
    """A key stands for one call: an `append` is not taken for a `save`."""

    def edit(session: Session) -> None:
        session.add_message(Message.user("a"))

    assert digest(edit) != digest(edit, call="append")


def test_types_count() -> None:
    """`1` and `1.0` are other content."""
    assert digest(lambda s: s.state.update(a=1)) != digest(lambda s: s.state.update(a=1.0))


def test_an_event_says_whether_its_writer_was_stale() -> None:
    """Stale is who had not seen the save right before its own."""

    def event(version: int, base_version: int) -> Event:
        return Event(
            session_id="s",
            version=version,
            base_version=base_version,
            event_id="0",
            recorded_at=START,
            writer="w",
        )

    assert [False, True, False, True] == [event(*pair).is_stale for pair in ((1, 0), (2, 0), (5, 4), (5, 3))]
