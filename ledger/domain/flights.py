"""A save on its way, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ledger.domain.events import Authority, Change
from ledger.domain.omission import OnOmission
from ledger.domain.receipt import Receipt
from ledger.domain.view import State, View

__all__ = ["Outcome", "Submission"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A save that is in the log: its receipt, the head after it, and what became of the submitted content.

    `as_submitted` is true where the head is just what was submitted, so that the session needs no bringing up.
    """

    receipt: Receipt
    head: View
    renamed: Mapping[str, str] = field(default_factory=dict)
    as_submitted: bool = False


@dataclass(slots=True)
class Submission:
    """One save on its way: what was submitted, from which base, under which event id and key."""

    session_id: str
    base: View | None
    base_version: int
    content: State
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
    #: The content that the save of this event id took when it was first tried, if it was tried before.
    tried: State | None = None
    #: The save of the same session that was under way when this one was called, and what the session held after it.
    prior: Submission | None = None
    against: State | None = None
    #: Whether it failed in a way that leaves open whether it was stored.
    ambiguous: bool = False
    outcome: Outcome | None = None
    #: Set by the writer as soon as it finds the earlier try in the log, even if this save fails afterwards.
    found: Outcome | None = None
    #: The content as it was captured, where the base was lost and nothing could be compared at the call.
    captured: View | None = None
    #: The content as the session sees it now: earlier saves that settled in between are rebased into it.
    seen: State | None = None
