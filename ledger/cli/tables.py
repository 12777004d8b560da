"""Tables for a terminal, by rich, which is imported when there is one to draw."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ledger.cli.output import colourful, in_line, width

__all__ = ["Column", "table_lines"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `elastic` ones share the room that is left, and fold their title and shorten their text for it."""

    title: str
    justify: Literal["left", "right"] = "left"
    elastic: bool = False


def table_lines(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    """Draw a table into lines, as wide as the terminal at most.

    Args:
        columns: from left to right.
        rows: the text of each cell; it is shown as it is, never read as markup.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[in_line(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        least = max(map(len, column.title.split()))
        if column.justify == "right":
            # Half a number is another number.
            least = max(least, *(len(row[number]) for row in cells))
        table.add_column(column.title, justify=column.justify, no_wrap=not column.elastic, min_width=least)
    for row in cells:
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    paper = io.StringIO()
    colour = colourful()
    Console(
        file=paper, width=width(), force_terminal=colour, color_system="standard" if colour else None, highlight=False
    ).print(table)
    return [line.rstrip() for line in paper.getvalue().splitlines()]
