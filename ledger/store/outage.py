"""What somebody does who works on while storage goes away and comes back: wait, and say so once."""

from __future__ import annotations

from ledger.errors import DamagedRecord, LedgerMissing, SchemaOutOfDate, StorageError
from ledger.telemetry import get_logger

__all__ = ["Outage"]

_log = get_logger(__name__)

#: The pauses grow by so much with each try, up to the longest.
PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
#: These do not go away by waiting.
_LASTING = (DamagedRecord, LedgerMissing, SchemaOutOfDate)


class Outage:
    """Whether storage is away, for one who has to go on. What fails at first is an error, and no outage."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._worked = False
        self._tries = 0

    def failed(self, error: StorageError) -> None:
        """Take note that storage failed.

        Raises:
            StorageError: the error itself, if waiting does not help.
        """
        if not self._worked or isinstance(error, _LASTING):
            raise error
        self._tries += 1
        if self._tries == 1:
            _log.warning("storage_awaited", task=self._task, error=str(error))

    def worked(self) -> None:
        """Take note that storage is there."""
        if self._tries:
            _log.warning("storage_back", task=self._task)
        self._worked, self._tries = True, 0

    @property
    def pause_s(self) -> float:
        """How long to wait before the next try; 0 while storage is there."""
        return min(PAUSE_S * self._tries, LONGEST_PAUSE_S)
