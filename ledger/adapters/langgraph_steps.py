"""What the saver does, step by step, written once for sync and async callers.

Each verb is a generator that yields steps and is sent their results: reads and encoding run on the ledger's readers for
async callers, saves go to its lanes, and the event loop waits for neither.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ledger import verbs
from ledger.verbs import Save

if TYPE_CHECKING:
    from ledger.asyncbook import AsyncLedger
    from ledger.book import Ledger

__all__ = ["Call", "Read", "Save", "Step", "Steps", "awaited", "driven"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read:
    """Run reading work with the ledger."""

    work: Callable[[Ledger], Any]


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

    def take(step: Step) -> Any:
        match step:
            case Read(work):
                return work(book)
            case Save(session, keywords):
                return book.save(session, **keywords)
            case Call(verb, arguments, keywords):
                return getattr(book, verb)(*arguments, **keywords)

    return verbs.driven(steps, take)


async def awaited(steps: Steps[T], book: AsyncLedger) -> T:
    """Await each step, and give what comes of them."""

    async def take(step: Step) -> Any:
        match step:
            case Read(work):
                return await book.book.threads.read(work, book.book)
            case Save(session, keywords):
                return await book.save(session, **keywords)
            case Call(verb, arguments, keywords):
                return await getattr(book, verb)(*arguments, **keywords)

    return await verbs.awaited(steps, take)
