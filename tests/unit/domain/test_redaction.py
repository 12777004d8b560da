"""What a path means is blanked in every kind of change, by something that decodes; everything else stays."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from ledger.domain.events import SCHEMA_VERSION, Change
from ledger.domain.parts import Message, Question
from ledger.domain.payload import content_digest, decode_payload
from ledger.domain.redaction import KEY_DIGEST, NO_SALT, Redacting, redacted_paths
from ledger.domain.redaction_paths import MESSAGE_FIELDS, QUESTION_FIELDS, parse_path
from ledger.errors import InvalidRedaction

HIDDEN = "4711-0815"
TIME = "2026-01-01T00:00:00Z"
MESSAGE: dict[str, Any] = {
    "id": "m1", "role": "user", "content": "hello", "created_at": TIME,
    "parts": [{"type": "text", "text": "part"}], "reasoning": "because", "tool_call_id": "call_0",
    "tool_calls": [{"id": "call_1", "name": "pay", "arguments": {"card": {"number": 1}}}], "tool_success": True,
    "metadata": {"from": "web", "ips": ["1", "2"]}, "native": {"format": "x", "data": {"text": "again"}},
}  # fmt: skip
QUESTION: dict[str, Any] = {
    "id": "call_1#0", "tool_call_id": "call_1", "text": "Which?", "header": "Card", "kind": "choice", "source": "agent",
    "options": ["yes", {"label": "no", "description": "stop"}], "reason": "none", "answer": {"card": "x"},
    "resolved_by": "Ada",
}  # fmt: skip


def payload(*changes: dict[str, Any], **more: Any) -> str:
    """Give a payload as it is stored."""
    return json.dumps({"changes": list(changes), **more}, ensure_ascii=False, separators=(",", ":"))


def redacted(change: dict[str, Any], path: str) -> dict[str, Any]:
    """Give a change without what a path means; it still decodes."""
    found = Redacting([path]).redact(payload(change), SCHEMA_VERSION)
    assert found is not None, "nothing was blanked"
    body, paths = found
    assert (path,) == paths == decode_payload(body).redacted
    told: dict[str, Any] = json.loads(body)["changes"][0]
    return told


def message(**fields: Any) -> dict[str, Any]:
    """Give the change that appends a message with every field."""
    return {"type": "message_appended", "message": {**MESSAGE, **fields}}


def asked(**fields: Any) -> dict[str, Any]:
    """Give the change that asks a question with every field."""
    return {"type": "question_asked", "question": {**QUESTION, **fields}}


CREATED = {"type": "session_created", "session_id": "s1", "created_at": TIME}
S = HIDDEN
HOLDING: list[tuple[str, dict[str, Any]]] = [
    ("/title", {"type": "title_changed", "title": S}),
    ("/title", {**CREATED, "title": S}),
    ("/model", {"type": "model_changed", "model": S}),
    ("/model", {**CREATED, "model": S}),
    ("/summary", {"type": "summary_changed", "summary": S}),
    ("/summary", {"type": "summary_changed", "summary": {"text": [S]}}),
    ("/summary/text", {"type": "summary_changed", "summary": {"text": [S]}}),
    ("/summary/*/0", {"type": "summary_changed", "summary": {"text": [S]}}),
    ("/summary", {**CREATED, "summary": {"deep": [S]}}),
    ("/parent_session_id", {"type": "parent_changed", "parent_session_id": S, "root_session_id": None}),
    ("/root_session_id", {"type": "parent_changed", "parent_session_id": None, "root_session_id": S}),
    ("/parent_session_id", {**CREATED, "parent_session_id": S}),
    ("/root_session_id", {**CREATED, "root_session_id": S}),
    ("/messages", message(content=S)),
    ("/messages/*", message(content=S)),
    ("/messages/m1", message(reasoning=S)),
    ("/messages/*/*", message(role=S)),
    ("/messages/*/content", message(content=S)),
    ("/messages/*/content", {"type": "message_revised", "message": {**MESSAGE, "content": S}}),
    ("/messages/m1/content", {"type": "message_inserted", "message": {**MESSAGE, "content": S}, "after": None}),
    ("/messages/*/role", message(role=S)),
    ("/messages/*/reasoning", message(reasoning=S)),
    ("/messages/*/tool_call_id", message(tool_call_id=S)),
    ("/messages/*/parts", message(parts=[{"text": S}])),
    ("/messages/*/parts/*/text", message(parts=[{"text": S}])),
    ("/messages/*/parts/0", message(parts=[S])),
    ("/messages/*/tool_calls", message(tool_calls=[{"id": "c", "name": S, "arguments": {"a": S}}])),
    ("/messages/*/tool_calls/0", message(tool_calls=[{"id": "c", "name": "n", "arguments": S}])),
    ("/messages/*/tool_calls/c/arguments", message(tool_calls=[{"id": "c", "name": "n", "arguments": [S]}])),
    ("/messages/*/tool_calls/*/arguments/a", message(tool_calls=[{"id": "c", "name": "n", "arguments": {"a": S}}])),
    ("/messages/*/metadata", message(metadata={"a": S})),
    ("/messages/*/metadata/a", message(metadata={"a": {"b": S}})),
    ("/messages/*/native", message(native={"format": S, "data": {}})),
    ("/messages/*/native/data", message(native={"format": "x", "data": S})),
    ("/messages/m1", {"type": "message_metadata_set", "message_id": "m1", "path": "/a", "value": S}),
    ("/messages/*/metadata/a", {"type": "message_metadata_set", "message_id": "m1", "path": "/a/b", "value": S}),
    ("/messages/*/metadata/a/b", {"type": "message_metadata_set", "message_id": "m1", "path": "/a", "value": {"b": S}}),
    ("/messages/*/metadata", {"type": "message_metadata_extended", "message_id": "m", "path": "/a", "values": [S]}),
    ("/messages/m~1/metadata/a", {"type": "message_metadata_set", "message_id": "m/", "path": "/a", "value": S}),
    ("/questions", asked(text=S)),
    ("/questions/*", asked(header=S)),
    ("/questions/call_1#0", asked(source=S)),
    ("/questions/*/text", asked(text=S)),
    ("/questions/*/header", asked(header=S)),
    ("/questions/*/kind", asked(kind=S)),
    ("/questions/*/source", asked(source=S)),
    ("/questions/*/options", asked(options=[S])),
    ("/questions/*/options/0", asked(options=[{"label": S, "description": S}])),
    ("/questions/*/options/*/description", asked(options=["yes", {"label": "no", "description": S}])),
    ("/questions/*/answer", asked(answer=[S])),
    ("/questions/*/answer", {"type": "question_answered", "question_id": "q", "answer": S}),
    ("/questions/*/answer/card", {"type": "question_answered", "question_id": "q", "answer": {"card": S}}),
    ("/questions/q", {"type": "question_answered", "question_id": "q", "answer": 1, "by": S}),
    ("/questions/*/resolved_by", {"type": "question_answered", "question_id": "q", "answer": 1, "by": S}),
    ("/questions/*/resolved_by", {"type": "question_expired", "question_id": "q", "by": S}),
    ("/questions/*/reason", {"type": "question_withdrawn", "question_id": "q", "reason": S}),
    ("/questions/*", {"type": "question_withdrawn", "question_id": "q", "reason": S, "by": S}),
    ("/questions/*/reason", {"type": "session_deleted", "reason": S}),
    ("/questions/q/reason", {"type": "session_deleted", "reason": S}),
    ("/metadata", {"type": "metadata_set", "path": "/a/b", "value": S}),
    ("/metadata/a", {"type": "metadata_set", "path": "/a/b", "value": {"c": S}}),
    ("/metadata/a/b", {"type": "metadata_set", "path": "/a", "value": {"b": [S]}}),
    ("/metadata/*/b", {"type": "metadata_set", "path": "/a", "value": {"b": S}}),
    ("/metadata/~1home~0", {"type": "metadata_set", "path": "/~1home~0", "value": S}),
    ("/metadata/a", {"type": "metadata_extended", "path": "/a", "values": ["x", S]}),
    ("/metadata/a/0", {"type": "metadata_extended", "path": "/a", "values": ["x", S]}),
    ("/metadata/a/*/b", {"type": "metadata_extended", "path": "/a", "values": [{"b": S}]}),
    ("/state/token", {"type": "state_set", "path": "/token", "value": S}),
    ("/state", {"type": "state_extended", "path": "/a", "values": [{"b": S}]}),
    *(
        (path, {"type": "change_overruled", "side": "head", "writer": "w", "version": 2, "path": place, "value": value})
        for path, place, value in [
            ("/title", "/title", S),
            ("/model", "/model", S),
            ("/summary/a", "/summary", {"a": S}),
            ("/metadata/a", "/metadata/a/b", S),
            ("/metadata/a/b", "/metadata/a", {"b": S}),
            ("/metadata/a/7", "/metadata/a", ["x", S]),
            ("/state", "/state/a", [S]),
            ("/messages/*/content", "/messages/m1", {**MESSAGE, "content": S}),
            ("/messages/m1", "/messages/m1", {**MESSAGE, "native": {"a": S}}),
            ("/messages/*/metadata/a", "/messages/m1/metadata/a", S),
            ("/questions/*/text", "/questions/q", {**QUESTION, "text": S}),
            ("/questions/*/answer", "/questions/q", {"status": "answered", "answer": S, "by": None}),
            ("/questions/*/resolved_by", "/questions/q", {"status": "answered", "answer": 1, "by": S}),
            ("/questions/*/reason", "/questions/q", {"status": "withdrawn", "reason": S, "by": None}),
            ("/parent_session_id", "/parent_session_id", {"parent_session_id": S, "root_session_id": None}),
            ("/root_session_id", "/parent_session_id", {"parent_session_id": "p", "root_session_id": S}),
        ]
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "change"),
    HOLDING,
    ids=[f"{number} {path} {change['type']}" for number, (path, change) in enumerate(HOLDING)],
)
def test_what_a_path_means_is_gone(path: str, change: dict[str, Any]) -> None:
    """From every kind of change, at any depth, and what is left is a change that decodes."""
    assert HIDDEN in json.dumps(change)
    assert HIDDEN not in json.dumps(redacted(change, path))


@pytest.mark.parametrize("kind", sorted({change["type"] for _, change in HOLDING}))
def test_what_no_path_means_stays_to_the_byte(kind: str) -> None:
    """Another field, another message, another key: nothing is blanked, so the payload is the one that was hashed."""
    others = ("/pinned", "/messages/other", "/questions/other/text", "/metadata/other", "/state/other")
    for _, change in HOLDING:
        if change["type"] == kind:
            assert Redacting(others).redact(payload(change), SCHEMA_VERSION) is None


def test_every_change_that_holds_a_value_is_in_the_table() -> None:
    """A change that is new has to say what of it can be blanked."""
    without_values = {
        "session_forked", "message_removed", "messages_reordered", "metadata_removed", "state_removed",
        "message_metadata_removed", "question_superseded", "question_omitted", "question_lost", "question_recovered",
        "pinned_changed",
    }  # fmt: skip
    kinds = {kind.model_fields["type"].default for kind in get_args(get_args(Change)[0])}

    assert kinds == without_values | {change["type"] for _, change in HOLDING}


def test_every_field_of_a_message_and_a_question_can_be_blanked_or_holds_the_history_together() -> None:
    """A field that is new has to say which of the two."""
    assert set(Message.model_fields) == {*MESSAGE_FIELDS, "id", "created_at"}
    assert set(Question.model_fields) == {
        *QUESTION_FIELDS, "id", "tool_call_id", "index", "status", "supersedes", "allow_custom", "multiple",
    }  # fmt: skip


def test_each_kind_of_value_has_its_blank() -> None:
    """Text is marked, anything else is null or what its field takes."""
    assert {
        "id": "m1", "role": "user", "content": "[redacted]", "created_at": TIME, "parts": [], "reasoning": "[redacted]",
        "tool_call_id": "call_0", "tool_calls": [{"id": "call_1", "name": "[redacted]", "arguments": None}],
        "tool_success": None, "metadata": {}, "native": None,
    } == redacted(message(), "/messages/*")["message"]  # fmt: skip
    assert {
        **QUESTION, "text": "[redacted]", "header": "[redacted]", "source": "[redacted]", "options": [],
        "reason": "[redacted]", "answer": None, "resolved_by": "[redacted]",
    } == redacted(asked(), "/questions/*")["question"]  # fmt: skip
    assert {"type": "metadata_set", "path": "/a", "value": None} == redacted(
        {"type": "metadata_set", "path": "/a", "value": {"b": 1}}, "/metadata/a"
    )
    assert ["[redacted]", None] == redacted(
        {"type": "state_extended", "path": "/a", "values": ["b", 1]}, "/state"
    )["values"]  # fmt: skip
    assert redacted({"type": "pinned_changed", "pinned": True}, "/pinned")["pinned"] is False
    overruled = {"type": "change_overruled", "side": "head", "writer": "w", "version": 2, "path": "/state/a"}
    # Null would say that the change had been a removal.
    assert "[redacted]" == redacted({**overruled, "value": [1]}, "/state")["value"]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("", "no JSON Pointer"),
        ("/", "no JSON Pointer"),
        ("title", "no JSON Pointer"),
        ("/id", "none of what can be blanked"),
        ("/version", "none of what can be blanked"),
        ("/nothing", "none of what can be blanked"),
        ("/*", "none of what can be blanked"),
        ("/title/x", "nothing inside title"),
        ("/messages/*/id", "of each of the messages this can be blanked"),
        ("/messages/*/created_at", "of each of the messages this can be blanked"),
        ("/messages/*/content/x", "nothing inside content"),
        ("/questions/*/status", "of each of the questions this can be blanked"),
        ("/questions/*/tool_call_id", "of each of the questions this can be blanked"),
        ("/questions/*/text/x", "nothing inside text"),
    ],
)
def test_what_cannot_be_blanked_is_refused(path: str, what: str) -> None:
    """A mistyped path would leave what it was to blank in the file."""
    with pytest.raises(InvalidRedaction, match=what):
        parse_path(path)


def test_it_counts_what_it_found() -> None:
    """By path, in how many payloads; a path that met nothing is known by its zero."""
    redacting = Redacting(["/title", "/model", "/metadata/a"])
    for change in ({"type": "title_changed", "title": "a"}, {"type": "title_changed", "title": None}, {**CREATED}):
        redacting.redact(payload(change), SCHEMA_VERSION)
    redacting.redact(payload({**CREATED, "title": "b", "model": "m"}), SCHEMA_VERSION)

    assert {"/title": 2, "/model": 1, "/metadata/a": 0} == redacting.found


def test_a_text_that_still_stands_elsewhere_is_noted() -> None:
    """A framework's own copy of a message is another path; a short text may be there by chance."""
    redacting = Redacting(["/messages/*/content", "/title"])
    redacting.redact(payload(message(content=HIDDEN, native={"data": HIDDEN})), SCHEMA_VERSION)
    redacting.redact(payload({**CREATED, "title": "yes"}, message(content="none", reasoning="yes")), SCHEMA_VERSION)

    assert {"/messages/*/content"} == redacting.left


