"""`LedgerSession` is a `Session` of the OpenAI Agents SDK to the letter, and takes whatever JSON comes."""

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from agents.items import TResponseInputItem
from agents.memory import Session
from agents.memory.session import SessionABC
from agents.tool import DEFAULT_APPROVAL_REJECTION_MESSAGE
from hypothesis import given
from hypothesis import strategies as st

import ledger
from ledger import LedgerError
from ledger.adapters.openai_agents import LedgerSession
from ledger.adapters.openai_questions import REJECTED
from tests.unit.adapters.openai_samples import conversations


def test_it_is_a_session_of_the_framework() -> None:
    """By the protocol, which a type checker reads too, and which the framework checks at run time."""
    session: Session = LedgerSession("s1", "sqlite://")

    assert isinstance(session, Session)


@pytest.mark.parametrize("name", ["get_items", "add_items", "pop_item", "clear_session"])
def test_its_signatures_are_those_of_the_protocol(name: str) -> None:
    """The same parameters; what it takes beside them is the run, by the framework's own word for it."""
    ours = dict(inspect.signature(getattr(LedgerSession, name)).parameters)
    wrapper = ours.pop("wrapper")
    theirs = inspect.signature(getattr(Session, name)).parameters

    assert (inspect.Parameter.KEYWORD_ONLY, None) == (wrapper.kind, wrapper.default)
    assert [(p.name, p.kind, p.default, p.annotation) for p in theirs.values()] == [
        (p.name, p.kind, p.default, p.annotation) for p in ours.values()
    ]
    assert inspect.iscoroutinefunction(getattr(LedgerSession, name))
    assert theirs.keys() == inspect.signature(getattr(SessionABC, name)).parameters.keys()


@given(st.lists(conversations, min_size=1, max_size=3))
async def test_whatever_json_goes_in_comes_out(batches: list[list[dict[str, Any]]]) -> None:
    """Of realistic shape or not, its keys in order."""
    async with ledger.open_async("sqlite://") as book:
        session = LedgerSession("s1", book)
        for batch in batches:
            await session.add_items(cast("list[TResponseInputItem]", batch))

        assert json.dumps([item for batch in batches for item in batch]) == json.dumps(await session.get_items())


async def test_a_ledger_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """When it is first needed; until then nothing is opened."""
    session = LedgerSession("s1", f"sqlite:///{tmp_path}/missing/ledger.db")

    with pytest.raises(LedgerError, match="missing"):
        await session.get_items()


def test_the_words_of_a_rejection_are_the_frameworks() -> None:
    """A rejection is told by them where nobody else tells."""
    assert DEFAULT_APPROVAL_REJECTION_MESSAGE == REJECTED


def test_the_importer_needs_no_framework() -> None:
    """Nor does `import ledger`: whoever has a file of theirs may have nothing else of it."""
    code = "import sys, ledger, ledger.importers.openai_agents; print('agents' in sys.modules, 'openai' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "False False\n" == ran.stdout


def test_a_release_outside_the_tested_range_warns() -> None:
    """It names the range; and without the framework the command that installs it is named."""
    code = (
        "import importlib.metadata as m; real = m.version; "
        "m.version = lambda name: '0.31.0' if name == 'openai-agents' else real(name); "
        "import ledger.adapters.openai_agents"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "tested with openai-agents from 0.24 up to, not including, 0.25; 0.31.0 is installed" in ran.stderr


def test_without_the_framework_the_command_that_installs_it_is_named() -> None:
    """An adapter is an extra."""
    code = "import sys; sys.modules['agents'] = None; import ledger.adapters.openai_agents"
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)

    assert "sessionledger[openai-agents]" in ran.stderr
