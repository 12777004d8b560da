import re

import pytest

from ledger.cli.flow import Run, flow, marked
from ledger.cli.word_diff import word_diff

BEFORE = "".join(f"line {number}\n" for number in range(100))


@pytest.fixture(autouse=True)
def _columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")


@pytest.fixture
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make standard output one that shows colours."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def lines(before: str, after: str, *, full: bool = False) -> list[str]:
    """Give a word diff as it is shown."""
    return list(flow(marked(word_diff(before, after), full=full), "", None))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("short", ["  short"]),
        ("", [""]),
        ("one\n\n  two\n", ["  one", "", "    two"]),
        ("all is well in the house of the builder", ["  all is well in the house of", "  the builder"]),
        ("x" * 60, ["  " + "x" * 28, "  " + "x" * 28, "  xxxx"]),
        ("    " + "x" * 30, ["      " + "x" * 24, "  xxxxxx"]),
        ("a\tb\x1b[2J", ["  a   b\\x1b[2J"]),
    ],
)
def test_text_stands_in_lines_that_fit(text: str, expected: list[str]) -> None:
    """Broken at blanks where there are any, indented, and no command to a terminal."""
    assert expected == list(flow(text, "  ", None))


def test_what_does_not_fit_the_limit_is_announced() -> None:
    """How much there is in all, and how to see it."""
    assert ["line 0", "line 1", "… 790 characters in all (--full shows them)"] == list(flow(BEFORE, "", 2))
    assert ["a", "b"] == list(flow("a\nb\n", "", 2))
    assert 100 == len(list(flow(BEFORE, "", None)))


def test_what_is_cut_off_is_not_looked_at() -> None:
    """Of megabytes in one line, the beginning is shown."""
    (first, hint) = flow("x" * 5_000_000, "", 1)

    assert ("x" * 30, "… 5,000,000 characters in all (--full shows them)") == (first, hint)


def test_marks_tell_what_differs_without_colours() -> None:
    """As `git diff --word-diff` does; white space that differs is made visible."""
    assert ["to [-staging-]{+prod+}"] == lines("to staging", "to prod")
    assert ["a[- -]{+  +}b"] == lines("a b", "a  b")
    assert ["a,[-↵-]b"] == lines("a,\nb", "a,b")
    assert ["a,{+↵", "+}b"] == lines("a,b", "a,\nb")


@pytest.mark.usefixtures("_terminal")
def test_colours_tell_it_where_there_are_any() -> None:
    """Each line is coloured by itself, so that a pager that scrolls shows the right ones."""
    assert ["to \x1b[31mstaging\x1b[0m\x1b[32mprod\x1b[0m"] == lines("to staging", "to prod")
    assert ["\x1b[32mone\x1b[0m", "\x1b[32mtwo\x1b[0m"] == list(flow([Run("one\ntwo", "green")], "", None))
    assert ["a\x1b[31m[- -]\x1b[0m\x1b[32m{+  +}\x1b[0mb"] == lines("a b", "a  b")


def test_long_stretches_that_did_not_change_are_elided() -> None:
    """Two lines stand on either side of what differs, and how many are left out between; `full` shows them."""
    after = BEFORE.replace("line 50", "line fifty").replace("line 97", "line x")

    assert [
        "… 48 lines unchanged …", "line 48", "line 49", "line [-50-]{+fifty+}", "line 51", "line 52",
        "… 42 lines unchanged …", "line 95", "line 96", "line [-97-]{+x+}", "line 98", "line 99",
    ] == lines(BEFORE, after)  # fmt: skip
    assert 100 == len(lines(BEFORE, after, full=True))


def test_a_long_line_is_elided_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """By characters, at blanks; what is shown and what is counted are together all that both have."""
    monkeypatch.setenv("COLUMNS", "1000")
    words = "word " * 100
    (line,) = lines(f"{words}old {words}old", f"{words}new {words}new")

    hidden = [int(number) for number in re.findall(r"… (\d+) characters unchanged …", line)]
    shown = re.sub(r"\[-old-\]|{\+new\+}| ?… \d+ characters unchanged … ?", "", line)
    assert 2 == len(hidden)
    assert len(f"{words} {words}") == sum(hidden) + len(shown)
    assert len(shown) <= 3 * 80
    assert "word word [-old-]{+new+} word word" in line
