"""`ledger bisect`: the first version that differs, found by an expression or a command; and the life of a question."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Ledger, Message, Session
from tests.unit.cli.conftest import Run

Told = Callable[..., Any]

SAVES = 20


@pytest.fixture
def book(folder: Path) -> Iterator[Ledger]:
    """Give a ledger with a session of twenty saves, each of which appends a message."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}", writer="agent") as book:
        session = Session.new("s1", "gpt-5")
        for number in range(1, SAVES + 1):
            session.add_message(Message.user(f"message {number}"))
            book.save(session)
        yield book


@pytest.fixture
def told(run: Run) -> Told:
    """Give a function that bisects and parses what is printed; `--json` stands before the command that is run."""

    def told(name: str, session: str, *arguments: str, exits: int = 0) -> Any:
        return json.loads(run(name, session, "--json", *arguments, exits=exits).stdout)

    return told


def python(program: str) -> tuple[str, ...]:
    """Give a command that runs a program with the session's JSON in `s`."""
    return ("--", sys.executable, "-c", f"import json, sys; s = json.load(sys.stdin)\n{program}")


@pytest.mark.parametrize("planted", range(2, SAVES + 1))
def test_every_planted_version_is_found(
    book: Ledger, told: Told, monkeypatch: pytest.MonkeyPatch, planted: int
) -> None:
    """By a true binary search: so many loads as the logarithm says, and the two ends."""
    loads: list[int] = []
    load = Ledger.load

    def counted(self: Ledger, session_id: str, at: Any = None) -> Session:
        loads.append(at)
        return load(self, session_id, at)

    monkeypatch.setattr(Ledger, "load", counted)
    assert book.head("s1")
    outcome = told("bisect", "s1", "--expr", f"length(messages) >= `{planted}`")

    assert ("s1", planted, False, True) == tuple(outcome[name] for name in ("session_id", "version", "before", "after"))
    assert len(loads) == outcome["tested"] <= 2 + math.ceil(math.log2(SAVES))
    assert len(loads) == len(set(loads))


def test_it_is_told_as_the_log_tells_a_save(run: Run, book: Ledger) -> None:
    """Which version it is, what the value was and is, and what to look at next."""
    book.save(book.load("s1", at=3), writer="scheduler")
    ran = run("bisect", "s1", "--expr", "length(messages) > `7`")
    saved = run("log", "s1", "--full").stdout.splitlines()[15:18]

    assert [
        "s1@8 is the first version where the expression is true",
        "    length(messages) > `7` = true (was false)",
        *[line for line in saved if "8  " in line[:3] or "message 8" in line],
    ] == ran.stdout.splitlines()[:-1]
    assert ran.stdout.endswith("ledger diff s1@7 s1@8\n")
    assert "s1@11: 19 versions left, about 5 steps" == ran.stderr.splitlines()[0]
    assert "1 version left, about 1 step" in ran.stderr


def test_ends_can_be_named(told: Told, book: Ledger) -> None:
    """Any revision does, and what lies outside is not looked at."""

    def flip(session: Session) -> None:
        session.pinned = not session.pinned

    for _ in range(3):
        book.update("s1", flip)

    assert 21 == told("bisect", "s1", "--bad", "21", "--expr", "pinned")["version"]
    assert 23 == told("bisect", "s1", "--good", "-1", "--expr", "pinned")["version"]
    assert 22 == told("bisect", "s1", "--good", "21", "--bad", "22", "--expr", "pinned")["version"]


def test_where_both_ends_agree_there_is_nothing_to_find(run: Run, book: Ledger) -> None:
    """A warning, and the exit code of what was not found; the JSON is whole all the same."""
    assert book.head("s1")
    ran = run("bisect", "s1", "--expr", "title", exits=3)
    as_json = run("bisect", "s1", "--expr", "title", "--json", exits=3)

    assert "" == ran.stdout
    assert (
        "Warning: the expression is false at both ends, s1@1 and s1@20: there is nothing to find between them\n"
        == ran.stderr
    )
    assert {"warning"} == set(json.loads(as_json.stderr))
    assert (None, None, [], 2) == tuple(
        json.loads(as_json.stdout)[name] for name in ("session_id", "version", "candidates", "tested")
    )


def test_a_deletion_can_be_what_differs(run: Run, told: Told, book: Ledger) -> None:
    """There the session is null, and the next command shows what it was; a new life is found as well."""
    book.delete("s1")
    deletion = run("bisect", "s1", "--expr", "id").stdout.splitlines()
    book.create(Session.new("s1", "gpt-5"))

    assert "s1@21 is the first version where the expression is false" == deletion[0]
    assert '    id = null (was "s1")' == deletion[1]
    assert deletion[-1].endswith("ledger show s1@20")
    assert run("bisect", "s1", "--good", "21", "--expr", "id").stdout.endswith("ledger show s1@22\n")
    assert 21 == told("bisect", "s1", "--bad", "21", *python("sys.exit(s is None)"))["version"]


