"""A synchronous standby that is away: what is not on it is not acknowledged, whatever is done to who waits for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import ledger
from ledger import Ledger, LedgerError, Message, Session, StorageError
from tests.postgres import Server, why_not
from tests.process.ending import ending, patient_for


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server, str]]:
    """Give a server, its synchronous standby, and the URL of a database on it."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Server(fsync=False) as primary:
        url = primary.new_database()
        with primary.standby("standby") as standby:
            primary.execute("ALTER SYSTEM SET synchronous_standby_names = '\"standby\"'")
            primary.execute("SELECT pg_reload_conf()")
            until(primary, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")
            yield primary, standby, url


def until(server: Server, query: str) -> None:
    """Wait until a query gives something."""
    with server.connect(autocommit=True) as connection:
        while not connection.execute(query.encode()).fetchone():
            connection.execute("SELECT pg_sleep(0.02)")


@pytest.mark.parametrize("interrupt", ["pg_cancel_backend", "pg_terminate_backend"])
def test_what_the_standby_has_not_got_is_not_acknowledged(servers: tuple[Server, Server, str], interrupt: str) -> None:
    """Also where the commit that waits for it is cut short: it may be lost, and nobody was told that it is stored."""
    primary, standby, url = servers
    acknowledged: list[int] = []
    book = ledger.open(patient_for(1, url))
    session = Session.new("s1", "gpt-5")
    book.save(session)
    standby.stop("immediate")
    session.add_message(Message.user("two"))

    def save() -> None:
        with suppress(LedgerError):
            acknowledged.append(book.save(session).version)

    saving = threading.Thread(target=save)
    saving.start()
    waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    until(primary, f"SELECT pid {waiting}")
    ((pid,),) = primary.execute(f"SELECT min(pid) {waiting}")
    primary.execute(f"SELECT {interrupt}({pid})")
    # It tries again, and waits once more; or it has given up.
    until(primary, f"SELECT 1 WHERE EXISTS (SELECT {waiting} AND pid <> {pid}) OR NOT EXISTS (SELECT {waiting})")
    assert [] == acknowledged
    primary.stop("kill")
    saving.join()
    assert [] == acknowledged
    book.close()

    standby.start(wait=False)
    standby.wait()
    standby.promote()
    folders = [str(server.folder).replace("/", "%2F") for server in (primary, standby)]
    with ledger.open(url.replace(folders[0], folders[1])) as promoted:
        assert 1 == promoted.load("s1").version


def test_a_save_that_waits_for_a_standby_ends_and_is_found_when_that_is_back(
    servers: tuple[Server, Server, str],
) -> None:
    """It says what it waited for and leaves nothing waiting on the server; tried again it is refused again as long as
    the standby is away, and then it is the one event that it was.
    """
    primary, standby, url = servers
    with ledger.open(patient_for(0.5, url)) as book:
        session = Session.new("s1", "gpt-5")
        book.save(session)
        standby.stop("immediate")
        session.add_message(Message.user("two"))
        for _ in range(2):
            with pytest.raises(
                StorageError, match=r"no synchronous standby of .* has what was committed .* save again"
            ):
                ending(lambda: book.save(session))
            until(primary, "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')")
        standby.start()

        assert 2 == book.save(session).version
        assert ["two"] == [message.content for message in book.load("s1").messages]
        assert [1, 2] == [event.version for event in book.history("s1")]
        assert book.verify().ok


def test_all_who_wait_for_a_standby_are_told(servers: tuple[Server, Server, str]) -> None:
    """In every lane, and also those whose saves are committed behind one another: each ends, and none twice."""
    _, standby, url = servers
    with ledger.open(patient_for(0.5, url)) as book:
        sessions = [Session.new(f"s{number}", "gpt-5") for number in range(12)]
        book.save_all(sessions)
        standby.stop("immediate")

        def save(session: Session) -> Any:
            session.add_message(Message.user("two"))
            with pytest.raises(StorageError, match="synchronous standby"):
                book.save(session)

        saving = [threading.Thread(target=save, args=[each], daemon=True) for each in sessions]
        for each in saving:
            each.start()
        for each in saving:
            ending(each.join)
        standby.start()

        assert [2] * 12 == [book.save(session).version for session in sessions]
        assert book.verify().ok


WRITES: dict[str, Callable[[Ledger], Any]] = {
    "usage": lambda book: book.record_usage("s1", {"tokens": 1}, key="k"),
    "delete": lambda book: book.delete("s1", key="k"),
    "fork": lambda book: book.fork("s1", "s2"),
    "rebase": lambda book: book.append("s1", Message.user("two"), key="k"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_no_write_is_acknowledged_that_the_standby_may_not_have(
    servers: tuple[Server, Server, str], write: Callable[[Ledger], Any]
) -> None:
    """Whatever the verb: it ends with an error in words, as often as it is tried."""
    _, standby, url = servers
    with ledger.open(patient_for(0.5, url)) as book:
        book.save(Session.new("s1", "gpt-5"))
        standby.stop("immediate")
        with pytest.raises(StorageError, match="synchronous standby"):
            ending(lambda: write(book))
        standby.start()

        assert book.verify().ok


def test_parent_and_child_of_a_fork_wait_no_longer_than_the_timeout(servers: tuple[Server, Server, str]) -> None:
    """What ends the waiting works on either side of it."""
    _, standby, url = servers
    with ledger.open(patient_for(0.5, url)) as book:
        session = Session.new("s1", "gpt-5")
        book.save(session)
        standby.stop("immediate")
        child = os.fork()
        if not child:
            try:
                book.save(Session.new("from the child", "gpt-5"))
            except StorageError as error:
                os._exit(0 if "synchronous standby" in str(error) else 1)
            finally:
                os._exit(2)
        with pytest.raises(StorageError, match="synchronous standby"):
            ending(lambda: book.save(session))

        assert 0 == os.waitstatus_to_exitcode(ending(lambda: os.waitpid(child, 0)[1]))
