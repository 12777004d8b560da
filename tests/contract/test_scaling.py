"""Large installations: events in partitions are the same events, with the same guards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url

import ledger
from ledger import Message, Session
from ledger.cli.commands import commands
from ledger.store.scaling import BY_SESSION, distributing
from tests.postgres import Server, why_not


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Give a server."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Server(fsync=False) as server:
        yield server


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(commands, list(arguments))


def execute(server: Server, url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement in a database."""
    return server.execute(statement, str(make_url(url).database))


def told(url: str, turns: int, *, first: int = 1) -> list[str]:
    """Save turns in some sessions, with keys, and give the digests of all of them."""
    with ledger.open(url, writer="agent") as book:
        for name in ("a", "b", "c"):
            for turn in range(first, first + turns):
                session = book.load_or_create(name, model="gpt-5")
                session.add_message(Message.user(f"{turn}\0"))
                book.save(session, key=f"k{turn}")
        return [event.digest for name in ("a", "b", "c") for event in book.history(name)]


def test_events_in_partitions_are_the_same_events(server: Server) -> None:
    """Hashes, keys, feed and view; and whoever saves afterwards, on new connections or on old ones, goes on."""
    url = server.new_database()
    before = told(url, 3)
    audited = execute(server, url, "SELECT * FROM audit_events ORDER BY session_id, version")
    with ledger.open(url, writer="agent") as book:
        book.append("a", Message.user("before"), key="before")
        result = run("--db", url, "migrate", "--partition", "4")
        assert (0, "4 partitions" in result.output) == (result.exit_code, True), result.output
        for turn in range(8):
            book.append("a", Message.user(f"after {turn}"))
        assert book.append("a", Message.user("before"), key="before").version == 4
        assert book.verify().ok
        assert [*range(1, 19)] == [item.position for item in book.feed()]

    told(url, 2, first=10)
    with ledger.open(url) as book:
        events = [event.digest for name in ("a", "b", "c") for event in book.history(name, upto=3)]
        assert before == events
        assert book.verify().ok
    view = "SELECT * FROM audit_events WHERE version <= 3 ORDER BY session_id, version"
    assert audited == execute(server, url, view)
    assert 4 == execute(server, url, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass")[0][0]


@pytest.mark.parametrize("table", ["events", "payloads"])
def test_a_partition_refuses_what_its_table_refuses(server: Server, table: str) -> None:
    """Also when it is named itself."""
    url = server.new_database()
    with ledger.open(url) as book:
        book.save_all([Session.new(f"s{number}", "gpt-5") for number in range(40)])  # some for each
    assert 0 == run("--db", url, "migrate", "--partition", "2").exit_code
    for name in (table, f"{table}_0", f"{table}_1"):
        assert execute(server, url, f"SELECT count(*) FROM {name}")[0][0]
        for statement in (f"UPDATE {name} SET version = version", f"DELETE FROM {name}", f"TRUNCATE {name}"):
            with pytest.raises(psycopg.Error, match="append-only"):
                execute(server, url, statement)
    doctor = run("--db", url, "doctor")
    assert 0 == doctor.exit_code, doctor.output


def test_what_cannot_be_spread_is_refused_in_words(server: Server, tmp_path: Any) -> None:
    """Nothing is changed then."""
    url = server.new_database()
    told(url, 1)
    assert 0 == run("--db", url, "migrate", "--partition", "2").exit_code
    again = run("--db", url, "migrate", "--partition", "2")
    assert (5, True) == (again.exit_code, "in partitions already" in again.stderr)

    other = server.new_database()
    citus = run("--db", other, "migrate", "--distribute")
    assert (5, True) == (citus.exit_code, "has no Citus" in citus.stderr)
    file = run("--db", f"sqlite:///{tmp_path / 'x.db'}", "migrate", "--partition", "2")
    assert (5, True) == (file.exit_code, "is for PostgreSQL" in file.stderr)
    for wrong in (("--partition", "1"), ("--partition", "2", "--distribute"), ("--sql",)):
        assert 2 == run("--db", other, "migrate", *wrong).exit_code
    many = run("--db", other, "migrate", "--partition", "5000")
    assert (2, True) == (many.exit_code, "at most 1,024" in many.stderr)


def test_the_statements_are_printed_and_not_run(server: Server) -> None:
    """A script of one transaction, which does what the command does."""
    url = server.new_database()
    told(url, 2)
    script = run("--db", url, "migrate", "--partition", "3", "--sql")
    assert script.output.startswith("BEGIN;\n")
    assert "r" == execute(server, url, "SELECT relkind FROM pg_class WHERE oid = 'events'::regclass")[0][0]

    with server.connect(str(make_url(url).database), autocommit=True) as connection:
        connection.execute(script.output.encode())
    assert "p" == execute(server, url, "SELECT relkind FROM pg_class WHERE oid = 'events'::regclass")[0][0]
    with ledger.open(url) as book:
        assert book.verify().ok


def test_every_table_of_sessions_is_distributed_by_session(server: Server) -> None:
    """Each is colocated with the heads, each unique key of it begins with the session; the feed stays where it is."""
    url = server.new_database()
    statements = list(distributing())
    unique = execute(
        server,
        url,
        "SELECT c.relname, a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
        " JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace",
    )
    columns = execute(
        server, url, "SELECT table_name FROM information_schema.columns WHERE column_name = 'session_uid'"
    )

    assert {name for (name,) in columns} - {"feed"} == set(BY_SESSION)
    assert {"session_uid"} == {column for table, column in unique if table in BY_SESSION}
    for table in BY_SESSION:
        assert any(f"create_distributed_table('{table}', 'session_uid'" in statement for statement in statements)
    assert [] == execute(
        server,
        url,
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace",
    )
