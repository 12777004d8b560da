"""Two writers over one session, the second one stale, and what either may do."""

from __future__ import annotations

from typing import Any

from ledger import Message, Session
from tests.contract.faces import Book
from tests.contract.rebase_rows import Edit, message

__all__ = ["answer", "begin", "both", "meet", "remove", "reverse", "revise", "say"]


def say(it: Message) -> Edit:
    """Append a message."""
    return lambda session: session.messages.append(it)


def revise(message_id: str, **update: Any) -> Edit:
    """Put a changed copy in the place of a message."""

    def edit(session: Session) -> None:
        at = [it.id for it in session.messages].index(message_id)
        session.messages[at] = session.messages[at].model_copy(update=update)

    return edit


def remove(message_id: str) -> Edit:
    """Take a message out."""

    def edit(session: Session) -> None:
        session.messages[:] = [it for it in session.messages if it.id != message_id]

    return edit


def both(*edits: Edit) -> Edit:
    """Make all of these edits."""
    return lambda session: [edit(session) for edit in edits]


def reverse(session: Session) -> None:
    """Turn the messages round."""
    session.messages.reverse()


def answer(session: Session) -> None:
    """Answer the question."""
    session.answer("call_1#0", "staging", by="Ada")


async def begin(book: Book) -> None:
    """Save the session that the writers then load."""
    session = Session.new("s1", "gpt-5", title="t")
    session.messages += [message("m1"), message("m2"), message("m3")]
    session.ask("call_1", "Which environment?")
    session.state.update({"a": {"x": 1, "y": 1}, "list": [1]})
    session.metadata["k"] = 1
    await book.save(session)


async def meet(book: Book, theirs: Edit, ours: Edit) -> list[str]:
    """Let two copies of version 1 be edited and saved, the second one stale. Give what the event agreed on."""
    mine, others = await book.load("s1"), await book.load("s1")
    theirs(others)
    ours(mine)
    await book.save(others, writer="agent")
    await book.save(mine, writer="scheduler")
    (event,) = await book.history("s1", after=2)
    return [agreement.path for agreement in event.agreed]
