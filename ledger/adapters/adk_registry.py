"""How ADK's own commands find the ledger: by the URI of their option ``--session_service_uri``."""

from __future__ import annotations

from typing import Any

from google.adk.cli.service_registry import get_service_registry

from ledger.adapters.adk_service import LedgerSessionService

__all__ = ["ledger_url", "register", "session_service"]

SCHEME = "ledger"
#: With the database in the scheme, as SQLAlchemy has it: ADK blanks a password in its log only where it finds one.
SCHEMES = (SCHEME, *(f"{SCHEME}+{each}" for each in ("sqlite", "postgresql", "postgresql+psycopg")))


def register() -> None:
    """Make ADK's commands understand ``ledger://`` URIs; calling it again changes nothing.

    In `services.py`, beside the agent, which ``adk run``, ``adk web`` and ``adk api_server`` load by themselves::

        from ledger.adapters.adk import register

        register()

    Then: ``adk web --session_service_uri=ledger:///ledger.db``.
    """
    registry = get_service_registry()
    for scheme in SCHEMES:
        registry.register_session_service(scheme, session_service)


def session_service(uri: str, **options: Any) -> LedgerSessionService:
    """Give the session service of a URI; what ADK calls, and what `services.yaml` may name as a ``class``.

    Args:
        uri: as for `ledger_url`.
        **options: what ADK hands to every service. Of these, `writer` is used.
    """
    writer = options.get("writer")
    return LedgerSessionService(ledger_url(uri), **({"writer": writer} if isinstance(writer, str) else {}))


def ledger_url(uri: str) -> str:
    """Give the ledger's URL that a URI means.

    ===============================================  ====================================
    ``ledger:///ledger.db``                          ``sqlite:///ledger.db``
    ``ledger:////var/lib/ledger.db``                 ``sqlite:////var/lib/ledger.db``
    ``ledger+postgresql://user:secret@host/ledger``  ``postgresql://user:secret@host/ledger``
    ``ledger://sqlite:///ledger.db``                 ``sqlite:///ledger.db``
    ===============================================  ====================================

    Raises:
        ValueError: if it is none of these.
    """
    scheme, parted, rest = uri.partition("://")
    database = scheme.removeprefix(SCHEME).removeprefix("+")
    if parted and scheme.startswith(SCHEME):
        if database:
            return f"{database}://{rest}"
        if "://" in rest:
            return rest
        if rest.startswith("/") and rest != "/":
            return f"sqlite://{rest}"
    raise ValueError(
        f"{uri.rpartition('@')[2]!r} names no ledger; say ledger:///ledger.db for a file, "
        "or ledger+postgresql://user@host/database for a server"
    )
