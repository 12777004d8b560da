"""The story of a question, as somebody would tell it who had looked it up for an hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ledger.cli.change_words import value_text
from ledger.cli.times import instant
from ledger.domain.spans import span

if TYPE_CHECKING:
    from ledger.domain.parts import Option
    from ledger.domain.transitions import Transition

__all__ = ["said_of_it", "story"]

#: So many saves of one kind in a row are told one by one; the rest of them are counted.
ONE_BY_ONE = 3


def story(session_id: str, transitions: Sequence[Transition], options: Sequence[Option], now: datetime) -> list[str]:
    """Tell what became of a question, a paragraph for each thing that happened.

    Args:
        session_id: whose question it is; what happened in another session, that it was forked from, is told as that.
        transitions: all that happened, in order.
        options: the answers that were on offer.
        now: for how long it has been open, if it still is.
    """
    return list(_Telling(session_id, options, now).paragraphs(transitions))


class _Telling:
    """`asked` is the latest asking, and `status` what has become of it."""

    def __init__(self, session_id: str, options: Sequence[Option], now: datetime) -> None:
        self.session_id = session_id
        self.options = options
        self.now = now
        self.asked: Transition | None = None
        self.before: Transition | None = None
        self.status = ""

    def paragraphs(self, transitions: Sequence[Transition]) -> Iterator[str]:
        overruled = {(each.session_id, each.version) for each in transitions if each.kind == "overruled"}
        # A save that said something else of the question is told as that: overwriting would have put it in place.
        told = [
            each for each in transitions if each.kind != "averted" or (each.session_id, each.version) not in overruled
        ]
        for kind, group in groupby(told, lambda each: each.kind):
            same = list(group)
            several = kind in {"averted", "omitted", "overruled"} and len(same) > ONE_BY_ONE + 1
            for transition in same[:ONE_BY_ONE] if several else same:
                yield self._when(transition) + self._what(transition)
                self.before = transition
            if several:
                yield self._more(same[ONE_BY_ONE:])
                self.before = same[-1]
        yield self._end()

    def _when(self, transition: Transition) -> str:
        if self.before is None or transition.kind == "asked":
            return f"At {instant(transition.at)}, "
        if transition.version == self.before.version and transition.session_id == self.before.session_id:
            return "In the same save, "
        later = transition.at - self.before.at
        return f"{span(later)} later, " if later >= timedelta(seconds=0.5) else "Right after that, "

    def _what(self, transition: Transition) -> str:
        kind, who, detail = transition.kind, _who(transition), transition.detail
        saved = f"{who} saved {self._version(transition)}. It had loaded {_base(transition)}"
        open_for = f"It had been open for {self._open_for(transition.at)}."
        match kind:
            case "asked":
                again = " again" if self.asked is not None else ""
                self.asked, self.status = transition, "pending"
                told = f"{who} asked{again}, in {self._version(transition)}: {_quoted(detail)}{self._on_offer()}"
            case "averted":
                told = f"{saved}, {self._not_seen(transition)} It was rebased, so nothing was lost."
            case "omitted":
                told = (
                    f"{saved}, where the question was pending, and left it out without a reason. A store that "
                    f"overwrites would have dropped it there. It stayed pending, and who left it out is on record."
                )
            case "overruled":
                told = f"{saved}, and {said_of_it(detail)}. That did not stand, and is kept in the log."
            case "forked":
                told = f"{who} forked session {transition.session_id} from {detail}, which took the question along."
            case "recovered":
                self.status = "pending"
                told = f"{who} saved {self._version(transition)} with the question in it: found again, it is pending."
            case "lost":
                self.status = kind
                told = (
                    f"{saved}, and no longer held the question, without a reason. In the store that this was imported "
                    f"from, it was lost there. {open_for}"
                )
            case _:
                self.status = kind
                told = f"{_ended(transition)}, in {self._version(transition)}. {open_for}"
        return told

    def _version(self, transition: Transition) -> str:
        where = "" if transition.session_id == self.session_id else f" of {transition.session_id}"
        return f"version {transition.version}{where}"

    def _on_offer(self) -> str:
        labels = ", ".join(option.label for option in self.options)
        return f" On offer: {labels}." if labels else ""

    def _not_seen(self, transition: Transition) -> str:
        held = transition.detail
        if held is None:
            unasked = "where the question was not asked yet, so its copy did not have it"
            return (
                f"{unasked if transition.base_version else 'so its copy did not have the question'}. A store that "
                f"overwrites would have dropped the question there, without a trace."
            )
        if held == "pending":
            undone = {"answered": "undone the answer"}.get(self.status, f"undone that it was {self.status}")
            return f"where the question was still pending. A store that overwrites would have {undone}."
        return f"where the question was {held}. A store that overwrites would have made it so again."

    def _more(self, rest: Sequence[Transition]) -> str:
        who = ", ".join(f"{writer} ({count})" for writer, count in Counter(map(_who, rest)).most_common())
        again = {
            "averted": "would have been dropped, or undone, in the same way",
            "omitted": "was left out in the same way",
            "overruled": "was contradicted in vain",
        }[rest[0].kind]
        return f"It {again} {len(rest):,} more times, the last time in {self._version(rest[-1])}, by {who}."

    def _open_for(self, until: datetime) -> str:
        return span(until - self.asked.at) if self.asked is not None else "an unknown time"

    def _end(self) -> str:
        if self.status == "pending":
            return f"It is still pending, and has been for {self._open_for(self.now)}."
        if self.status == "lost":
            return "So it is lost: it was never answered, and nobody is asked any more."
        return f"So it is {self.status}, and nobody waits for it any more."


def _who(transition: Transition) -> str:
    return f"{transition.writer} (as user)" if transition.authority == "user" else transition.writer


def _base(transition: Transition) -> str:
    return f"version {transition.base_version}" if transition.base_version else "nothing"


def _quoted(text: Any) -> str:
    return f'"{value_text(text)}"'


def _ended(transition: Transition) -> str:
    name = transition.by or _who(transition)
    who = name if transition.by in {None, transition.writer} else f"{name}, for whom {_who(transition)} saved,"
    match transition.kind:
        case "answered":
            return f"{who} answered {_quoted(transition.detail)}"
        case "withdrawn":
            reason = f": {_quoted(transition.detail)}" if transition.detail else " without a reason"
            return f"{who} withdrew it{reason}"
        case "superseded":
            return f"{who} replaced it by {transition.detail}"
    return f"{who} let it expire"


def said_of_it(value: Any) -> str:
    """Say what a save had said of the question, as the record of what was overruled keeps it."""
    if not isinstance(value, dict):
        return f"said of it {_quoted(value)}"
    if "text" in value:
        return f"asked something else under its id: {_quoted(value['text'])}"
    status = str(value.get("status"))
    if status == "answered":
        return f"answered {_quoted(value.get('answer'))}"
    said = value.get("reason") or value.get("superseded_by")
    return f"had it {status}" + (f": {_quoted(said)}" if said else "")
