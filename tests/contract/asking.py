"""A session whose question was asked and answered, to be forked before, between and behind."""

from __future__ import annotations

from typing import Any

from ledger import Message, Session
from tests.contract.faces import Book

__all__ = ["asked", "content"]


async def asked(book: Book, session_id: str = "s1") -> Session:
    """Save four versions: a message, a question, its answer, a title."""
    session = Session.new(session_id, "gpt-5", metadata={"tags": ["a"]})
    session.add_message(Message.user("Deploy it", id="m1"))
    await book.save(session)
    session.ask("call_1", "Which environment?", options=["staging", "prod"])
    await book.save(session, writer="planner")
    session.answer("call_1", "staging")
    session.state["step"] = {"at": 3}
    await book.save(session)
    session.title = "Deployment"
    await book.save(session, writer="ui", authority="user")
    return session


def content(session: Session) -> dict[str, Any]:
    """Give what a session holds, but for what says which one it is and of when."""
    own = {"id", "version", "forked_from", "created_at", "updated_at"}
    return {name: value for name, value in session.model_dump().items() if name not in own}
