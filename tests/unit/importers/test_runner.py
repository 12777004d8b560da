import io
import json
import sys
from pathlib import Path

import pytest

import ledger
from ledger import Ledger, Session
from ledger.importers import import_sources
from tests.unit.importers.samples import (
    BAMBOO_PENDING,
    SESSION,
    Record,
    bamboo,
    bamboo_message,
    chat_run,
    conversation,
    spoken,
    text,
    told,
    typed,
    write_lines,
)

SAVES = 9


def contents(book: Ledger) -> dict[str, Session]:
    """Give every session that there is."""
    return {summary.id: book.load(summary.id) for summary in book.sessions()}


def test_every_step_is_a_save_of_its_own(book: Ledger, tmp_path: Path) -> None:
    """Each recorded step has its version, its time, its writer and its key."""
    report = import_sources(book, [write_lines(tmp_path / "t.jsonl", conversation())])
    history = list(book.history(SESSION))

    assert "1 session, 9 saves, 2 questions: 2 answered; longest wait 2 min" == report.summary()
    assert [("import:u1", "user", "user"), ("import:a1", "claude-code", "runtime")] == [
        (event.key, event.writer, event.authority) for event in history[:2]
    ]
    assert [0, 2, 3] == [event.occurred_at.second for event in history[:3] if event.occurred_at]
    assert {"progress": 1, "file-history-snapshot": 1, "system/turn_duration": 1} == report.passed_over
    assert (3, 100) == (report.usage_records, book.usage(SESSION).totals["cache_creation_input_tokens"])
    assert book.verify().ok


def test_the_view_at_the_asking_shows_the_questions_open(book: Ledger, tmp_path: Path) -> None:
    """The log walks the real history: what was open then is open in the view of then."""
    import_sources(book, [write_lines(tmp_path / "t.jsonl", conversation())])
    asked = book.load(SESSION, at="q:toolu_1#0")

    assert ["toolu_1#0", "toolu_1#1"] == [question.id for question in asked.pending_questions]
    assert ["staging", "neither of them"] == [it.answer for it in book.load(SESSION).questions.values()]


def test_importing_twice_adds_nothing(book: Ledger, tmp_path: Path) -> None:
    """Every step is known by its key, every token count by its own."""
    path = write_lines(tmp_path / "t.jsonl", conversation())
    import_sources(book, [path])
    before, usage = contents(book), book.usage()
    report = import_sources(book, [path])

    assert (0, SAVES, 0) == (report.saves, report.skipped, report.usage_records)
    assert "1 session, 0 new saves (9 there already), 2 questions: 2 answered; longest wait 2 min" == report.summary()
    assert before == contents(book)
    assert usage == book.usage()


@pytest.mark.parametrize("shorter", [1, 4, 5, 10])
def test_a_grown_transcript_adds_its_new_lines(tmp_path: Path, shorter: int) -> None:
    """Importing the first lines, a torn one, and then the whole is importing the whole."""
    records, whole = conversation(), tmp_path / "whole.jsonl"
    half = json.dumps(records[shorter])[:20]
    with ledger.open(f"sqlite:///{tmp_path / 'one.db'}") as book:
        import_sources(book, [write_lines(whole, records)])
        expected, usage = book.load(SESSION), book.usage(SESSION)
    with ledger.open(f"sqlite:///{tmp_path / 'two.db'}") as book:
        first = import_sources(book, [write_lines(tmp_path / "t.jsonl", records[:shorter], torn=half)])
        second = import_sources(book, [write_lines(tmp_path / "t.jsonl", records)])

        assert 1 == len(first.problems)
        assert "the last line is torn" in str(first.problems[0])
        assert [] == second.problems
        assert (SAVES, first.saves) == (first.saves + second.saves, second.skipped)
        assert expected == book.load(SESSION)
        assert usage == book.usage(SESSION)
        assert book.verify().ok


