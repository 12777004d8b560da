"""The roles of a server, as which the ledger is really used: each does its work, and none changes what is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

import ledger
from ledger import Ledger, Message, Session, StorageError
from ledger.store.roles import ROLES, roles_sql
from tests.postgres import Server, why_not

NAMES = [role.name for role in ROLES]


@dataclass
class Served:
    """A database with the roles; its tables are the migrator's."""

    server: Server
    url: str

    def as_role(self, name: str) -> str:
        """Give the URL with which a session is that role's, and has no other rights."""
        return make_url(self.url).update_query_dict({"options": f"-c role=ledger_{name}"}).render_as_string(False)  # noqa: FBT003 - with the password, which there is none of

    def execute(self, role: str, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as a role."""
        with self.server.connect(str(make_url(self.url).database), options=f"-c role=ledger_{role}") as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Give a server of this module's own: roles are the whole server's."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with Server(fsync=False) as server:
        yield server


@pytest.fixture
def served(server: Server) -> Served:
    """Give a database whose ledger the migrator made, and one session in it."""
    served = Served(server, server.empty_database())
    name = str(make_url(served.url).database)
    server.execute(roles_sql(), name)
    ledger.open(served.as_role("migrator")).close()
    server.execute(roles_sql(), name)
    with ledger.open(served.as_role("writer"), writer="agent") as book:
        tell(book)
    return served


def tell(book: Ledger) -> None:
    """Do all that a writer does."""
    session = Session.new("s1", "gpt-5")
    session.add_message(Message.user("one"))
    session.ask("call_1", "Which?")
    book.save(session, key="k")
    book.append("s1", Message.user("two"))
    book.answer("s1", "call_1", "this")
    book.fork("s1", "s2")
    book.record_usage("s1", {"tokens": 1})
    book.create(Session.new("s3", "gpt-5"))
    book.delete("s3")
    book.snapshot("s1")


def test_a_writer_saves_and_loads_and_a_sequencer_makes_the_feed(served: Served) -> None:
    """Each by its own rights; what the writer may not make is read as far as it was made."""
    with ledger.open(served.as_role("writer")) as book:
        assert 2 == len(book.load("s1").messages)
        assert [] == list(book.feed())
        assert [] == book.questions("s1")
    with ledger.open(served.as_role("sequencer")) as book:
        assert list(range(1, 7)) == [item.position for item in book.feed()]
        assert ["answered"] == [record.status for record in book.questions("s1")]
        assert {"tokens": 1} == book.usage("s1").totals
        assert book.verify().ok
    with ledger.open(served.as_role("writer")) as book:
        assert 6 == len(list(book.feed()))
        assert {"s1", "s2"} == {summary.id for summary in book.sessions()}


def test_an_auditor_reads_and_verifies_everything(served: Served) -> None:
    """And writes nothing: whatever it tries is refused, with the command that tells the rights."""
    with ledger.open(served.as_role("sequencer")) as book:
        list(book.feed())
    with ledger.open(served.as_role("auditor")) as book:
        assert book.verify().ok
        assert 6 == len(list(book.feed()))
        assert ["answered"] == [record.status for record in book.questions("s1")]
        assert 1 == book.load("s1", at=1).version
        with pytest.raises(StorageError, match="ledger roles --sql"):
            book.append("s1", Message.user("three"))
    assert 3 == served.execute("auditor", "SELECT count(*) FROM audit_events WHERE session_id = 's1'")[0][0]


@pytest.mark.parametrize("role", NAMES)
@pytest.mark.parametrize("table", ["events", "payloads", "usage_records"])
def test_no_role_changes_or_removes_what_is_recorded(served: Served, role: str, table: str) -> None:
    """By rights, and for the owner of the tables by the guards."""
    before = served.execute("auditor", f"SELECT * FROM {table} ORDER BY session_uid, 2")
    assert before
    for statement in (f"UPDATE {table} SET session_uid = session_uid", f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(psycopg.Error) as caught:
            served.execute(role, statement)
        assert caught.value.sqlstate in {"42501", "LG001"}
    assert before == served.execute("auditor", f"SELECT * FROM {table} ORDER BY session_uid, 2")


@pytest.mark.parametrize("role", ["writer", "sequencer", "auditor"])
def test_only_the_migrator_changes_the_schema(served: Served, role: str) -> None:
    """Nobody else drops a guard or a table, or switches one off."""
    for statement in (
        "DROP TRIGGER events_refuse_delete ON events",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TABLE events",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "UPDATE heads SET leaf = leaf" if role != "writer" else "DELETE FROM heads",
        "DELETE FROM sessions",
        "UPDATE feed SET position = position",
    ):
        with pytest.raises(psycopg.Error) as caught:
            served.execute(role, statement)
        assert "42501" == caught.value.sqlstate


def test_the_statements_may_be_run_again(served: Served) -> None:
    """After a migration they are; the rights are the same ones, and nothing is lost."""
    name = str(make_url(served.url).database)
    for _ in range(2):
        served.server.execute(roles_sql(), name)
    with ledger.open(served.as_role("writer"), writer="agent") as book:
        book.append("s1", Message.user("three"))
        assert 3 == len(book.load("s1").messages)
