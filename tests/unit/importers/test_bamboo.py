from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.importers.bamboo import Copy, copy_steps, is_outdated, read_copy
from ledger.importers.records import UnreadableRecord
from ledger.importers.steps import Answered, CopyTaken, Said, Withdrawn
from tests.unit.importers.samples import BAMBOO_PENDING, Record, bamboo, bamboo_message, problems, steps

USER = bamboo_message("m1", 1, "user", "Deploy it")
CALL = bamboo_message(
    "m2",
    2,
    "assistant",
    "",
    tool_calls=[{"id": "call_1", "type": "function", "function": {"name": "ask", "arguments": "{}"}}],
)
ANSWER = bamboo_message("m3", 9, "tool", "Selected response: staging", tool_call_id="call_1", tool_success=True)


def read(document: Any) -> Copy:
    """Give what the reader says of a document."""
    return read_copy("session.json", document)


def test_messages_and_the_copy_are_steps() -> None:
    """Each message is a step at its own time; the copy as a whole is one at the time when it was written."""
    found = steps(list(copy_steps(read(bamboo(3, USER, CALL, pending=BAMBOO_PENDING)))))

    assert ["import:m1", "import:m2"] == [step.key for step in found[:2]]
    assert found[2].key.startswith("import:copy:2026-03-01T08:00:03.000000Z:")
    assert [("user", "user"), ("bamboo", "runtime"), ("bamboo", "runtime")] == [
        (step.writer, step.authority) for step in found
    ]
    assert [1, 2, 3] == [step.occurred_at.second for step in found if step.occurred_at]


def test_a_copy_says_what_the_session_is() -> None:
    """Title, pin, model, summary, metadata and family are the ledger's own; the rest is kept aside."""
    copy = read(
        bamboo(
            3,
            title="Deployment",
            pinned=True,
            metadata={"team": "ops"},
            conversation_summary={"content": "So far"},
            parent_session_id="bam-0",
            root_session_id="bam-0",
        )
    )

    assert ("Deployment", True, "gpt-5") == (copy.taken.title, copy.taken.pinned, copy.taken.model)
    assert {"source": "bamboo", "team": "ops"} == copy.taken.metadata
    assert {"content": "So far"} == copy.taken.summary
    assert ("bam-0", "bam-0") == (copy.opening.parent_session_id, copy.opening.root_session_id)
    assert {"kind": "root", "spawn_depth": 0, "title_version": 0, "metadata_version": 0} == copy.taken.details


def test_a_root_has_no_parent() -> None:
    """Bamboo calls a session that nobody spawned its own root."""
    assert (None, None) == (read(bamboo(3)).opening.parent_session_id, read(bamboo(3)).opening.root_session_id)


def test_the_pending_question_is_read() -> None:
    """It has the fields of every question; the tool that asked is its kind."""
    question = read(bamboo(3, pending=BAMBOO_PENDING)).taken.pending

    assert question is not None
    assert ("call_1#0", "Which environment?") == (question.id, question.text)
    assert ["staging", "prod"] == [option.label for option in question.options]
    assert ("conclusion_with_options", "pause_tool", True) == (question.kind, question.source, question.allow_custom)


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"content": "Selected response: staging"}, Answered("call_1", "user", answer="staging")),
        ({"content": "User selected: staging"}, Answered("call_1", "user", answer="staging")),
        ({"content": "Auto-selected response (gold): prod"}, Answered("call_1", "gold", answer="prod")),
        ({"content": "staging, please"}, Answered("call_1", "user", answer="staging, please")),
        ({"content": "cancelled", "tool_success": False}, Withdrawn("call_1", "cancelled", None)),
    ],
)
def test_the_tool_message_of_a_call_is_its_answer(fields: Record, outcome: Answered | Withdrawn) -> None:
    """Bamboo writes the answer into the call's tool message, with words of its own in front."""
    copy = read(bamboo(9, USER, CALL, ANSWER | fields))
    (step,) = [step for step in steps(list(copy_steps(copy))) if step.key == "import:m3"]

    assert [outcome] == [it for it in step.happenings if not isinstance(it, Said)]
    assert ("user" if outcome.by == "user" else "bamboo") == step.writer


