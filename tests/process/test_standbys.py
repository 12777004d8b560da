"""A synchronous standby that is away: what is not on it is not acknowledged, whatever is done to who waits for it."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import make_url

import ledger
from ledger import LedgerError, Message, Session
from tests.postgres import Server, why_not


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
    book = ledger.open(make_url(url).update_query_dict({"timeout": "1"}).render_as_string(hide_password=False))
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
