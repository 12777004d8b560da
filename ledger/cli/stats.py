"""`ledger stats`: how much there is, and how often something had to be saved from being lost."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, print_json, print_lines, readable
from ledger.cli.progress_bar import Advance, progress_bar

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = ["stats"]

_SAVED_FROM_LOSS = (
    ("stale_saves", "stale saves, rebased"),
    ("omissions", "questions left out, kept pending"),
    ("overruled", "changes overruled, kept in the log"),
    ("averted_saves", "saves that would have overwritten"),
    ("averted_facts", "facts that they would have lost"),
)


@click.command(epilog=examples("ledger stats", "ledger stats --json | jq .stale_saves"))
@json_option
@pass_invocation
def stats(invocation: Invocation) -> None:
    """Count what there is, and what was nearly lost.

    What would have been lost is counted from the sessions that have a stale save or an omission; `ledger averted`
    lists it.
    """
    with invocation.book() as book, progress_bar() as advance:
        found = _counts(book, advance)
    if invocation.as_json:
        print_json(found)
    else:
        print_lines(_lines(found))


def _counts(book: Ledger, advance: Advance) -> dict[str, Any]:
    questions = Counter(str(record.status) for record in book.questions())
    facts = book.facts()
    saves = book.averted(progress=lambda done, total: advance("Reading stale saves", done, total))
    losses = [len(save.losses) for save in saves]
    return {
        "place": facts["place"],
        **_size_of(facts),
        **book.census(),
        "averted_saves": len(losses),
        "averted_facts": sum(losses),
        "questions": dict(questions),
        "snapshots": facts["snapshots"],
        "feed": facts["feed"],
        "projections": {
            name.removesuffix("_position"): position
            for name, position in sorted(facts.items())
            if name.endswith("_position")
        },
    }


def _size_of(facts: dict[str, Any]) -> dict[str, int]:
    """Give what a file takes with its log, or what the server says of the whole database."""
    if "database_bytes" in facts:
        return {"database_bytes": facts["database_bytes"]}
    files = [Path(facts["place"] + suffix) for suffix in ("", "-wal")]
    return {"file_bytes": sum(file.stat().st_size for file in files if file.is_file())}


def _lines(found: dict[str, Any]) -> list[str]:
    questions = ", ".join(f"{count:,} {status}" for status, count in sorted(found["questions"].items()))
    behind = [name for name, position in found["projections"].items() if position < found["feed"]]
    deleted = f", and {found['deleted_sessions']:,} deleted" if found["deleted_sessions"] else ""
    rows = [
        ("sessions", f"{found['sessions']:,}{deleted}"),
        ("events", f"{found['events']:,}, of {_size(found['payload_bytes'])}"),
        ("questions", questions or "none"),
        *((name, f"{found[key]:,}") for key, name in _SAVED_FROM_LOSS),
        ("usage records", f"{found['usage_records']:,}"),
        ("snapshots", f"{found['snapshots']:,}"),
        ("projections", f"behind the log: {', '.join(behind)}" if behind else "caught up with the log"),
        *(
            (name, f"{_size(found[f'{name}_bytes'])}, {readable(found['place'])}")
            for name in ("file", "database")
            if f"{name}_bytes" in found
        ),
    ]
    longest = max(len(name) for name, _ in rows)
    return [f"{emphasised(name.ljust(longest))}  {value}" for name, value in rows]


def _size(count: int) -> str:
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:  # noqa: PLR2004 - the step between units
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
