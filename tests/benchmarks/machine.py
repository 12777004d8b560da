"""What the figures depend on, without a word that tells whose machine it is."""

import os
import platform
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

__all__ = ["machine"]


def machine(folder: Path) -> dict[str, str]:
    """Give the facts of this machine, and of the disk under a folder."""
    facts = {
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": str(os.cpu_count()),
        "python": platform.python_version(),
        "file system": _file_system(folder),
        "one fsync": f"{_fsync(folder):.2g} ms",
    }
    if hasattr(os, "getloadavg"):
        facts["load before the run"] = f"{os.getloadavg()[0]:.2g}"
    return facts


def _file_system(folder: Path) -> str:
    mounts = Path("/proc/mounts")
    if not mounts.is_file():
        return "unknown"
    kinds = {Path(line.split()[1]): line.split()[2] for line in mounts.read_text(encoding="utf-8").splitlines()}
    place = folder.resolve()
    return next(kinds[each] for each in (place, *place.parents) if each in kinds)


def _fsync(folder: Path) -> float:
    """Measure what a commit waits for, in milliseconds."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(50):
            file.write(bytes(4096))
            file.flush()
            begin = perf_counter()
            os.fsync(file.fileno())
            times.append(perf_counter() - begin)
    return 1000 * median(times)
