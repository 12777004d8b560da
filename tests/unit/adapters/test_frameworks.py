"""A framework that is missing, or of a release that was not tested, is told by what to do about it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.frameworks import UntestedFramework, require
from ledger.errors import FrameworkMissing

#: Each adapter, the module of its framework, and the extra that installs it.
ADAPTERS = {
    "ledger.adapters.adk": ("google.adk", "google-adk", "adk"),
    "ledger.adapters.openai_agents": ("agents", "openai-agents", "openai-agents"),
    "ledger.adapters.langgraph": ("langgraph.checkpoint", "langgraph-checkpoint", "langgraph"),
}
_HIDDEN = """
    import sys
    from importlib.abc import MetaPathFinder

    class Hides(MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name == {module!r} or name.startswith({module!r} + "."):
                raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

    sys.meta_path.insert(0, Hides())
    try:
        import {adapter}
    except ImportError as error:
        print(type(error).__name__, error)
"""


def run(program: str, *, cwd: Path | None = None) -> str:
    """Run a program in a fresh interpreter, and give what it prints."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    ran = subprocess.run(command, check=False, timeout=120, capture_output=True, text=True, cwd=cwd)
    assert 0 == ran.returncode, ran.stderr
    return ran.stdout.strip()


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_missing_framework_is_told_by_the_command_that_installs_it(adapter: str) -> None:
    """Whoever imports the adapter is given the line for the shell."""
    module, distribution, extra = ADAPTERS[adapter]

    printed = run(_HIDDEN.format(module=module, adapter=adapter))

    assert f"FrameworkMissing {distribution} is not installed: pip install 'sessionledger[{extra}]'" == printed


def test_importing_the_ledger_imports_no_framework() -> None:
    """Nor does opening one, nor the modules that know of adapters."""
    frameworks = [module for module, _, _ in ADAPTERS.values()]
    program = f"""
        import sys, ledger, ledger.importers, ledger.adapters.opened, ledger.adapters.natives
        ledger.open("sqlite://").close()
        print([name for name in {frameworks} if name in sys.modules])
    """

    assert "[]" == run(program)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder in which distributions can be put, as pip does."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("birdsong", None)


def put(folder: Path, release: str, *, module: bool = True) -> None:
    """Put a distribution there."""
    info = folder / f"birdsong-{release}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: birdsong\nVersion: {release}\n")
    if module:
        (folder / "birdsong.py").write_text("")


def required() -> list[warnings.WarningMessage]:
    """Require it as an adapter does, and give the warnings."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        require("birdsong", "birdsong", extra="birds", since="2.13", before="2.14")
    return warned


@pytest.mark.parametrize("release", ["2.13", "2.13.0", "2.13.99", "2.13.1.post1", "2.13.2rc1"])
def test_a_tested_release_is_taken_in_silence(installed: Path, release: str) -> None:
    """Every release of the range is one that was tested."""
    put(installed, release)

    assert [] == required()


@pytest.mark.parametrize("release", ["2.12.9", "2.14", "2.14.0", "2.14.0rc1", "3.0", "1.99", "0.0.1"])
def test_another_release_is_warned_of(installed: Path, release: str) -> None:
    """The range is named, and what is installed; it may work all the same."""
    put(installed, release)

    (warned,) = required()

    assert warned.category is UntestedFramework
    assert f"tested with birdsong from 2.13 up to, not including, 2.14; {release} is installed" in str(warned.message)


def test_the_warning_points_at_who_imported_the_adapter(tmp_path: Path) -> None:
    """It is about the import, and is shown with that line."""
    (tmp_path / "adapter.py").write_text(
        "from ledger.adapters.frameworks import require\n"
        "require('pydantic', 'pydantic', extra='x', since='0.1', before='0.2')\n"
    )
    (tmp_path / "application.py").write_text("import adapter\n")
    program = """
        import sys, warnings
        sys.path.insert(0, "")
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            import application
        print([each.filename.rpartition("/")[2] for each in warned])
    """

    assert "['application.py']" == run(program, cwd=tmp_path)


def test_a_distribution_without_its_module_is_missing(installed: Path) -> None:
    """What pip knows and Python cannot import helps nobody."""
    put(installed, "2.13", module=False)

    with pytest.raises(FrameworkMissing, match=r"pip install 'sessionledger\[birds\]'"):
        required()


def test_a_module_of_another_distribution_is_missing(installed: Path) -> None:
    """A module of that name alone may be anybody's."""
    (installed / "birdsong.py").write_text("")

    with pytest.raises(FrameworkMissing) as raised:
        required()

    assert ("birdsong", "birds") == (raised.value.distribution, raised.value.extra)
    assert isinstance(raised.value, ImportError)
