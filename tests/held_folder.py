"""Folders outside those that pytest gives, which a run that is killed leaves behind and the next run removes.

Whoever uses one holds a lock in it, which the system lets go of when the last of them has ended, however it ended.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["HeldFolder", "clear"]

_LOCK = "in-use"


class HeldFolder:
    """A new folder of a name with this beginning, in a `place` or among the temporary ones.

    Those so called whose users have all ended are removed first.
    """

    def __init__(self, prefix: str, place: Path | None = None) -> None:
        clear(prefix, place)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        self._owner = os.getpid()
        # It gets its name when it is locked: nobody can find it unlocked and take it for a dead one's.
        unnamed = self.path / f"{_LOCK}.new"
        #: The lock; a process that inherits this holds it too.
        self.descriptor = os.open(unnamed, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        unnamed.rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove it with all that is in it; a process that was forked meanwhile leaves it alone."""
        if self._owner == os.getpid() and self.path.exists():
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self.descriptor)


def clear(prefix: str, place: Path | None = None) -> None:
    """Remove the folders of this kind that nobody uses any more; what another user left is not ours to remove."""
    for lock in (place or Path(tempfile.gettempdir())).glob(f"{prefix}*/{_LOCK}"):
        with suppress(OSError):
            _remove_if_dead(lock)


def _remove_if_dead(lock: Path) -> None:
    descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_uid == os.geteuid():
            shutil.rmtree(lock.parent)
    finally:
        os.close(descriptor)
