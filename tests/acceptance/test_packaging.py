"""What a person gets who installs the distribution: built, installed and run, not read from the source tree."""

import json
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]

RECORD_AND_LOAD = """
import json, pathlib, ledger

with ledger.open("sqlite:///kept.db", writer="packaging") as book:
    session = ledger.Session.new("s1", model="gpt-5")
    session.add_message(ledger.Message.user("Deploy it"))
    session.ask("call_1", "Which environment?", options=["staging", "prod"])
    saved = book.save(session).version

with ledger.open("sqlite:///kept.db") as book:
    loaded = book.load("s1")

print(json.dumps({
    "code": str(pathlib.Path(ledger.__file__).parent),
    "saved": saved,
    "message": loaded.messages[0].content,
    "question": loaded.pending_question.text,
}))
"""

USER_CODE = """
import ledger
from ledger import Message, Receipt, Session


def record(url: str) -> Receipt:
    with ledger.open(url, writer="typed") as book:
        session = Session.new("s1", model="gpt-5")
        session.add_message(Message.user("Deploy it"))
        return book.save(session)


version: str = record("sqlite:///typed.db").version
"""


def run(*command: str | Path, folder: Path, expected: int = 0) -> str:
    """Run a command in a folder and give its output; what it printed is in the failure otherwise."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    assert expected == ran.returncode, ran.stdout + ran.stderr

    return ran.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from that sdist, without the network: the backend is a development dependency."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """Give the wheel."""
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel by itself; its dependencies are those of this environment, the editable install left out."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    here = Path(sysconfig.get_path("scripts")).name
    python = folder / here / Path(sys.executable).name
    # A line of a path file adds a folder, without reading the path files in it: so not the one of the editable install.
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip())
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (purelib / "dependencies.pth").write_text("\n".join(sorted(dependencies)), encoding="utf-8")
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    run(*pip, "install", "--no-deps", "--no-index", "--ignore-installed", wheel, folder=folder)
    return python.parent


def test_wheel_holds_the_packages_and_the_migrations_inside_them(wheel: Path) -> None:
    """The wheel puts two import packages on the path, and nothing else: no module called migrations, no tests."""
    files = [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]

    assert {"ledger", "projections", f"sessionledger-{version('sessionledger')}.dist-info"} == {
        file.parts[0] for file in files
    }
    assert [] == [file for file in files if "__pycache__" in file.parts or file.suffix in {".pyc", ".db"}]
    assert {PurePosixPath("ledger/py.typed"), PurePosixPath("projections/py.typed")} <= set(files)


def test_wheel_holds_every_source_file_of_the_checkout(wheel: Path) -> None:
    """What is in the checkout's packages and migrations is in the wheel."""
    places = {"ledger": "ledger", "projections": "projections", "migrations": "ledger/_migrations"}
    expected = {
        f"{shipped}/{file.relative_to(ROOT / folder).as_posix()}"
        for folder, shipped in places.items()
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    assert expected == {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_sdist_holds_what_the_suite_needs(built: Path) -> None:
    """Someone who packages the sdist can run the tests from it."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]).as_posix() for name in archive.getnames()}

    assert {
        "LICENSE",
        "Makefile",
        "README.md",
        "conftest.py",
        "constraints.txt",
        "pyproject.toml",
        "docs/how-to/contribute.md",
        "migrations/env.py",
        "tests/acceptance/test_packaging.py",
    } <= names
    assert [] == [name for name in names if name.startswith((".", "shared")) and name not in {".", ".gitignore"}]


@pytest.mark.parametrize("command", ["ledger", "sessionledger"])
def test_both_commands_say_their_version(commands: Path, command: str, tmp_path: Path) -> None:
    """Debian has another `ledger`, so the same command also goes by the name of the distribution."""
    assert version("sessionledger") in run(commands / command, "--version", folder=tmp_path)


def test_module_runs_as_the_command_does(commands: Path, tmp_path: Path) -> None:
    """`python -m ledger` is the command, for those whose PATH holds another one."""
    assert version("sessionledger") in run(commands / "python", "-m", "ledger", "--version", folder=tmp_path)


def test_installed_wheel_records_and_loads(commands: Path, tmp_path: Path) -> None:
    """A wheel alone makes a database, from the migrations that it carries."""
    told = json.loads(run(commands / "python", "-c", RECORD_AND_LOAD, folder=tmp_path))

    assert Path(told["code"]).is_relative_to(commands.parent)
    assert (1, "Deploy it", "Which environment?") == (told["saved"], told["message"], told["question"])
    run(commands / "python", "-c", "import migrations", folder=tmp_path, expected=1)
    run(commands / "ledger", "--db", "sqlite:///kept.db", "verify", folder=tmp_path)


def test_editable_install_records_and_loads(tmp_path: Path) -> None:
    """An editable install finds the migrations in the checkout, from whatever folder it runs in."""
    told = json.loads(run(sys.executable, "-c", RECORD_AND_LOAD, folder=tmp_path))

    assert ROOT / "ledger" == Path(told["code"])
    assert (1, "Deploy it", "Which environment?") == (told["saved"], told["message"], told["question"])


def test_types_reach_those_who_install_the_wheel(commands: Path, tmp_path: Path) -> None:
    """A type checker sees through the lazy names of `ledger`: one mistake in the user's code, one report."""
    (tmp_path / "user.py").write_text(USER_CODE, encoding="utf-8")
    mypy: list[str | Path] = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        commands / "python",
        "user.py",
    ]

    told = run(*mypy, folder=tmp_path, expected=1)

    assert 'Incompatible types in assignment (expression has type "int", variable has type "str")' in told
    assert "Found 1 error in 1 file" in told
