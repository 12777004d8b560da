from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Message, Session, SessionDiff
from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def edited(recorded: Path) -> Path:
    """Give the ledger with a session `talk-1`, whose second save edits everything that the first one brought."""
    with ledger.open(f"sqlite:///{recorded}", writer="agent") as book:
        session = Session.new("talk-1", model="gpt-5", summary="short")
        session.messages += [Message.user(f"message {number}", id=f"m{number}") for number in range(1, 21)]
        session.state.update(step={"name": "ask", "tries": 1}, gone=None, number=1)
        session.ask("call_1", "Where to?", options=["staging", "prod"], header="Target")
        session.ask("call_2", "When?")
        book.save(session)
        session.title = "Deploy"
        session.pinned = True
        session.summary = None
        session.state["step"]["name"] = "done"
        session.state["new"] = [1, {"a": None}]
        session.state["number"] = "1"
        del session.state["gone"]
        session.messages[1] = session.messages[1].model_copy(
            update={"content": "message two", "metadata": {"edited": True}}
        )
        session.messages.append(session.messages.pop(4))
        del session.messages[7]
        session.messages.insert(0, Message.system("Be\x1b[2J brief", id="first"))
        session.withdraw("call_1", "not needed", by="Ada")
        session.ask("call_3", "Why?")
        book.save(session)
    return recorded


TALK = """\
talk-1@1 → talk-1@2

  title   (none) → Deploy
  pinned  no → yes
  summary short → (none)

Questions
  + pending  call_3#0
      Why?
  ~ pending → withdrawn  call_1#0
      Target: Where to?
      one of staging, prod
      + withdrawn by Ada: not needed

State
  - /gone = null
  ~ /step/name: "ask" → "done"
  ~ /number: 1 → "1"
  + /new = [1, {"a": null}]

Messages
  + 1. system  first
      Be\\x1b[2J brief
  … 1 unchanged
  ~ 3. user  m2
      message [-2-]{+two+}
    + /metadata/edited = true
  … 5 unchanged
  - 9. user  m9
      message 9
  … 11 unchanged
  > 20. user  m5  (was 5)
      message 5
"""


@pytest.mark.usefixtures("edited")
def test_text_tells_everything_that_differs(run: Run) -> None:
    """A section for each part of a session, words inside a message, counts of what did not change."""
    shown = run("diff", "talk-1", "1..2").stdout

    assert TALK == shown
    assert [] == [line for line in shown.splitlines() if len(line) > 80]


@pytest.mark.usefixtures("edited")
@pytest.mark.parametrize(
    "sides", [["talk-1"], ["talk-1@1"], ["talk-1@-1"], ["talk"], ["talk@1", "talk-1"], ["talk-1@1", "talk-1@2"],
              ["talk-1", "1.."], ["talk-1", "-1..2"], ["talk-1", "..2"], ["talk-1", ".."]],
    ids=" ".join,
)  # fmt: skip
def test_two_states_are_named_in_several_ways(run: Run, sides: list[str]) -> None:
    """Alone, a session is compared with what its last save found; what is not named is the newest version."""
    assert TALK == run("diff", *sides).stdout


@pytest.mark.usefixtures("edited")
def test_a_reversed_range_leads_back(run: Run) -> None:
    """What was added is removed, and a resolved question is open again."""
    shown = run("diff", "talk-1", "2..1").stdout

    assert shown.startswith("talk-1@2 → talk-1@1\n")
    assert "  - 1. system  first\n" in shown
    assert "  ~ withdrawn → pending  call_1#0\n" in shown
    assert "      - withdrawn by Ada: not needed\n" in shown
    assert "      message [-two-]{+2+}\n" in shown


def test_two_sessions_are_compared(run: Run) -> None:
    """Each at its newest version, or at the one that is named."""
    assert run("diff", "support-1", "support-2").stdout.startswith("support-1@6 → support-2@1\n")
    assert run("diff", "support-1@2", "support-2@1").stdout.startswith("support-1@2 → support-2@1\n")
    assert run("diff", "user@example.org", "support-1@1").stdout.startswith("user@example.org@1 → support-1@1\n")


def test_an_answer_is_told_with_who_gave_it(run: Run) -> None:
    """The last save of the recorded session answered its question."""
    shown = run("diff", "support-1").stdout

    assert "  ~ pending → answered  call_1#0\n" in shown
    assert "      + answered by Ada: staging\n" in shown


@pytest.mark.usefixtures("edited")
def test_stat_counts(run: Run, told: Callable[..., Any]) -> None:
    """A line for each kind that there is; as JSON, every kind."""
    assert (
        "fields              3  title, pinned, summary\n"
        "messages added      1\n"
        "messages removed    1\n"
        "messages revised    1\n"
        "messages moved      1\n"
        "questions asked     1\n"
        "questions resolved  1\n"
        "state               4\n"
    ) == run("diff", "talk-1", "--stat").stdout
    assert (1, 0, 4) == tuple(
        told("diff", "talk-1", "--stat")[name] for name in ("messages_moved", "metadata", "state")
    )


