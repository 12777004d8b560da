"""What goes to standard output: text that no session can turn into terminal commands, or one JSON document."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

import click

__all__ = [
    "colourful",
    "counted",
    "emphasised",
    "faint",
    "in_line",
    "json_line",
    "note",
    "print_json",
    "print_lines",
    "readable",
    "shortened",
    "width",
]

#: Where nobody looks at a terminal, lines may be longer than on most of them.
PIPED_WIDTH = 120

# Control characters, those that reorder what a terminal shows, line ends that only some take for one, and halves of a
# character, which cannot be written; tab and newline are text.
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def readable(text: str) -> str:
    r"""Give text with its control characters spelled out: what a session holds may come from anywhere.

    >>> readable("\x1b[2Jgone")
    '\\x1b[2Jgone'
    """
    text = text.replace("\r\n", "\n")
    return _UNREADABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def in_line(name: str) -> str:
    r"""Give a name whole and on one line: a writer who is called by several lines must not write a log of its own.

    >>> in_line("ui\n7  bot")
    'ui\\n7  bot'
    """
    return readable(name).replace("\n", "\\n").replace("\t", "\\t")


def shortened(text: str, length: int) -> str:
    r"""Give text on one line, at most `length` characters of it.

    >>> shortened("Which environment?\nstaging, or prod", 22)
    'Which environment? st…'
    """
    # A tool may have returned megabytes: what is cut off need not be cleaned first.
    line = " ".join(readable(text[: length * 4]).split())
    cut = len(text) > length * 4
    if len(line) <= length and not cut:
        return line
    return line[: max(length - 1, 1)].rstrip() + "…"


def counted(number: int, noun: str) -> str:
    """Give how many there are of something.

    >>> counted(1, "save"), counted(1200, "save")
    ('1 save', '1,200 saves')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def colourful() -> bool:
    """Tell whether standard output is a terminal that shows colours, and nobody asked it not to (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def emphasised(text: str, colour: str | None = None) -> str:
    """Give text in bold, or in a colour, where there are colours."""
    if not colourful():
        return text
    return click.style(text, fg=colour) if colour else click.style(text, bold=True)


def faint(text: str) -> str:
    """Give text that steps back, where there are colours."""
    return click.style(text, dim=True) if colourful() else text


def width() -> int:
    """Give the columns that there are: `COLUMNS`, else the terminal's."""
    return shutil.get_terminal_size((PIPED_WIDTH, 24)).columns if sys.stdout.isatty() else _told_width()


def _told_width() -> int:
    told = os.environ.get("COLUMNS", "")
    return int(told) if told.isdecimal() and int(told) > 0 else PIPED_WIDTH


def note(text: str, *, as_json: bool = False) -> None:
    """Say something that is not the data: on standard error."""
    click.echo(json.dumps({"note": text}) if as_json else readable(text), err=True)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(_json_text(value, indent=2))


def json_line(value: Any) -> str:
    """Give JSON on one line, for what is printed as it comes."""
    return _json_text(value, indent=None)


def _json_text(value: Any, indent: int | None) -> str:
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    document = json.dumps(value, ensure_ascii=plain, indent=indent)
    # Inside texts, which are the same for it: a terminal obeys some that JSON lets stand.
    return _UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def print_lines(lines: Iterable[str], *, paged: bool = True) -> None:
    """Print lines as they come; on a terminal that they would overflow, in a pager."""
    lines = (f"{line}\n" for line in lines)
    if paged and sys.stdout.isatty() and sys.stdin.isatty():
        first = list(islice(lines, shutil.get_terminal_size().lines - 1))
        if len(first) == shutil.get_terminal_size().lines - 1:
            # It asks `less` for colours itself, and takes them out for a pager that shows none.
            click.echo_via_pager(chain(first, lines))
            return
        lines = iter(first)
    for block in _blocks(lines):
        click.echo(block, nl=False, color=colourful())


def _blocks(lines: Iterator[str], size: int = 200) -> Iterator[str]:
    # A line at a time would be flushed a line at a time.
    while block := "".join(islice(lines, size)):
        yield block
