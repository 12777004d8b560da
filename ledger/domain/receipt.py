"""What a save gives back."""

from __future__ import annotations

from pydantic import ConfigDict

from ledger.domain.events import ChangeOverruled, Event
from ledger.domain.omission import omitted
from ledger.domain.parts import Constructed

__all__ = ["Receipt"]


class Receipt(Constructed):
    """The proof of one save: keep `(version, digest)` somewhere else, and `verify(expect=…)` notices a cut-off tail.

    `overruled` holds what did not stand in a rebase, of either side; `omissions` the ids of pending questions that the
    saved session no longer held, and that stay pending.
    """

    model_config = ConfigDict(frozen=True)

    session_id: str
    version: int
    base_version: int
    event_id: str
    digest: str
    overruled: tuple[ChangeOverruled, ...] = ()
    omissions: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event) -> Receipt:
        """Give the receipt of an event: the same one whenever it is asked for."""
        return cls.model_construct(
            session_id=event.session_id,
            version=event.version,
            base_version=event.base_version,
            event_id=event.event_id,
            digest=event.digest,
            overruled=tuple([change for change in event.changes if isinstance(change, ChangeOverruled)]),
            omissions=omitted(event.changes),
        )
