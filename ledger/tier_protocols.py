"""What a repository asks of storage and of persistence. A test can hand in a dictionary that does this much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from ledger.domain.events import Event
from ledger.domain.receipt import Receipt
from ledger.domain.session import Session

__all__ = ["HeadRow", "Persistence", "Storage"]


class HeadRow(Protocol):
    """The head of a session, as one indexed read tells it; `ledger.domain.reconcile.Copy` is one."""

    @property
    def version(self) -> int:
        """The version of the last event, a deletion's included."""

    @property
    def digest(self) -> str:
        """Its digest, or an empty string where the storage keeps none."""

    @property
    def open_questions(self) -> Sequence[str]:
        """The ids of the questions that are pending."""

    @property
    def deleted(self) -> bool:
        """Whether the session was deleted and did not begin a new life."""


@runtime_checkable
class Storage(Protocol):
    """Where a repository reads sessions. Every method raises `StorageError` (or an `OSError`) if storage fails."""

    async def head(self, session_id: str) -> HeadRow | None:
        """Give the head of a session, whatever its length, by one read; `None` if it was never saved."""

    async def load_session(self, session_id: str, at: int | str | datetime | None = None) -> Session | None:
        """Give a session at its head, or at a revision; `None` if it does not live.

        Args:
            session_id: whose.
            at: as `Ledger.load` takes it. Not passed at all for the head.

        Raises:
            VersionNotFound: if there is no such revision.
            SessionDeleted: if that revision is a deletion.
            InvalidRevision: if `at` is no revision.
        """

    async def events_after(self, session_id: str, version: int, digest: str) -> Sequence[Event] | None:
        """Give the events behind a version, oldest first, or `None` if the log does not hold it with that digest.

        Version 0 stands for the beginning of every session. Asked only where both copies have a digest, so a storage
        that keeps none may give `None`.
        """

    async def delete_session(self, session_id: str, **keywords: Any) -> bool:
        """Delete a session; `False` if nothing lived there. The keywords are those of `Ledger.delete`."""

    async def append_token_usage_record(self, session_id: str, json_line: str) -> None:
        """Append a JSON object, as its line, to the token-usage log.

        Raises:
            SessionNotFound: if no session of that id was ever saved.
            InvalidSession: if the line is no JSON object.
        """


@runtime_checkable
class Persistence(Protocol):
    """Where a repository saves sessions by merging."""

    async def merge_save(self, session: Session, **keywords: Any) -> Receipt:
        """Append what changed, merged with what others saved meanwhile, and bring `session` up to it in place.

        What is saved is what the session holds at the call, before anything is awaited. A save that failed is repeated
        as it is, and is then to be stored once. On any error `session` is as it was.

        Args:
            session: the caller's.
            **keywords: those of `Ledger.save`.

        Raises:
            StorageError: if storage failed; it may be unknown then whether the save was stored.
            LedgerError: what else `Ledger.save` raises, of a save that can never succeed as it is.
        """
