"""What workers do: turns of a conversation that are known beforehand, saved and acknowledged one by one.

Everything in a turn follows from its writer and its number. So whoever finds one in a log can tell, byte for byte,
whether it is whole, and which one has to come next.
"""

import fcntl
import os
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

import ledger
from ledger import LedgerError, Message, Receipt, Session, ToolCall
from tests.process.bare import url_of

__all__ = [
    "MODEL",
    "Say",
    "messages_of",
    "number_of",
    "open_and_close",
    "question_of",
    "save_turns",
    "take_turn",
    "url_of",
]

MODEL = "gpt-5"
#: How a worker tells the test something: a `tests.process.zygote.Report`, in a process of its own.
Say = Callable[..., None]
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def messages_of(writer: str, number: int) -> list[Message]:
    """Give the messages of a writer's turn: the same ones, whoever asks and whenever."""
    name = f"{writer}-{number}"
    time = _BEGINNING + timedelta(seconds=number)
    call = ToolCall(id=f"{name}-call", name="look_up", arguments={"order": number, "of": writer})
    return [
        Message.user(f"Où en est la commande {number} ? — {writer}\n" * 3, id=f"{name}-user", created_at=time),
        Message.assistant("", id=f"{name}-call", tool_calls=[call], created_at=time),
        Message.tool(f'{{"order": {number}, "état": "envoyée ✓"}}', call.id, id=f"{name}-result", created_at=time),
        Message.assistant(f"Die Bestellung {number} ist unterwegs.", id=f"{name}-answer", created_at=time),
    ]


def question_of(writer: str, number: int) -> str:
    """Give the tool call that asks in a writer's turn, and that its next turn answers."""
    return f"{writer}-{number}-ask"


def number_of(session: Session, writer: str) -> int:
    """Give the number of the writer's last turn in a session; 0 before the first."""
    return int(session.state.get(writer, 0))


def take_turn(session: Session, writer: str) -> int:
    """Make the writer's next turn in a session, which is not saved yet, and give its number."""
    number = number_of(session, writer) + 1
    session.messages.extend(messages_of(writer, number))
    if number > 1:
        session.answer(question_of(writer, number - 1), f"answered in turn {number}", by=writer)
    session.ask(question_of(writer, number), f"May I close order {number}?", options=["yes", "no"])
    session.state[writer] = number
    return number


def save_turns(
    report: Say,
    url: str,
    writer: str,
    sessions: Sequence[str],
    turns: int | None = None,
    *,
    afresh: bool = False,
    gate: str | None = None,
) -> None:
    """Save turns in these sessions, one after the other, and acknowledge each when its save has returned.

    Args:
        report: says `ready` when the ledger is open, then one acknowledgement a save.
        url: of the ledger.
        writer: whose turns.
        sessions: saved to in this order, over and over.
        turns: so many in all; until the process is killed by default.
        afresh: whether to load the head before each save, instead of going on with a copy that others outrun.
        gate: a file; who holds a lock on it lets all writers begin at once, after each has loaded its sessions.
    """
    with ledger.open(url, writer=writer) as book:
        held = {session_id: book.load_or_create(session_id, model=MODEL) for session_id in sessions}
        report(ready=True)
        if gate is not None:
            with Path(gate).open() as held_shut:
                fcntl.flock(held_shut, fcntl.LOCK_SH)
        done = 0
        while turns is None or done < turns:
            session_id = sessions[done % len(sessions)]
            session = book.load_or_create(session_id, model=MODEL) if afresh else held[session_id]
            number = take_turn(session, writer)
            report(attempt=number, writer=writer, session_id=session_id)
            try:
                receipt = book.save(session)
            except LedgerError as error:
                report(refused=type(error).__name__, message=str(error)[:500])
                raise
            acknowledge(report, number, writer, receipt)
            done += 1


def acknowledge(report: Say, number: int, writer: str, receipt: Receipt) -> None:
    """Say that a save has returned."""
    report(
        session_id=receipt.session_id,
        writer=writer,
        number=number,
        version=receipt.version,
        event_id=receipt.event_id,
        digest=receipt.digest,
    )


def save_a_turn_and_die(report: Say, url: str, session_id: str, at: int) -> None:
    """Save one turn, but kill this very process right before the `at`-th statement that the save sends to SQLite."""
    with ledger.open(url, create=False, writer="agent") as book:
        session = book.load(session_id)
        number = take_turn(session, "agent")
        die_at_statement(report, at)
        acknowledge(report, number, "agent", book.save(session))


def die_at_statement(report: Say, at: int) -> None:
    """Kill this process right before the `at`-th statement that SQLite is given from now on."""
    count = 0

    def trace(statement: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            report(killed_at=statement[:200])
            os.kill(os.getpid(), signal.SIGKILL)

    def trace_it(connection: Any, *_: object) -> None:
        connection.set_trace_callback(trace)

    for moment in ("connect", "checkout"):  # those that are opened from now on, and those that are open already
        event.listen(Pool, moment, trace_it)


def die_at_server_statement(report: Say, at: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Kill this process right before the `at`-th statement or commit that a server is sent from now on, or stop it."""
    count = 0

    def come(statement: str) -> None:
        nonlocal count
        count += 1
        if count == at:
            report(killed_at=" ".join(statement.split())[:200])
            os.kill(os.getpid(), how)

    event.listen(Engine, "before_cursor_execute", lambda *call: come(call[2]))
    event.listen(Engine, "commit", lambda _: come("COMMIT"))


def create_and_die(report: Say, url: str, at: int) -> None:
    """Create a ledger, but kill this very process right before the `at`-th statement of it."""
    die_at_statement(report, at)
    open_and_close(report, url)


def open_and_close(report: Say, url: str, *, create: bool = True) -> None:
    """Open a ledger, create it where there is none, close it, and say which one it was."""
    with ledger.open(url, create=create) as book, book._database.read() as connection:
        report(ledger_id=connection.exec_driver_sql("SELECT hex(ledger_id) FROM ledger_meta").scalar_one())
