from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Message, Session
from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY

pytestmark = pytest.mark.usefixtures("recorded")


def test_json_has_the_fields_of_the_contract(told: Callable[..., Any]) -> None:
    """Scripts rely on these names, and on nothing beside them."""
    stale, omitting = told("averted", "support-1")

    assert ["session_id", "version", "writer", "authority", "base_version", "at", "losses"] == list(stale)
    assert [
        "path", "kind", "value", "removed", "session_id", "version", "writer", "cause", "kept",
    ] == list(stale["losses"][0])  # fmt: skip
    assert (4, "scheduler", 1, 5, 4) == (
        stale["version"], stale["writer"], stale["base_version"], omitting["version"], omitting["base_version"],
    )  # fmt: skip
    assert ["/title", "/pinned", "/questions/call_1#0", "/metadata/tags"] == [loss["path"] for loss in stale["losses"]]


def test_text_tells_what_and_whose(run: Run) -> None:
    """A save with what its writer had seen, the facts below it, and the sum."""
    lines = run("averted", "support-1").stdout.splitlines()

    assert "4  2027-02-10T21:55:43Z  scheduler  had seen version 1" == lines[0]
    assert [
        "    title by ui in version 3: Deployment",
        "    pin by ui in version 3: on",
        "    question call_1#0 by support-bot in version 2: Which environment? (pending)",
        '    metadata/tags by ui in version 3: ["urgent"]',
        "5  2027-02-10T21:55:43Z  support-bot",
        "    question call_1#0 by support-bot in version 2, left out: Which environment?…",
        "Overwriting would have lost 2 questions, 1 title, 1 pin, 1 key of metadata, at 2",
        "saves.",
    ] == lines[1:]


def test_of_all_sessions_each_save_names_its_own(run: Run, told: Callable[..., Any]) -> None:
    """Without a session, all that have such saves."""
    assert run("averted").stdout.startswith("support-1@4  ")
    assert told("averted") == told("averted", "support-1")


def test_what_gave_way_is_marked(run: Run, recorded: Path) -> None:
    """The later of two summaries stands; the earlier one is in the log. A removal is told as one."""
    with ledger.open(f"sqlite:///{recorded}", writer="agent") as book:
        session, stale = book.load("user@example.org"), book.load("user@example.org")
        session.summary, session.title = "theirs", "gone soon"
        session.add_message(Message.user("m", id="m1"))
        book.save(session)
        again = book.load("user@example.org")
        del session.messages[0]
        session.title = None
        book.save(session)
        stale.summary = "mine"
        book.save(stale)
        book.save(again)

    lines = run("averted", "user@example.org").stdout.splitlines()

    assert "    summary by agent in version 2, overruled: theirs" == lines[1]
    assert "    title, removed by agent in version 3" == lines[3]
    assert "    message m1, removed by agent in version 3" in lines
    assert lines[-1].endswith("1 of these gave way here too, and is kept in the") or "kept in the log." in lines[-1]


def test_a_long_list_is_cut_and_says_so(run: Run, told: Callable[..., Any], recorded: Path) -> None:
    """Of a copy that knew nothing, ten facts are listed, and all where that is asked for."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        book.append("support-2", *(Message.user(f"m{n}") for n in range(20)))
        book.save(Session.new("support-2", "gpt-5"), writer="fresh")

    cut, full = (run("averted", "support-2", *more).stdout.splitlines() for more in ((), ("--full",)))

    (save,) = told("averted", "support-2")
    assert 22 == len(save["losses"])
    assert "    and 12 more; --full lists them" == cut[11]
    assert len(save["losses"]) == sum(line.startswith("    ") for line in full)
    assert "had seen nothing" in cut[0]


def test_nothing_lost_is_said_beside_the_data(run: Run, told: Callable[..., Any]) -> None:
    """An empty list is no error."""
    result = run("averted", "support-2")

    assert ("", "Overwriting would have lost nothing.\n") == (result.stdout, result.stderr)
    assert [] == told("averted", "gone-1")


def test_an_unknown_session_is_not_found(run: Run) -> None:
    """Nothing lost is another answer than no such session."""
    assert NOBODY in run("averted", NOBODY, exits=3).stderr


def test_no_session_can_command_the_terminal(run: Run, recorded: Path) -> None:
    """What a session holds is spelled out where it is no text."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        session = Session.new("s9", "gpt-5")
        book.save(session)
        stale = book.load("s9")
        session.title, session.state["\x1b[2J"] = "\x1b[2J", "\x1b[2J"
        book.save(session, writer="\x1b[2J")
        book.save(stale, writer="\x1b[2J")

    assert "\x1b" not in run("averted").stdout
    assert "\x1b" not in run("blame", "support-1").stdout + run("averted", "s9", "--full").stdout