def test_json_is_the_diff(told: Callable[..., Any], edited: Path) -> None:
    """What is printed validates as what the ledger gives; an empty one is a document too."""
    with ledger.open(f"sqlite:///{edited}") as book:
        expected = book.diff("talk-1", 1, 2)

    assert expected == SessionDiff.model_validate(told("diff", "talk-1", "1..2"))
    assert SessionDiff.model_validate(told("diff", "talk-1", "2..2")).is_empty


def test_states_that_hold_the_same_say_so(run: Run) -> None:
    """On standard error: there is no data."""
    for options in ([], ["--stat"], ["--full"], ["--exit-code"]):
        ran = run("diff", "support-1", "3..3", *options)

        assert ("", "support-1@3 and support-1@3 hold the same.\n") == (ran.stdout, ran.stderr)


@pytest.mark.parametrize("options", [[], ["--json"], ["--stat"]], ids=str)
def test_a_script_learns_from_the_exit_code(run: Run, options: list[str]) -> None:
    """As `git diff --exit-code`: 1 if they differ, else 0; without the option a difference is nothing special."""
    run("diff", "support-1", "1..2", "--exit-code", *options, exits=1)
    run("diff", "support-1", "2..2", "--exit-code", *options)
    run("diff", "support-1", "1..2", *options)


REFUSED = [
    (["nobody"], 3, "there is no session 'nobody'"),
    (["nobody", "1..2"], 3, "there is no session 'nobody'"),
    (["support-1", "nobody"], 3, "there is no session 'nobody'"),
    (["support-1@9"], 3, "has no revision 9; its head is version 6"),
    (["support-1", "1..9"], 3, "has no revision 9; its head is version 6"),
    (["support-1", "0..2"], 3, "has no revision 0"),
    (["support-2"], 3, "has no revision -1; its head is version 1"),
    (["support-1", "q:nothing.."], 3, "has no revision q:nothing"),
    (["gone-1"], 3, "was deleted at version 2"),
    (["support-1", "gone-1"], 3, "was deleted at version 2"),
    (["support"], 2, "more than one session id"),
    (["support-1", "supp"], 2, "more than one session id"),
    (["support-1@yesterday"], 2, "does not name a revision"),
    (["support-1", "1...2"], 2, "neither a session nor a range"),
    (["support-1", "1..2..3"], 2, "neither a session nor a range"),
    (["support-1", "yesterday.."], 2, "neither a session nor a range"),
    (["support-1@1", "2..3"], 2, "write support-1 2..3, without @1"),
    (["support-1@1", "2"], 2, "neither a session nor a range of revisions; write support-1 A..B"),
    (["support-1", "@2"], 2, "write support-1 A..B"),
    (["support-1", "q:call_1#0"], 2, "write support-1 A..B"),
    (["support-1", "1..2", "--stats"], 2, "unexpected extra argument"),
    (["support-1", "--stats"], 2, "No such option '--stats'"),
    (["--stats", "support-1"], 2, "No such option '--stats'"),
    ([], 2, "Missing argument"),
    (["support-1", "support-2", "support-1"], 2, "unexpected extra argument"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED])
def test_what_makes_no_sense_is_refused(run: Run, arguments: list[str], code: int, message: str) -> None:
    """In a sentence on standard error that says what to write instead, and nothing on standard output."""
    ran = run("diff", *arguments, exits=code)

    assert "" == ran.stdout
    assert message in ran.stderr


def test_an_ambiguous_beginning_lists_the_candidates(run: Run) -> None:
    """On either side."""
    for sides in (["supp"], ["support-1", "supp@1"]):
        assert "  support-1\n  support-2\n" in run("diff", *sides, exits=2).stderr


def test_long_texts_show_their_beginning(run: Run, recorded: Path) -> None:
    """Megabytes from a tool do not bury what differs; `--full` shows them, and what did not change between."""
    text = "".join(f"line {number}\n" for number in range(1_000))
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.append("support-2", Message.tool(text, "call_9", id="long"))
        session = book.load("support-2")
        session.messages[-1] = session.messages[-1].model_copy(update={"content": text.replace("line 500\n", "!\n")})
        session.metadata["note"] = text
        book.save(session)

    came, full = run("diff", "support-2", "1..2").stdout, run("diff", "support-2", "1..2", "--full").stdout
    assert "… 8,890 characters in all (--full shows them)" in came
    assert (20, 1_005) > (len(came.splitlines()), len(full.splitlines()))
    assert "line 999" in full
    revised = run("diff", "support-2", "2..3").stdout
    assert "      line 499\n      [-line 500-]{+!+}\n      line 501\n" in revised
    assert "… 497 lines unchanged …" in revised
    assert "unchanged" not in run("diff", "support-2", "2..3", "--full").stdout


def test_two_huge_texts_are_compared(run: Run, recorded: Path) -> None:
    """A revised message of a megabyte shows where it differs, or at least that it does."""
    text = "word " * 200_000
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.append("support-2", Message.tool(text, "call_9", id="long"))
        session = book.load("support-2")
        session.messages[-1] = session.messages[-1].model_copy(update={"content": f"{text}new {text}"})
        book.save(session)

    shown = run("diff", "support-2").stdout

    assert "characters unchanged …" in shown
    assert len(shown) < 5_000
