"""Who has had a turn to write leaves the database as the next one may find it."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger import StorageError
from ledger.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Give a file of its own."""
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield database
    database.close()


class Turn:
    """The lock of a database, which notes at each end of a turn whether the file is known to have failed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.lock = threading.RLock()
        self.known: list[bool] = []

    def acquire(self) -> None:
        self.lock.acquire()

    def release(self) -> None:
        self.known.append(self.database._poisoned)
        self.lock.release()

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def test_a_file_that_failed_is_known_to_have_failed_before_the_next_turn(database: Database) -> None:
    """Else who waited would go on with what the connections hold of it."""
    turn = Turn(database)
    database._writing = turn  # type: ignore[assignment]  # it does what that does

    with pytest.raises(StorageError, match="fails"), database.write():
        raise database.engine.driver_error("disk I/O error")
    with database.write():
        pass

    assert [True, False] == turn.known


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers that interrupt on this system")
def test_who_is_interrupted_before_its_turn_holds_nobody_up(database: Database) -> None:
    """A fork holds everyone off for a moment, in which somebody may give up."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    database._gate.shut(0)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt), database.write():
            pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        database._gate.open()

    def write() -> None:
        with database.write():
            pass

    other = threading.Thread(target=write, daemon=True)
    other.start()
    other.join(30)
    assert not other.is_alive()
