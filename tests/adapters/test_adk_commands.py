"""ADK's own commands find the ledger by a URI."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.adk.cli import service_registry
from google.adk.cli.utils.service_factory import create_session_service_from_options

import ledger
from ledger.adapters.adk import LedgerSessionService, register, session_service
from ledger.adapters.adk_registry import ledger_url

AGENT = """
from google.adk.agents import LlmAgent
from google.adk.models import BaseLlm, LlmResponse
from google.adk.tools import LongRunningFunctionTool
from google.genai.types import Content, FunctionCall, Part


class Scripted(BaseLlm):
    async def generate_content_async(self, llm_request, stream=False):
        asked = {"question": "Where to?"}
        part = Part(function_call=FunctionCall(id="call_1", name="ask_user", args=asked))
        yield LlmResponse(content=Content(role="model", parts=[part]))


def ask_user(question: str) -> None:
    "Ask the person."


root_agent = LlmAgent(name="shop", model=Scripted(model="scripted"), tools=[LongRunningFunctionTool(ask_user)])
"""
SERVICES = {
    "services.py": "from ledger.adapters.adk import register\n\nregister()\n",
    "services.yaml": """
services:
  - scheme: ledger
    type: session
    class: ledger.adapters.adk.session_service
""",
}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> service_registry.ServiceRegistry:
    """Give ADK's registry as a command finds it, and leave the process without what is registered here."""
    monkeypatch.setattr(service_registry, "_service_registry_instance", None)
    return service_registry.get_service_registry()


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("ledger:///ledger.db", "sqlite:///ledger.db"),
        ("ledger:////var/lib/ledger.db", "sqlite:////var/lib/ledger.db"),
        ("ledger://sqlite:///ledger.db", "sqlite:///ledger.db"),
        ("ledger://postgresql://ann:secret@host:5432/db?x=1", "postgresql://ann:secret@host:5432/db?x=1"),
        ("ledger+postgresql://ann:se%40cret@host/db", "postgresql://ann:se%40cret@host/db"),
        ("ledger+postgresql+psycopg://host/db", "postgresql+psycopg://host/db"),
        ("ledger+sqlite:///ledger.db", "sqlite:///ledger.db"),
    ],
)
def test_a_uri_names_a_ledger(uri: str, url: str) -> None:
    """A file as SQLAlchemy writes it, a server, or the URL of any ledger."""
    assert url == ledger_url(uri)


@pytest.mark.parametrize(
    "uri", ["ledger://", "ledger:///", "ledger://ledger.db", "ledger:x", "sqlite:///x.db", "", "x"]
)
def test_another_uri_is_refused_with_one_that_works(uri: str) -> None:
    """Whoever mistypes it sees how it is written."""
    with pytest.raises(ValueError, match=r"names no ledger; say ledger:///ledger\.db"):
        ledger_url(uri)


def test_a_password_is_in_no_message() -> None:
    """What stands before an address may be secret."""
    with pytest.raises(ValueError, match="names no ledger") as raised:
        ledger_url("ledger:ann:secret@host/db")

    assert "secret" not in str(raised.value)


async def test_registering_makes_adk_find_it(registry: service_registry.ServiceRegistry, tmp_path: Path) -> None:
    """What ADK's commands call gives our service; what was there before is found as before."""
    assert registry.create_session_service("ledger:///x.db") is None
    register()
    register()

    uri = f"ledger:///{tmp_path / 'ledger.db'}"
    service = create_session_service_from_options(base_dir=tmp_path, session_service_uri=uri)

    assert isinstance(service, LedgerSessionService)
    await service.create_session(app_name="shop", user_id="ann", session_id="s1")
    service.close()
    with ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as book:
        assert ["adk/shop/ann/s1"] == book.ids()
    assert not isinstance(registry.create_session_service("memory://"), LedgerSessionService)


def test_a_service_of_a_uri_takes_what_adk_hands_it(tmp_path: Path) -> None:
    """ADK says where the agents are, which a ledger need not know; a writer may be named."""
    with session_service(
        f"ledger:///{tmp_path}/l.db", agents_dir="/agents", writer="night-shift", echo=True
    ) as service:
        assert "night-shift" == service._opened.book.writer


@pytest.mark.parametrize("services", SERVICES)
def test_adks_command_keeps_its_sessions_in_a_ledger(services: str, tmp_path: Path) -> None:
    """`adk run` with what it finds beside the agent: the session, and what it waits for, are in the ledger."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("from . import agent\n")
    (tmp_path / "shop" / "agent.py").write_text(AGENT)
    (tmp_path / "shop" / services).write_text(SERVICES[services])
    command = [sys.executable, "-m", "google.adk.cli", "run", "--session_service_uri=ledger:///ledger.db", "shop"]
    environment = os.environ | {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}

    ran = subprocess.run(
        [*command, "Deploy it"],
        check=False,
        cwd=tmp_path,
        timeout=120,
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )

    assert 2 == ran.returncode, ran.stderr  # as ADK ends when it waits for a person
    (named,) = re.findall(r"--session_id (\S+)", ran.stderr)
    with ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", create=False) as book:
        (question,) = book.questions()
        assert f"adk/shop/test_user/{named}" == question.session_id
        assert ("Where to?", "pending") == (question.text, question.status)
