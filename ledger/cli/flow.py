"""Text in lines that fit, in several colours: what a person reads of messages and documents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from typing import NamedTuple

from ledger.cli.output import colourful, emphasised, faint, readable, width
from ledger.cli.word_diff import Piece

__all__ = ["Run", "flow", "marked"]

#: With less room than this, indented text would stand a letter a line.
LEAST_ROOM = 20
#: Of a long stretch that both texts have, so much is shown on either side of what differs.
CONTEXT = 80
CONTEXT_LINES = 2


class Run(NamedTuple):
    """A stretch of text in one colour; `dim` steps back."""

    text: str
    colour: str | None = None


def flow(text: str | Iterable[Run], indent: str, limit: int | None, *, size: int | None = None) -> Iterator[str]:
    """Give text in lines that fit, at most `limit` of them, and then how much there is in all.

    Args:
        text: as it is, or in runs from left to right; control characters in it are spelled out.
        indent: what every line begins with.
        limit: `None` gives all.
        size: the characters that there are in all, if the runs do not hold them all.
    """
    room = max(width() - len(indent), LEAST_ROOM)
    runs = [Run(text)] if isinstance(text, str) else list(text)
    begun = list(_begun(runs, None if limit is None else limit * room + 1))
    cleaned = [Run(readable(text).expandtabs(4), colour) for text, colour in begun]
    whole = "".join(run.text for run in cleaned).removesuffix("\n")
    ends = list(accumulate(len(run.text) for run in cleaned))
    lines = list(islice(_lines(whole, room), None if limit is None else limit + 1))
    for start, end in lines[:limit]:
        yield indent + _painted(cleaned, ends, start, end) if end > start else ""
    if len(lines) != len(lines[:limit]) or _size(begun) < _size(runs):
        yield indent + faint(f"… {_size(runs) if size is None else size:,} characters in all (--full shows them)")


def _begun(runs: list[Run], most: int | None) -> Iterator[Run]:
    """Give so many characters: what is cut off, of megabytes perhaps, need not be cleaned and wrapped."""
    left = most
    for text, colour in runs:
        if left is None:
            yield Run(text, colour)
        elif left > 0:
            yield Run(text[:left], colour)
            left -= len(text)


def _size(runs: list[Run]) -> int:
    return sum(len(run.text) for run in runs)


def _lines(text: str, room: int) -> Iterator[tuple[int, int]]:
    """Give where each line begins and ends: at a newline, else at the last blank that fits, else where it is full."""
    start = 0
    for line in text.split("\n"):
        end = start + len(line)
        while end - start > room:
            blank = text.rfind(" ", start + 1, start + room + 1)
            if blank < 0 or not text[start:blank].strip():
                yield start, start + room
                start += room
            else:
                yield start, blank
                start = blank + 1
        yield start, end
        start = end + 1


def _painted(runs: list[Run], ends: list[int], start: int, end: int) -> str:
    painted = ""
    for number in range(bisect_right(ends, start), len(runs)):
        text, colour = runs[number]
        begin = ends[number] - len(text)
        if begin >= end:
            break
        piece = text[max(start - begin, 0) : end - begin]
        painted += faint(piece) if colour == "dim" else emphasised(piece, colour) if colour else piece
    return painted


def marked(pieces: Iterable[Piece], *, full: bool) -> Iterator[Run]:
    """Show what differs: in red and green where there are colours, else ``[-so-]`` and ``{+so+}``.

    Unless it is `full`, a long stretch that did not change gives way to how long it is.
    """
    pieces = list(pieces)
    for number, (kind, text) in enumerate(pieces):
        if kind != "same":
            yield from _mark(kind, text)
        elif full or len(text) <= 3 * CONTEXT:
            yield Run(text)
        else:
            yield from _elided(text, first=number == 0, last=number == len(pieces) - 1)


def _mark(kind: str, text: str) -> Iterator[Run]:
    colour = "red" if kind == "removed" else "green"
    shown = text
    if text.isspace():
        # Nothing of it would be seen: a removed line break breaks no line.
        shown = text.replace("\n", "↵" if kind == "removed" else "↵\n")
    if colourful() and shown.strip():
        yield Run(shown, colour)
    else:
        before, after = ("[-", "-]") if kind == "removed" else ("{+", "+}")
        yield Run(f"{before}{shown}{after}", colour)


def _elided(text: str, *, first: bool, last: bool) -> Iterator[Run]:
    lines = text.splitlines(keepends=True)
    # The first line ends what differs before it, the last begins what differs behind it.
    head = "" if first else "".join(lines[: CONTEXT_LINES + 1])
    tail = "" if last else "".join(lines[-CONTEXT_LINES - 1 :])
    hidden = len(lines) - (0 if first else CONTEXT_LINES + 1) - (0 if last else CONTEXT_LINES + 1)
    if hidden > 1 and len(head) + len(tail) <= len(text) // 2:
        yield Run(head)
        yield Run(f"… {hidden:,} lines unchanged …\n", "dim")
        yield Run(tail)
        return
    head = "" if first else text[:CONTEXT].rpartition(" ")[0] or text[:CONTEXT]
    tail = "" if last else text[-CONTEXT:].partition(" ")[2] or text[-CONTEXT:]
    yield Run(head)
    yield Run(f"{' ' if head else ''}… {len(text) - len(head) - len(tail):,} characters unchanged …", "dim")
    yield Run(f" {tail}" if tail else "")