def test_an_import_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    """Nothing is lost or counted twice where an import stopped between a save and its token counts."""
    path = write_lines(tmp_path / "t.jsonl", conversation())

    class PullThePlugError(Exception):
        pass

    with ledger.open(f"sqlite:///{tmp_path / 'one.db'}") as book:
        import_sources(book, [path])
        expected = book.usage(SESSION)
    with ledger.open(f"sqlite:///{tmp_path / 'two.db'}") as book:
        keep = book.record_usage

        def fail(*_: object, **__: object) -> None:
            raise PullThePlugError

        for _ in range(4):
            book.record_usage = fail  # type: ignore[method-assign]
            with pytest.raises(PullThePlugError):
                import_sources(book, [path])
            book.record_usage = keep  # type: ignore[method-assign]
        import_sources(book, [path])

        assert expected == book.usage(SESSION)


def test_the_standard_input_is_a_source(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transcript can be piped in, and imported again from a file adds nothing."""
    piped = "".join(json.dumps(record) + "\n" for record in conversation()).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))

    assert SAVES == import_sources(book, ["-"]).saves


def test_progress_is_told_in_bytes(book: Ledger, tmp_path: Path) -> None:
    """A bar starts at nothing, never goes back, and ends full."""
    one, two = (
        write_lines(tmp_path / "1.jsonl", conversation()),
        write_lines(tmp_path / "2.jsonl", [typed("u9", 9, "x")]),
    )
    total = one.stat().st_size + two.stat().st_size
    calls: list[tuple[int, int]] = []
    import_sources(book, [one, two], progress=lambda done, of: calls.append((done, of)))

    assert (0, total) == calls[0]
    assert (total, total) == calls[-1]
    assert sorted(calls) == calls


def test_a_format_can_be_named(book: Ledger, tmp_path: Path) -> None:
    """What the first lines do not tell, a person can; a format that there is not is an error in the call."""
    path = write_lines(tmp_path / "t.jsonl", [{"type": "of-tomorrow"}] * 30 + [typed("u1", 0, "Hello")])

    assert 0 == import_sources(book, [path]).saves
    assert 1 == import_sources(book, [path], format="claude-code").saves
    with pytest.raises(ValueError, match="there is no format 'yaml'; use one of auto, claude-code, chat, bamboo"):
        import_sources(book, [path], format="yaml")


def test_a_deleted_session_stays_deleted(book: Ledger, tmp_path: Path) -> None:
    """An import never brings back what someone deleted; one sentence says so, and the other sessions come in."""
    first = [typed("u1", 0, "Hello"), typed("v1", 1, "Hi", sessionId="other")]
    more = [typed("u2", 2, "More"), typed("u3", 3, "More"), typed("v2", 4, "Hi", sessionId="other")]
    path = write_lines(tmp_path / "t.jsonl", first)
    import_sources(book, [path])
    book.delete(SESSION, reason="asked for")
    report = import_sources(book, [write_lines(path, first + more)])

    assert 1 == len(told(report))
    assert f"t.jsonl:3: session {SESSION} was deleted at version 2" in told(report)[0]
    assert 1 == report.saves
    assert ["other"] == list(contents(book))


def test_a_person_may_go_on_with_an_imported_session(book: Ledger, tmp_path: Path) -> None:
    """What was said and renamed in the ledger meanwhile stands when the transcript grows."""
    path = write_lines(tmp_path / "t.jsonl", conversation())
    import_sources(book, [path])
    book.update(SESSION, lambda session: setattr(session, "title", "Mine"), writer="ui", authority="user")
    title = {"type": "ai-title", "aiTitle": "Another one", "sessionId": SESSION}
    import_sources(book, [write_lines(path, [*conversation(), spoken("a9", 200, text("More")), title])])
    session = book.load(SESSION)

    assert "Mine" == session.title
    assert "More" == session.messages[-1].content


def test_a_run_that_goes_on_otherwise_is_another_run(book: Ledger, tmp_path: Path) -> None:
    """Two runs with one name and beginning are never mixed; the second is refused, with a way out."""
    path = write_lines(tmp_path / "runs.jsonl", [chat_run("Hello", "Hi", "Bye")])
    import_sources(book, [path])
    before = contents(book)
    report = import_sources(book, [write_lines(path, [chat_run("Hello", "Hey", "Bye", "Bye")])])

    assert 1 == len(told(report))
    assert 'is there already, and goes on otherwise from here; give this run an "id" of its own' in told(report)[0]
    assert told(report)[0].startswith("runs.jsonl:1: message 2: session runs-")
    assert before == contents(book)


def test_a_run_with_a_refused_message_grows_on(book: Ledger, tmp_path: Path) -> None:
    """A message that the ledger cannot take leaves its place empty, and does not make what follows another run."""
    contents = ["Hello", "x" * (17 * 2**20), "Bye"]
    path = write_lines(tmp_path / "runs.jsonl", [chat_run(*contents, id="c1")])
    first = import_sources(book, [path])
    second = import_sources(book, [write_lines(path, [chat_run(*contents, "Bye", id="c1")])])

    assert (2, 1) == (first.saves, second.saves)
    assert [True, True] == ["it cannot be stored" in str(report.problems) for report in (first, second)]
    assert ["Hello", "Bye", "Bye"] == [message.content for message in book.load("c1").messages]


def test_a_session_of_another_origin_is_left_alone(book: Ledger, tmp_path: Path) -> None:
    """An import never writes into a conversation that was recorded here, whatever ids two systems happen to share."""
    session = Session.new("c1", model="gpt-5")
    book.save(session, key="mine")
    report = import_sources(book, [write_lines(tmp_path / "runs.jsonl", [chat_run("Hello", "Hi", id="c1")])])

    assert [
        (
            "runs.jsonl:1: message 1: session c1 is there already, and did not come from an import; "
            "import into another ledger: `--db` names one"
        )
    ] == told(report)
    assert session == book.load("c1")


def test_a_run_may_grow_between_others_saves(book: Ledger, tmp_path: Path) -> None:
    """What someone adds in the ledger does not make it another run."""
    path = write_lines(tmp_path / "runs.jsonl", [chat_run("Hello", "Hi", id="c1")])
    import_sources(book, [path])
    book.update("c1", lambda session: setattr(session, "pinned", True))
    report = import_sources(book, [write_lines(path, [chat_run("Hello", "Hi", "Bye", id="c1")])])

    assert ([], 1, 2) == (report.problems, report.saves, report.skipped)


def test_chat_runs_come_in_every_shape(book: Ledger, tmp_path: Path) -> None:
    """A formatted list, one object, JSON lines: the same conversations."""
    shapes: dict[str, object] = {
        "list": [chat_run("One")],
        "object": chat_run("Two", "Three"),
        "bare": chat_run("Four")["messages"],
    }
    for name, shape in shapes.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(shape, indent=1))
    write_lines(tmp_path / "lines.jsonl", [chat_run("Five"), chat_run("Six")])

    assert "5 sessions, 6 saves, no questions" == import_sources(book, [tmp_path]).summary()


def test_copies_of_a_session_are_one_history(book: Ledger, tmp_path: Path) -> None:
    """A folder of copies, named in any order, is taken in the order of its times: lost and recovered again."""
    user = bamboo_message("m1", 1, "user", "Deploy it")
    copies: dict[str, Record] = {
        "z.json": bamboo(3, user, pending=BAMBOO_PENDING),
        "m.json": bamboo(9, user),
        "a.json": bamboo(12, user, pending=BAMBOO_PENDING),
    }
    for name, document in copies.items():
        (tmp_path / name).write_text(json.dumps(document, indent=2))
    report = import_sources(book, [tmp_path])

    assert "1 session, 4 saves, 1 question: 1 never, 1 recovered" == report.summary()
    assert ["pending", "lost", "pending"] == [
        str(book.load("bam-1", at=version).questions["call_1#0"].status) for version in (2, 3, 4)
    ]
    assert "1 session, 0 new saves (4 there already), 1 question: 1 never" == import_sources(book, [tmp_path]).summary()


def test_an_older_copy_cannot_follow_a_later_one(book: Ledger, tmp_path: Path) -> None:
    """A ledger records in order: yesterday's copy, found today, would undo what is there."""
    (tmp_path / "new.json").write_text(json.dumps(bamboo(9, bamboo_message("m1", 1, "user", "Hello"))))
    (tmp_path / "old.json").write_text(json.dumps(bamboo(3)))
    import_sources(book, [tmp_path / "new.json"])
    report = import_sources(book, [tmp_path / "old.json"])

    assert [
        (
            "old.json: it is an older copy of session bam-1 than one that was imported before; "
            "import the copies of a session together, as a folder"
        )
    ] == told(report)
    assert 1 == len(book.load("bam-1").messages)