def test_a_digest_that_could_be_guessed_from_goes() -> None:
    """That of a payload which lost something, and one of content that the payload does not show."""
    title = {"type": "title_changed", "title": "Deployment"}
    shown = content_digest("save", decode_payload(payload(title)).changes)
    hidden = content_digest("save", decode_payload(payload(title, {"type": "model_changed", "model": "m"})).changes)
    more = {"key": "k", "key_digest": shown}

    kept = Redacting(["/model"]).redact(payload(title, **more), SCHEMA_VERSION)
    lost = Redacting(["/title"]).redact(payload(title, **more), SCHEMA_VERSION)
    unclear = Redacting(["/model"]).redact(payload(title, **(more | {"key_digest": hidden})), SCHEMA_VERSION)

    assert kept is None
    assert lost is not None
    assert unclear is not None
    assert (("/title", KEY_DIGEST), (KEY_DIGEST,)) == (lost[1], unclear[1])
    for body, _ in (lost, unclear):
        assert "key_digest" not in json.loads(body)
        assert ("k", None) == ((told := decode_payload(body)).key, told.key_digest)


def test_what_was_blanked_before_is_still_told() -> None:
    """Of a payload that came redacted, the paths are all that ever were."""
    once = Redacting(["/title"]).redact(payload({**CREATED, "title": "a", "model": "m"}), SCHEMA_VERSION)
    assert once is not None
    twice = Redacting(["/model", "/title"]).redact(once[0], SCHEMA_VERSION)
    assert twice is not None

    assert ("/model", "/title") == twice[1] == redacted_paths(twice[0], NO_SALT)


@pytest.mark.parametrize("body", ["", "[]", "{}", "null", '{"redacted":"/a"}', '{"redacted":[1]}', '{"redacted":[]}'])
def test_what_does_not_say_so_was_not_redacted(body: str) -> None:
    """Whatever stands there; and what has its salt was not either."""
    assert () == redacted_paths(body, NO_SALT)
    assert () == redacted_paths('{"redacted":["/title"]}', b"\1" * 32)
