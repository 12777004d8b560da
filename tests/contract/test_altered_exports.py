"""An export that is not what was written is refused, whoever changed it and how: line, session, version, and what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger import InvalidExport
from tests.contract.faces import Book, OpenBook
from tests.contract.travelling import record, rewritten


@pytest.fixture
async def other(open_book: OpenBook) -> Book:
    """Give a ledger of somebody else."""
    return await open_book(url="sqlite://", writer="auditor")


def _other_writer(documents: list[dict[str, Any]]) -> None:
    documents[3]["event"]["writer"] = "somebody"


def _other_payload(documents: list[dict[str, Any]]) -> None:
    documents[2]["payload"] = documents[2]["payload"].replace("home", "here")


def _other_key(documents: list[dict[str, Any]]) -> None:
    documents[2]["event"]["key"] = "turn-2"


def _other_time(documents: list[dict[str, Any]]) -> None:
    documents[2]["event"]["occurred_at"] = "2026-01-02T00:00:00Z"


def _one_less(documents: list[dict[str, Any]]) -> None:
    del documents[4]


def _swapped(documents: list[dict[str, Any]]) -> None:
    documents[3], documents[4] = documents[4], documents[3]


def _tail_cut_off(documents: list[dict[str, Any]]) -> None:
    del documents[6]


def _told_shorter(documents: list[dict[str, Any]]) -> None:
    documents[1]["session"]["versions"] = 4
    del documents[6]


def _other_id(documents: list[dict[str, Any]]) -> None:
    documents[1]["session"]["session_id"] = "s2"


def _other_origin(documents: list[dict[str, Any]]) -> None:
    documents[1]["session"]["ledger_id"] = "00" * 16


def _other_birth(documents: list[dict[str, Any]]) -> None:
    documents[1]["session"]["created_at"] = "2026-01-01T00:00:00Z"


def _usage_gone(documents: list[dict[str, Any]]) -> None:
    del documents[7]


def _usage_at_the_end_gone(documents: list[dict[str, Any]]) -> None:
    del documents[8]


def _twice(documents: list[dict[str, Any]]) -> None:
    documents[9:9] = documents[1:9]


def _no_end(documents: list[dict[str, Any]]) -> None:
    del documents[9]


def _counted_wrongly(documents: list[dict[str, Any]]) -> None:
    documents[9]["end"]["events"] = 6


def _behind_the_end(documents: list[dict[str, Any]]) -> None:
    documents.append(documents[1])


def _newer(documents: list[dict[str, Any]]) -> None:
    documents[0]["version"] = 2


def _something_else(documents: list[dict[str, Any]]) -> None:
    documents[0]["format"] = "something-else"


def _strange_field(documents: list[dict[str, Any]]) -> None:
    documents[2]["event"]["note"] = "hello"


def _salt_withheld(documents: list[dict[str, Any]]) -> None:
    documents[2]["salt"] = None


def _said_to_be_redacted(documents: list[dict[str, Any]]) -> None:
    documents[2] |= {"salt": None, "redacted": ["/title"]}
    documents[1]["session"]["redacted"] = ["/title"]


@pytest.mark.parametrize(
    ("change", "line", "version", "what"),
    [
        (_other_writer, 4, 2, "its envelope was altered: the digest does not match"),
        (_other_payload, 3, 1, "its payload was altered: the digest does not match"),
        (_other_key, 3, 1, "its key was altered"),
        (_other_time, 3, 1, "its occurred_at was altered"),
        (_one_less, 5, 3, "version 3 is missing, this is version 4"),
        (_swapped, 4, 2, "version 2 is missing, this is version 3"),
        (_tail_cut_off, 7, 5, "it is missing: the session has 5 versions"),
        (_told_shorter, 6, 4, "it is not the last event that the line of its session names"),
        (_other_id, 2, None, "its id does not match its key"),
        (_other_origin, 2, None, "its id does not match its key"),
        (_other_birth, 3, 1, "it was recorded at another time than the line of its session says"),
        (_usage_gone, 8, None, "usage record 1 is missing, this is 2"),
        (_usage_at_the_end_gone, 9, None, "usage record 2 of 2 is missing"),
        (_twice, 10, None, "it is in the export twice"),
        (_no_end, 10, None, "the export ends here, before its end: it was cut off"),
        (_counted_wrongly, 10, None, "the export was of 6 events, and 5 are here"),
        (_behind_the_end, 11, None, "it stands behind the end of the export"),
        (_newer, 1, None, "it is an export of format version 2, and this release reads up to 1"),
        (_something_else, 1, None, "it is no export of a session ledger"),
        (_strange_field, 3, 1, "its envelope has a strange field, 'note'"),
        (_salt_withheld, 3, 1, "its salt is withheld where something was redacted, and only there"),
        (_said_to_be_redacted, 3, 1, "its payload and its line do not agree on what was redacted"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
async def test_who_changes_an_export_with_care_is_found_out(  # noqa: PLR0917 - a table
    book: Book, other: Book, change: Callable[[list[dict[str, Any]]], None], line: int, version: int | None, what: str
) -> None:
    """The digests of the lines are computed anew by the forger, the hashes of the events cannot be; all is named."""
    with pytest.raises(InvalidExport) as caught:
        await other.import_(rewritten(await record(book), change))

    assert (line, version, what) == (caught.value.line, caught.value.version, caught.value.problem)
    assert isinstance(caught.value, ValueError)
    assert [] == other.sync.ids()
    assert [] == await other.feed()


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ([], "it is empty"),
        (["\n", "\n"], "it is empty"),
        (["no json\n"], "it is no export of a session ledger, or it was changed, or cut off here"),
        (['{"messages": []}\n'], "it is no export of a session ledger"),
        (["[1, 2]\n"], "it is no export of a session ledger, or it was changed, or cut off here"),
        (["\ud800\n"], "it is no UTF-8 text"),
        ([b"\xff\xfe\n"], "it is no export of a session ledger, or it was changed, or cut off here"),
        (['{"format":"sessionledger-export"}\n'], "it does not say of which version of the format it is"),
    ],
)  # fmt: skip
async def test_what_is_no_export_is_refused(book: Book, given: list[Any], what: str) -> None:
    """In one sentence, and nothing is written."""
    with pytest.raises(InvalidExport) as caught:
        await book.import_(given)

    assert what == caught.value.problem
    assert [] == book.sync.ids()
