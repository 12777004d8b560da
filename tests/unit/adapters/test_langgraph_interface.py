"""`LedgerSaver` is what `langgraph-checkpoint` says that a checkpointer is."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver

from ledger.adapters.frameworks import UntestedFramework, require
from ledger.adapters.langgraph import LedgerSaver


def test_the_methods_have_the_signatures_of_the_framework() -> None:
    """All of them, the optional ones included, each with its async form."""
    for name, theirs in inspect.getmembers(BaseCheckpointSaver, inspect.isfunction):
        ours = getattr(LedgerSaver, name)
        if not name.startswith("_"):
            assert list(inspect.signature(theirs).parameters) == list(inspect.signature(ours).parameters), name
        if hasattr(BaseCheckpointSaver, f"a{name}") and name != "get":
            assert {name, f"a{name}"} <= vars(LedgerSaver).keys()


def test_another_release_of_the_framework_is_warned_of() -> None:
    """With the range that was tested."""
    with pytest.warns(UntestedFramework, match=r"langgraph-checkpoint from 1.0 up to, not including, 1.1"):
        require("langgraph-checkpoint", "langgraph.checkpoint", extra="langgraph", since="1.0", before="1.1")


def test_the_ledger_itself_imports_no_framework() -> None:
    """Only who imports the adapter pays for it."""
    code = "import sys, ledger, ledger.adapters; sys.exit(any(name.startswith('lang') for name in sys.modules))"
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