def test_a_tool_message_answers_nothing_while_the_copy_waits() -> None:
    """A tool message that merely keeps the place of an answer is none."""
    waiting = ANSWER | {"content": '{"status": "awaiting"}'}
    copy = read(bamboo(9, USER, CALL, waiting, pending=BAMBOO_PENDING))

    assert [] == [
        it for step in steps(list(copy_steps(copy))) for it in step.happenings if isinstance(it, Answered | Withdrawn)
    ]


def test_an_older_copy_is_told() -> None:
    """A ledger records in order: the copy of yesterday cannot follow the copy of today."""
    old, same, new = (read(bamboo(second)) for second in (3, 5, 9))

    assert is_outdated(old, {same.key: 2, "import:m1": 1})
    assert not is_outdated(new, {same.key: 2})
    assert not is_outdated(same, {same.key: 2})
    assert not is_outdated(old, {"import:m1": 1})
    assert not is_outdated(old, {old.key: 1, new.key: 2}), "it was taken before, in its turn"


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ([], "the document is a list, not an object"),
        (bamboo(3) | {"id": ""}, "id is empty"),
        (bamboo(3) | {"updated_at": None}, "updated_at is missing"),
        (bamboo(3) | {"updated_at": 17}, "updated_at is a number, not text"),
        (bamboo(3) | {"messages": {}}, "messages is an object, not a list"),
        (bamboo(3) | {"pinned": "yes"}, "pinned is text, not true or false"),
        (bamboo(3) | {"pending_question": "Where?"}, "pending_question is text, not an object"),
        (
            bamboo(3, pending=BAMBOO_PENDING | {"options": "prod"}),
            "the options of pending_question are no list of texts",
        ),
    ],
)
def test_a_document_that_is_no_copy_is_refused(document: Any, what: str) -> None:
    """The sentence names the field."""
    with pytest.raises(UnreadableRecord) as refused:
        read(document)

    assert what == refused.value.what


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (7, "it is a number, not an object"),
        (USER | {"id": "m9", "role": "clerk"}, "its role is 'clerk', not one of system, user, assistant, tool"),
        (USER | {"id": "m1"}, "its id 'm1' appears twice"),
        (USER | {"id": "m9", "content": 7}, "content is a number, not text"),
        (USER | {"id": "m9", "created_at": "soon"}, "created_at is 'soon', not an ISO 8601 time"),
        (USER | {"id": "m9", "tool_success": 1}, "tool_success is a number, not true or false"),
        (USER | {"id": "m9", "content_parts": {}}, "content_parts is an object, not a list"),
    ],
)
def test_a_bad_message_costs_itself_alone(message: Any, what: str) -> None:
    """The rest of the copy comes in."""
    found = list(copy_steps(read(bamboo(3, USER, message))))

    assert [f"session.json: message 2: {what}; mend it and import again: only what is missing is added"] == problems(
        found
    )
    assert 2 == len(steps(found))


def test_a_message_keeps_what_only_bamboo_knows() -> None:
    """Phase, compression and the like stay with the message under their names."""
    copied = read(bamboo(3, USER | {"phase": "commentary", "compressed": True, "metadata": {"a": 1}})).taken.messages[0]

    assert {"format": "bamboo", "data": {"phase": "commentary", "compressed": True}} == copied.native
    assert {"a": 1} == copied.metadata
    assert datetime(2026, 3, 1, 8, 0, 1, tzinfo=UTC) == copied.created_at


def test_a_message_without_an_id_is_told_by_its_place_and_content() -> None:
    """A second import finds it again."""
    bare = {"role": "user", "content": "Hello"}
    ids = [read(bamboo(second, bare)).taken.messages[0].id for second in (3, 9)]

    assert ids[0] == ids[1]


def test_a_copy_is_one_happening() -> None:
    """What a store overwrites, it overwrites at once."""
    last = steps(list(copy_steps(read(bamboo(3, USER)))))[-1]

    assert [CopyTaken] == [type(happening) for happening in last.happenings]
