"""The contract type `only`, on small graphs."""

import grimp
import pytest

from tests.layers import OnlyImports


def refused(importer: str, imported: str) -> list[tuple[str, str]]:
    """Give what a pure package is refused, when one of its modules imports another module."""
    graph = grimp.ImportGraph()
    graph.add_import(importer=importer, imported=imported)
    options = {
        "source_modules": ["app.pure"],
        "allowed_modules": ["app.pure", "pydantic"],
        "forbidden_modules": ["sqlite3"],
    }
    check = OnlyImports(name="pure", session_options={}, contract_options=options).check(graph, verbose=False)
    found: list[tuple[str, str]] = check.metadata["refused"]

    assert check.kept == (not found)

    return found


@pytest.mark.parametrize("imported", ["app.pure.other", "pydantic", "pydantic.fields", "json", "collections.abc"])
def test_allowed_modules_and_the_standard_library_pass(imported: str) -> None:
    """A pure module imports its own package, what the contract allows, and the standard library."""
    assert [] == refused("app.pure.module", imported)


@pytest.mark.parametrize("imported", ["app.store", "app.pureness", "sqlalchemy", "pydantic_settings", "sqlite3"])
def test_anything_else_is_refused(imported: str) -> None:
    """A package that no one has thought of is refused like one that is known to do I/O."""
    assert [("app.pure.module", imported)] == refused("app.pure.module", imported)


def test_other_packages_are_not_asked() -> None:
    """The contract binds the packages that it names."""
    assert [] == refused("app.store", "sqlalchemy")
