"""What a PostgreSQL URL may lead to: each is one sentence that says what is wrong and what to do, and no password."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

import ledger
from ledger import LedgerMissing, SchemaOutOfDate, Session, StorageError
from ledger.store import postgres as engine
from tests import postgres

SECRET = "s3cret-w0rd"  # noqa: S105 - of nobody


@pytest.fixture(scope="module")
def server() -> postgres.Server:
    """Give the server that the tests share."""
    reason = postgres.why_not()
    if reason is not None:
        pytest.skip(reason)
    return postgres.shared().server


@pytest.fixture
def url(server: postgres.Server) -> Iterator[str]:
    """Give the URL of a database with an empty ledger in it."""
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture
def empty(server: postgres.Server) -> Iterator[str]:
    """Give the URL of a database that holds nothing."""
    url = server.empty_database()
    yield url
    server.drop(url)


def with_parts(url: str, **parts: Any) -> str:
    """Give a URL with other parts, its password included."""
    return make_url(url).set(**parts).render_as_string(hide_password=False)


def with_options(url: str, **options: str) -> str:
    """Give a URL with more options."""
    return make_url(url).update_query_dict(options).render_as_string(hide_password=False)


def refusal(url: str, **options: Any) -> StorageError:
    """Open a ledger, which is refused; give the error."""
    with pytest.raises(StorageError) as caught:
        ledger.open(url, **options)
    assert SECRET not in repr(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"postgresql//u:{SECRET}@h/d", "is not a database URL"),
        (f"postgresql://u:{SECRET}@h:port/d", "is not a database URL"),
        (f"postgresql+asyncpg://u:{SECRET}@h/d", r"by psycopg 3\), not on postgresql\+asyncpg"),
        (f"mysql://u:{SECRET}@h/d", r"SQLite or PostgreSQL .* not on mysql"),
        (f"postgresql://u:{SECRET}@h/d?timeout=soon", "'soon' is no number of seconds"),
        (f"postgresql://u:{SECRET}@h/d?timeout=0", "'0' is no number of seconds"),
        (f"postgresql://u:{SECRET}@127.0.0.1/d?colour=blue", "the URL of .* is wrong .*colour"),
        (f"postgresql://u:{SECRET}@nowhere.invalid/d", "cannot be reached"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused(url: str, said: str) -> None:
    """Whatever is wrong with it."""
    error = refusal(url)

    assert re.search(said, str(error)), str(error)


def test_a_port_where_nobody_listens_is_named() -> None:
    """With host and port, at once."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = refusal(f"postgresql://u:{SECRET}@127.0.0.1:{port}/d")

    assert f"postgresql://u@127.0.0.1:{port}/d cannot be reached" in str(error)
    assert "check host and port" in str(error)


def test_a_server_that_does_not_answer_is_given_up() -> None:
    """One that takes the connection and says nothing: an error after the timeout, and no hang."""
    with closing(socket.create_server(("127.0.0.1", 0))) as mute:
        error = refusal(f"postgresql://u:{SECRET}@127.0.0.1:{mute.getsockname()[1]}/d?timeout=0.1")

    assert "cannot be reached" in str(error)


def test_a_wrong_password_is_refused(server: postgres.Server, url: str) -> None:
    """The role is named, and the password is not, neither the wrong one nor in any log."""
    server.execute(f"DROP ROLE IF EXISTS locked; CREATE ROLE locked LOGIN PASSWORD 'right-{SECRET}'")
    rules = server.data / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all locked scram-sha-256\n{before}")
    server.execute("SELECT pg_reload_conf()")
    try:
        wrong = refusal(with_parts(url, username="locked", password=SECRET))
        none = refusal(with_parts(url, username="locked"))
    finally:
        rules.write_text(before)
        server.execute("SELECT pg_reload_conf()")

    assert "refuses the password of locked" in str(wrong)
    assert "check the password in the URL" in str(wrong)
    assert "password" in str(none)


def test_a_role_or_a_database_that_is_not_there_is_named(url: str) -> None:
    """And what makes one."""
    assert "createdb" in str(refusal(with_parts(url, database="nothing_here")))
    assert "refuses nobody_here" in str(refusal(with_parts(url, username="nobody_here")))


def test_a_role_without_rights_is_told_which_command_prints_them(server: postgres.Server, url: str) -> None:
    """To read, to write, and to create."""
    server.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")

    assert "`ledger roles --sql`" in str(refusal(with_parts(url, username="guest")))


def test_a_role_that_may_only_read_reads(server: postgres.Server, url: str) -> None:
    """What was projected and what was not; saving is refused in words."""
    name = postgres.name_of(url)
    server.execute("DROP ROLE IF EXISTS auditor; CREATE ROLE auditor LOGIN")
    server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor", name)
    with ledger.open(url) as book:
        book.save(Session.new("s1", "gpt-5"))
        list(book.feed())
        book.record_usage("s1", {"tokens": 3})
    try:
        with ledger.open(with_parts(url, username="auditor"), create=False) as book:
            assert ["s1"] == [summary.id for summary in book.sessions()]
            assert {"tokens": 3} == book.usage("s1").totals
            assert book.verify().ok
            with pytest.raises(StorageError, match=r"auditor may not do this .* `ledger roles --sql`"):
                book.save(Session.new("s2", "gpt-5"))
    finally:
        server.execute("DROP OWNED BY auditor", name)
        server.execute("DROP ROLE auditor")


