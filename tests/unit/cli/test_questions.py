import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Message, Session
from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY

pytestmark = pytest.mark.usefixtures("recorded")

FIELDS = [
    "session_id", "id", "tool_call_id", "kind", "header", "text", "options", "multiple", "status", "asked_version",
    "asked_at", "asked_by", "asked_in", "resolved_version", "resolved_base_version", "resolved_at", "resolved_by",
    "resolved_writer", "reason", "answer", "omissions", "averted", "overruled",
]  # fmt: skip


def test_json_has_the_fields_of_the_contract(told: Callable[..., Any]) -> None:
    """Scripts rely on these names, and on nothing beside them."""
    records = told("questions")

    assert [FIELDS] * 2 == [list(record) for record in records]


def test_json_tells_the_life_of_a_question(told: Callable[..., Any]) -> None:
    """Who asked, who left it out, who answered, each with the version."""
    (record,) = told("questions", "support-1")

    assert (2, "support-bot", 6, 5, "Ada", "staging", "answered") == tuple(
        record[name]
        for name in (
            "asked_version", "asked_by", "resolved_version", "resolved_base_version", "resolved_by", "answer", "status",
        )
    )  # fmt: skip
    assert [{"version": 5, "writer": "support-bot", "base_version": 4}] == record["omissions"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--status", "pending"), ["call_9#0"]),
        (("--status", "answered"), ["call_1#0"]),
        (("--status", "lost"), []),
        (("support-2",), ["call_9#0"]),
        (("support-1", "--status", "pending"), []),
        (("gone-1",), []),
    ],
)
def test_session_and_status_choose(told: Callable[..., Any], arguments: tuple[str, ...], expected: list[str]) -> None:
    """Nothing found is an empty list, and no error."""
    assert expected == [record["id"] for record in told("questions", *arguments)]


def test_text_tells_who_waits_for_what(run: Run) -> None:
    """A pending question says since when, and its text stands on one line."""
    lines = run("questions", "--status", "pending").stdout.splitlines()

    assert ["pending   support-2  call_9#0", "    Go on? Really?"] == lines[:2]
    assert lines[2].startswith("    asked by support-bot at 2026-02-10T21:55:43Z, version 1")
    assert "waiting for " in "".join(lines[2:])


def test_text_tells_how_it_ended(run: Run) -> None:
    """An answered question says who left it out, and who answered what."""
    shown = run("questions", "support-1").stdout

    assert "    one of: staging, prod\n" in shown
    assert "    left out by support-bot in version 5, without a reason; it stayed pending\n" in shown
    assert "    answered by Ada at " in shown
    assert "    answer: staging\n" in shown


def test_a_withdrawn_question_tells_the_reason(run: Run, recorded: Path) -> None:
    """Why nobody waits any more is part of its life."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.update("support-2", lambda session: session.clear_pending_question("the run was cancelled"))

    assert "    reason: the run was cancelled\n" in run("questions", "support-2").stdout


def test_a_lost_question_tells_who_lost_it_and_from_which_base(run: Run, recorded: Path) -> None:
    """In the history of a store that overwrites, that save is what one looks for."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.append("support-2", Message.user("Hm"))
        copy = book.load("support-2")
        copy.questions.clear()
        book.save(copy, writer="sync", on_omission="lose")
    line = next(line for line in run("questions", "support-2").stdout.splitlines() if "lost by" in line)
    story = " ".join(run("questions", "--explain", "call_9").stdout.split())

    assert line.startswith("    lost by sync at ")
    assert ", version 3 after version 2" in line
    assert "sync saved version 3. It had loaded version 2, and no longer held the question" in story
    assert "The save that lost it, and what followed:" in story


def test_an_unknown_session_is_not_found(run: Run) -> None:
    """No such session is another answer than no questions."""
    run("questions", NOBODY, exits=3)
    assert "There are no lost questions.\n" == run("questions", "--status", "lost").stderr


def test_text_tells_which_saves_had_not_seen_it(run: Run) -> None:
    """Between the asking and the end, in the order of the saves."""
    lines = [line.strip() for line in run("questions", "support-1").stdout.splitlines()]
    told = [line.partition(" at ")[0] if " at " in line else line for line in lines[3:7]]

    assert [
        "asked by support-bot",
        "averted in version 4: scheduler had seen version 1, without the question",
        "left out by support-bot in version 5, without a reason; it stayed pending",
        "answered by Ada",
    ] == told


def test_many_later_saves_are_counted(run: Run, recorded: Path) -> None:
    """A job that saves an old copy again and again does not fill the screen; nothing is cut in silence."""
    with ledger.open(f"sqlite:///{recorded}", writer="job") as book:
        book.update("support-2", lambda session: session.ask("call_9", "Another?"))
        for _ in range(7):
            book.save(book.load("support-2", at=1))
    shown = run("questions", "support-2").stdout

    assert 5 == shown.count("averted in version")
    assert "and 2 more such saves, up to version 9; --explain tells of them" in shown


