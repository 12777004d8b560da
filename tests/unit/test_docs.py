"""The pages say what the code does: each name, change, error, table and log event has its place, and links lead on.

That their examples run is tested by `tests/examples.py`.
"""

import ast
import inspect
import json
import re
import sqlite3
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

import ledger
from ledger import errors
from ledger.cli.commands import commands
from ledger.cli.exit_codes import exit_code_of
from ledger.domain import events
from ledger.domain.part_json import dump_parts
from ledger.store import tables
from ledger.store.sqlite import driver

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
CHANGES = {kind.model_fields["type"].default: kind for kind in get_args(get_args(events.Change)[0])}
ERRORS = {name: kind for name, kind in vars(errors).items() if name in errors.__all__}
#: Public in Python only because one face of the ledger calls another.
BETWEEN_FACES = {"each", "load_to_save", "receipt_of", "submit", "tail", "woken"}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """Give the text of a page, by its path in the checkout."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Give the fenced blocks of one language."""
    return [body for found, body in _FENCE.findall(text) if found == language]


def spans(text: str) -> set[str]:
    """Give what stands in backticks within the prose."""
    return set(re.findall(r"`([^`\n]+)`", _FENCE.sub("", text)))


def anchors(text: str) -> set[str]:
    """Give the names by which the headings of a page can be linked."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    """Give where the links of a page lead."""
    return re.findall(r"\]\(([^)\s]+)\)", _FENCE.sub("", text).replace("\n", " "))


def public_members(kind: type) -> dict[str, Any]:
    """What a user can call on it, without what pydantic brings."""
    members: dict[str, Any] = {}
    for owner in reversed(kind.__mro__):
        if owner.__module__.startswith("ledger."):
            members |= {name: member for name, member in vars(owner).items() if not name.startswith("_")}
    return {
        name: inspect.unwrap(getattr(member, "__func__", member))
        for name, member in members.items()
        if inspect.isfunction(inspect.unwrap(getattr(member, "__func__", member))) and not _is_inner(name)
    }


def _is_inner(name: str) -> bool:
    return name in BETWEEN_FACES or name.startswith("model_")


def parameters(function: Any) -> list[str]:
    """Give the names of what a caller may pass."""
    found = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in found if parameter.name not in {"self", "cls", "internal"}]


def described(signature: str) -> list[str]:
    """Read the names of the parameters from a signature as the reference writes it."""
    (function,) = ast.parse(f"def call({signature.partition('(')[2]}: ...").body
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    parts = [*given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    return [part.arg for part in parts if part is not None]


def signatures(text: str) -> dict[str, str]:
    """Give the signatures that a page lists, by what they call, without what they return."""
    found = re.findall(r"^- `((?:\w+\.)?\w+\(.*\)(?: -> .+)?)`$", text, re.MULTILINE)
    return {signature.split("(")[0]: re.sub(r" -> .+$", "", signature) for signature in found}


def test_the_example_of_the_readme_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first lines that anybody runs do what the comment beside them promises."""
    (example,) = blocks(page("README.md"), "python")
    promised = re.findall(r"print\(.*\) +# (.*)", example)
    monkeypatch.chdir(tmp_path)

    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own page

    assert ["Which environment?"] == promised
    assert promised == capsys.readouterr().out.splitlines()


def test_every_public_name_is_in_the_reference() -> None:
    """Whoever meets a name in `ledger` finds it on one page."""
    told = {re.split(r"[.(]", span)[0] for span in spans(page("docs/reference/api.md"))}
    headings = set(re.findall(r"^##+ (\w+)$", page("docs/reference/api.md"), re.MULTILINE))

    assert [] == [name for name in ledger.__all__ if name not in told | headings]


@pytest.mark.parametrize("name", ["Ledger", "Persistence", "Session", "SessionCache", "SessionRepository", "Storage"])
def test_every_method_is_in_the_reference_as_it_is_called(name: str) -> None:
    """A signature on the page names the parameters of the code, in their order."""
    told = signatures(page("docs/reference/api.md"))
    members = public_members(getattr(ledger, name))

    assert {f"{name}.{member}": parameters(function) for member, function in members.items()} == {
        method: described(signature) for method, signature in told.items() if method.startswith(f"{name}.")
    }


@pytest.mark.parametrize("name", ["SessionCache", "SessionRepository", "open", "open_async"])
def test_what_makes_them_is_in_the_reference_as_they_are_called(name: str) -> None:
    """A signature on the page names the parameters of the code, in their order."""
    assert parameters(getattr(ledger, name)) == described(signatures(page("docs/reference/api.md"))[name])


