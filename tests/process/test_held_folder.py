"""What a killed test run leaves outside pytest's folders is removed by the next one, and nothing else is."""

import fcntl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.held_folder import HeldFolder, clear

ROOT = Path(__file__).parents[2]
HOLD = """
import subprocess, sys
from tests.held_folder import HeldFolder

held = HeldFolder("held-")
child = subprocess.Popen(["cat"], pass_fds=[held.descriptor] if sys.argv[1:] else [])
print(held.path, flush=True)
child.wait()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder of all temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def holder(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Give a process that holds a folder, and the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_what_the_dead_left_is_removed_and_what_the_living_use_is_not(folder: Path) -> None:
    """The lock ends with its process, however that ends: neither an age nor a number of a process is asked for."""
    other = folder / "held-by-nobody-who-says-so"
    other.mkdir()
    with holder() as (_, used), holder() as (killed, left):
        (left / "data").mkdir()
        (left / "data" / "file").touch()
        killed.kill()
        killed.wait()
        ours = HeldFolder("held-")

        assert {used, ours.path, other} == set(folder.iterdir())
    clear("held-")

    assert {ours.path, other} == set(folder.iterdir())
    ours.remove()

    assert [other] == list(folder.iterdir())


def test_who_inherits_the_lock_uses_the_folder_too(folder: Path) -> None:
    """A server outlives by a moment the process that started it: until it has ended, its data are not removed."""
    with holder("inherited") as (process, used):
        assert process.stdin is not None
        process.kill()
        process.wait()
        clear("held-")

        assert [used] == list(folder.iterdir())
        process.stdin.close()
        with (used / "in-use").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as soon as who inherited it has ended
        clear("held-")

        assert [] == list(folder.iterdir())
