"""What the URL of a PostgreSQL database says beside what the driver takes from it: the timeout, and so the session."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL

from ledger.errors import StorageError

__all__ = ["place_of", "session_of", "timeout_of"]

#: How long a transaction waits for another's lock, and a statement may run, unless the URL says otherwise.
TIMEOUT_S = 30.0
#: PostgreSQL counts the milliseconds in 31 bits.
LONGEST_TIMEOUT_S = 2_000_000


def session_of(given: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """Give what every session is set up with: a name, and an end to whatever could be waited for.

    What the URL says goes before.
    """
    wait_ms = max(1, round(timeout_s * 1000))
    settings = {
        "lock_timeout": wait_ms,
        "statement_timeout": 2 * wait_ms,
        "idle_in_transaction_session_timeout": 2 * wait_ms + 30_000,
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    ours: dict[str, Any] = {
        "application_name": "sessionledger",
        "connect_timeout": max(2, math.ceil(min(timeout_s, 10))),
        "keepalives": 1,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": wait_ms,
        "client_encoding": "UTF8",
    }
    ours = {name: value for name, value in ours.items() if name not in given}
    return ours | {"options": f"{options} {given.get('options', '')}".strip()}


def place_of(url: URL) -> str:
    """Give the URL as people are told of it: no password, and none of the options."""
    kept = {name: value for name, value in url.query.items() if name in ("host", "port", "service")}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, kept)
    return plain.render_as_string().replace("%2F", "/")


def timeout_of(url: URL) -> float:
    """Give the seconds that its `timeout` says, or the usual ones.

    Raises:
        StorageError: if that is no number of seconds.
    """
    given = url.query.get("timeout", TIMEOUT_S)
    try:
        timeout_s = float(given)  # type: ignore[arg-type]  # a parameter that is given twice is refused here too
    except (TypeError, ValueError):
        timeout_s = math.nan
    if not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise StorageError(f"the timeout {given!r} is no number of seconds", "write it like ?timeout=30")
    return timeout_s
