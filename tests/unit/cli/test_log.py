import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_verify import tamper

pytestmark = pytest.mark.usefixtures("recorded")

FIELDS = {
    "version", "event_id", "recorded_at", "occurred_at", "writer", "authority", "base_version", "changes", "digest",
    "marks",
}  # fmt: skip


def test_json_has_the_fields_of_the_contract(told: Callable[..., Any]) -> None:
    """Scripts rely on these names, and on nothing beside them."""
    events = told("log", "support-1")

    assert [FIELDS] * 6 == [set(event) for event in events]
    assert "session_created" == events[0]["changes"][0]["type"]


def test_json_says_who_saved_from_which_base(told: Callable[..., Any]) -> None:
    """The evidence: writer, authority, and the version that the writer had loaded."""
    assert [
        (1, "support-bot", "runtime", 0),
        (2, "support-bot", "runtime", 1),
        (3, "ui", "user", 2),
        (4, "scheduler", "runtime", 1),
        (5, "support-bot", "runtime", 4),
        (6, "ui", "user", 5),
    ] == [
        (event["version"], event["writer"], event["authority"], event["base_version"])
        for event in told("log", "support-1")
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), [1, 2, 3, 4, 5, 6]),
        (("--reverse",), [6, 5, 4, 3, 2, 1]),
        (("-n", "2"), [5, 6]),
        (("-n", "2", "-r"), [6, 5]),
        (("-n", "99"), [1, 2, 3, 4, 5, 6]),
    ],
)
def test_order_and_number_are_the_readers_choice(
    told: Callable[..., Any], options: tuple[str, ...], expected: list[int]
) -> None:
    """Oldest first unless reversed; `-n` keeps the newest, in either order."""
    assert expected == [event["version"] for event in told("log", "support-1", *options)]


def test_text_is_a_line_a_save(run: Run) -> None:
    """Version, time, writer, the stale base, and what changed: what became of questions first, and then the rest."""
    lines = run("log", "support-1").stdout.splitlines()

    assert [
        "1  T  support-bot  created the session; user: Deploy it",
        "2  T  support-bot  asked: Which environment? (call_1#0)",
        '3  T  ui (user)    titled "Deployment"; pinned; metadata/tag…',
        "4  T  scheduler    stale from 1; averted 4; overruled /title…",
        "5  T  support-bot  averted 1; omitted call_1#0",
        "6  T  ui (user)    answered: staging (call_1#0)",
    ] == [_without_time(line) for line in lines]
    assert max(map(len, lines)) <= 80


def test_the_tersest_form_has_no_times(run: Run) -> None:
    """For a glance: version, writer, what happened."""
    assert [
        "4 scheduler: stale from 1; averted 4; overruled /title: Job 7; assistant: calls…",
        "5 support-bot: averted 1; omitted call_1#0",
    ] == run("log", "support-1", "--oneline", "--since", "4", "--until", "5").stdout.splitlines()


def test_json_says_what_a_save_is_marked_with(told: Callable[..., Any]) -> None:
    """The words of the lines, for scripts that look for them."""
    assert [[], ["asked"], [], ["stale", "averted", "overruled"], ["averted", "omitted"], ["answered"]] == [
        event["marks"] for event in told("log", "support-1")
    ]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--type", "question"), [2, 5, 6]),
        (("--type", "asked", "--type", "title_changed"), [2, 3]),
        (("--type", "stale"), [4]),
        (("--type", "message"), [1, 4]),
        (("--not-type", "question", "--not-type", "overruled"), [1, 3]),
        (("--writer", "ui"), [3, 6]),
        (("--not-writer", "ui", "--not-writer", "scheduler"), [1, 2, 5]),
        (("--text", "DEPLOY"), [1, 3, 4]),
        (("--text", "staging", "--not-text", "prod"), [6]),
        (("--type", "question", "--writer", "support-bot"), [2, 5]),
        (("--type", "lost"), []),
        (("--not-writer", "ui", "-n", "2"), [4, 5]),
        (("--writer", "ui", "-n", "1", "-r"), [6]),
        (("--since", "3", "--until", "-1"), [3, 4, 5]),
        (("--since", "q:call_1#0", "-n", "2"), [5, 6]),
        (("--until", "2027-02-10T21:55:42Z"), [1]),
        (("--until", "2027-02-10T21:55:43.742Z"), [1, 2, 3, 4, 5, 6]),
        (("--since", "2027-02-10T21:55:43.742Z"), [2, 3, 4, 5, 6]),
        (("--since", "1990-01-01T00:00:00Z", "--until", "2000-01-01T00:00:00Z"), []),
    ],
)
def test_filters_choose_saves(told: Callable[..., Any], options: tuple[str, ...], expected: list[int]) -> None:
    """By what changed, by whom, and what stands in it; each can be turned round, and all that are given must hold."""
    assert expected == [event["version"] for event in told("log", "support-1", *options)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), ""),
        (("-n", "6"), ""),
        (("-n", "2"), "Not shown: 4 older ones.\n"),
        (("-n", "5", "-r"), "Not shown: 1 older one.\n"),
        (("--writer", "ui"), "Not shown: 4 that do not match.\n"),
        (("--writer", "ui", "-n", "1"), "Not shown: 5 older ones, not looked at.\n"),
        (("--type", "asked", "-n", "1"), "Not shown: 4 that do not match, and 1 older one, not looked at.\n"),
        (("--writer", "nobody", "-n", "1"), "Not shown: 6 that do not match.\n"),
        (("--since", "2", "-n", "2"), "Not shown: 3 older ones.\n"),
    ],
)
def test_what_is_not_shown_is_said(run: Run, options: tuple[str, ...], said: str) -> None:
    """Nobody takes the part for the whole: a note beside the data counts what was left out."""
    assert said == run("log", "support-1", *options).stderr
    assert said == "".join(
        json.loads(line)["note"] + "\n" for line in run("log", "support-1", *options, "--json").stderr.splitlines()
    )


