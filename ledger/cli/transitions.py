"""The life of a question in words, and the save that is to be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ledger.cli.output import emphasised, in_line, shortened, width
from ledger.cli.save_line import COLOURS
from ledger.cli.saves import INDENT, save_heading

if TYPE_CHECKING:
    from ledger.domain.transitions import Transition

__all__ = ["conclusion", "pointed_at", "transition_in_words", "transition_lines"]

#: What one looks for, the worst first.
_POINTED_AT = ("lost", "omitted", "averted")


def pointed_at(transitions: Sequence[Transition]) -> int | None:
    """Give the first that lost the question; else that left it out; else that would have lost it by overwriting."""
    kinds = [transition.kind for transition in transitions]
    return next((kinds.index(kind) for kind in _POINTED_AT if kind in kinds), None)


def transition_lines(session_id: str, transitions: Sequence[Transition]) -> Iterator[str]:
    """Give each as the log gives a save; where they pass from one session to a fork of it, its name."""
    for transition in transitions:
        if transition.session_id != session_id:
            session_id = transition.session_id
            yield emphasised(f"session {in_line(session_id)}")
        yield save_heading(transition, transition.at)
        words = shortened(transition_in_words(transition), width() - len(INDENT))
        colour = COLOURS.get(transition.kind)
        yield INDENT + (emphasised(words, colour) if colour else words)


def transition_in_words(transition: Transition) -> str:  # noqa: PLR0911, C901 - a table: one line a kind
    """Say what a save did to the question."""
    from ledger.cli.change_words import value_text

    by = f" (by {transition.by})" if transition.by else ""
    detail = "" if transition.detail is None else value_text(transition.detail)
    match transition.kind:
        case "asked":
            return f"asked: {detail}"
        case "answered":
            return f"answered{by}: {value_text(transition.detail)}"
        case "withdrawn":
            return f"withdrew it{by}: {detail or 'no reason given'}"
        case "superseded":
            return f"replaced it by {detail}"
        case "expired":
            return f"let it expire{by}"
        case "lost":
            return "lost it: the store that this was imported from no longer held it"
        case "recovered":
            return "found it again: it is pending"
        case "omitted":
            return "omitted: left it out without a reason; it stays pending"
        case "overruled":
            return f"overruled: it was settled already, so this did not stand: {detail}"
        case "forked":
            return f"forked from {detail}, and took it along"
        case "averted":
            if transition.detail is None:
                return "averted: its copy did not have it; overwriting would have dropped it"
            return f"averted: its copy had it {detail}; overwriting would have set it back"


def conclusion(transition: Transition) -> str:
    """Say in a sentence which save it was, whose, and from which base."""
    place = f"{transition.session_id}@{transition.version}"
    loaded = f"version {transition.base_version}" if transition.base_version else "nothing"
    who = f"{transition.writer}, which had loaded {loaded}"
    match transition.kind:
        case "lost":
            return f"Lost at {place} by {who}."
        case "omitted":
            return f"Left out at {place} by {who}. It stayed pending."
        case _ if transition.detail is None:
            return f"Overwriting would have lost it at {place}, a save by {who}."
        case _:
            return f"Overwriting would have set it back at {place}, a save by {who}."
