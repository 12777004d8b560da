"""A store that really overwrites, to hold the ledger's account against; it shares no code with it."""

from __future__ import annotations

import json
from typing import Any

from ledger import Session

__all__ = ["OverwritingStore", "Place", "facts_of"]

#: Where a fact stands: ("title",), ("messages", "m1"), ("state", "plan"), …
Place = tuple[str, ...]

_EMPTY = {"title": None, "pinned": False, "model": "", "summary": None, "parent": [None, None]}


def facts_of(session: Session | None) -> dict[Place, str]:
    """Give what a session holds, each fact as JSON text, so that 1, 1.0 and true differ; of no session, nothing."""
    if session is None:
        return {}
    found = session.model_dump(mode="json")
    found["parent"] = [found["parent_session_id"], found["root_session_id"]]
    facts: dict[Place, Any] = {(name,): found[name] for name, usual in _EMPTY.items() if found[name] != usual}
    for message in found["messages"]:
        # When each writer's copy of it was made is not what it says.
        facts["messages", message["id"]] = {name: value for name, value in message.items() if name != "created_at"}
    for kind in ("questions", "metadata", "state"):
        facts.update({(kind, key): value for key, value in found[kind].items()})
    return {place: json.dumps(value, sort_keys=True) for place, value in facts.items()}


def _order(session: Session | None) -> list[str]:
    return [message.id for message in session.messages] if session else []


def _same_order(a: list[str], b: list[str]) -> bool:
    return [item for item in a if item in b] == [item for item in b if item in a]


def _pending(session: Session | None) -> set[str]:
    return {question.id for question in session.pending_questions} if session else set()


class OverwritingStore:
    """Holds one session, and replaces it by whatever copy comes in."""

    def __init__(self) -> None:
        self.held: Session | None = None

    def save(self, copy: Session, loaded: Session | None) -> dict[Place, str]:
        """Overwrite what is held by `copy`, and give what that has destroyed: the facts, and the cause of each loss.

        Args:
            copy: what the writer hands in.
            loaded: what the writer had loaded, before it changed it.
        """
        held, self.held = self.held, copy
        before, now, known = facts_of(held), facts_of(self.held), facts_of(loaded)
        news = {place for place in before.keys() | known.keys() if before.get(place) != known.get(place)}
        lost = {place: "stale" for place in news if now.get(place) != before.get(place)}
        if not _same_order(_order(loaded), _order(held)) and not _same_order(_order(self.held), _order(held)):
            lost["messages",] = "stale"
        for question_id in (_pending(held) & _pending(loaded)) - self.held.questions.keys():
            lost["questions", question_id] = "omitted"
        return lost
