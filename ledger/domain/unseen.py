"""What a stale save had not seen of the questions, and what it brought of them itself. Pure."""

from __future__ import annotations

from ledger.domain import events as e
from ledger.domain.events import Change, Event
from ledger.domain.question_changes import Ending
from ledger.domain.values import split

__all__ = ["brought", "contradicted"]


def brought(event: Event) -> frozenset[str]:
    """Give the ids of the questions that the save brought as they stand after it: it changed them, or agreed with them.

    At those, storing its copy as it was would have undone nobody's work.

    >>> agreed = e.Agreement(path="/questions/call_1#0")
    >>> answered = e.QuestionAnswered(question_id="call_2#0", answer="yes")
    >>> sorted(brought(Event.model_construct(changes=(answered,), agreed=(agreed,))))
    ['call_1#0', 'call_2#0']
    """
    found = (*map(_brought, event.changes), *(_named(agreement.path) for agreement in event.agreed))
    return frozenset(question_id for question_id in found if question_id is not None)


def _brought(change: Change) -> str | None:
    if isinstance(change, e.QuestionAsked):
        return change.question.id
    return change.question_id if isinstance(change, e.QuestionRecovered | Ending) else None


def contradicted(change: e.ChangeOverruled) -> str | None:
    """Give the id of the question of which a stale save said something that did not stand; `None` if it is no question.

    >>> contradicted(e.ChangeOverruled(side="writer", writer="ui", version=7, path="/questions/call_1#0"))
    'call_1#0'
    """
    return _named(change.path) if change.side == "writer" else None


def _named(path: str) -> str | None:
    match split(path):
        case ["questions", question_id]:
            return question_id
    return None
