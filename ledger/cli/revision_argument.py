"""How a command line names a session, and a revision of it: ``ID``, a unique beginning of it, ``SESSION@REV``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.errors import InvalidRevision, SessionNotFound

if TYPE_CHECKING:
    from ledger.book import Ledger

__all__ = [
    "AmbiguousId",
    "checked",
    "range_of",
    "resolve_no_option",
    "resolve_revision",
    "resolve_session",
    "session_argument",
]

Command = TypeVar("Command", bound=Callable[..., Any])

#: A shorter beginning would be a guess.
MIN_PREFIX = 4
#: So many of the sessions that an ambiguous beginning could mean are named.
NAMED = 10


class AmbiguousId(click.ClickException):
    """Several session ids begin so."""

    exit_code = 2

    def __init__(self, prefix: str, matches: list[str], *, more: bool) -> None:
        self.prefix = prefix
        self.matches = matches
        listed = "\n".join(f"  {match}" for match in matches)
        rest = "\n  … and more" if more else ""
        super().__init__(f"{prefix!r} is the beginning of more than one session id; write more of it:\n{listed}{rest}")


def session_argument(metavar: str = "SESSION", *, required: bool = True) -> Callable[[Command], Command]:
    """Add the argument `session` to a command."""
    return click.argument(
        "session", metavar=metavar if required else f"[{metavar}]", required=required, callback=checked
    )


def checked(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a name that no session can have, because it is no text."""
    try:
        (value or "").encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter("it is not UTF-8", context, parameter) from error
    return value


def resolve_session(book: Ledger, named: str) -> str:
    """Give the id of the session that was named in full, or by a beginning of at least 4 characters.

    A deleted session can be named too: its history is there.

    Raises:
        SessionNotFound: if no session was ever saved under such an id.
        AmbiguousId: if several ids begin so.
    """
    found = _resolved(book, named)
    if found is None:
        raise SessionNotFound(named)
    return found


def resolve_revision(book: Ledger, named: str) -> tuple[str, str | None]:
    """Give the session and the revision that ``SESSION@REV`` names; `None` stands for the head.

    An exact id wins, so an id may hold an ``@``; then the last one splits. The same goes for the beginnings of ids.

    Raises:
        SessionNotFound: as `resolve_session` does.
        AmbiguousId: as `resolve_session` does.
    """
    session, at, revision = named.rpartition("@")
    if _is_exact(book, named) or not at:
        return resolve_session(book, named), None
    if _is_exact(book, session):
        return session, revision
    # Neither is an id in full. An id with an @ in it may itself be shortened; else what stands before the @ is.
    whole = _resolved(book, named)
    return (whole, None) if whole is not None else (resolve_session(book, session), revision)


def resolve_no_option(book: Ledger, named: str) -> tuple[str, str | None]:
    """Do as `resolve_revision` does, for a command that lets pass what begins with a minus, as a revision may.

    Raises:
        NoSuchOption: if it is no session, and was meant to be an option perhaps.
    """
    try:
        return resolve_revision(book, named)
    except SessionNotFound:
        if named.startswith("-"):
            raise click.NoSuchOption(named) from None
        raise


def range_of(text: str) -> tuple[str | None, str | None] | None:
    """Give the two revisions of a range ``A..B``; `None` for one that is left out, or if it is no range at all."""
    from ledger.domain.revisions import parse_revision

    # A question's id may hold dots too.
    for place in range(len(text) - 1):
        if text[place : place + 2] != "..":
            continue
        ends = text[:place] or None, text[place + 2 :] or None
        try:
            for end in filter(None, ends):
                parse_revision(end)
        except InvalidRevision:
            continue
        return ends
    return None


def _is_exact(book: Ledger, named: str) -> bool:
    return bool(named) and book.head(named) is not None


def _resolved(book: Ledger, named: str) -> str | None:
    if _is_exact(book, named):
        return named
    # Tables end a shortened id so, and it may have been copied along.
    prefix = named.removesuffix("…")
    if len(prefix) < MIN_PREFIX:
        return None
    matches = book.ids(prefix, limit=NAMED + 1)
    if len(matches) > 1:
        raise AmbiguousId(prefix, matches[:NAMED], more=len(matches) > NAMED)
    return matches[0] if matches else None