@pytest.mark.parametrize(
    "kind",
    [
        ledger.Event, ledger.FeedItem, ledger.Message, ledger.MessagesDiff, ledger.Omission, ledger.OverruledSave,
        ledger.Problem, ledger.Question, ledger.QuestionRecord, ledger.QuestionsDiff, ledger.Receipt, ledger.Session,
        ledger.SessionDiff, ledger.SessionSummary, ledger.StaleSave, ledger.ToolCall, ledger.Transition,
        ledger.UsageTotals, ledger.Verification, ledger.Averted, ledger.Loss, ledger.Blame, ledger.WorkReport,
    ],
)  # fmt: skip
def test_every_field_is_in_the_reference(kind: Any) -> None:
    """The JSON that a user meets is explained, field by field."""
    told = " ".join(spans(page("docs/reference/json.md")) | spans(page("docs/reference/events.md")))

    assert [] == [name for name in kind.model_fields if not re.search(rf"\b{name}\b", told)]


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_change_has_an_example_that_is_what_the_log_stores(name: str) -> None:
    """The JSON of a change on the page is read as that change, and written as it stands there."""
    _, _, section = page("docs/reference/events.md").partition(f"#### {name}\n")
    (example, *_) = blocks(section.split("\n#")[0] + "\n", "json")
    change = TypeAdapter(events.Change).validate_json(example)

    assert name == change.type
    assert json.loads(example) == json.loads(dump_parts({"change": change}))["change"]


def test_no_change_is_described_that_there_is_not() -> None:
    """A change that was renamed leaves no ghost on the page."""
    assert set(CHANGES) == set(re.findall(r"^#### (\w+)$", page("docs/reference/events.md"), re.MULTILINE))


def test_the_error_tree_is_the_one_of_the_code() -> None:
    """The page draws the tree that the module draws."""
    (tree, *_) = blocks(page("docs/reference/errors.md"), "text")

    assert [line.strip() for line in (errors.__doc__ or "").splitlines() if re.search(r"[├└]|LedgerError$", line)] == [
        line.strip() for line in tree.splitlines()
    ]


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_error_is_in_the_reference_with_its_exit_code(name: str) -> None:
    """Whoever meets an error, or a code in a script, finds the one by the other."""
    (row,) = re.findall(rf"^\| `{name}` \|(.*)\|$", page("docs/reference/errors.md"), re.MULTILINE)
    *_, code = (cell.strip() for cell in row.split("|"))
    error = ERRORS[name].__new__(ERRORS[name])

    assert code == ("" if name == "LedgerError" else str(exit_code_of(error)))


def test_every_table_and_column_is_in_the_reference() -> None:
    """Whoever opens the file with SQL finds what each column means."""
    text = page("docs/reference/tables.md")
    columns = {
        table.name: [column.name for column in table.columns]
        for table in (getattr(tables, name) for name in tables.__all__ if name != "SCHEMA")
    }
    sections = {name: text.partition(f"### {name}\n")[2].partition("\n#")[0] for name in columns}

    assert {} == {
        name: missing
        for name, section in sections.items()
        if (missing := [column for column in columns[name] if f"`{column}`" not in section])
    }


def test_the_sql_of_the_reference_runs(tmp_path: Path) -> None:
    """A query on the page finds what it says: who renamed a session."""
    with ledger.open(f"sqlite:///{tmp_path}/l.db", writer="agent") as book:
        session = ledger.Session.new("s1", model="m")
        book.save(session)
        session.title = "Deployment"
        book.save(session, writer="ui", authority="user")
    (query,) = blocks(page("docs/reference/tables.md"), "sql")
    connection: sqlite3.Connection = driver().connect(tmp_path / "l.db")
    rows = connection.execute(query).fetchall()
    connection.close()

    assert [(2, "ui", "Deployment")] == [(version, writer, title) for version, _, writer, title in rows]


def test_every_log_event_is_on_its_page() -> None:
    """Whoever writes an alert finds the name of each event that the library logs, and no name that it does not."""
    sources = [file for folder in ("ledger", "projections") for file in (ROOT / folder).rglob("*.py")]
    calls = re.compile(r"\.(?:debug|info|warning|error)\(\s*\"(\w+)\"")
    logged = {name for file in sources for name in calls.findall(file.read_text(encoding="utf-8"))}
    rows = re.findall(r"^\| (.+?) \| (?:debug|info|warning|error)", page("docs/how-to/see-log-events.md"), re.MULTILINE)

    assert logged == {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_somewhere(file: Path) -> None:
    """A relative link names a file that is there, and a heading that is in it."""
    lost = []
    for link in links(file.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            lost.append(link)

    assert [] == lost


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_page_is_reached_from_the_index(file: Path) -> None:
    """Nobody has to guess that a page exists."""
    index = ROOT / "docs" / "index.md"
    reached = {(index.parent / link.partition("#")[0]).resolve() for link in links(page("docs/index.md"))}

    assert file in {*reached, index, ROOT / "README.md", ROOT / "CHANGELOG.md"}


@pytest.mark.parametrize("file", PAGES, ids=lambda file: str(file.relative_to(ROOT)))
def test_pages_name_only_commands_that_there_are(file: Path) -> None:
    """What a page says to type is a command of `ledger --help`."""
    text = file.read_text(encoding="utf-8")
    typed = re.findall(r"^\$ (.*)$", text, re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    called = re.compile(r"(?:^|\| *|[A-Z_]+=\S+ )(?:session)?ledger(?: --db[ =]\S+| --?[a-z-]+)* ([a-z][a-z-]*)\b")

    assert [] == [name for line in typed for name in called.findall(line) if name not in commands.commands]
