"""What the ledger says an overwriting store would have lost, held against a store that really overwrites."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger
from ledger import Averted, Session
from ledger.domain.values import join
from tests.property.averted_edits import agree, decorate, move, rewrite
from tests.property.history_edits import EDITS
from tests.property.history_model import WRITERS, Writer, content_of
from tests.property.overwriting_store import OverwritingStore, Place, facts_of

T = TypeVar("T")

Edits = list[tuple[str, int]]
#: How often each is done, among all edits.
OFTEN = {"decorate": 4, "rewrite": 6, "move": 2, "agree": 8, "say": 2, "ask": 2, "answer": 2}
KINDS = (*EDITS, *(kind for kind, often in OFTEN.items() for _ in range(often)))
STEPS = st.tuples(
    st.sampled_from(["save"] * 12 + ["load", "fresh", "fresh", "carry", "past", "lose", "delete"]),
    st.sampled_from(WRITERS),
    st.integers(0, 59),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 5)), max_size=4),
)


def path_of(place: Place) -> str:
    """Give the pointer by which the ledger names a fact."""
    name, *key = place
    return join(f"/{name}", key[0]) if key else "/parent_session_id" if name == "parent" else f"/{name}"


class Play:
    """Three writers over a real ledger; beside it, each save overwrites what the ledger held before."""

    def __init__(self) -> None:
        self.book = ledger.open("sqlite://")
        self.head: Session | None = None
        #: What each writer holds, and what it had loaded, before it changed it.
        self.copies: dict[str, tuple[Session, Session | None]] = {}
        #: By version: what overwriting would have lost there; by fact: the save that wrote it.
        self.lost: dict[int, dict[Place, str]] = {}
        self.wrote: dict[Place, tuple[int, str]] = {}
        self.kept: dict[tuple[int, str], bool] = {}
        self.whose: dict[tuple[int, str], tuple[int, str]] = {}
        self.numbers = iter(range(1, 10_000))
        for name in WRITERS:
            self.fresh(name)
        self.save("agent", 0, [("say", 0)] * 20 + [("ask", 0)] * 2 + [("rewrite", 5)])
        for name in WRITERS:
            self.load(name)

    def load(self, name: str, *_: object) -> None:
        session = self.book.load_or_create("s", model="m0")
        self.copies[name] = session, None if self.head is None else session.model_copy()

    def fresh(self, name: str, pick: int = 0, *_: object) -> None:
        if self.head is None and self.wrote:
            return  # over a tombstone it would be refused
        fields: dict[str, Any] = {"title": "A"} if pick % 2 else {}
        session = Session.new("s", f"m{pick % 3}", **fields)
        if self.head is not None and pick % 4:
            # Some frameworks build it anew each time, from what they have of it.
            session.messages += self.head.messages[pick % 4 - 1 :]
        self.copies[name] = session, None

    def past(self, name: str, pick: int, *_: object) -> None:
        """Load a version of this life that others have left behind."""
        if self.head is not None:
            head = self.book.head("s")
            assert head is not None
            version = head.life + pick % (head.version - head.life + 1)
            session = self.book.load("s", at=version)
            self.copies[name] = session, session.model_copy()

    def carry(self, name: str, pick: int, *_: object) -> None:
        session, loaded = self.copies[name]
        if session.version:
            twins = (copy.copy, lambda it: pickle.loads(pickle.dumps(it)))  # noqa: S301 - made right here
            self.copies[name] = twins[pick % 2](session), loaded

    def edit(self, name: str, edits: Edits) -> None:
        session, loaded = self.copies[name]
        base = content_of(loaded) if loaded else content_of(Session.new("s", "m0"))
        for kind, place in edits:
            number = next(self.numbers)
            match kind:
                case "decorate":
                    decorate(session, number, place)
                case "move":
                    move(session, number, place)
                case "rewrite":
                    rewrite(session, number, place)
                case "agree":
                    agree(session, self.head or session, number, place)
                case _:
                    EDITS[kind](Writer(name, session, base, session.version, 0), number, place)

    def lose(self, name: str, pick: int, edits: Edits) -> None:
        self.save(name, pick, edits, on_omission="lose")

    def save(self, name: str, _: int, edits: Edits, **keywords: Any) -> None:
        self.edit(name, edits)
        session, loaded = self.copies[name]
        store = OverwritingStore()
        store.held = self.head
        lost = store.save(session.model_copy(), loaded)
        receipt = self.book.save(session, writer=name, **keywords)
        self.took(name, receipt.version, lost)
        self.copies[name] = session, session.model_copy()

    def took(self, name: str, version: int, lost: dict[Place, str]) -> None:
        """Note what the save that made `version` did, by what the ledger held before and holds now."""
        before, self.head = self.head, self.book.load("s")
        was, now = facts_of(before), facts_of(self.head)
        if before is None:
            self.wrote.clear()
        if lost:
            self.lost[version] = lost
        for place in lost:
            if place != ("messages",):
                self.whose[version, path_of(place)] = self.wrote[place]
                self.kept[version, path_of(place)] = was.get(place) == now.get(place)
        self.wrote |= {place: (version, name) for place in was.keys() | now.keys() if was.get(place) != now.get(place)}

    def delete(self, name: str, *_: object) -> None:
        if self.head is not None:
            self.book.delete("s")
            self.head = None
            # A copy from before is refused for ever.
            for each in WRITERS:
                self.load(each)
        del name

    def check(self) -> None:
        told = list(self.book.averted("s"))
        expected = {
            version: {path_of(place): cause for place, cause in lost.items()} for version, lost in self.lost.items()
        }

        assert expected == {save.version: {loss.path: loss.cause for loss in save.losses} for save in told}

        for save in told:
            self.check_each(save)
        self.check_windows({save.version: len(save.losses) for save in told})
        self.check_blame()

    def check_each(self, save: Averted) -> None:
        assert len({loss.path for loss in save.losses}) == len(save.losses)
        for loss in save.losses:
            if loss.path == "/messages":
                continue
            assert self.whose[save.version, loss.path] == (loss.version, loss.writer)
            if self.kept[save.version, loss.path] or loss.kind in {"title", "pinned", "model", "summary", "question"}:
                assert self.kept[save.version, loss.path] == (loss.kept == "state")

    def check_windows(self, counts: dict[int, int]) -> None:
        head = self.book.head("s")
        assert head is not None
        for first in range(1, head.version + 1, 4):
            for last in (min(first + 2, head.version), head.version):
                inside = {version: count for version, count in counts.items() if first <= version <= last}
                assert inside == self.book.averted_between("s", first, last)

    def check_blame(self) -> None:
        if self.head is not None:
            facts = facts_of(self.head)

            assert {path_of(place): self.wrote[place] for place in facts} == {
                fact.path: (fact.version, fact.writer) for fact in self.book.blame("s")
            }


def play(steps: Sequence[tuple[str, str, int, Edits]]) -> Play:
    """Play a history, and give what came of it."""
    played = Play()
    for doing, name, pick, edits in steps:
        getattr(played, doing)(name, pick, edits)
    return played


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(STEPS, min_size=5, max_size=30))
def test_averted_is_what_a_store_that_overwrites_loses(steps: list[tuple[str, str, int, Edits]]) -> None:
    """Whatever three writers do, nothing is missed and nothing invented; each loss is laid to who wrote it."""
    played = play(steps)
    try:
        played.check()
    finally:
        played.book.close()