def test_a_contradiction_is_told_with_what_it_said(run: Run, recorded: Path) -> None:
    """Another answer, too late."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        late = book.load("support-1", at=5)
        late.answer("call_1", "prod")
        book.save(late, writer="app")

    assert 'overruled in version 7: app answered "prod"\n' in run("questions", "support-1").stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--writer", "ui"), ["call_1#0"]),
        (("--writer", "Ada"), ["call_1#0"]),
        (("--text", "ENVIRONMENT"), ["call_1#0"]),
        (("--open-for", "1h"), ["call_9#0"]),
        (("--open-for", "0s"), ["call_9#0", "call_1#0"]),
        (("support-1", "--open-for", "52w", "--status", "pending"), []),
    ],
)
def test_filters_choose(told: Callable[..., Any], arguments: tuple[str, ...], expected: list[str]) -> None:
    """By who asked or ended it, by words, and by how long it has been open."""
    assert expected == [record["id"] for record in told("questions", *arguments)]


def test_nothing_found_is_said(run: Run) -> None:
    """Apart from no questions at all."""
    assert "No question is like that.\n" == run("questions", "--text", "nothing").stderr


@pytest.mark.parametrize("named", ["call_1#0", "call_1", "call_1#"])
def test_explain_tells_the_story_and_what_to_do_next(run: Run, named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its id, its tool call, or a beginning; the commands at the end can be pasted."""
    monkeypatch.setattr("sys.argv", ["ledger"])
    shown = run("questions", "--explain", named).stdout
    story = " ".join(shown.split())

    assert "call_1#0 in support-1 At 2027-02-10T21:55:43Z, support-bot asked, in version 2:" in story
    assert "scheduler saved version 4. It had loaded version 1, where the question was not asked yet" in story
    assert "left it out without a reason" in story
    assert 'Ada, for whom ui (as user) saved, answered "staging", in version 6.' in story
    assert shown.endswith(" show support-1@2\nThe end, and what followed:\n  ledger log support-1 --since 6\n")
    assert max(map(len, shown.splitlines())) <= 80


def test_explain_tells_what_to_do_about_an_open_question(
    run: Run, told: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How to see who is at work there, and how to answer."""
    monkeypatch.setattr("sys.argv", ["ledger"])
    explained = told("questions", "--explain", "call_9", "support-2")

    assert {"session_id", "question_id", "story", "next", "transitions"} == set(explained)
    assert explained["story"][-1].startswith("It is still pending, and has been for ")
    assert [
        "ledger show support-2@1",
        "ledger log support-2 --follow -n 10",
        'book.answer("support-2", "call_9#0", …)',
    ] == explained["next"]
    assert ["asked"] == [transition["kind"] for transition in explained["transitions"]]
    assert "To answer it, from Python:" in run("questions", "--explain", "call_9").stdout


def test_a_question_that_two_sessions_asked_is_not_guessed(run: Run, recorded: Path) -> None:
    """The candidates are listed as they have to be typed."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.update("support-2", lambda session: session.ask("call_1", "Here too?"))
    refused = run("questions", "--explain", "call_1#0", exits=2).stderr

    assert "--explain call_1#0 support-2\n" in refused
    assert "--explain call_1#0 support-1\n" in refused
    assert "Here too?" in run("questions", "support-2", "--explain", "call_1#0").stdout


@pytest.mark.parametrize(
    ("arguments", "exits", "said"),
    [
        (("--explain", "call_8"), 3, "no session asked a question 'call_8'; `ledger questions` lists"),
        (("support-2", "--explain", "call_1#0"), 3, "session support-2 never asked a question 'call_1#0'"),
        (("--explain", "cal"), 3, "no session asked a question 'cal'"),
        (("--explain", "call_1", "--status", "pending"), 2, "--explain tells of one question, so --status does not go"),
        (("--explain", "call_1", "--open-for", "1h"), 2, "so --open-for does not go with it"),
        (("--open-for", "an hour"), 2, "'an hour' is no duration; write 90s, 15m, 1h, 2d or 1h30m"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], exits: int, said: str) -> None:
    """In words that say what there is instead."""
    assert said in " ".join(run("questions", *arguments, exits=exits).stderr.split())


def test_how_long_it_waits_is_never_cut(run: Run, recorded: Path) -> None:
    """In 80 columns, of a question that a fork took along from a session with a long id."""
    parent = f"support-{'0123456789' * 5}"
    with ledger.open(f"sqlite:///{recorded}", writer="an-agent-of-a-long-name") as book:
        session = Session.new(parent, "gpt-5")
        session.ask("call_1", "Which environment?")
        book.save(session)
        book.fork(parent, "f1")
        lines = run("questions", "f1").stdout.splitlines()
        book.answer("f1", "call_1#0", "prod", writer="an-operator-of-a-long-name")

    assert re.fullmatch(r"    waiting for \d+ s", lines[-1])
    assert re.search(r"it waited \d+ s$", run("questions", "f1").stdout, re.MULTILINE)
    assert all(len(line) <= 80 for line in lines)
