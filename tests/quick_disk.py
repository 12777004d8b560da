"""Where files stand that no test pulls the plug on: a disk in memory does not make them wait."""

import atexit
import functools
import shutil
from pathlib import Path

from tests.held_folder import HeldFolder

__all__ = ["quick_disk"]

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it has a name that nobody can foresee
#: Containers often have a small one.
ENOUGH_BYTES = 512 * 1024 * 1024


@functools.cache
def quick_disk() -> Path:
    """Give a folder of this process, which is removed with it: in memory, or else among the temporary ones."""
    held = HeldFolder("ledger-tests-", IN_MEMORY if _is_large(IN_MEMORY) else None)
    atexit.register(held.remove)
    return held.path


def _is_large(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free > ENOUGH_BYTES
    except OSError:
        return False
