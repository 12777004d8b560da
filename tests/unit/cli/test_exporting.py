import io
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ledger
from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY


@pytest.fixture
def theirs(folder: Path) -> str:
    """Give the path of another ledger, which is not there yet."""
    return str(folder / "theirs.db")


def test_it_goes_to_standard_output_and_nothing_else_does(run: Run, recorded: Path) -> None:
    """Lines of JSON; how much it was, and what to mind, are for the person."""
    del recorded
    result = run("export", "support-1")
    lines = [json.loads(line) for line in result.stdout.splitlines()]

    assert "sessionledger-export" == lines[0]["format"]
    assert {"sessions": 1, "events": 6, "usage_records": 2, "redacted": {}} == lines[-1]["end"]
    assert (
        "Exported 1 session, 6 saves.\n"
        "Transcripts can hold passwords and keys: --redact PATH blanks what the other side need not read.\n"
    ) == result.stderr


def test_what_was_exported_is_imported_and_verified(run: Run, recorded: Path, theirs: str) -> None:
    """By its content, from a file or a pipe; the next command is the one that shows it."""
    del recorded
    written = run("export", "support-1", "support-2", "-o", "two.jsonl")
    taken = run("--db", theirs, "import", "two.jsonl")
    again = run("--db", theirs, "import", "-", given=Path("two.jsonl").read_text(encoding="utf-8"))

    assert "" == written.stdout
    assert "Whoever gets it runs: ledger import two.jsonl\n" in written.stderr
    assert taken.stdout.startswith("2 sessions, 7 saves, 2 questions: 1 answered, 1 never; ")
    assert taken.stdout.endswith("; verified\n")
    assert f"--db {theirs} questions\n" in taken.stderr
    assert "2 sessions, 0 new saves (7 there already)" in again.stdout
    assert run("log", "support-1").stdout == run("--db", theirs, "log", "support-1").stdout
    assert "Whole: 7 events of 2 sessions, every hash matches.\n" == run("--db", theirs, "verify").stdout


def test_all_is_every_session_that_was_ever_saved(run: Run, recorded: Path, theirs: str) -> None:
    """Deleted ones and those with an @ in their id too."""
    del recorded
    run("--db", theirs, "import", "-", given=run("export", "--all").stdout)

    with ledger.open("sqlite:///ledger.db") as ours, ledger.open(f"sqlite:///{theirs}") as other:
        assert ours.ids() == other.ids()
        assert ours.census() == other.census()


def test_a_session_may_be_named_by_its_beginning(run: Run, recorded: Path) -> None:
    """As everywhere; several that begin so are told, and nobody is exported for a mistyped id."""
    del recorded

    assert "user@example.org" in run("export", "user").stdout
    assert "more than one session id" in run("export", "supp", exits=2).stderr
    assert "" == run("export", "support-1", NOBODY, exits=3).stdout


@pytest.mark.parametrize("arguments", [(), ("support-1", "--all")])
def test_it_wants_sessions_or_all(run: Run, recorded: Path, arguments: tuple[str, ...]) -> None:
    """Neither and both make no sense."""
    del recorded

    assert "name the sessions to export, or say --all" in run("export", *arguments, exits=2).stderr


def test_a_file_is_never_overwritten(run: Run, recorded: Path, folder: Path) -> None:
    """Exit code 4, and it is as it was; a new one can be read by its owner alone, and nothing is left beside it."""
    kept = folder / "kept.jsonl"
    kept.write_text("mine", encoding="utf-8")
    refused = run("export", "support-1", "-o", "kept.jsonl", exits=4)
    run("export", "support-1", "-o", "new.jsonl")

    assert "kept.jsonl exists already; nothing was written" in refused.stderr
    assert "mine" == kept.read_text(encoding="utf-8")
    assert 0o600 == stat.S_IMODE((folder / "new.jsonl").stat().st_mode)
    assert {"kept.jsonl", "new.jsonl"} == {file.name for file in folder.iterdir()} - {
        recorded.name + suffix for suffix in ("", "-wal", "-shm")
    }


def test_half_an_export_gets_no_name(run: Run, recorded: Path, folder: Path) -> None:
    """What stops in the middle leaves no file: here the record is damaged at version 4."""
    from tests.unit.cli.test_verify import tamper

    tamper(recorded, "UPDATE payloads SET body = replace(body, 'Job 7', 'Job 8')")
    refused = run("export", "support-1", "-o", "half.jsonl", exits=5)

    assert "version 4 of session support-1 is damaged: its payload was altered" in refused.stderr
    assert [] == [file.name for file in folder.iterdir() if "half" in file.name]


def test_a_folder_that_is_not_there_is_an_error(run: Run, recorded: Path) -> None:
    """In one sentence."""
    del recorded

    assert "No such file or directory" in run("export", "support-1", "-o", "none/x.jsonl", exits=5).stderr


def test_what_was_blanked_is_told_on_both_sides(run: Run, recorded: Path, theirs: str) -> None:
    """How often, and a path that met nothing; then by `import`, and by `verify` for ever."""
    del recorded
    result = run("export", "support-1", "--redact", "/messages/*/content", "--redact", "/title", "--redact", "/state/x")
    taken = run("--db", theirs, "import", "-", given=result.stdout)
    verified = run("--db", theirs, "verify")

    assert "Deploy it" not in result.stdout
    assert "Deployment" not in result.stdout
    assert (
        "Exported 1 session, 6 saves.\n"
        "Blanked /messages/*/content in 1 save.\n"
        "Blanked /title in 2 saves.\n"
        "Warning: there was nothing at /state/x; a message or a question is named by its id, or by *.\n"
    ) == result.stderr
    assert "; verified, and 3 saves redacted\n" in taken.stdout
    assert (
        "Whole: 6 events of 1 session, every hash matches.\n"
        "Redacted by whoever exported them: 3 saves of 1 session, at\n"
        "  /messages/*/content\n"
        "  /title\n"
        "Their place, time and writer are certain; what is left in them is not.\n"
    ) == verified.stdout


