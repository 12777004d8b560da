"""`ledger follow`: the saves of all sessions, as they come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from ledger.cli.examples import examples
from ledger.cli.exit_codes import INTERRUPTED
from ledger.cli.following import feed_followed
from ledger.cli.invocation import Invocation, json_lines_option, pass_invocation
from ledger.cli.output import json_line, print_lines
from ledger.cli.save_line import place_line

if TYPE_CHECKING:
    from ledger.domain.records import FeedItem

__all__ = ["follow"]


@click.command(
    epilog=examples(
        "ledger follow",
        "ledger follow --after 0 --until-end --json > feed.jsonl",
        "ledger follow --after 1204 --json | jq -r .session_id",
    )
)
@click.option(
    "--after",
    type=click.IntRange(min=0),
    metavar="N",
    help="Begin behind this position; 0 is the beginning of the ledger. Without it: only what is saved from now on.",
)
@click.option("-n", "--limit", type=click.IntRange(min=1), metavar="N", help="End after so many saves.")
@click.option("--until-end", is_flag=True, help="End where the feed does now, instead of waiting for more.")
@json_lines_option
@pass_invocation
def follow(invocation: Invocation, *, after: int | None, limit: int | None, until_end: bool) -> None:
    """Tell the saves of all sessions as they come, until Ctrl-C.

    A line a save: its position in the feed, SESSION@VERSION, the writer, and what the save did. Positions are dense,
    each session's saves are in order, and each comes once: to go on later, also on another machine, pass the last
    position as --after.
    """
    if until_end and after is None:
        raise click.UsageError("--until-end shows nothing unless --after says where to begin: --after 0 for all of it")
    with invocation.book() as book:
        try:
            pages: Iterable[Iterable[FeedItem]] = feed_followed(book, after, limit)
            if until_end:
                pages = [book.feed(after=after or 0, limit=limit)]
            for page in pages:
                print_lines((_line(item, as_json=invocation.as_json) for item in page), paged=False)
        except KeyboardInterrupt:
            # How one ends it, and nothing to complain of.
            invocation.exit_code = INTERRUPTED


def _line(item: FeedItem, *, as_json: bool) -> str:
    return json_line(item.model_dump(mode="json")) if as_json else place_line(item)
