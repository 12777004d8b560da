from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY

pytestmark = pytest.mark.usefixtures("recorded")


@pytest.fixture
def forked(run: Run, recorded: Path) -> None:
    """Fork `support-1` where its question was open, as `retry-1`."""
    assert recorded.exists()
    run("fork", "support-1@2", "retry-1")


def test_a_fork_says_what_it_holds_and_what_to_do_next(run: Run, recorded: Path) -> None:
    """One line of data, and the next command beside it; the session is there, and who forked is in its log."""
    ran = run("fork", "support-1@q:call_1#0", "retry-1", "--writer", "Ada")

    assert "Forked retry-1 from support-1@2: 1 message, 1 open question.\n" == ran.stdout
    assert ran.stderr.startswith("Next: ")
    assert ran.stderr.endswith("show retry-1\n")
    with ledger.open(f"sqlite:///{recorded}") as book:
        assert book.load("retry-1").pending_question is not None
        assert ["Ada"] == [event.writer for event in book.history("retry-1")]


def test_json_names_both_sessions(told: Callable[..., Any], recorded: Path) -> None:
    """A script learns what was made, and from which version of what, with its digest."""
    document = told("fork", "support-1", "retry-1")

    with ledger.open(f"sqlite:///{recorded}") as book:
        digest = [event.digest for event in book.history("support-1")][5]
    assert {
        "session_id": "retry-1",
        "version": 1,
        "forked_from": {"session_id": "support-1", "version": 6, "digest": digest},
    } == document


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("support-1", "support-2"), 4, "session support-2 exists already, at version 1"),
        (("support-1", "support-1"), 4, "session support-1 exists already, at version 6"),
        (("support-1", "gone-1"), 4, "session gone-1 was deleted at version 2, and its log stays"),
        (("gone-1", "retry-1"), 3, "session gone-1 was deleted at version 2"),
        (("support-1@7", "retry-1"), 3, "session support-1 has no revision 7"),
        (("support-1@soon", "retry-1"), 2, "does not name a revision"),
        ((NOBODY, "retry-1"), 3, "there is no session"),
        (("support", "retry-1"), 2, "more than one session id"),
        (("support-1", ""), 2, "at /id"),
        (("support-1", "retry-1", "--writer", ""), 2, "the writer"),
        (("support-1",), 2, "Missing argument 'NEW_ID'"),
    ],
)
def test_what_cannot_be_forked_is_refused(run: Run, arguments: tuple[str, ...], code: int, said: str) -> None:
    """Clear words, the exit code of the design, and nothing is written."""
    refused = run("fork", *arguments, exits=code)

    assert said in " ".join(refused.stderr.split())
    assert "" == refused.stdout
    run("log", "retry-1", exits=3)


def test_a_deleted_session_is_forked_where_it_lived(run: Run) -> None:
    """That is how one goes on from a session that somebody deleted."""
    assert run("fork", "gone-1@1", "back-1").stdout.startswith("Forked back-1 from gone-1@1")


@pytest.mark.usefixtures("forked")
def test_the_log_of_a_fork_shows_where_it_left(run: Run, told: Callable[..., Any]) -> None:
    """The first line says it, and the last how to read on in the other session, up to there."""
    shown = run("log", "retry-1")

    assert "forked from support-1@2" in shown.stdout
    assert shown.stderr.startswith("What came before the fork: ")
    assert shown.stderr.endswith("log support-1 --until 2\n")
    assert [["forked"]] == [save["marks"] for save in told("log", "retry-1")]
    assert "" == run("log", "retry-1", "--json").stderr
    assert "" == run("log", "support-1").stderr


@pytest.mark.usefixtures("forked")
def test_a_revision_from_before_the_fork_shows_the_other_session(run: Run) -> None:
    """The state is that of the session which it was, and a note says so; a number of before names it."""
    shown = run("show", "retry-1@q:call_1#0")
    refused = run("show", "retry-1@0", exits=3)

    assert shown.stdout.startswith("support-1  version 2 (the newest is 6)\n")
    assert "retry-1 was forked from it later: this is support-1@2.\n" == shown.stderr
    assert "what came before is support-1@2" in refused.stderr


@pytest.mark.usefixtures("forked")
def test_a_fork_says_where_it_comes_from(run: Run) -> None:
    """Beside the title and the model, in one column, within 80 columns."""
    shown = run("show", "retry-1").stdout

    assert "  forked from support-1@2\n" in shown
    assert "  model       gpt-5\n" in shown
    assert [] == [line for line in shown.splitlines() if len(line) > 80]


@pytest.mark.usefixtures("forked")
def test_a_fork_is_verified_with_what_it_came_from(run: Run) -> None:
    """The count says what was looked at."""
    assert "Whole: 3 events of 2 sessions, every hash matches.\n" == run("verify", "retry-1").stdout
