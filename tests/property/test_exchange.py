"""For all histories: what comes out of a ledger goes into another one as it was, and nothing else goes in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ledger
from ledger import InvalidExport, Ledger, SessionDeleted
from tests.property.history_edits import EDITS
from tests.property.test_histories import STEPS, Edits, Play

Steps = list[tuple[str, str, int, Edits]]

HISTORIES = st.lists(STEPS, min_size=5, max_size=20)
PATHS = ("/title", "/messages/*", "/questions/*", "/metadata", "/state")


def played(steps: Steps) -> Ledger:
    """Let the writers of `test_histories` act, and give the ledger of it; its session is `s`."""
    play = Play()
    play.act(steps)
    return play.book


def versions(book: Ledger) -> list[object]:
    """Give what every version loads as; a deletion is the version that it was at."""
    loaded: list[object] = []
    for version in range(1, book.locate("s").version + 1):
        try:
            loaded.append(book.load("s", version).model_dump())
        except SessionDeleted as deleted:
            loaded.append(deleted.version)
    return loaded


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=HISTORIES)
def test_an_imported_history_is_the_one_that_was_exported(steps: Steps) -> None:
    """Every version, digest, question, transition and averted loss; and it verifies."""
    with played(steps) as book, ledger.open("sqlite://") as other:
        lines = list(book.export())
        assert other.import_(lines).saves == book.locate("s").version

        assert versions(book) == versions(other)
        assert list(book.history("s")) == list(other.history("s"))
        assert book.questions() == other.questions()
        for question in book.questions():
            assert book.transitions("s", question.id) == other.transitions("s", question.id)
        assert book.sessions() == other.sessions()
        assert book.head("s") == other.head("s")
        assert list(book.averted("s")) == list(other.averted("s"))
        assert () == other.verify().problems
        assert lines == list(other.export())
        assert 0 == other.import_(lines).saves


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=HISTORIES, more=HISTORIES)
def test_a_history_that_goes_on_is_imported_in_parts(steps: Steps, more: Steps) -> None:
    """However much of it had been there before, it is all there after the last, and the ones before add nothing."""
    play = Play()
    with play.book as book, ledger.open("sqlite://") as other:
        exports = []
        for part in (steps, more):
            play.act(part)
            exports.append(list(book.export()))
            other.import_(exports[-1])

            assert versions(book) == versions(other)
        assert 0 == other.import_(exports[0]).saves
        assert () == other.verify().problems


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=HISTORIES)
def test_a_redacted_history_loads_at_every_version_and_shows_nothing(steps: Steps) -> None:
    """The same ids in the same order, the same questions where they stood, and of what they said nothing."""
    with played(steps) as book, ledger.open("sqlite://") as other:
        other.import_(book.export("s", redact=PATHS))

        assert () == other.verify().problems
        for event in book.history("s"):
            try:
                there = book.load("s", event.version)
            except SessionDeleted:
                continue
            here = other.load("s", event.version)
            assert [message.id for message in there.messages] == [message.id for message in here.messages]
            assert {message.content for message in here.messages} <= {"[redacted]", ""}
            assert {k: q.status for k, q in there.questions.items()} == {k: q.status for k, q in here.questions.items()}
            assert {question.text for question in here.questions.values()} <= {"[redacted]"}
            assert not _texts(here.state) - {"[redacted]"}


def _texts(value: object) -> set[object]:
    if isinstance(value, dict):
        return set().union(*map(_texts, value.values()))
    if isinstance(value, list):
        return set().union(*map(_texts, value))
    return {value} - {None}


@pytest.fixture(scope="module")
def export() -> bytes:
    """An export with everything in it: several saves, a question, an overruled change, usage, something redacted."""
    steps: Steps = [("work", "ui", number, [(edit, number)]) for number, edit in enumerate(EDITS)]
    with played(steps) as book:
        book.record_usage("s", {"input_tokens": 12}, key="u")
        book.fork("s", "fork")
        return "".join(book.export(redact=["/messages/m1/content"])).encode()


@pytest.fixture(scope="module")
def empty() -> Iterator[Ledger]:
    """A ledger that nothing ever gets into."""
    with ledger.open("sqlite://") as book:
        yield book
        assert [] == book.ids()
        assert [] == list(book.feed())


@settings(max_examples=500, deadline=None)
@given(place=st.integers(0, 10**9), other=st.integers(1, 255))
def test_one_changed_byte_is_found_and_named(export: bytes, empty: Ledger, place: int, other: int) -> None:
    """Anywhere in the file, whatever it becomes: the line is named, and nothing is written."""
    place %= len(export)
    changed = bytearray(export)
    changed[place] ^= other
    with pytest.raises(InvalidExport) as caught:
        empty.import_(bytes(changed))

    line = export[:place].count(b"\n") + 1
    # An end of a line that was changed makes one line of two, and the other way round.
    of_an_end = b"\n" in (changed[place : place + 1], export[place : place + 1])
    assert caught.value.line in ((line, line + 1) if of_an_end else (line,))


@settings(max_examples=50, deadline=None)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_off_is_refused(export: bytes, empty: Ledger, cut: float) -> None:
    """After any byte but the last, which is the end of a line."""
    with pytest.raises(InvalidExport):
        empty.import_(export[: int((len(export) - 1) * cut)])
