"""What the saver does, step by step, written once for sync and async callers.

Each verb is a generator that yields steps and is sent their results: reads and encoding run on the ledger's readers for
async callers, saves go to its lanes, and the event loop waits for neither.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ledger.asyncbook import AsyncLedger
    from ledger.book import Ledger
    from ledger.domain.session import Session

__all__ = ["Call", "Read", "Save", "Step", "Steps", "awaited", "driven"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read:
    """Run reading work with the ledger."""

    work: Callable[[Ledger], Any]


@dataclass(frozen=True, slots=True)
class Save:
    """Save a session with these keywords."""

    session: Session
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """Call a verb of the ledger: one that sync and async ledgers have alike."""

    verb: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any] = field(default_factory=dict)


Step = Read | Save | Call
Steps = Generator[Step, Any, T]


def driven(steps: Steps[T], book: Ledger) -> T:
    """Take each step at once, and give what comes of them."""
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.throw(error) if error is not None else steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # the generator's own result
        result, error = None, None
        try:
            match step:
                case Read(work):
                    result = work(book)
                case Save(session, keywords):
                    result = book.save(session, **keywords)
                case Call(verb, arguments, keywords):
                    result = getattr(book, verb)(*arguments, **keywords)
        except Exception as raised:  # noqa: BLE001 - the verb decides what it makes of it
            error = raised


async def awaited(steps: Steps[T], book: AsyncLedger) -> T:
    """Await each step, and give what comes of them."""
    result: Any = None
    error: Exception | None = None
    while True:
        try:
            step = steps.throw(error) if error is not None else steps.send(result)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]  # the generator's own result
        result, error = None, None
        try:
            match step:
                case Read(work):
                    result = await book.book.threads.read(work, book.book)
                case Save(session, keywords):
                    result = await book.save(session, **keywords)
                case Call(verb, arguments, keywords):
                    result = await getattr(book, verb)(*arguments, **keywords)
        except Exception as raised:  # noqa: BLE001 - the verb decides what it makes of it
            error = raised
