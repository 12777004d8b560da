"""What a save takes from a session at the call, and what it refuses."""

import math
import pickle
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.domain.events import MessageAppended
from ledger.domain.session import Session, tracking_of
from ledger.domain.submission import adopt_base, captured, submit
from ledger.domain.submitted import MAX_WRITER_BYTES
from ledger.errors import InvalidSession
from tests.property.domain.memory_log import MemoryLog
from tests.unit.domain.meeting import START, ids, said

WORDS: dict[str, Any] = {"writer": "agent", "authority": "runtime"}


def begun() -> tuple[MemoryLog, Session]:
    """Give a log that holds a session, and that session."""
    log = MemoryLog()
    session = Session.new("s", "m", created_at=START)
    session.add_message(said("a"))
    session.state["log"] = ["first"]
    log.save(session)
    return log, session


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ({"writer": ""}, "/writer"),
        ({"writer": "a\0b"}, "/writer"),
        ({"writer": 5}, "/writer"),
        ({"writer": "\ud800"}, "/writer"),
        ({"writer": "ä" * (MAX_WRITER_BYTES // 2 + 1)}, "/writer"),
        ({"key": ""}, "/key"),
        ({"key": "a\0b"}, "/key"),
        ({"key": 5}, "/key"),
        ({"occurred_at": datetime(2026, 1, 1)}, "/occurred_at"),  # noqa: DTZ001 - on purpose
        ({"authority": "admin"}, "/authority"),
        ({"on_omission": "forget"}, "/on_omission"),
    ],
)
def test_words_that_cannot_be_stored_are_refused(words: dict[str, Any], path: str) -> None:
    """Before anything is under way."""
    _, session = begun()

    with pytest.raises(InvalidSession) as caught:
        submit(session, **{**WORDS, **words})

    assert (path, "s") == (caught.value.path, caught.value.session_id)
    assert [] == tracking_of(session).flights


@pytest.mark.parametrize("session_id", ["", "a\0b", "\ud800"], ids=["empty", "nul", "surrogate"])
def test_an_id_that_cannot_be_stored_is_refused(session_id: str) -> None:
    """It names the session in every table and every message."""
    with pytest.raises(InvalidSession) as caught:
        submit(Session.new(session_id, "m"), **WORDS)

    assert "/id" == caught.value.path


@pytest.mark.parametrize("lost", [False, True])
def test_what_cannot_be_stored_is_refused_at_the_call(*, lost: bool) -> None:
    """Also where the base is lost, and nothing can be compared yet."""
    _, session = begun()
    if lost:
        session = pickle.loads(pickle.dumps(session))  # noqa: S301 - our own
    endless: dict[str, Any] = {}
    endless["self"] = endless
    edits: list[tuple[str, Any, str]] = [
        ("title", 5, "/title"),
        ("state", {"x": math.nan}, "/state/x"),
        ("state", {"x": endless}, "/state/x/self"),
        ("metadata", {"x": object()}, "/metadata/x"),
        ("messages", [said("a"), said("a")], "/messages/1"),
        ("questions", {"x": 1}, "/questions/x"),
        ("summary", {1: 2}, "/summary"),
    ]
    for name, value, path in edits:
        before = getattr(session, name)
        setattr(session, name, value)
        with pytest.raises(InvalidSession) as caught:
            submit(session, **WORDS)
        setattr(session, name, before)
        assert caught.value.path.startswith(path)
        assert [] == tracking_of(session).flights


def test_what_is_captured_is_a_copy() -> None:
    """Taken at the call, so later edits do not reach it."""
    _, session = begun()
    view = captured(session)

    session.state["log"].append("x")
    session.messages.clear()

    assert ({"log": ["first"]}, "a") == (view.state, ids(view))


def test_a_key_stands_for_the_content_it_was_saved_with() -> None:
    """The same object saved again, unchanged, with its key is a retry, though there is nothing to save any more."""
    log, session = begun()
    session.add_message(said("b"))
    first = submit(session, **WORDS, key="k")
    log.finish(session, first)
    again = submit(session, **WORDS, key="k")
    log.finish(session, again)
    session.add_message(said("c"))
    other = submit(session, **WORDS, key="k")

    assert first.key_digest == again.key_digest
    assert first.key_digest != other.key_digest


def test_a_key_stands_for_the_arguments_of_a_verb() -> None:
    """What `append` and `answer` were given is their content, whatever they make of it."""
    _, session = begun()
    words: dict[str, Any] = {**WORDS, "key": "k", "call": "append", "arguments": [MessageAppended(message=said("x"))]}

    first = submit(session, **words).key_digest
    session.title = "changed by something else"

    assert first == submit(session, **words).key_digest
    assert first != submit(session, **{**words, "call": "save"}).key_digest


def test_a_key_covers_the_same_content_where_the_base_was_lost() -> None:
    """A retry from another process has the session as JSON, and the same digest once its base is known."""
    log, session = begun()
    session.add_message(said("b"))
    known = submit(session.model_copy(), **WORDS, key="k")
    lost = submit(pickle.loads(pickle.dumps(session)), **WORDS, key="k")  # noqa: S301 - our own
    assert lost.key_digest is None

    adopt_base(lost, log.head)

    assert known.key_digest == lost.key_digest


def test_a_session_on_a_tombstone_begins_a_new_life() -> None:
    """A fresh one that lost its base has nothing of the life that ended there."""
    log, _ = begun()
    tombstone = replace(log.head, version=5, digest="tombstone", alive=False, metadata_version=3)
    fresh = Session.new("s", "other", title="t")
    fresh.add_message(said("b"))
    fresh.__dict__.update(version=5, metadata_version=3)
    submission = submit(pickle.loads(pickle.dumps(fresh)), **WORDS)  # noqa: S301 - our own

    adopt_base(submission, tombstone)

    base = submission.base
    assert base is not None
    assert (5, "tombstone", False, 3, "other", "t", 0) == (
        base.version,
        base.digest,
        base.alive,
        base.metadata_version,
        base.model,
        base.title,
        len(base.messages),
    )
    assert "b" == ids(submission.content)


def test_a_fresh_session_is_begun_as_it_was_constructed() -> None:
    """What a constructor was given has to be storable too, though it is no change."""
    with pytest.raises(InvalidSession, match="lone surrogate"):
        submit(Session.new("s", "m", title="\ud800"), **WORDS)
    base = submit(Session.new("s", "m", created_at=datetime(2026, 1, 1, tzinfo=UTC)), **WORDS).base
    assert base is not None
    assert not base.alive