@pytest.mark.parametrize(
    ("options", "said", "code"),
    [
        (("--type", "qestion"), "'qestion' is no type of change. Short names: answered, asked,", 2),
        (("--since", "5", "--until", "2"), "--since 5 is behind --until 2", 2),
        (("--since", "2026-02-10T21:00:00Z", "--until", "2026-02-10T20:00:00Z"), "nothing is between them", 2),
        (("--since", "soon"), "neither a number nor a time", 2),
        (("--until", "9"), "has no revision 9; its head is version 6", 3),
        (("--follow", "--reverse"), "--follow has no end, so --reverse does not go with it", 2),
        (("-f", "--json"), "so --json does not go with it", 2),
        (("-f", "--until", "3"), "so --until does not go with it", 2),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, options: tuple[str, ...], said: str, code: int) -> None:
    """In words that say what there is instead."""
    assert said in " ".join(run("log", "support-1", *options, exits=code).stderr.split())


def test_the_full_form_has_a_line_a_change(run: Run) -> None:
    """A line a save, with who and when and the stale base; below it a line a change."""
    lines = run("log", "support-1", "--full").stdout.splitlines()

    assert [
        "1  T  support-bot",
        "    created the session, model gpt-5",
        "    user: Deploy it",
        "2  T  support-bot",
        "    asked call_1#0: Which environment?",
        "3  T  ui (as user)",
        '    titled "Deployment"',
        "    pinned",
        '    metadata/tags = ["urgent"]',
        "4  T  scheduler  stale: had seen version 1  averted 4",
        "    overruled in this save: /title = Job 7",
        "    assistant: calls deploy",
        "5  T  support-bot  averted 1",
        "    left out call_1#0 without a reason: it stays pending",
        "6  T  ui (as user)",
        "    answered call_1#0 (by Ada): staging",
    ] == [_without_time(line) for line in lines]


def _without_time(line: str) -> str:
    """Put a T in the place of the time, which nobody knows beforehand."""
    if line.startswith(" "):
        return line
    version, _, rest = line.partition("  ")
    return f"{version}  T{rest[20:]}"


def test_text_shows_when_it_happened(run: Run) -> None:
    """An imported save shows its original time, not that of the import."""
    assert run("log", "support-2").stdout.startswith(
        "1  2026-02-10T21:55:43Z  support-bot  created the session; asked: Go on? Really"
    )


def test_a_deleted_session_has_its_log(run: Run) -> None:
    """Deleting is an event like any other, and removes none."""
    assert "2  T  support-bot  deleted the session: asked to" == _without_time(
        run("log", "gone-1").stdout.splitlines()[-1]
    )


def test_what_a_stale_save_averted_is_counted_as_averted_tells_it(run: Run, recorded: Path) -> None:
    """The number on the line is that of the facts which `Ledger.averted` names, whatever is left out of the list."""
    with ledger.open(f"sqlite:///{recorded}") as book:
        expected = {save.version: len(save.losses) for save in book.averted("support-1")}

    for options in ((), ("-n", "3"), ("--type", "stale", "--type", "omitted")):
        lines = run("log", "support-1", "--oneline", *options).stdout.splitlines()
        marked = {int(line.split()[0]): int(found[1]) for line in lines if (found := re.search(r"averted (\d+)", line))}
        assert expected == marked


def test_a_damaged_past_does_not_keep_the_newest_saves_from_being_told(run: Run, recorded: Path) -> None:
    """What cannot be computed without it is not marked, and that is said."""
    tamper(recorded, "UPDATE payloads SET body = '{' WHERE version = 1")
    ran = run("log", "support-1", "-n", "3", "--oneline")

    assert "4 scheduler: stale from 1; overruled /title: Job 7; assistant: calls deploy" == ran.stdout.splitlines()[0]
    assert "Not marked: what was averted, for version 1 of session support-1 is damaged" in ran.stderr


def test_a_time_in_which_nothing_was_saved_is_said_to_be_one(run: Run) -> None:
    """An empty answer says that it is one, on standard error."""
    result = run("log", "support-1", "--until", "2020-01-01T00:00:00Z")

    assert ("", "Nothing was saved then.\n") == (result.stdout, result.stderr)
