"""Log events: structured, and silent until someone listens. The library never configures logging.

Where the application has configured structlog, events go where it said. Where it has not, structlog's own default would
print every event on standard output, so they go to the standard library's logging instead, which shows warnings and up.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Self

__all__ = ["Logger", "get_logger"]


class Logger:
    """Logs an event with what is bound to it. Costs next to nothing where nobody listens."""

    __slots__ = ("_bound", "_name", "_plain")

    def __init__(self, name: str, bound: dict[str, Any]) -> None:
        self._name = name
        self._bound = bound
        self._plain: logging.Logger | None = None

    def bind(self, **values: Any) -> Self:
        """Give a logger that adds these values to every event."""
        return type(self)(self._name, {**self._bound, **values})

    def debug(self, event: str, **values: Any) -> None:
        """Log what only someone who looks for a fault wants to know."""
        self._log(logging.DEBUG, "debug", event, values)

    def info(self, event: str, **values: Any) -> None:
        """Log what happened."""
        self._log(logging.INFO, "info", event, values)

    def warning(self, event: str, **values: Any) -> None:
        """Log what someone should look at."""
        self._log(logging.WARNING, "warning", event, values)

    def error(self, event: str, **values: Any) -> None:
        """Log what failed."""
        self._log(logging.ERROR, "error", event, values)

    def _log(self, level: int, method: str, event: str, values: dict[str, Any]) -> None:
        # Importing it takes a tenth of a second, and who has not imported it has not configured it either.
        structlog = sys.modules.get("structlog")
        if structlog is not None and structlog.is_configured():
            getattr(structlog.get_logger(self._name), method)(event, **self._bound, **values)
            return
        logger = self._plain
        if logger is None:
            logger = self._plain = logging.getLogger(self._name)
        if logger.isEnabledFor(level):
            pairs = " ".join(f"{name}={value!r}" for name, value in {**self._bound, **values}.items())
            logger.log(level, "%s %s", event, pairs)


def get_logger(name: str) -> Logger:
    """Give the logger of a module."""
    return Logger(name, {})
