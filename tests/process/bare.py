"""The bare tables of a ledger, by its driver alone: what the ledger's own code does not stand in front of."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ledger.store.sqlite import driver

__all__ = ["Bare", "bare", "is_server", "url_of"]


def url_of(place: object) -> str:
    """Give the URL of a ledger: of a file, unless it is one already."""
    text = str(place)
    return text if "://" in text else f"sqlite:///{text}"


def is_server(url: str) -> bool:
    """Tell a ledger on a server from one in a file."""
    return url.startswith("postgresql")


class Bare:
    """A connection to the tables, whichever engine keeps them. Values are given in the place of `?`."""

    def __init__(self, connection: Any, *, server: bool) -> None:
        self._connection = connection
        self.server = server

    def run(self, statement: str, values: Sequence[object] = ()) -> int:
        """Execute one statement, and give how many rows it changed."""
        return int(self._cursor(statement, values).rowcount)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Give all rows of a query."""
        return [tuple(row) for row in self._cursor(query, values).fetchall()]

    def refuses(self, statement: str) -> bool:
        """Tell whether the database itself refuses a statement; whatever it would do is undone."""
        self._connection.execute("BEGIN")
        try:
            self._connection.execute(statement)
        except self._errors:
            return True
        finally:
            self._connection.execute("ROLLBACK")
        return False

    @property
    def _errors(self) -> type[Exception]:
        if self.server:
            import psycopg  # who tests files alone does not need it

            return psycopg.DatabaseError
        error: type[Exception] = driver().DatabaseError
        return error

    def _cursor(self, statement: str, values: Sequence[object]) -> Any:
        if not self.server:
            return self._connection.execute(statement, tuple(values))
        # Without values, a percent sign is one.
        return self._connection.execute(statement.replace("?", "%s"), tuple(values) or None)


@contextmanager
def bare(place: object) -> Iterator[Bare]:
    """Give a connection to the bare tables; each statement is a transaction of its own."""
    url = url_of(place)
    if is_server(url):
        import psycopg

        with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as server:
            yield Bare(server, server=True)
    else:
        path = Path(url.removeprefix("sqlite:///"))
        with closing(driver().connect(str(path), isolation_level=None, timeout=30)) as file:
            yield Bare(file, server=False)
