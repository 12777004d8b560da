"""A log of a session that is too long to be read as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from ledger.store.sqlite import driver
from tests.unit.cli.conftest import Run

LENGTH = 100_000


def lengthen(recorded: Path, readable: int) -> None:
    """Make one session of 100,000 saves; all but the newest of them hold what cannot be read."""
    raw = driver().connect(str(recorded))
    raw.execute("CREATE TEMP TABLE of AS SELECT session_uid FROM sessions WHERE session_id = 'user@example.org'")
    raw.execute(
        f"""WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < {LENGTH})
        INSERT INTO events SELECT e.session_uid, n, n - 1, randomblob(16), recorded_at + n, occurred_at, kind,
        authority, schema_version, CASE n % 10 WHEN 0 THEN 'scheduler' ELSE writer END, NULL, payload_commit,
        prev_leaf, leaf
        FROM n, events AS e JOIN of ON of.session_uid = e.session_uid WHERE e.version = 1"""
    )
    raw.execute(
        f"""INSERT INTO payloads SELECT session_uid, version, zeroblob(32), CASE WHEN version > {LENGTH - readable}
        THEN '{{"changes":[{{"type":"title_changed","title":"t","authoritative":true}}]}}' ELSE 'unreadable' END
        FROM events JOIN of USING (session_uid) WHERE version > 1"""
    )
    raw.execute(f"UPDATE heads SET version = {LENGTH} WHERE session_uid = (SELECT session_uid FROM of)")
    raw.commit()
    raw.close()


@contextmanager
def statements() -> Iterator[list[str]]:
    """Note what is asked of the database."""
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("options", "readable", "said"),
    [
        (("-n", "20"), 20, "Not shown: 99,980 older ones.\n"),
        (("-n", "20", "--reverse"), 20, "Not shown: 99,980 older ones.\n"),
        (("--since", "-10"), 11, ""),
        # To choose, a page is read at a time.
        (
            ("--writer", "scheduler", "-n", "3"),
            200,
            "Not shown: 18 that do not match, and 99,979 older ones, not looked at.\n",
        ),
    ],
)
def test_only_what_is_shown_is_read(
    run: Run, recorded: Path, options: tuple[str, ...], readable: int, said: str
) -> None:
    """The newest saves are told, though no older one could be read, with as many statements as for a short session."""
    lengthen(recorded, readable)
    with statements() as few:
        run("log", "support-1", "-n", "2")
    with statements() as asked:
        ran = run("log", "user@example.org", *options)
    versions = [int(line.split()[0]) for line in ran.stdout.splitlines()]

    assert max(versions) == LENGTH
    assert said == ran.stderr
    assert len(asked) <= len(few) + 2
