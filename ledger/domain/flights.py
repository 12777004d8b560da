"""A save on its way, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ledger.domain.events import Authority, Change, ChangeOverruled, Event
from ledger.domain.omission import OnOmission
from ledger.domain.receipt import Receipt
from ledger.domain.view import View

__all__ = ["Outcome", "Submission", "UnderWay"]


class UnderWay(Protocol):
    """What stores a submission, maybe in another thread."""

    @property
    def start(self) -> Callable[[], None] | None:
        """Lets it begin where it was handed over; `None` if it was not, and nobody else will finish it."""

    @property
    def finished(self) -> bool:
        """Whether it is known what became of it."""

    def wait(self) -> object:
        """Wait until it is."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A save that is in the log: its receipt, the head after it, and what became of the submitted content.

    `as_submitted` is true where the head is just what was submitted, so that the session needs no bringing up.
    """

    receipt: Receipt
    head: View
    renamed: Mapping[str, str] = field(default_factory=dict)
    as_submitted: bool = False
    #: The events of others between what was submitted and the head: whom an edit made since may overrule.
    theirs: Sequence[Event] = ()


@dataclass(slots=True, eq=False)
class Submission:
    """One save on its way: what was submitted, from which base, under which event id and key."""

    session_id: str
    base: View | None
    base_version: int
    content: View
    changes: list[Change] | None
    event_id: str
    writer: str
    authority: Authority
    key: str | None = None
    key_digest: str | None = None
    expected_version: int | None = None
    occurred_at: datetime | None = None
    on_omission: OnOmission = "keep"
    must_create: bool = False
    authoritative: frozenset[str] = frozenset()
    defaulted: frozenset[str] = frozenset()
    #: The content of an earlier try under this event id whose outcome is not known, if there was one.
    tried: View | None = None
    tried_omitted: tuple[str, ...] = ()
    #: Whether a repository keeps that try and will repeat it as it is: the id then stands for that content alone.
    kept: bool = False
    #: Whether the log was asked since, and does not hold that try: from then on the id stands for this content.
    sought: bool = False
    #: The save of the same session that was under way when this one was called, and what the session held after it.
    prior: Submission | None = None
    against: View | None = None
    #: Who stores it, from when somebody does until it is known what became of it.
    under_way: UnderWay | None = None
    #: Whether the writer is done with it and has not stored it, as far as it knows.
    failed: bool = False
    #: Whether it failed in a way that leaves open whether it was stored.
    ambiguous: bool = False
    outcome: Outcome | None = None
    #: Set by the writer as soon as it finds the earlier try in the log, even if this save fails afterwards.
    found: Outcome | None = None
    #: The content as the session sees it now: earlier saves that settled in between are rebased into it.
    seen: View | None = None
    #: What earlier rebases in memory overruled, to be recorded with this save.
    records: tuple[ChangeOverruled, ...] = ()
