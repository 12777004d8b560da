"""A small ledger that has everything the command line tells of."""

from datetime import UTC, datetime

import ledger
from ledger import Message, Session, ToolCall

ASKED_AT = datetime(2026, 2, 10, 21, 55, 43, 742000, tzinfo=UTC)
ANSWERED_AT = datetime(2026, 2, 10, 21, 57, 59, tzinfo=UTC)

#: No session of the recorded ledger has it, nor does one begin so.
NOBODY = "nobody"


def record(url: str) -> None:
    """Record four sessions.

    `support-1`: six saves by three writers: one stale and overruled, one that left the question out, and the answer.
    `support-2`: a child of it, with a question pending. `gone-1`: deleted. `user@example.org`: an id with an @ in it.
    """
    with ledger.open(url, writer="support-bot") as book:
        session = Session.new("support-1", model="gpt-5")
        session.add_message(Message.user("Deploy it"))
        book.save(session, key="k1")
        stale = book.load("support-1")
        session.ask("call_1", "Which environment?", options=["staging", "prod"], header="Target")
        book.save(session, occurred_at=ASKED_AT.replace(year=2027))
        book.update("support-1", _rename, writer="ui", authority="user")
        stale.title = "Job 7"
        stale.add_message(Message.assistant("", tool_calls=[ToolCall(id="call_2", name="deploy", arguments={"to": 1})]))
        book.save(stale, writer="scheduler")
        session = book.load("support-1")
        session.questions.clear()
        book.save(session)
        book.answer("support-1", "call_1#0", "staging", by="Ada", writer="ui", authority="user")
        book.record_usage("support-1", {"input_tokens": 1200, "output_tokens": 30})
        book.record_usage("support-1", {"input_tokens": 34})

        child = Session.new("support-2", model="gpt-5", parent_session_id="support-1", created_at=ASKED_AT)
        child.ask("call_9", "Go on?\nReally?")
        book.save(child, occurred_at=ASKED_AT)
        book.record_usage("support-2", {"input_tokens": 6})

        book.save(Session.new("gone-1", model="gpt-5"))
        book.delete("gone-1", reason="asked to")
        book.save(Session.new("user@example.org", model="gpt-5"))


def _rename(session: Session) -> None:
    session.title = "Deployment"
    session.pinned = True
    session.metadata["tags"] = ["urgent"]
