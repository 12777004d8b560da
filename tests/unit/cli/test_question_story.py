from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.cli.question_story import said_of_it, story
from ledger.domain.parts import Option
from ledger.domain.transitions import Transition

NOON = datetime(2026, 2, 10, 12, tzinfo=UTC)


def happened(kind: Any, version: int, writer: str, base: int, **more: Any) -> Transition:
    """Give what happened in a version: as many minutes after noon."""
    fields = {"session_id": "s1", "at": NOON + timedelta(minutes=version), **more}
    return Transition(kind=kind, version=version, writer=writer, base_version=base, **fields)


ASKED = happened("asked", 2, "agent", 1, detail="Which environment?")


def told(*transitions: Transition, hours: int = 3) -> str:
    """Tell a story of session s1, that many hours after the question was asked."""
    return "\n".join(story("s1", transitions, [Option(label="staging")], ASKED.at + timedelta(hours=hours)))


def test_who_asked_what_and_that_it_waits() -> None:
    """When, in which version, what was on offer, and for how long nobody has answered."""
    assert (
        'At 2026-02-10T12:02:00Z, agent asked, in version 2: "Which environment?" On offer: staging.\n'
        "It is still pending, and has been for 3 h." == told(ASKED)
    )


@pytest.mark.parametrize(
    ("transition", "says"),
    [
        (
            happened("averted", 3, "scheduler", 1, detail=None),
            "1 min later, scheduler saved version 3. It had loaded version 1, where the question was not asked yet, so",
        ),
        (
            happened("averted", 3, "scheduler", 1, detail=None),
            "A store that overwrites would have dropped the question there, without a trace. It was rebased,",
        ),
        (
            happened("averted", 3, "app", 0, detail=None, authority="user"),
            "app (as user) saved version 3. It had loaded nothing, so its copy did not have the question.",
        ),
        (
            happened("omitted", 4, "agent", 3),
            "It had loaded version 3, where the question was pending, and left it out without a reason.",
        ),
        (
            happened("overruled", 5, "app", 2, detail={"status": "answered", "answer": "prod"}),
            '3 min later, app saved version 5. It had loaded version 2, and answered "prod". That did not stand',
        ),
        (
            happened("lost", 4, "sync", 3),
            "sync saved version 4. It had loaded version 3, and no longer held the question, without a reason.",
        ),
        (
            happened("lost", 4, "sync", 3),
            "it was lost there. It had been open for 2 min.\nSo it is lost: it was never answered",
        ),
        (
            happened("answered", 6, "ui", 5, authority="user", by="Ada", detail="staging"),
            '4 min later, Ada, for whom ui (as user) saved, answered "staging", in version 6.',
        ),
        (
            happened("answered", 6, "ui", 5, authority="user", by="Ada", detail="staging"),
            "It had been open for 4 min.\nSo it is answered, and nobody waits for it any more.",
        ),
        (happened("withdrawn", 6, "ui", 5, detail="not needed"), 'ui withdrew it: "not needed", in version 6.'),
        (happened("withdrawn", 6, "ui", 5), "ui withdrew it without a reason, in version 6."),
        (happened("superseded", 6, "agent", 5, detail="call_2#0"), "agent replaced it by call_2#0, in version 6."),
        (happened("expired", 6, "agent", 5), "agent let it expire, in version 6."),
        (happened("recovered", 6, "sync", 5), "saved version 6 with the question in it: found again, it is pending."),
        (
            happened("forked", 1, "ops", 0, session_id="s2", detail="s1@2", at=ASKED.at),
            "Right after that, ops forked session s2 from s1@2, which took the question along.",
        ),
    ],
)  # fmt: skip
def test_each_thing_that_happened_is_a_sentence(transition: Transition, says: str) -> None:
    """Who, when, in which version, from which base, and what overwriting would have made of it."""
    assert says in told(ASKED, transition)


@pytest.mark.parametrize(
    ("end", "held", "says"),
    [
        ("answered", "pending", "was still pending. A store that overwrites would have undone the answer."),
        ("expired", "pending", "was still pending. A store that overwrites would have undone that it was expired."),
        ("recovered", "lost", "where the question was lost. A store that overwrites would have made it so again."),
    ],
)
def test_what_a_late_save_would_have_undone(end: str, held: str, says: str) -> None:
    """The end of a question can be lost as the question can."""
    assert says in told(ASKED, happened(end, 4, "ui", 3), happened("averted", 5, "scheduler", 3, detail=held))


def test_a_contradiction_is_not_told_twice() -> None:
    """The save that said something else is also one that had not seen the answer."""
    answered = happened("answered", 4, "ui", 2, detail="staging")
    late = happened("overruled", 5, "app", 2, detail={"status": "withdrawn", "reason": "too slow"})
    text = told(ASKED, answered, late, happened("averted", 5, "app", 2, detail="pending"))

    assert 1 == text.count("version 5")
    assert 'and had it withdrawn: "too slow".' in text


def test_many_of_a_kind_are_counted() -> None:
    """A job that saves an old copy every minute does not drown the story; who it was, and how often, is told."""
    stale = [happened("averted", number, "ab"[number % 2], 1) for number in range(3, 43)]
    text = told(ASKED, *stale, happened("answered", 43, "ui", 42, detail="x"))

    assert 3 == text.count("not asked yet")
    assert "undone, in the same way 37 more times, the last time in version 42, by a (19), b (18)." in text
    assert '1 min later, ui answered "x"' in text


def test_a_few_of_a_kind_are_told_one_by_one() -> None:
    """What would be counted as one more is told."""
    assert 4 == told(ASKED, *(happened("averted", number, "a", 1) for number in range(3, 7))).count("not asked yet")


def test_a_question_of_two_lives_is_asked_again() -> None:
    """How long it was open is counted from the latest asking; two things in one save are said to be."""
    text = told(
        ASKED,
        happened("withdrawn", 3, "ui", 2, detail="session deleted"),
        happened("asked", 60, "agent", 4, detail="And now?"),
        happened("answered", 62, "ui", 61, detail={"env": "prod"}),
        happened("recovered", 62, "ui", 61),
    )

    assert 'At 2026-02-10T13:00:00Z, agent asked again, in version 60: "And now?"' in text
    assert 'answered "{"env": "prod"}", in version 62. It had been open for 2 min.' in text
    assert "In the same save, ui saved version 62" in text


def test_what_happened_elsewhere_is_told_as_that() -> None:
    """In a fork, what came before it has the name of the session that it was in."""
    text = "\n".join(story("s2", [ASKED], [], NOON))

    assert 'agent asked, in version 2 of s1: "Which environment?"\n' in text


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"id": "a#0", "text": "Which region?"}, 'asked something else under its id: "Which region?"'),
        ({"status": "superseded", "superseded_by": "b#0"}, 'had it superseded: "b#0"'),
        ({"status": "expired", "by": None}, "had it expired"),
        ("anything", 'said of it "anything"'),
    ],
)
def test_what_was_overruled_is_told_in_words(value: Any, says: str) -> None:
    """Whatever the record of it holds."""
    assert says == said_of_it(value)
