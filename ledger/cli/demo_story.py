"""The story that `ledger demo` tells: three writers, one session, and what each save came to.

Every scene does what it tells, with the public API. What an overwriting store would hold is what the writer handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from ledger.errors import SessionExists

if TYPE_CHECKING:
    from ledger.book import Ledger
    from ledger.domain.session import Session

__all__ = ["QUESTION", "Scene", "Story"]

QUESTION = "call_1#0"
_TITLE = "Broken coffee machine, order 4711"


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that happened; `otherwise` says what a store that overwrites would have made of it."""

    title: str
    happened: tuple[str, ...]
    otherwise: str = ""


class Story:
    """Three writers with a ledger each, as three processes would have, and the session that they share."""

    def __init__(self, bot: Ledger, scheduler: Ledger, person: Ledger) -> None:
        self.bot = bot
        self.scheduler = scheduler
        self.person = person
        self.session = self._begin()

    def _begin(self) -> Session:
        from ledger import Message, Session

        for number in count(1):
            session = Session.new(f"support-{number}", model="gpt-5")
            session.add_message(Message.user("My coffee machine arrived broken. It is order 4711."))
            session.add_message(Message.assistant("I am sorry to hear that. Let me see what I can do."))
            try:
                self.bot.create(session)
            except SessionExists:
                continue  # of an earlier demo in the same file, which stays as it is
            return session
        raise AssertionError

    def scenes(self) -> Iterator[Scene]:
        """Let it happen, a scene at a time."""
        yield Scene(
            "support-bot, the agent, opens the session.",
            (
                *(f'{message.role}: "{message.content}"' for message in self.session.messages),
                f"Saved: version {self.session.version}.",
            ),
        )
        stale = self.scheduler.load(self.session.id)
        yield Scene(
            "scheduler, a background job, loads the session, and takes its time.",
            (f"Its copy is of version {stale.version}.",),
        )
        yield self._ask()
        yield self._save_stale(stale)
        yield self._rename()
        yield self._overrule(stale)
        yield self._omit()
        yield self._answer()
        yield self._travel()
        yield self._verify()

    def _ask(self) -> Scene:
        question = self.session.ask(
            "call_1", "Refund the customer, or send a new machine?", options=["refund", "new machine"]
        )
        receipt = self.bot.save(self.session)
        options = ", ".join(option.label for option in question.options)
        return Scene(
            "Meanwhile support-bot has to ask a person something, and waits.",
            (
                f'Question {question.id}: "{question.text}" ({options})',
                f"Saved: version {receipt.version}, with one question pending.",
            ),
        )

    def _save_stale(self, stale: Session) -> Scene:
        from ledger import Message

        stale.add_message(Message.system("Reminder: answer this customer by noon."))
        handed_in = stale.model_copy()
        receipt = self.scheduler.save(stale)
        rebased = (
            f"So it was rebased on what the others had saved meanwhile. There are {len(stale.messages)} messages now, "
            f"and the question is still {stale.questions[QUESTION].status}."
        )
        otherwise = (
            f"would now hold the scheduler's copy, with {len(handed_in.pending_questions) or 'no'} question in it. The "
            f"agent would wait for ever for an answer to something that no person can see any more, and nothing would "
            f"say who dropped it."
        )
        return Scene(
            "scheduler adds a reminder and saves the copy that it loaded before.",
            (
                f"Saved: version {receipt.version}. It was stale: it had seen only version {receipt.base_version}.",
                rebased,
            ),
            otherwise,
        )

    def _rename(self) -> Scene:
        def rename(session: Session) -> None:
            session.title = _TITLE
            session.pinned = True

        receipt = self.person.update(self.session.id, rename)
        return Scene(
            "A person at the UI names the session, and pins it.",
            (f'Title: "{_TITLE}", pinned.', f"Saved: version {receipt.version}, with the authority of a user."),
        )

    def _overrule(self, stale: Session) -> Scene:
        stale.title = "Ticket 4711 (auto)"
        handed_in = stale.model_copy()
        receipt = self.scheduler.save(stale)
        overruled = ", ".join(f"{change.path.removeprefix('/')} = {change.value!r}" for change in receipt.overruled)
        rule = (
            f'Over a title, a person outweighs a job, whoever saves last. So it stays "{stale.title}", and the log '
            f"keeps what was overruled: {overruled}."
        )
        return Scene(
            f'scheduler, which has not seen that, titles the session "{handed_in.title}".',
            (f"Saved: version {receipt.version}, stale again.", rule),
            f'would now call the session "{handed_in.title}".',
        )

    def _omit(self) -> Scene:
        from ledger import Message

        restarted = self.bot.load(self.session.id)
        restarted.questions.clear()
        restarted.add_message(Message.assistant("Thank you for your patience."))
        receipt = self.bot.save(restarted)
        rule = (
            f"But a question ends only by an answer, a withdrawal, a replacement or an expiry that is on record. None "
            f"is, so {', '.join(receipt.omissions)} stays {restarted.questions[QUESTION].status}, and the log says who "
            f"left it out."
        )
        return Scene(
            "support-bot is restarted. It comes back without its questions, and saves.",
            (f"Saved: version {receipt.version}.", rule),
            "would have no question now; this is how they vanish when an agent is restarted.",
        )

    def _answer(self) -> Scene:
        receipt = self.person.answer(self.session.id, QUESTION, "new machine")
        (record,) = self.person.questions(self.session.id, status="answered")
        return Scene(
            "The person sees the question in the UI, and answers it.",
            (
                f'Answer: "{record.answer}".',
                f"Saved: version {receipt.version}. No question is pending any more; support-bot can go on.",
            ),
        )

    def _travel(self) -> Scene:
        then = self.bot.load(self.session.id, at=f"q:{QUESTION}")
        now = self.bot.load(self.session.id)
        return Scene(
            "Later, somebody wants to know what it was like when the agent asked.",
            (f"Version {then.version}: {_state(then)}.", f"Version {now.version}: {_state(now)}."),
            "would know the last copy, and nothing before it.",
        )

    def _verify(self) -> Scene:
        found = self.bot.verify(self.session.id)
        outcome = "every hash matches, the record is whole" if found.ok else "; ".join(map(str, found.problems))
        return Scene(
            "And somebody else wants to know whether the record is genuine.", (f"{found.events} events: {outcome}.",)
        )


def _state(session: Session) -> str:
    title = f'titled "{session.title}"' if session.title else "no title"
    return f"{len(session.messages)} messages, {title}, the question {session.questions[QUESTION].status}"