@pytest.mark.parametrize("code", [1, 124, 126, 127])
def test_a_command_says_by_its_exit_code_what_it_thinks(told: Told, book: Ledger, code: int) -> None:
    """0 is good, and everything to 127 but 125 is bad; it gets the session's JSON."""
    assert book.head("s1")
    outcome = told("bisect", "s1", *python(f"sys.exit({code} if len(s['messages']) > 12 else 0)"))

    assert (13, 0, code) == (outcome["version"], outcome["before"], outcome["after"])


def test_what_a_command_prints_is_no_data(run: Run, book: Ledger, capfd: pytest.CaptureFixture[str]) -> None:
    """It goes to standard error, so that the outcome can be piped on; and it need not read what it is given."""
    assert book.head("s1")
    ran = run("bisect", "s1", "--bad", "2", "--", "sh", "-c", 'echo looking; grep -q "message 2"')

    assert "s1@2 is the first version where the command passes" == ran.stdout.splitlines()[0]
    assert "looking\nlooking\n" == capfd.readouterr().err
    assert "s1@1 and s1@20" in run("bisect", "s1", "--", "true", exits=3).stderr


def test_a_command_may_skip_versions(run: Run, told: Told, book: Ledger) -> None:
    """Others are asked about instead; where only skipped ones are left, it is one of these."""
    assert book.head("s1")
    n = "n = len(s['messages'])"
    around = told("bisect", "s1", *python(f"{n}; sys.exit(125 if 8 <= n <= 11 else n > 12)"))
    among = ("bisect", "s1", *python(f"{n}; sys.exit(125 if 8 <= n <= 12 else n > 12)"))
    ran = run(*among, exits=3)

    assert 13 == around["version"]
    assert (
        "Warning: the first that differs is one from s1@8 to s1@13; the command skipped all but the last\n"
        in ran.stderr
    )
    assert list(range(8, 14)) == [place["version"] for place in told(*among, exits=3)["candidates"]]
    assert (
        "the command skips s1@1, an end of the search" in run("bisect", "s1", *python("sys.exit(125)"), exits=2).stderr
    )


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("no-such-command-here", "the command 'no-such-command-here' cannot be run: No such file or directory"),
        ("/", "the command '/' cannot be run: Permission denied"),
        ("sh -c 'kill -SEGV $$'", "the command was ended by SIGSEGV at s1@1, which is no verdict"),
        ("sh -c 'exit 139'", "the command exited with 139 at s1@1, which is no verdict"),
        ("sh -c 'test $(wc -c) -lt 3000 || kill -9 $$'", "the command was ended by SIGKILL at s1@20"),
    ],
)
def test_a_command_that_gives_no_verdict_ends_the_search(run: Run, book: Ledger, command: str, says: str) -> None:
    """One that is not there, or that crashes: the version is named."""
    assert book.head("s1")
    ran = run("bisect", "s1", "--", *shlex.split(command), exits=2)

    assert says in ran.stderr
    assert "" == ran.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "nothing to look for: name a --question, an --expr, or a command behind --"),
        (("--expr", "a", "--", "true"), 2, "--expr and -- CMD do not go together"),
        (("--expr", "a", "--question", "q"), 2, "--question and --expr do not go together"),
        (("--question", "q", "--good", "2"), 2, "--good and --bad do not go with --question"),
        (("--expr", "messages[?"), 2, "  messages[?\n            ^"),
        (("--expr", "length(title)"), 2, "the expression has no value at s1@1: length() takes"),
        (("--expr", "title", "--good", "9", "--bad", "3"), 2, "from revision 9 (version 9) to revision 3 (version 3)"),
        (("--expr", "title", "--good", "21"), 3, "no revision 21"),
        (("--expr", "title", "--bad", "soon"), 2, "does not name a revision"),
        (("--question", "call_9#0"), 3, "never asked a question 'call_9#0'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, book: Ledger, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """In clear words, and with nothing on standard output."""
    assert book.head("s1")
    ran = run("bisect", "s1", *arguments, exits=code)

    assert says in ran.stderr
    assert "" == ran.stdout


def test_json_is_for_this_command_and_not_for_the_one_it_runs(run: Run, book: Ledger) -> None:
    """What stands behind `--` is somebody else's."""
    assert book.head("s1")

    assert run("bisect", "s1", "--", "nonesuch", "--json", exits=2).stderr.startswith("Usage: ")
    assert "UsageError" == json.loads(run("bisect", "s1", "--json", "--", "nonesuch", exits=2).stderr)["error"]


def test_a_fork_is_searched_across_the_join(run: Run, told: Told, book: Ledger) -> None:
    """From a version of its parent on, if that is where somebody knows that it was good."""
    book.append("s1", Message.user("Good so far"), key="good")
    book.update("s1", lambda session: setattr(session, "title", "Deployment"))
    book.append("s1", Message.user("More"))
    book.fork("s1", "f1")
    book.fork("f1", "f2")
    book.update("f2", lambda session: setattr(session, "pinned", True))
    titled = told("bisect", "f2", "--good", "key:good", "--expr", "title")
    joined = run("bisect", "f2", "--good", "key:good", "--expr", "forked_from").stdout.splitlines()

    assert ("s1", 22) == (titled["session_id"], titled["version"])
    assert ["s1", "f2"] == [titled[end]["session_id"] for end in ("good", "bad")]
    assert "f1@1 is the first version where the expression is true" == joined[0]
    assert joined[-1].endswith("ledger diff s1@23 f1@1")
    assert 2 == told("bisect", "f2", "--expr", "pinned")["version"]
    assert (
        "(version 1) to revision key:good (version 21)"
        in run("bisect", "f2", "--good", "1", "--bad", "key:good", "--expr", "title", exits=2).stderr
    )


def test_the_life_of_a_question_is_told_without_a_search(run: Run, book: Ledger) -> None:
    """Every transition, and where it would have been lost; the ends are not asked for."""
    stale = book.load("s1", at=19)
    session = book.load("s1")
    session.ask("call_1", "Which environment?")
    book.save(session)
    stale.add_message(Message.system("tick"))
    book.save(stale, writer="scheduler")
    book.answer("s1", "call_1#0", "prod", by="ada", writer="ui", authority="user")
    lines = run("bisect", "s1", "--question", "call_1#0").stdout.splitlines()

    assert [
        "call_1#0",
        "21  agent",
        "    asked: Which environment?",
        "22  scheduler  stale: had seen version 19",
        "    averted: its copy did not have it; overwriting would have dropped it",
        "23  ui (as user)",
        "    answered (by ada): prod",
        "Overwriting would have lost it at s1@22, a save by scheduler, which had loaded",
        "version 19.",
    ] == [line[:2] + line[24:] if line[:2].isdecimal() else line for line in lines[:-1]]
    assert lines[-1].endswith("ledger diff s1@21 s1@22")


@pytest.mark.parametrize(
    ("omissions", "worst"),
    [
        (["keep"], "Left out at s1@22 by restarted, which had loaded version 21. It stayed pending."),
        (["keep", "lose"], "Lost at s1@23 by restarted, which had loaded version 22."),
    ],
)
def test_it_points_at_the_worst_that_happened(run: Run, book: Ledger, omissions: list[Any], worst: str) -> None:
    """A loss before an omission, and that before what was averted."""
    stale, session = book.load("s1", at=19), book.load("s1")
    session.ask("call_1", "Which?")
    book.save(session)
    for omission in omissions:
        session.questions.clear()
        book.save(session, writer="restarted", on_omission=omission)
    book.save(stale)

    assert worst in " ".join(run("bisect", "s1", "--question", "call_1#0").stdout.split())


def test_a_question_that_nothing_happened_to(run: Run, told: Told, book: Ledger) -> None:
    """That is an answer too."""
    session = book.load("s1")
    session.ask("call_1", "Which?")
    book.save(session)
    book.fork("s1", "f1")

    assert told("bisect", "s1", "--question", "call_1#0")["points_at"] is None
    lines = run("bisect", "f1", "--question", "call_1#0").stdout.splitlines()
    assert "No save lost it or left it out, and overwriting would have lost it nowhere." == lines[-1]
    assert ["session s1", "session f1"] == [line for line in lines if line.startswith("session")]
    assert "    forked from s1@21, and took it along" in lines


@pytest.mark.parametrize("named", ["call_1#0", "call_1", "call"])
def test_a_question_goes_by_the_names_that_its_story_goes_by(told: Told, book: Ledger, named: str) -> None:
    """Its id, its tool call, or a unique beginning, as for `ledger questions --explain`."""
    book.update("s1", lambda session: session.ask("call_1", "Which one?"))

    assert "call_1#0" == told("bisect", "s1", "--question", named)["question_id"]
