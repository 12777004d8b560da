"""The words that differ between two texts. Pure, and bounded: what an agent's tool returned may be megabytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal, NamedTuple

from ledger.domain.order import longest_increasing

__all__ = ["Piece", "word_diff"]

#: A matcher's time can grow with the square of what it is given, and worse; this much takes it milliseconds.
MATCHED = 1_000
#: So many pairs of equal words or lines it may weigh; beyond, what is frequent counts for nothing.
PAIRS = 30_000

_WORD = re.compile(r"\s+|\w+|[^\w\s]")


class Piece(NamedTuple):
    """A stretch of text that both have, or that only one has."""

    kind: Literal["same", "removed", "added"]
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """Give what leads from one text to the other: the removed and same pieces are `before`, the added and same `after`.

    The larger the texts are, the coarser it may be: where much differs, whole stretches count as replaced.

    >>> [piece.text for piece in word_diff("to staging now", "to prod now")]
    ['to ', 'staging', 'prod', ' now']
    """
    pieces = []
    for same, group in groupby(filter(any, _blocks(before, after)), _is_same):
        old, new = map("".join, zip(*group, strict=True))
        pieces += [Piece("same", old)] if same else [Piece("removed", old), Piece("added", new)]
    return [piece for piece in pieces if piece.text]


def _is_same(block: tuple[str, str]) -> bool:
    return block[0] == block[1]


def _blocks(before: str, after: str) -> Iterator[tuple[str, str]]:
    """Compare line by line first, and by words where lines differ."""
    for old, new in _aligned(before.splitlines(keepends=True), after.splitlines(keepends=True)):
        if old == new:
            yield old, new
        else:
            yield from _aligned(_WORD.findall(old), _WORD.findall(new))


def _aligned(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """Give both texts in step: blocks that are equal, and those that stand for each other."""
    start = 0
    least = min(len(old), len(new))
    while start < least and old[start] == new[start]:
        start += 1
    end = 0
    while end < least - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield _joined(old[:start], new[:start])
    yield from _between(old[start : len(old) - end], new[start : len(new) - end])
    yield _joined(old[len(old) - end :], new[len(new) - end :])


def _between(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    if not old or not new:
        yield _joined(old, new)
    elif max(len(old), len(new)) <= MATCHED:
        # Blanks tie nothing together: a match begins at a word.
        matcher = SequenceMatcher(str.isspace, old, new, autojunk=_pairs(old, new) > PAIRS)
        for _, i, j, k, m in matcher.get_opcodes():
            yield _joined(old[i:j], new[k:m])
    else:
        yield from _by_anchors(old, new)


def _pairs(old: list[str], new: list[str]) -> int:
    counts = Counter(new)
    return sum(count * counts[token] for token, count in Counter(old).items() if not token.isspace())


def _by_anchors(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """Tie the two together by what is in each just once, in one order (patience diff), and match in between."""
    seen, found = Counter(old), Counter(new)
    place_of = {token: place for place, token in enumerate(old) if seen[token] == 1 == found.get(token)}
    shared = [(place_of[token], place) for place, token in enumerate(new) if token in place_of]
    i = k = 0
    for index in longest_increasing([place for place, _ in shared]):
        j, m = shared[index]
        yield from _gap(old[i:j], new[k:m])
        yield old[j], new[m]
        i, k = j + 1, m + 1
    yield from _gap(old[i:], new[k:])


def _gap(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    if max(len(old), len(new)) <= MATCHED:
        yield from _aligned(old, new)
    else:
        yield _joined(old, new)


def _joined(old: list[str], new: list[str]) -> tuple[str, str]:
    return "".join(old), "".join(new)
