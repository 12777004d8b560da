"""What a message tells to type can be pasted into a shell, whatever an id holds."""

import os
import shutil
import subprocess

import pytest

from ledger.errors import DamagedRecord, QuestionNotFound, SessionDeleted, VersionNotFound
from ledger.shell_words import quoted, spoken

STRANGE = [
    "s1",
    "a chat",
    "it's",
    '"',
    "$(touch x)",
    "a\\b",
    "*",
    "~",
    "",
    "a\nb\tc",
    "\x1b[31m'\\",
    "\u202egnp",
    "\x9b1m",
    "\udcff.db",
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash reads the words")
@pytest.mark.parametrize("word", STRANGE)
def test_a_quoted_word_is_what_a_shell_reads(word: str) -> None:
    """Whatever stands in an id, pasting it gives the id."""
    command = ["bash", "-c", f"printf %s {quoted(word)}"]
    read = subprocess.run(command, capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})

    assert word == os.fsdecode(read.stdout)


@pytest.mark.parametrize("word", STRANGE)
def test_a_quoted_word_can_be_shown(word: str) -> None:
    """Nothing in it commands the terminal that it is shown on."""
    assert quoted(word).isprintable()


@pytest.mark.parametrize(
    ("named", "expected"), [("s1", "s1"), ("-1", "-- -1"), ("--x", "-- --x"), ("-a b", "-- '-a b'")]
)
def test_an_id_is_no_option(named: str, expected: str) -> None:
    """An id that begins like an option is spoken so that no command takes it for one."""
    assert expected == spoken(named)


@pytest.mark.parametrize(
    ("error", "command"),
    [
        (VersionNotFound("a chat", "9", 7), "`ledger log 'a chat'`"),
        (QuestionNotFound("-a", "q"), "`ledger questions -- -a`"),
        (SessionDeleted("it's", 9), """`ledger show 'it'"'"'s@8'`"""),
        (DamagedRecord("a\x1b", 1, "x"), r"`ledger verify $'a\u001b'`"),
    ],
)
def test_the_command_that_an_error_names_can_be_pasted(error: Exception, command: str) -> None:
    """An error names the next command so that it works for the session that it speaks of."""
    assert command in str(error)
