import re
from pathlib import Path

import click
import pytest

import ledger
from ledger.cli.commands import SECTIONS, commands
from tests.unit.cli.conftest import Run

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"

NAMES = [str(command.name) for section in SECTIONS.values() for command in section]
#: The commands that print the same as JSON.
READING = [
    "sessions",
    "log",
    "show",
    "diff",
    "replay",
    "bisect",
    "blame",
    "questions",
    "averted",
    "usage",
    "stats",
    "doctor",
]


def options_of(name: str) -> list[str]:
    """Give the options of a command, each by its longest name."""
    return [
        max((*parameter.opts, *parameter.secondary_opts), key=len)
        for parameter in commands.commands[name].params
        if isinstance(parameter, click.Option)
    ]


def test_every_command_stands_in_a_section() -> None:
    """The help leaves no command out, and tells none twice."""
    assert sorted(commands.commands) == sorted(NAMES)


def test_commands_are_those_that_the_design_gives_this_release() -> None:
    """A command that belongs to a later release is absent, not a stub."""
    assert {
        "demo", "import", "export", "fork", "sessions", "log", "show", "diff", "replay", "bisect", "blame", "questions",
        "averted", "usage", "verify", "rebuild", "stats", "migrate", "doctor", "follow", "work", "roles",
    } == set(NAMES)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(run: Run, name: str) -> None:
    """The help of a command says what it does, in whole sentences, with an example to paste."""
    shown = run(name, "--help").stdout

    assert f"Usage: commands {name}" in shown
    assert f"ledger {name}" in shown.partition("Examples:")[2] or name in shown.partition("Examples:")[2]


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_a_help_text(name: str) -> None:
    """Nobody has to guess what an option does."""
    options = [parameter for parameter in commands.commands[name].params if isinstance(parameter, click.Option)]

    assert [] == [option.name for option in options if not option.help]


@pytest.mark.parametrize("name", NAMES)
def test_list_of_commands_is_not_cut_off(run: Run, name: str) -> None:
    """On 80 columns each command fits on its line, whole."""
    (line,) = re.findall(rf"^  {name} .*$", run("--help").stdout, re.MULTILINE)

    assert not line.endswith("...")
    assert len(line) <= 80


def test_without_a_command_it_shows_the_help(run: Run) -> None:
    """A newcomer who types `ledger` is told what there is, and that is no error."""
    assert run("--help").stdout == run().stdout


def test_version_is_the_distributions(run: Run) -> None:
    """`--version` names the distribution, since other programs are called ledger too."""
    assert f"sessionledger {ledger.__version__}\n" == run("--version").stdout


def test_reading_commands_speak_json() -> None:
    """Every command that reads takes `--json`."""
    assert [] == [name for name in READING if "--json" not in options_of(name)]


def test_a_mistyped_command_is_a_usage_error(run: Run) -> None:
    """What is no command exits with 2, and says so on standard error."""
    result = run("sesions", exits=2)

    assert "No such command 'sesions'" in result.stderr
    assert "" == result.stdout


@pytest.mark.parametrize("name", NAMES)
def test_reference_documents_every_command_and_option(name: str) -> None:
    """The reference page has a heading for each command, and below it each of its options."""
    page = REFERENCE.read_text(encoding="utf-8")
    found = re.search(rf"^## `ledger {name}\b.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)

    assert found is not None, f"docs/reference/cli.md has no section for {name}"
    assert [] == [option for option in options_of(name) if f"`{option}`" not in found[0]]
