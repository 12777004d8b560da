from collections.abc import Iterator
from pathlib import Path

import pytest

import ledger
from ledger import Ledger, Session, SessionNotFound
from ledger.cli.revision_argument import AmbiguousId, range_of, resolve_revision, resolve_session


@pytest.fixture
def book(recorded: Path) -> Iterator[Ledger]:
    """Give the recorded ledger, open."""
    with ledger.open(f"sqlite:///{recorded}") as opened:
        yield opened


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("support-1", ("support-1", None)),
        ("support-1@3", ("support-1", "3")),
        ("support-1@-1", ("support-1", "-1")),
        ("support-1@q:call_1#0", ("support-1", "q:call_1#0")),
        ("support-1@", ("support-1", "")),
        ("user@example.org", ("user@example.org", None)),
        ("user@example.org@1", ("user@example.org", "1")),
        ("user@exam", ("user@example.org", None)),
        ("user@exam@1", ("user@example.org", "1")),
        ("user", ("user@example.org", None)),
        ("user@1", ("user@example.org", "1")),
        ("gone", ("gone-1", None)),
        ("gone-1@1", ("gone-1", "1")),
    ],
)
def test_a_revision_is_named_behind_the_last_at(book: Ledger, named: str, expected: tuple[str, str | None]) -> None:
    """An exact id wins, then the last @ splits; either may be a unique beginning of an id."""
    assert expected == resolve_revision(book, named)


@pytest.mark.parametrize("named", ["nobody", "nobody@3", "sup", "", "@3", "SUPPORT-1"])
def test_what_names_no_session_is_not_found(book: Ledger, named: str) -> None:
    """A beginning of fewer than 4 characters would be a guess; case counts."""
    with pytest.raises(SessionNotFound):
        resolve_revision(book, named)


def test_an_ambiguous_beginning_lists_what_it_could_mean(book: Ledger) -> None:
    """Nothing is chosen for the reader."""
    with pytest.raises(AmbiguousId) as caught:
        resolve_session(book, "supp")

    assert ["support-1", "support-2"] == caught.value.matches
    assert "support-1" in caught.value.format_message()


def test_an_exact_id_is_never_ambiguous(book: Ledger) -> None:
    """An id that is also the beginning of others means itself."""
    book.save(Session.new("support-10", model="gpt-5"))

    assert "support-1" == resolve_session(book, "support-1")


def test_an_ambiguous_beginning_of_very_many_names_a_few(book: Ledger) -> None:
    """A thousand ids are not listed."""
    book.save_all([Session.new(f"many-{number}", model="gpt-5") for number in range(30)])

    with pytest.raises(AmbiguousId) as caught:
        resolve_session(book, "many")

    assert 10 == len(caught.value.matches)
    assert "and more" in caught.value.format_message()


def test_an_id_can_be_copied_from_a_table(book: Ledger) -> None:
    """Tables shorten long ids with an ellipsis, which may come along."""
    assert "user@example.org" == resolve_session(book, "user@exa…")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..2", ("1", "2")),
        ("-5..-1", ("-5", "-1")),
        ("3..", ("3", None)),
        ("..3", (None, "3")),
        ("..", (None, None)),
        ("q:a..b..5", ("q:a..b", "5")),
        ("2026-02-10T21:55:43Z..q:c#0", ("2026-02-10T21:55:43Z", "q:c#0")),
        ("key:k..q:c..d", ("key:k", "q:c..d")),
        ("12", None),
        ("1...2", None),
        ("a..b", None),
        ("1.2", None),
        ("", None),
    ],
)
def test_a_range_has_two_ends(text: str, expected: tuple[str | None, str | None] | None) -> None:
    """Each a revision, or left out; what is none of them is no range."""
    assert expected == range_of(text)
