"""What is wrong with the disk or the file is one clear error of ours, loses nothing, and is over when it is over."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ledger
from ledger import Session, StorageError
from tests.process.checker import Acknowledgement, check
from tests.process.soaking import Figures
from tests.process.work import MODEL, acknowledge, take_turn, url_of
from tests.process.zygote import Zygote


def save_turns(path: Path, turns: int) -> list[Acknowledgement]:
    """Make a ledger of so many turns."""
    said: list[dict[str, Any]] = []
    with ledger.open(url_of(path), writer="agent") as book:
        session = Session.new("s1", MODEL)
        for _ in range(turns):
            number = take_turn(session, "agent")
            acknowledge(lambda **report: said.append(report), number, "agent", book.save(session))
    return said


def parted(reports: list[dict[str, Any]]) -> tuple[list[Acknowledgement], dict[str, list[dict[str, Any]]]]:
    """Part what a worker reported into its acknowledgements and its refusals, by what was refused."""
    refusals: dict[str, list[dict[str, Any]]] = {}
    for report in reports:
        if "refused" in report:
            refusals.setdefault(report["refused"], []).append(report)
    return [report for report in reports if "version" in report], refusals


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of 2 MB."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("a disk that can be filled is mounted by root on Linux only; the full disk was NOT tested")
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("there is no mount command; the full disk was NOT tested")
    folder = Path(tempfile.mkdtemp())
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"mount failed ({mounted.stderr.strip()}); the full disk was NOT tested")
    try:
        yield folder
    finally:
        subprocess.run([umount, folder], check=True)
        folder.rmdir()


@pytest.mark.parametrize("spare", [0, 4096, 20_000, 100_000])
def test_a_full_disk_refuses_a_save_and_loses_nothing(zygote: Zygote, small_disk: Path, spare: int) -> None:
    """The save that finds no room is refused and leaves its session as it was; with room, the same one goes through."""
    fill_up(zygote, small_disk, spare)


@pytest.mark.soak
def test_a_disk_that_is_full_at_any_of_fifty_points_loses_nothing(
    zygote: Zygote, small_disk: Path, soaking: Figures
) -> None:
    """The same, wherever in a save the room ends."""
    for point in range(50):
        soaking.count(fill_points=1, acknowledged=fill_up(zygote, small_disk, point * 3001))
        soaking.progress(point + 1, 50)
        for file in small_disk.iterdir():
            file.unlink()


def fill_up(zygote: Zygote, small_disk: Path, spare: int) -> int:
    """Save until the disk is full but for what `spare` gives, make room, save on; give how many were acknowledged."""
    path = small_disk / "ledger.db"
    reports = zygote.start(
        "tests.process.failing:fill_the_disk", path=str(path), ballast=str(small_disk / "ballast"), spare=spare
    ).finish()
    said, refusals = parted(reports)

    assert refusals["save"][0]["error"] == "StorageError"
    assert f"the disk of {path} is full" in refusals["save"][0]["message"]
    assert "make room" in refusals["save"][0]["message"]
    check(path, said)
    return len(said)


def test_a_ledger_that_finds_no_room_to_be_created_can_be_created_later(small_disk: Path) -> None:
    """A full disk at the creation is the same clear error, and leaves nothing that stands in the way."""
    path, ballast = small_disk / "ledger.db", small_disk / "ballast"
    ballast.write_bytes(bytes(2**21 - 40_000))

    with pytest.raises(StorageError, match="is full; nothing of this was written; make room"):
        ledger.open(url_of(path))

    ballast.unlink()
    check(path, save_turns(path, 2))


@pytest.mark.skipif(sys.platform != "linux", reason="the write errors are made by a limit that Linux heeds")
@pytest.mark.parametrize("step", [300, 4096])
def test_a_write_that_fails_loses_nothing(zygote: Zygote, path: Path, step: int) -> None:
    """Whichever write of a save fails, the save is refused as a whole; the ledger is opened anew for the next one."""
    said, refusals = parted(zygote.start("tests.process.failing:meet_write_errors", path=str(path), step=step).finish())

    assert {"StorageError"} == {report["error"] for report in refusals["save"]}
    assert all("disk" in report["message"] for report in refusals["save"])
    check(path, said)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everyone can enter, as pytest's own is not."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    made.chmod(0o755)
    shutil.rmtree(made)


def test_a_file_that_cannot_be_written_can_be_read(zygote: Zygote, folder: Path) -> None:
    """Whoever may only read the file reads, and a save is refused with the name of what is read-only."""
    path = folder / "ledger.db"
    said = save_turns(path, 3)
    path.chmod(0o444)
    folder.chmod(0o777)
    reports = zygote.start("tests.process.failing:without_permission", path=str(path)).finish()
    _, refusals = parted(reports)

    assert {"loaded": 3} in reports
    assert [report["error"] for report in refusals.pop("save")] == ["StorageError"]
    assert refusals == {}
    path.chmod(0o600)
    check(path, said)


def test_a_folder_that_cannot_be_written_is_named(zygote: Zygote, folder: Path) -> None:
    """SQLite needs files beside a ledger, so a folder where none can be made is refused in one sentence."""
    path = folder / "ledger.db"
    said = save_turns(path, 3)
    path.chmod(0o444)
    folder.chmod(0o555)
    reports = zygote.start("tests.process.failing:without_permission", path=str(path)).finish()
    _, refusals = parted(reports)

    assert [(report["error"], str(path) in report["message"]) for report in refusals["open"]] == [
        ("StorageError", True)
    ]
    folder.chmod(0o755)
    path.chmod(0o600)
    check(path, said)


def test_a_ledger_cannot_be_created_where_nobody_may_write(zygote: Zygote, folder: Path) -> None:
    """A folder without permission to write names itself when a ledger is to be created in it."""
    folder.chmod(0o555)
    path = folder / "ledger.db"
    reports = zygote.start("tests.process.failing:without_permission", path=str(path)).finish()

    assert [report["error"] for report in reports] == ["StorageError"]
    assert f"{path} cannot be created: Permission denied" in reports[0]["message"]
    assert list(folder.iterdir()) == []


def test_a_lock_that_is_held_too_long_is_a_storage_error(zygote: Zygote, path: Path) -> None:
    """A save waits for another process's lock as long as the URL says, and no longer; reading goes on all the while,
    and when the lock is released the same save goes through.
    """
    said = save_turns(path, 1)
    holder = zygote.start("tests.process.failing:hold_the_lock", url=url_of(path))
    assert holder.hear() == {"held": True}
    with ledger.open(f"{url_of(path)}?timeout=0.2", writer="agent") as book:
        session = book.load("s1")
        number = take_turn(session, "agent")
        with pytest.raises(StorageError, match=r"ledger\.db stayed locked by another process for 0\.2 seconds"):
            book.save(session)
        assert book.load("s1").version == 1

        holder.kill()
        acknowledge(lambda **report: said.append(report), number, "agent", book.save(session))
    check(path, said)


async def test_a_lock_that_is_held_too_long_refuses_every_save_that_waits(zygote: Zygote, path: Path) -> None:
    """Saves of many tasks wait for the lock together and are refused together; afterwards each goes through, once."""
    said = save_turns(path, 1)
    holder = zygote.start("tests.process.failing:hold_the_lock", url=url_of(path))
    assert holder.hear() == {"held": True}
    async with ledger.open_async(f"{url_of(path)}?timeout=0.2", writer="agent") as book:
        sessions = [Session.new(f"task {number}", MODEL) for number in range(6)]
        numbers = [take_turn(session, "agent") for session in sessions]
        refused = await asyncio.gather(*(book.save(session) for session in sessions), return_exceptions=True)
        assert {StorageError} == {type(error) for error in refused}

        holder.kill()
        receipts = await asyncio.gather(*(book.save(session) for session in sessions))
    for number, receipt in zip(numbers, receipts, strict=True):
        acknowledge(lambda **report: said.append(report), number, "agent", receipt)
    check(path, said)


@pytest.mark.parametrize("timeout", ["soon", "-1", "nan"])
def test_a_timeout_that_is_no_time_is_refused(path: Path, timeout: str) -> None:
    """The URL says how long to wait in seconds; what is no such number is an error that shows how it is written."""
    with pytest.raises(StorageError, match=r"timeout.*timeout=30"):
        ledger.open(f"{url_of(path)}?timeout={timeout}")


def removed(path: Path) -> None:
    """The file goes, with what stands beside it."""
    for file in path.parent.glob("ledger.db*"):
        file.unlink()


def moved(path: Path) -> None:
    """The file goes elsewhere."""
    path.rename(path.with_name("elsewhere.db"))


def replaced_by_another_ledger(path: Path) -> None:
    """Another ledger takes its place."""
    removed(path)
    ledger.open(url_of(path)).close()


def replaced_by_its_copy(path: Path) -> None:
    """A copy of the file takes its place, as when a backup is restored."""
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    copy.rename(path)


@pytest.mark.parametrize("happens", [removed, moved, replaced_by_another_ledger, replaced_by_its_copy])
def test_a_file_that_is_taken_away_is_noticed(path: Path, happens: Any) -> None:
    """A save is never acknowledged into a file that nobody will find again, nor written into another one unasked."""
    said = save_turns(path, 3)
    with ledger.open(url_of(path), writer="agent") as book:
        session = book.load("s1")
        happens(path)
        there = sorted(path.parent.iterdir())
        take_turn(session, "agent")

        with pytest.raises(StorageError, match=r"ledger\.db was (removed|replaced).*open it again"):
            book.save(session)
        with pytest.raises(StorageError, match=r"was (removed|replaced)"):
            book.load("s1")
        with pytest.raises(StorageError, match=r"was (removed|replaced)"):
            book.sessions()

        assert there == sorted(path.parent.iterdir())
    if path.exists():
        check(path, said if happens is replaced_by_its_copy else [])


def test_a_file_that_comes_back_is_taken_up_again(path: Path) -> None:
    """A file that was out of the way for a while is the same file: saving goes on where it was."""
    said = save_turns(path, 1)
    away = path.with_name("away.db")
    with ledger.open(url_of(path), writer="agent") as book:
        session = book.load("s1")
        number = take_turn(session, "agent")
        path.rename(away)
        with pytest.raises(StorageError, match="was removed"):
            book.save(session)
        away.rename(path)
        acknowledge(lambda **report: said.append(report), number, "agent", book.save(session))
    check(path, said)
