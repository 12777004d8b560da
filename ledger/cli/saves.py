"""A save, as the commands tell it: who, when, from which base, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ledger.cli.output import emphasised, in_line, shortened, width
from ledger.cli.times import instant

if TYPE_CHECKING:
    from datetime import datetime

    from ledger.domain.events import Event
    from ledger.domain.transitions import Transition

__all__ = ["INDENT", "save_as_json", "save_heading", "save_lines"]

#: What stands below the heading of a save begins so.
INDENT = "    "
_FIELDS = {
    "version", "event_id", "recorded_at", "occurred_at", "writer", "authority", "base_version", "changes", "digest",
}  # fmt: skip


def save_as_json(event: Event) -> dict[str, Any]:
    """Give a save as JSON."""
    return event.model_dump(mode="json", include=_FIELDS)


def save_heading(save: Event | Transition, at: datetime, averted: int = 0) -> str:
    """Give the line that says which save it is, by whom, and how many facts its copy would have undone."""
    who = in_line(save.writer) + (" (as user)" if save.authority == "user" else "")
    heading = f"{emphasised(str(save.version))}  {instant(at)}  {who}"
    if save.is_stale:
        seen = f"version {save.base_version}" if save.base_version else "nothing"
        heading += "  " + emphasised(f"stale: had seen {seen}", "yellow")
    return f"{heading}  {emphasised(f'averted {averted:,}', 'cyan')}" if averted else heading


def save_lines(event: Event, averted: int = 0) -> Iterator[str]:
    """Give the heading of a save, and a line for each of its changes."""
    from ledger.cli.change_words import agreed_in_words, summed_up

    yield save_heading(event, event.occurred_at or event.recorded_at, averted)
    for words in [*summed_up(event.changes), *map(agreed_in_words, event.agreed)]:
        yield INDENT + shortened(words, width() - len(INDENT))