def test_an_empty_database_without_leave_to_create_is_no_ledger(empty: str) -> None:
    """As on SQLite."""
    with pytest.raises(LedgerMissing):
        ledger.open(empty, create=False)


def test_another_applications_database_is_left_alone(server: postgres.Server, empty: str) -> None:
    """It has tables, and none of ours."""
    server.execute("CREATE TABLE diary (entry text)", postgres.name_of(empty))

    with pytest.raises(SchemaOutOfDate, match="holds no ledger schema"):
        ledger.open(empty)
    assert [("diary",)] == server.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace", postgres.name_of(empty)
    )


def test_a_schema_of_its_own_is_a_ledger_of_its_own(server: postgres.Server, empty: str) -> None:
    """Beside the tables of another application, by `search_path`; a schema that is not there is named."""
    name = postgres.name_of(empty)
    server.execute("CREATE TABLE diary (entry text); CREATE SCHEMA agents", name)
    inside = with_options(empty, options="-csearch_path=agents")
    with ledger.open(inside) as book:
        book.save(Session.new("s1", "gpt-5"))
        assert ["s1"] == [summary.id for summary in book.sessions()]
        assert {"missing_guards": [], "integrity": []} == book.checkup()

    assert [("agents",)] == server.execute(
        "SELECT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'events'", name
    )
    error = refusal(with_options(empty, options="-csearch_path=elsewhere"))
    assert "schema" in str(error)
    assert "search_path" in str(error)


def test_a_server_that_is_too_old_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its version, and with the oldest that serves."""
    monkeypatch.setattr(engine, "OLDEST", 99)

    assert "the ledger needs 99 or later" in str(refusal(url))


def test_a_database_that_cannot_hold_every_text_is_refused(server: postgres.Server) -> None:
    """Its encoding has to be UTF-8."""
    server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        assert "stores text as LATIN1" in str(refusal(server.url("latin")))
    finally:
        server.execute("DROP DATABASE latin")


def test_a_missing_driver_names_the_extra(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it, in one line."""
    monkeypatch.setitem(sys.modules, "psycopg", None)

    assert "pip install 'sessionledger[postgres]'" in str(refusal(url))


def test_a_server_without_a_free_connection_says_so(server: postgres.Server, url: str) -> None:
    """The hint names the setting; a role may have a limit of its own."""
    server.execute("DROP ROLE IF EXISTS single; CREATE ROLE single LOGIN CONNECTION LIMIT 0")

    assert "has no connection left" in str(refusal(with_parts(url, username="single")))


def test_no_password_is_ever_said(server: postgres.Server, url: str) -> None:
    """Neither by the ledger itself, nor by what it tells of the database."""
    with ledger.open(with_parts(url, password=SECRET)) as book:
        said = [repr(book), str(book.facts()), repr(book._database.url), book._database.place]

    assert not [text for text in said if SECRET in text]
    assert server.folder.name in book._database.place


def test_a_lock_that_is_held_too_long_is_an_error_in_words(server: postgres.Server, url: str) -> None:
    """The save is refused after the timeout of the URL, and goes through when the lock is gone."""
    session = Session.new("s1", "gpt-5")
    with ledger.open(with_options(url, timeout="0.2")) as book:
        book.save(session)
        session.title = "x"
        with server.connect(postgres.name_of(url), autocommit=False) as holder:
            holder.execute("SELECT * FROM heads FOR UPDATE")
            with pytest.raises(StorageError, match=r"stayed locked by another transaction for 0\.2 seconds"):
                book.save(session)
            assert "s1" == book.load("s1").id  # readers wait for no writer
            holder.rollback()
        assert 2 == book.save(session).version


def test_a_statement_that_takes_too_long_is_ended(url: str) -> None:
    """So that nobody waits for ever."""
    with (
        ledger.open(with_options(url, timeout="0.1")) as book,
        pytest.raises(StorageError, match="took too long"),
        book._database.read() as connection,
    ):
        connection.exec_driver_sql("SELECT pg_sleep(60)")


def test_the_bad_input_of_the_command_line_is_one_line(url: str, tmp_path: Path) -> None:
    """Exit code 5, and nothing on the standard output."""
    bad = with_parts(url, database="nothing_here", password=SECRET)
    done = subprocess.run(
        [sys.executable, "-m", "ledger", "--db", bad, "sessions"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip

    assert (5, "") == (done.returncode, done.stdout)
    assert "createdb" in done.stderr
    assert SECRET not in done.stderr
    assert "Traceback" not in done.stderr
