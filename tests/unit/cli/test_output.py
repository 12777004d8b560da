import io
import json
import sys

import pytest

from ledger.cli.output import PIPED_WIDTH, colourful, in_line, print_json, readable, shortened, width


class Terminal(io.StringIO):
    """A standard output that says it is a terminal."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def test_text_cannot_command_a_terminal() -> None:
    """Whoever wrote a message cannot clear the reader's screen, set its title, or reverse what is shown."""
    assert r"\x1b[2J\x07\x9b1m\u202e" == readable("\x1b[2J\x07\x9b1m\u202e")


def test_text_keeps_its_lines_and_letters() -> None:
    """Line ends, tabs and any script are text, and stay."""
    assert "a\n\tb\nñ 日本 🙂" == readable("a\n\tb\r\nñ 日本 🙂")


def test_a_lone_carriage_return_is_shown() -> None:
    """It would let a message write over the line it stands in."""
    assert r"safe\rgone" == readable("safe\rgone")


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("short", 5, "short"),
        ("a  b\n\nc", 10, "a b c"),
        ("longer than that", 8, "longer…"),
        ("x" * 1_000_000, 4, "xxx…"),
        (" " * 100 + "y", 4, "…"),
        ("", 4, ""),
    ],
)
def test_shortened_text_is_one_line_that_fits(text: str, length: int, expected: str) -> None:
    """However long the text, its beginning stands on one line, and an ellipsis says that there is more."""
    assert expected == shortened(text, length)


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets colours, unless NO_COLOR is set to anything, or the terminal is dumb."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR")
    plain_terminal = colourful()
    monkeypatch.setenv("NO_COLOR", "1")
    asked_not_to = colourful()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    dumb = colourful()

    assert (True, False, False) == (plain_terminal, asked_not_to, dumb)


def test_a_pipe_gets_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another program reads is text alone."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.delenv("NO_COLOR")

    assert not colourful()


@pytest.mark.parametrize(
    ("columns", "expected"), [("72", 72), ("", PIPED_WIDTH), ("wide", PIPED_WIDTH), ("0", PIPED_WIDTH)]
)
def test_a_pipe_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch, columns: str, expected: int) -> None:
    """COLUMNS decides; where it is nonsense, lines are a little wider than on a terminal."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setenv("COLUMNS", columns)

    assert expected == width()


def test_json_survives_an_output_without_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard output is not UTF-8, what it cannot hold is escaped, and the document stays whole."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))

    print_json({"title": "ñ"})

    assert b'{\n  "title": "\\u00f1"\n}\n' == raw.getvalue()


@pytest.mark.parametrize("text", ["\u2028", "\u2029", "\udcff"])
def test_what_only_some_take_for_a_line_end_is_spelled_out(text: str) -> None:
    """A table row stays one row for every program, and half a character of a command line can be printed at all."""
    assert readable(text).isascii()


def test_a_name_stays_on_its_line() -> None:
    """A writer who is called by two lines writes no line of the log."""
    assert r"ui\n7  2026-02-10  bot\t" == in_line("ui\n7  2026-02-10  bot\t")


def test_json_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON lets characters stand that a terminal obeys; they are escaped, and mean the same."""
    text = "\x7f\x9b31m \u202e \u2028 \udcff ñ 日本 🙂"
    print_json({"text": text})
    shown = capsys.readouterr().out

    assert "ñ 日本 🙂" in shown
    assert shown.replace("\n", "").isprintable()
    assert {"text": text} == json.loads(shown)
