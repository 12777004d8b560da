"""The table of the design's section 5.3, as rows that a test can walk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ledger import Message, Session

__all__ = ["ROWS", "Edit", "Row", "ids", "message", "put"]

Edit = Callable[[Session], object]


def message(message_id: str, content: str = "", **fields: Any) -> Message:
    """Make a message that is called and says the same, unless told otherwise."""
    return Message.user(content or message_id, id=message_id, **fields)


def ids(session: Session) -> list[str]:
    """Give the ids of the messages, in order."""
    return [message.id for message in session.messages]


def contents(session: Session) -> list[str]:
    """Give what the messages say, in order."""
    return [message.content for message in session.messages]


def revise(place: int, **fields: Any) -> Edit:
    """Put a changed copy in the place of a message."""

    def edit(session: Session) -> None:
        session.messages[place] = session.messages[place].model_copy(update=fields)

    return edit


def remark(place: int, **metadata: Any) -> Edit:
    """Add to the metadata of a message."""

    def edit(session: Session) -> None:
        old = session.messages[place]
        session.messages[place] = old.model_copy(update={"metadata": {**old.metadata, **metadata}})

    return edit


def put(name: str, value: Any) -> Edit:
    """Set a field."""
    return lambda session: setattr(session, name, value)


def statuses(session: Session) -> dict[str, str]:
    """Give where each question stands."""
    return {question.id: str(question.status) for question in session.questions.values()}


@dataclass(frozen=True)
class Row:
    """On one base, another saved `theirs`; then the writer saves `ours`; the head then `reads` as `expected`."""

    rule: str
    theirs: Edit
    ours: Edit
    reads: Callable[[Session], Any]
    expected: Any
    overruled: tuple[tuple[str, str, str, Any], ...] = ()

    def __str__(self) -> str:
        return self.rule


ROWS = (
    Row(
        "appended messages: theirs, then the writer's",
        lambda s: s.messages.extend([message("t1"), message("t2")]),
        lambda s: s.messages.extend([message("w1"), message("w2")]),
        ids,
        ["m1", "m2", "m3", "t1", "t2", "w1", "w2"],
    ),
    Row(
        "the same message appended by both stands once",
        lambda s: s.messages.extend([message("x", created_at="2026-01-01T00:00:00Z"), message("t1")]),
        lambda s: s.messages.extend([message("x", created_at="2026-01-01T00:00:00Z"), message("w1")]),
        ids,
        ["m1", "m2", "m3", "x", "t1", "w1"],
    ),
    Row(
        "inserted: after the nearest surviving predecessor",
        lambda s: s.messages.pop(1),
        lambda s: s.messages.insert(2, message("w1")),
        ids,
        ["m1", "w1", "m3"],
    ),
    Row(
        "inserted where another inserted: theirs first",
        lambda s: s.messages.insert(1, message("t1")),
        lambda s: s.messages.insert(1, message("w1")),
        ids,
        ["m1", "t1", "w1", "m2", "m3"],
    ),
    Row(
        "inserted first",
        lambda s: s.messages.append(message("t1")),
        lambda s: s.messages.insert(0, message("w1")),
        ids,
        ["w1", "m1", "m2", "m3", "t1"],
    ),
    Row(
        "revised by both: the later save stands",
        revise(1, content="theirs"),
        revise(1, content="ours"),
        contents,
        ["m1", "ours", "m3"],
        (("head", "other", "/messages/m2", "theirs"),),
    ),
    Row(
        "revised two messages: both stand",
        revise(0, content="theirs"),
        revise(1, content="ours"),
        contents,
        ["theirs", "ours", "m3"],
    ),
    Row(
        "removed what another revised: the revision stays",
        revise(1, content="theirs"),
        lambda s: s.messages.pop(1),
        contents,
        ["m1", "theirs", "m3"],
        (("writer", "scheduler", "/messages/m2", None),),
    ),
    Row(
        "revised what another removed: back in its place",
        lambda s: s.messages.pop(1),
        revise(1, content="ours"),
        contents,
        ["m1", "ours", "m3"],
        (("head", "other", "/messages/m2", None),),
    ),
    Row(
        "removed by both",
        lambda s: s.messages.pop(1),
        lambda s: s.messages.pop(1),
        ids,
        ["m1", "m3"],
    ),
    Row(
        "a removal does not reach what the writer never saw",
        lambda s: s.messages.append(message("t1")),
        lambda s: s.messages.clear(),
        ids,
        ["t1"],
    ),
    Row(
        "reordered while another added: the others after their predecessors",
        lambda s: s.messages.insert(2, message("t1")),
        lambda s: s.messages.reverse(),
        ids,
        ["m3", "m2", "t1", "m1"],
    ),
    Row(
        "message metadata: disjoint paths both stand",
        remark(1, theirs=1),
        remark(1, ours=2),
        lambda s: s.messages[1].metadata,
        {"theirs": 1, "ours": 2},
    ),
    Row(
        "message metadata: of one path the later save stands",
        remark(1, same="theirs"),
        remark(1, same="ours"),
        lambda s: s.messages[1].metadata,
        {"same": "ours"},
        (("head", "other", "/messages/m2/metadata/same", "theirs"),),
    ),
    Row(
        "asked another: both open",
        lambda s: s.ask("call_2", "Theirs?"),
        lambda s: s.ask("call_3", "Ours?"),
        lambda s: [question.text for question in s.pending_questions],
        ["Which?", "Theirs?", "Ours?"],
    ),
    Row(
        "a defaulted index that was taken moves to the next free",
        lambda s: s.ask("call_1", "Theirs?"),
        lambda s: s.ask("call_1", "Ours?"),
        lambda s: {question.id: question.text for question in s.pending_questions},
        {"call_1#0": "Which?", "call_1#1": "Theirs?", "call_1#2": "Ours?"},
    ),
    Row(
        "a moved question takes its answer along",
        lambda s: s.ask("call_1", "Theirs?"),
        lambda s: s.answer(s.ask("call_1", "Ours?"), "yes"),
        statuses,
        {"call_1#0": "pending", "call_1#1": "pending", "call_1#2": "answered"},
    ),
    Row(
        "the same question asked by both stands once",
        lambda s: s.ask("call_2", "Same?"),
        lambda s: s.ask("call_2", "Same?"),
        statuses,
        {"call_1#0": "pending", "call_2#0": "pending"},
    ),
    Row(
        "answered by both: the first stands",
        lambda s: s.answer("call_1", "theirs", by="ada"),
        lambda s: s.answer("call_1", "ours"),
        lambda s: s.questions["call_1#0"].answer,
        "theirs",
        (("writer", "scheduler", "/questions/call_1#0", {"status": "answered", "answer": "ours", "by": None}),),
    ),
    Row(
        "withdrew what another answered: the answer stands",
        lambda s: s.answer("call_1", "theirs"),
        lambda s: s.withdraw("call_1", "not needed"),
        statuses,
        {"call_1#0": "answered"},
        (
            (
                "writer",
                "scheduler",
                "/questions/call_1#0",
                {"status": "withdrawn", "reason": "not needed", "by": None},
            ),
        ),
    ),
    Row(
        "expired what another withdrew: the withdrawal stands",
        lambda s: s.withdraw("call_1", "not needed"),
        lambda s: s.expire("call_1"),
        statuses,
        {"call_1#0": "withdrawn"},
        (("writer", "scheduler", "/questions/call_1#0", {"status": "expired", "by": None}),),
    ),
    Row(
        "superseded what another answered: the new question is still asked",
        lambda s: s.answer("call_1", "theirs"),
        lambda s: s.ask("call_2", "Better?", supersedes="call_1"),
        statuses,
        {"call_1#0": "answered", "call_2#0": "pending"},
        (("writer", "scheduler", "/questions/call_1#0", {"status": "superseded", "superseded_by": "call_2#0"}),),
    ),
    Row(
        "a question that the writer never had stays open",
        lambda s: s.ask("call_2", "Theirs?"),
        lambda s: s.add_message(message("w1")),
        statuses,
        {"call_1#0": "pending", "call_2#0": "pending"},
    ),
    Row(
        "a list extended by both: theirs, then the writer's",
        lambda s: s.state["list"].append("theirs"),
        lambda s: s.state["list"].extend(["ours", 2]),
        lambda s: s.state["list"],
        [1, "theirs", "ours", 2],
    ),
    Row(
        "a list extended where it was replaced: the writer's whole list stands",
        lambda s: s.state.update(list=["theirs"]),
        lambda s: s.state["list"].append("ours"),
        lambda s: s.state["list"],
        [1, "ours"],
        (("head", "other", "/state/list", ["theirs"]),),
    ),
    Row(
        "a list extended where all was removed: missing parents come back",
        lambda s: s.state.pop("deep"),
        lambda s: s.state["deep"]["in"]["list"].append(2),
        lambda s: s.state.get("deep"),
        {"in": {"list": [1, 2]}},
        (("head", "other", "/state/deep", None),),
    ),
    Row(
        "state: disjoint paths both stand",
        lambda s: s.state["a"].update(x="theirs", t=1),
        lambda s: s.state["a"].update(y="ours", w=1),
        lambda s: s.state["a"],
        {"x": "theirs", "y": "ours", "t": 1, "w": 1},
    ),
    Row(
        "state: of one path the later save stands",
        lambda s: s.state["a"].update(x="theirs"),
        lambda s: s.state["a"].update(x="ours"),
        lambda s: s.state["a"],
        {"x": "ours", "y": 1},
        (("head", "other", "/state/a/x", "theirs"),),
    ),
    Row(
        "state: a path above another is a conflict",
        lambda s: s.state["a"].update(x="theirs"),
        lambda s: s.state.update(a=5),
        lambda s: s.state["a"],
        5,
        (("head", "other", "/state/a/x", "theirs"),),
    ),
    Row(
        "state: removed what another changed, the later save stands",
        lambda s: s.state["a"].update(x="theirs"),
        lambda s: s.state["a"].pop("x"),
        lambda s: s.state["a"],
        {"y": 1},
        (("head", "other", "/state/a/x", "theirs"),),
    ),
    Row(
        "metadata: disjoint keys both stand",
        lambda s: s.metadata.update(theirs=1),
        lambda s: s.metadata.update(ours=1),
        lambda s: s.metadata,
        {"k": 1, "theirs": 1, "ours": 1},
    ),
    Row(
        "title: between equals the later save stands",
        put("title", "theirs"),
        put("title", "ours"),
        lambda s: s.title,
        "ours",
        (("head", "other", "/title", "theirs"),),
    ),
    Row("both changed it to the same", put("title", "same"), put("title", "same"), lambda s: s.title, "same"),
    Row(
        "model: the later save stands",
        put("model", "theirs"),
        put("model", "ours"),
        lambda s: s.model,
        "ours",
        (("head", "other", "/model", "theirs"),),
    ),
    Row(
        "summary: the later save stands",
        put("summary", {"by": "theirs"}),
        put("summary", ["ours"]),
        lambda s: s.summary,
        ["ours"],
        (("head", "other", "/summary", {"by": "theirs"}),),
    ),
)
