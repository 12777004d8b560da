"""The checker notices what it is there for: each test plants one fault in a ledger that is whole otherwise."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger.store.sqlite import driver
from projections.snapshot_body import decode_view, encode_view
from tests.process.checker import Acknowledgement, check, faults
from tests.process.work import MODEL, question_of, save_turns, take_turn, url_of

Planting = Callable[[Any], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Acknowledgement]]:
    """A ledger of two sessions that two writers share, with a snapshot, and what it acknowledged."""
    path = tmp_path_factory.mktemp("whole") / "ledger.db"
    said: list[dict[str, Any]] = []
    for writer in ("agent", "scheduler"):
        save_turns(lambda **report: said.append(report), url_of(path), writer, ["s1", "s2"], 6)
    with ledger.open(url_of(path)) as book:
        book.snapshot("s1")
        book.sessions()
        book.questions()
    return path, [report for report in said if "version" in report]


@pytest.fixture
def copy(whole: tuple[Path, list[Acknowledgement]], path: Path) -> tuple[Path, list[Acknowledgement]]:
    """Give a copy of it, to plant a fault in."""
    shutil.copyfile(whole[0], path)
    return path, whole[1]


@contextmanager
def behind_the_back(path: Path) -> Iterator[Any]:
    """Give a bare connection to the file, with the triggers out of the way until it is done."""
    with closing(driver().connect(str(path))) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        yield connection
        for _, made in triggers:
            connection.execute(made)
        connection.commit()


def test_it_finds_nothing_in_a_ledger_that_is_whole(copy: tuple[Path, list[Acknowledgement]]) -> None:
    """A ledger to which nothing happened passes, and 12 acknowledgements were looked for."""
    path, said = copy

    assert faults(path, said) == []
    assert len(said) == 12
    check(path, said)


def cut_the_tail(connection: Any) -> None:
    """Take the last event of session s1 away everywhere, so that the tables agree with each other."""
    ((uid, version),) = connection.execute(
        "SELECT session_uid, version FROM feed JOIN sessions USING (session_uid) "
        "WHERE session_id = 's2' ORDER BY position DESC LIMIT 1"
    ).fetchall()
    for table in ("events", "payloads", "feed"):
        connection.execute(f"DELETE FROM {table} WHERE session_uid = ? AND version = ?", (uid, version))
    ((leaf,),) = connection.execute(
        "SELECT leaf FROM events WHERE session_uid = ? AND version = ?", (uid, version - 1)
    ).fetchall()
    connection.execute("UPDATE heads SET version = ?, leaf = ? WHERE session_uid = ?", (version - 1, leaf, uid))


def lie_in_the_snapshot(connection: Any) -> None:
    """Give the snapshot another title, with digests that fit."""
    ((body,),) = connection.execute("SELECT body FROM snapshots").fetchall()
    false, _ = encode_view(replace(decode_view(body), title="another"))
    connection.execute("UPDATE snapshots SET body = ?, digest = ?", (false, sha256(false).digest()))


ONE = "rowid = (SELECT min(rowid) FROM payloads)"
PLANTED: dict[str, str | Planting] = {
    "an event is gone": "DELETE FROM events WHERE version = 2",
    "a payload is gone": f"DELETE FROM payloads WHERE {ONE}",
    "one letter of a payload": f"UPDATE payloads SET body = replace(body, 'commande 1', 'commande 7') WHERE {ONE}",
    "a place in the feed is gone": "DELETE FROM feed WHERE position = 3",
    "the feed has a gap": "UPDATE feed SET position = position + 1 WHERE position = (SELECT max(position) FROM feed)",
    "a head is behind": "UPDATE heads SET version = version - 1",
    "the tail is cut off": cut_the_tail,
    "a snapshot lies": lie_in_the_snapshot,
    "the catalog counts wrong": "UPDATE catalog SET messages = messages + 1 WHERE session_id = 's1'",
    "the catalog lacks a session": "DELETE FROM catalog WHERE session_id = 's1'",
    "a question looks open": "UPDATE questions SET status = 'pending' WHERE asked_version = 1",
    "a question is not recorded": "DELETE FROM questions WHERE asked_version = 2",
}


@pytest.mark.parametrize("name", PLANTED)
def test_it_finds_what_was_changed_behind_the_back(copy: tuple[Path, list[Acknowledgement]], name: str) -> None:
    """One fault in one table, of whichever table, is noticed."""
    path, said = copy
    planting = PLANTED[name]
    with behind_the_back(path) as connection:
        before = connection.total_changes
        if isinstance(planting, str):
            connection.execute(planting)
        else:
            planting(connection)
        assert connection.total_changes > before, "nothing was planted"

    assert faults(path, said)
    with pytest.raises(AssertionError, match="faults in"):
        check(path, said)


def lost(said: list[Acknowledgement]) -> list[Acknowledgement]:
    """A save that the log does not hold at all."""
    return [*said, {**said[-1], "number": said[-1]["number"] + 1, "version": said[-1]["version"] + 1}]


def of_another_event(said: list[Acknowledgement]) -> list[Acknowledgement]:
    """A save in whose place the log holds another one."""
    return [{**said[0], "event_id": "0" * 32}, *said[1:]]


def of_another_turn(said: list[Acknowledgement]) -> list[Acknowledgement]:
    """A save of another turn than the one at that version."""
    return [{**said[0], "number": 2}, *said[1:]]


@pytest.mark.parametrize("false", [lost, of_another_event, of_another_turn])
def test_it_finds_what_was_acknowledged_and_is_not_there(
    copy: tuple[Path, list[Acknowledgement]], false: Callable[[list[Acknowledgement]], list[Acknowledgement]]
) -> None:
    """An acknowledgement that the log does not bear out is noticed, even where the log is whole in itself."""
    path, said = copy

    assert faults(path, false(said))


def without_its_question(session: ledger.Session) -> None:
    """A turn that asks nothing."""
    take_turn(session, "agent")
    del session.questions[session.pending_questions[-1].id]


def without_a_message(session: ledger.Session) -> None:
    """A turn of three messages."""
    take_turn(session, "agent")
    session.messages.pop()


def with_a_message_in_other_words(session: ledger.Session) -> None:
    """A turn whose last message says something else."""
    take_turn(session, "agent")
    session.messages[-1] = session.messages[-1].model_copy(update={"content": "other words"})


def after_one_that_is_missing(session: ledger.Session) -> None:
    """Turn 8 right after turn 6."""
    session.ask(question_of("agent", 7), "May I close order 7?")
    session.state["agent"] = 7
    take_turn(session, "agent")


@pytest.mark.parametrize(
    "torn", [without_its_question, without_a_message, with_a_message_in_other_words, after_one_that_is_missing]
)
def test_it_finds_a_save_that_is_not_whole(
    copy: tuple[Path, list[Acknowledgement]], torn: Callable[[ledger.Session], None]
) -> None:
    """An event that is part of a turn, or that follows on a turn which is missing, is noticed: all hashes fit."""
    path, said = copy
    with ledger.open(url_of(path), writer="agent") as book:
        session = book.load("s1")
        torn(session)
        book.save(session)
        assert book.verify().ok

    assert faults(path, said)


def test_a_turn_is_the_same_whoever_makes_it() -> None:
    """What a save must have stored does not depend on the process that made it: the comparison to the byte holds."""
    one, other = ledger.Session.new("s", MODEL), ledger.Session.new("s", MODEL)
    take_turn(one, "agent")
    take_turn(other, "agent")

    assert [m.model_dump_json() for m in one.messages] == [m.model_dump_json() for m in other.messages]
    assert one.questions == other.questions
