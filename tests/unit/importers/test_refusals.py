"""What cannot be taken is named in one sentence each, and costs nothing but itself."""

import json
import os
from pathlib import Path

import pytest

from ledger import Ledger
from ledger.importers import import_sources
from tests.unit.importers.samples import SESSION, conversation, told, typed, write_lines

SAVES = 9


def test_bad_lines_are_named_and_the_rest_comes_in(book: Ledger, tmp_path: Path) -> None:
    """A bad line costs itself alone, whatever is wrong with it; mended, it comes in too."""
    path = tmp_path / "t.jsonl"
    good = [json.dumps(typed(f"u{place}", place, "ok")).encode() for place in range(7)]
    bad = [
        b"{not json",
        b'{"type": "user", "n": NaN}',
        json.dumps(typed("s1", 1, "x")).replace('"x"', '"\\ud800"').encode(),
        b'{"type": "user", "a": "\xff"}',
        json.dumps(typed("z1", 1, "x") | {"uuid": "a\0b"}).encode(),
        json.dumps(typed("d1", 1, "x") | {"todos": json.loads("[" * 250 + "]" * 250)}).encode(),
    ]
    path.write_bytes(b"\n".join(line for pair in zip(good, bad, strict=False) for line in pair) + b"\n" + good[6])
    report = import_sources(book, [path])

    assert 7 == report.saves
    assert ["t.jsonl:2", "t.jsonl:4", "t.jsonl:6", "t.jsonl:8", "t.jsonl:10", "t.jsonl:12"] == [
        problem.split(": ")[0] for problem in told(report)
    ]
    assert "it is not JSON" in told(report)[0]
    assert "it holds NaN" in told(report)[1]
    assert "half of a surrogate pair" in told(report)[2]
    assert "it is not UTF-8" in told(report)[3]
    assert "holds a NUL" in told(report)[4]
    assert "nested more than" in told(report)[5]
    assert report.summary().endswith("; 6 problems")
    assert 7 == len(book.load(SESSION).messages)
    assert book.verify().ok


@pytest.mark.parametrize("session_id", ["a\0b", "x" * 2_000])
def test_an_id_that_the_ledger_refuses_is_named(book: Ledger, tmp_path: Path, session_id: str) -> None:
    """A session that cannot be named costs its own lines alone."""
    lines = [typed("u1", 0, "a", sessionId=session_id), typed("u2", 1, "b")]
    report = import_sources(book, [write_lines(tmp_path / "t.jsonl", lines)])

    assert 2 == report.saves + len(report.problems)
    assert "b" == book.load(SESSION).messages[0].content


def test_token_counts_that_cannot_be_stored_are_named(book: Ledger, tmp_path: Path) -> None:
    """The messages come in; the sentence says that the counts did not."""
    path = tmp_path / "runs.jsonl"
    path.write_text('{"id": "c1", "messages": [{"role": "user", "content": "Hello"}], "usage": {"tokens": 1e400}}')
    report = import_sources(book, [path])

    assert "Hello" == book.load("c1").messages[0].content
    assert told(report)[0].startswith("runs.jsonl:1: its token counts cannot be stored: inf is not JSON")


def test_a_message_too_big_for_the_ledger_costs_itself_alone(book: Ledger, tmp_path: Path) -> None:
    """A payload of 20 MiB is refused with its size and place; the session goes on behind it."""
    huge = typed("u2", 1, "x" * (20 * 2**20))
    report = import_sources(book, [write_lines(tmp_path / "t.jsonl", [typed("u1", 0, "a"), huge, typed("u3", 2, "b")])])

    assert 2 == report.saves
    assert 1 == len(report.problems)
    assert told(report)[0].startswith("t.jsonl:2: it cannot be stored: ")
    assert ["a", "b"] == [message.content for message in book.load(SESSION).messages]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty; import again once something is written to it"),
        (b"\n \n", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0", "it is no UTF-8 text; a transcript is JSON"),
        (b"Dear diary,\n", "it is not JSON (expecting value at character 0)"),
        (b'{"name": "package", "version": 1}', "it is no transcript of a known format; if it is one all the same, say"),
        (b"[]", "it is no transcript of a known format"),
        (b'{"messages": [], "updated_at": "soon", "id": "x"}', "updated_at is 'soon', not an ISO 8601 time"),
    ],
)
def test_a_file_that_is_no_transcript_gets_a_sentence(book: Ledger, tmp_path: Path, content: bytes, what: str) -> None:
    """The sentence says what the file is instead, and the files around it come in."""
    (tmp_path / "x.jsonl").write_bytes(content)
    good = write_lines(tmp_path / "t.jsonl", conversation())
    report = import_sources(book, [tmp_path / "x.jsonl", good])

    assert 1 == len(told(report))
    assert told(report)[0].startswith(f"x.jsonl: {what}")
    assert SAVES == report.saves


def test_a_missing_file_gets_a_sentence(book: Ledger, tmp_path: Path) -> None:
    """And the others come in."""
    report = import_sources(book, [tmp_path / "x.jsonl", write_lines(tmp_path / "t.jsonl", conversation())])

    assert ["x.jsonl: there is no such file; check the path"] == told(report)
    assert SAVES == report.saves


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="modes are POSIX's, and root may read every file")
def test_an_unreadable_file_gets_a_sentence(book: Ledger, tmp_path: Path) -> None:
    """Permission is told from absence."""
    path = write_lines(tmp_path / "t.jsonl", conversation())
    path.chmod(0)
    report = import_sources(book, [path])

    assert ["t.jsonl: it cannot be read (permission denied); check who may read it, and import again"] == told(report)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no file here that opens and cannot be read")
def test_a_file_that_fails_while_it_is_read_gets_a_sentence(book: Ledger, tmp_path: Path) -> None:
    """A disk that gives up in the middle costs the rest of one file."""
    report = import_sources(book, ["/proc/self/mem", write_lines(tmp_path / "t.jsonl", conversation())])

    assert ["mem: it cannot be read (input/output error); check who may read it, and import again"] == told(report)
    assert SAVES == report.saves


def test_a_folder_may_hold_other_files(book: Ledger, tmp_path: Path) -> None:
    """Nobody named a settings file in a folder, so it is counted and no problem; a damaged transcript is one."""
    write_lines(tmp_path / "t.jsonl", conversation())
    (tmp_path / "settings.json").write_text('{"theme": "dark"}')
    (tmp_path / "new.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_bytes(b"\0\0\0\n")
    report = import_sources(book, [tmp_path])

    assert ["bad.jsonl: it is no UTF-8 text; a transcript is JSON: a record a line, or one document"] == told(report)
    assert 2 == report.passed_over["file that is no transcript"]
    assert SAVES == report.saves