def test_the_json_of_verify_names_every_redacted_save(
    run: Run, told: Callable[..., Any], recorded: Path, theirs: str
) -> None:
    """A script can tell which they are; the exit code is 0."""
    del recorded
    run("--db", theirs, "import", "-", given=run("export", "support-1", "--redact", "/title").stdout)

    assert [
        {"session_id": "support-1", "version": 3, "paths": ["/title"]},
        {"session_id": "support-1", "version": 4, "paths": ["/title"]},
    ] == told("--db", theirs, "verify")["redacted"]


def test_what_cannot_be_blanked_is_refused(run: Run, recorded: Path) -> None:
    """Before any line is written."""
    del recorded
    refused = run("export", "support-1", "--redact", "/messages/*/id", exits=2)

    assert "'/messages/*/id' cannot be blanked" in refused.stderr
    assert "" == refused.stdout


def _without_line_4(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[:3] + lines[4:])


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        pytest.param(
            lambda text: text.replace("scheduler", "somebody"),
            "sent.jsonl:6, session support-1, version 4: its payload was altered: the digest does not match",
            id="altered",
        ),
        pytest.param(
            _without_line_4,
            "sent.jsonl:4, session support-1, version 2: version 2 is missing, this is version 3",
            id="a line is missing",
        ),
        pytest.param(lambda text: text[:-400], "sent.jsonl:", id="cut off"),
        pytest.param(
            lambda text: text.replace('"version":1', '"version":7', 1),
            "sent.jsonl:1: it is an export of format version 7, and this release reads up to 1",
            id="newer",
        ),
        pytest.param(lambda text: text[10:], "sent.jsonl:1: it is no export of a session ledger", id="torn"),
    ],
)
def test_an_export_that_is_not_as_it_was_written_is_refused(
    run: Run, recorded: Path, theirs: str, spoil: Callable[[str], str], what: str
) -> None:
    """Exit code 2, the place in the file, and nothing of it is written; the format need not be named."""
    del recorded
    Path("sent.jsonl").write_text(spoil(run("export", "support-1").stdout), encoding="utf-8")
    refused = run("--db", theirs, "import", "sent.jsonl", exits=2)

    assert f"Error: {what}" in refused.stderr
    assert "nothing of it was imported" in refused.stderr
    assert "" == refused.stdout
    with ledger.open(f"sqlite:///{theirs}") as other:
        assert [] == other.ids()


def test_what_is_no_export_is_refused_where_one_was_named(run: Run, folder: Path, theirs: str) -> None:
    """`--format export` says what it has to be."""
    (folder / "chat.jsonl").write_text('{"messages": []}\n', encoding="utf-8")

    assert "no export" in run("--db", theirs, "import", "chat.jsonl", "--format", "export", exits=2).stderr


def test_an_id_with_another_past_is_a_conflict(run: Run, told: Callable[..., Any], recorded: Path, theirs: str) -> None:
    """Exit code 4, as values too."""
    del told, recorded
    sent = run("export", "support-1").stdout
    with ledger.open(f"sqlite:///{theirs}") as other:
        other.save(ledger.Session.new("support-1", "m"))
    refused = run("--db", theirs, "import", "-", "--json", given=sent, exits=4)

    error = json.loads(refused.stderr)
    assert ("SessionDiverged", "support-1", 1) == (error["error"], error["session_id"], error["version"])


def test_the_report_is_json_too(run: Run, recorded: Path, theirs: str) -> None:
    """What was added, and how much of it was redacted."""
    del recorded
    sent = run("export", "support-1", "--redact", "/title").stdout
    report = json.loads(run("--db", theirs, "import", "-", "--json", given=sent).stdout)

    assert (["support-1"], 6, 0, 2, 2) == tuple(
        report[name] for name in ("sessions", "saves", "skipped", "usage_records", "redacted")
    )


def test_a_mistyped_database_is_no_empty_export(run: Run, folder: Path) -> None:
    """Nothing is created to export from."""
    run("export", "--all", exits=5)
    assert [] == list(folder.iterdir())


def test_bytes_are_utf_8_whatever_the_terminal_takes(run: Run, folder: Path, theirs: str) -> None:
    """A title that no Latin terminal can show arrives."""
    with ledger.open(f"sqlite:///{folder / 'ledger.db'}") as book:
        book.save(ledger.Session.new("s1", "m", title="Ω\u2028"))
    exported = run("export", "s1").stdout_bytes
    with ledger.open(f"sqlite:///{theirs}") as other:
        other.import_(io.BytesIO(exported))

        assert "Ω\u2028" == other.load("s1").title


def test_a_folder_that_is_not_there_is_told_of_the_file_that_was_named(run: Run, recorded: Path) -> None:
    """Not of the one beside it that nobody asked for."""
    assert recorded.exists()
    refused = run("export", "support-1", "-o", "nowhere/s.jsonl", exits=5).stderr

    assert "nowhere/s.jsonl cannot be used: No such file or directory" in refused
