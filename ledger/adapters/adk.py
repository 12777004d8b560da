"""Google ADK keeps its sessions in a ledger: `LedgerSessionService` stands where ADK's own session service stood.

    from google.adk.runners import Runner
    from ledger.adapters.adk import LedgerSessionService

    service = LedgerSessionService("sqlite:///ledger.db")
    runner = Runner(app_name="shop", agent=agent, session_service=service)

A session of ADK is a session of the ledger, its events are messages, and the calls that it waits for are questions.
What an app's and a user's sessions share are sessions too; `ledger.adapters.adk_ids` says how all of them are called.
"""

from __future__ import annotations

from ledger.adapters.frameworks import require

require("google-adk", "google.adk", extra="adk", since="2.13", before="2.14")

from ledger.adapters.adk_registry import register, session_service
from ledger.adapters.adk_service import LedgerSessionService

__all__ = ["LedgerSessionService", "register", "session_service"]
