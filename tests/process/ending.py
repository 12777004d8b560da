"""What must come to an end: a test waits for it, and says so where it does not, instead of hanging with it."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import make_url

__all__ = ["HANGS_S", "ending", "patient_for"]

#: What has not ended after so long does not end. No measure of how long anything takes.
HANGS_S = 90.0

T = TypeVar("T")


def ending(call: Callable[[], T]) -> T:
    """Give what a call gives, or raise what it raises; fail if it does not end."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(HANGS_S)
    assert outcome, f"it has not ended after {HANGS_S:g} seconds"
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]  # type: ignore[no-any-return]  # what the call gave


def patient_for(seconds: float, url: str) -> str:
    """Give a URL with a timeout."""
    return make_url(url).update_query_dict({"timeout": str(seconds)}).render_as_string(hide_password=False)
