"""What an import costs and what it needs, each in an interpreter of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = {"alembic", "click", "jmespath", "psycopg", "pysqlite3", "rich", "sqlalchemy", "sqlite3", "starlette"}


def modules_after(statement: str) -> set[str]:
    """Give the top-level modules that a fresh interpreter holds after a statement."""
    program = (
        f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert 0 == ran.returncode, ran.stderr

    return set(json.loads(ran.stdout))


def module_names(package: str) -> list[str]:
    """Give the dotted names of all modules of a package, itself included."""
    files = sorted((ROOT / package).rglob("*.py"))
    names = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def test_import_of_ledger_is_light() -> None:
    """Whoever imports `ledger` pays for the database, the terminal and the web only on first use."""
    assert set() == HEAVY & modules_after("import ledger")


def test_import_of_projections_imports_nothing() -> None:
    """`projections` is a folder of projectors; importing it runs none of them."""
    assert "ledger" not in modules_after("import projections")


@pytest.mark.parametrize("name", [*module_names("projections"), "ledger", "ledger.domain", "ledger.store"])
def test_any_module_can_be_imported_first(name: str) -> None:
    """No import order is needed: the packages refer to each other without a cycle."""
    assert {name.partition(".")[0]} <= modules_after(f"import {name}")


def test_projections_can_be_used_before_the_facade() -> None:
    """Importing every projector before `ledger`, or after it, comes to the same."""
    projectors = ", ".join(module_names("projections"))

    before = modules_after(f"import {projectors}\nimport ledger\nledger.open, ledger.Session")
    after = modules_after(f"import ledger\nledger.open, ledger.Session\nimport {projectors}")

    assert before == after
