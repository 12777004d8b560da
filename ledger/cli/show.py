"""`ledger show`: a session, now or at any version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.examples import examples
from ledger.cli.flow import flow
from ledger.cli.invocation import Invocation, json_option, pass_invocation
from ledger.cli.output import emphasised, faint, in_line, note, print_json, print_lines, shortened, width
from ledger.cli.revision_argument import resolve_revision, session_argument
from ledger.cli.times import instant

if TYPE_CHECKING:
    from ledger.domain.parts import Message, Question
    from ledger.domain.session import Session

__all__ = ["show"]

#: A longer message, or a longer document, shows its beginning.
SHOWN_LINES = 20
_INDENT = "  "


@click.command(
    epilog=examples(
        "ledger show s1", "ledger show s1@3", "ledger show s1@q:call_1#0", "ledger show s1@2026-02-10T21:55:43Z --json"
    )
)
@session_argument("SESSION[@REV]")
@click.option("--full", is_flag=True, help="Show long messages and documents to their end.")
@json_option
@pass_invocation
def show(invocation: Invocation, session: str, full: bool) -> None:  # noqa: FBT001 - click's
    """Show a session, now or at any past version.

    REV is a version, a distance from the newest (-1), a time with its zone (the state at that time), q:QUESTION
    (the save that asked it), or key:KEY. As JSON, the session is whole, with its version.
    """
    with invocation.book() as book:
        session_id, revision = resolve_revision(book, session)
        found = book.load(session_id, at=revision)
        head = book.head(found.id)
    if invocation.as_json:
        print_json(found.model_dump(mode="json"))
    else:
        if found.id != session_id:
            note(f"{session_id} was forked from it later: this is {found.id}@{found.version}.")
        print_lines(_lines(found, head.version if head else found.version, None if full else SHOWN_LINES))


def _lines(session: Session, head: int, limit: int | None) -> Iterator[str]:
    yield from _summary(session, head)
    if session.questions:
        yield from _section(f"Questions ({len(session.questions)})")
        for question in session.questions.values():
            yield from _question(question)
    for name in ("summary", "metadata", "state"):
        document = session.__dict__[name]
        if document:
            yield from _section(name.capitalize())
            yield from flow(_document(document), _INDENT, limit)
    yield from _section(f"Messages ({len(session.messages)})")
    for number, message in enumerate(session.messages, 1):
        yield from _message(number, message, limit)


def _summary(session: Session, head: int) -> Iterator[str]:
    newest = "the newest" if session.version == head else f"the newest is {head}"
    yield f"{emphasised(in_line(session.id))}  version {session.version} ({newest})"
    forked = session.forked_from
    facts = {
        "title": (session.title or "") + (" (pinned)" if session.pinned else ""),
        "model": session.model,
        "parent": session.parent_session_id,
        "forked from": f"{forked['session_id']}@{forked['version']}" if forked else None,
        "created": instant(session.created_at),
        "updated": instant(session.updated_at),
    }
    told = {name: fact for name, fact in facts.items() if fact}
    longest = max(8, *map(len, told))
    for name, fact in told.items():
        yield f"{_INDENT}{faint(name.ljust(longest))} {shortened(fact.strip(), width() - longest - 3)}"


def _section(title: str) -> Iterator[str]:
    yield ""
    yield emphasised(title)


def _question(question: Question) -> Iterator[str]:
    from ledger.cli.change_words import value_text

    header = f"{question.header}: " if question.header else ""
    waits = question.is_pending
    status = emphasised(str(question.status), "yellow" if waits else None)
    yield f"{_INDENT}{status}  {in_line(question.id)}"
    inside = _INDENT * 2
    yield from flow(header + question.text, inside, None)
    if question.options:
        kind = "any of" if question.multiple else "one of"
        yield from flow(f"options: {kind} " + ", ".join(option.label for option in question.options), inside, None)
    if not waits:
        outcome = question.reason if question.status != "answered" else value_text(question.answer)
        by = f" by {question.resolved_by}" if question.resolved_by else ""
        yield from flow(f"{question.status}{by}" + (f": {outcome}" if outcome else ""), inside, None)


def _message(number: int, message: Message, limit: int | None) -> Iterator[str]:
    from ledger.cli.change_words import body

    head = f"{number}. {message.role}"
    if message.tool_call_id:
        outcome = {True: ", succeeded", False: ", failed", None: ""}[message.tool_success]
        head += f" (result of {message.tool_call_id}{outcome})"
    yield f"{_INDENT}{emphasised(in_line(head))}  {faint(instant(message.created_at))}"
    text = body(message)
    if text:
        yield from flow(text, _INDENT * 2, limit)


def _document(document: Any) -> str:
    from ledger.domain.values import thaw

    return document if isinstance(document, str) else json.dumps(thaw(document), ensure_ascii=False, indent=2)
