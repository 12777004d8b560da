import json

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.recorded import NOBODY

pytestmark = pytest.mark.usefixtures("recorded")

FAILING = [
    (["show", NOBODY], 3, "SessionNotFound", {"session_id": NOBODY}),
    (["log", NOBODY], 3, "SessionNotFound", {"session_id": NOBODY}),
    (["show", "gone-1"], 3, "SessionDeleted", {"session_id": "gone-1", "version": 2}),
    (["show", "support-1@99"], 3, "VersionNotFound", {"session_id": "support-1", "revision": "99", "head": 6}),
    (["show", "support-1@0"], 3, "VersionNotFound", {"revision": "0"}),
    (["show", "support-1@soon"], 2, "InvalidRevision", {"revision": "soon"}),
    (["show", "support-1@2026-02-10T21:55:43"], 2, "InvalidRevision", {}),
    (["show", "supp"], 2, "AmbiguousId", {"prefix": "supp", "matches": ["support-1", "support-2"]}),
    (["--db", "none.db", "sessions"], 5, "LedgerMissing", {"place": "none.db"}),
    (["--db", "oracle://host/db", "sessions"], 5, "StorageError", {}),
    (["show", "\udcff"], 2, "BadParameter", {}),
    (["show", "support-1@q:\udcff"], 2, "BadParameter", {}),
    (["sessions", "--parent", "\udcff"], 2, "BadParameter", {}),
    (["log"], 2, "MissingParameter", {}),
    (["sessions", "--colour"], 2, "NoSuchOption", {}),
    (["questions", "--status", "open"], 2, "BadParameter", {}),
]


@pytest.mark.parametrize(("arguments", "code", "kind", "values"), FAILING)
def test_an_error_is_one_json_object_with_its_values(
    run: Run, arguments: list[str], code: int, kind: str, values: dict[str, object]
) -> None:
    """With `--json` a failure is one object on standard error: the type, a sentence, and what it speaks of."""
    result = run(*arguments, "--json", exits=code)
    error = json.loads(result.stderr)

    assert "" == result.stdout
    assert kind == error["error"]
    assert values == {name: error[name] for name in values}
    assert error["message"]


@pytest.mark.parametrize(("arguments", "code", "kind", "values"), FAILING)
def test_json_does_not_change_the_exit_code(
    run: Run, arguments: list[str], code: int, kind: str, values: dict[str, object]
) -> None:
    """The same command without `--json` exits the same, and says it in words."""
    del kind, values
    result = run(*arguments, exits=code)

    assert "" == result.stdout
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_ledger_says_what_makes_one(run: Run) -> None:
    """The sentence names the path and the commands that help."""
    assert (
        "Error: no ledger at none.db; "
        "run `ledger --db none.db import` or `ledger --db none.db migrate` to create one\n"
        == run("--db", "none.db", "log", "s1", exits=5).stderr
    )


def test_the_command_that_an_error_names_is_about_the_same_ledger(run: Run) -> None:
    """Pasted as it stands, it answers what was asked here, not what another ledger holds."""
    refused = run("--db", "ledger.db", "show", "support-1@99", exits=3).stderr

    assert "`ledger --db ledger.db log support-1` lists them all" in refused


def test_what_was_typed_cannot_command_a_terminal(run: Run) -> None:
    """A usage error repeats what was typed, which may have been pasted from anywhere."""
    refused = run("blame", "support-1", "\x1b[2J\u202e", exits=2).stderr

    assert r"\x1b[2J\u202e" in refused
    assert "\x1b" not in refused


@pytest.mark.parametrize("command", ["diff", "replay"])
def test_a_mistyped_option_is_no_session(run: Run, command: str) -> None:
    """Where a revision may begin with a minus, an option that there is not is called one all the same."""
    assert "No such option" in run(command, "--nosuch", exits=2).stderr
    assert "No such option" in run(command, "--nosuch", "support-1", exits=2).stderr
