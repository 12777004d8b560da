import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.cli.word_diff import word_diff

#: Compares pairs of texts of a megabyte or so, the worst there are for a matcher, and joins what was found again.
MEGABYTES = """
import random
from ledger.cli.word_diff import word_diff

chance = random.Random(1)
few = "a b " * 250_000
rare = " ".join(f"w{chance.randrange(3_000)}" for _ in range(180_000))
lines = "".join(f"line {number}: all is well in the house, and the night is young\\n" for number in range(15_000))
for before, after in [
    (few, few.replace("b", "c")),
    (few.replace(" ", "\\n"), few.replace("b", "c").replace(" ", "\\n")),
    (rare, rare[::-1]),
    (rare, rare[: rare.index(" ", 500_000)] + " and" + rare[rare.index(" ", 500_000) :]),
    ("{},:" * 250_000, "{},;" * 250_000),
    (lines, "".join(lines.splitlines(keepends=True)[::-1])),
    (lines, lines.replace("night", "day")),
    ("x" * 1_000_000, "y" * 1_000_000),
]:
    pieces = word_diff(before, after)
    assert before == "".join(text for kind, text in pieces if kind != "added")
    assert after == "".join(text for kind, text in pieces if kind != "removed")
    print(len(pieces))
"""


def shown(before: str, after: str) -> str:
    """Give a diff as the command line marks it."""
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(marks[kind].format(text) for kind, text in word_diff(before, after))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "", ""),
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("to staging, please", "to prod, please", "to [-staging-]{+prod+}, please"),
        ("to prod", "to prod now", "to prod{+ now+}"),
        ("one two three four", "one 2 3 four", "one [-two three-]{+2 3+} four"),
        ("a\nb\nc\n", "a\nB\nc\n", "a\n[-b-]{+B+}\nc\n"),
        ("a\nb\n", "a\nx\nb\n", "a\n{+x\n+}b\n"),
        ("a b", "a  b", "a[- -]{+  +}b"),
        ("größer als 5", "größer als 6", "größer als [-5-]{+6+}"),
    ],
)
def test_words_that_differ_are_told_apart(before: str, after: str, expected: str) -> None:
    """Whole words, with what both have between them."""
    assert expected == shown(before, after)


def test_a_line_that_came_leaves_its_neighbours_alone() -> None:
    """Lines that repeat each other's words are compared as lines first."""
    before = "".join(f"line {number}: all is well\n" for number in range(9))
    after = before.replace("line 5: all is well\n", "line 5: nearly all is well\n")

    assert "line 5: {+nearly +}all is well\n" in shown(before, after)


TEXTS = st.lists(st.sampled_from(["a", "b", "c", " ", " ", "\n", ".", "ä\n"]), max_size=30).map("".join)


@given(TEXTS, TEXTS)
def test_both_texts_are_in_the_diff(before: str, after: str) -> None:
    """Nothing is lost or invented, and no two neighbours are of a kind."""
    pieces = word_diff(before, after)

    assert before == "".join(text for kind, text in pieces if kind != "added")
    assert after == "".join(text for kind, text in pieces if kind != "removed")
    assert [] == [one for one, two in pairwise(pieces) if one.kind == two.kind]
    assert all(text for _, text in pieces)


def test_megabytes_do_not_hang() -> None:
    """Where comparing by words would take the square of their length, or worse, the diff is coarser instead."""
    ran = subprocess.run([sys.executable, "-c", MEGABYTES], capture_output=True, text=True, check=True, timeout=300)

    counts = [int(line) for line in ran.stdout.split()]
    assert 8 == len(counts)
    assert 3 == counts[3]
    assert counts[6] > 15_000
