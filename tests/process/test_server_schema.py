"""The schema on a server: who is killed while it is made or changed leaves nothing of it, or all of it."""

from collections.abc import Callable

import pytest

import ledger
from ledger import LedgerMissing, SchemaOutOfDate
from tests.postgres import Server
from tests.process.checker import check
from tests.process.older import of_the_first_schema
from tests.process.soaking import Figures
from tests.process.zygote import Zygote


def is_done(url: str) -> bool:
    """Tell a ledger of the current schema from what there was before; anything between them raises."""
    try:
        ledger.open(url, create=False).close()
    except (LedgerMissing, SchemaOutOfDate):
        return False
    return True


def kill_at_each_statement(
    victim: str, new: Callable[[], str], zygote: Zygote, server: Server, soaking: Figures
) -> list[str]:
    """Kill a worker right before each statement in turn, check what is left, and name the statements."""
    killed_at: list[str] = []
    ended = False
    while not ended:
        url = new()
        worker = zygote.start(f"tests.process.dying_on_server:{victim}", url=url, at=len(killed_at) + 1)
        reports = worker.end()
        killed = [report["killed_at"] for report in reports if "killed_at" in report]
        ended = not killed
        killed_at += killed
        soaking.count(kills=len(killed), absent=int(not is_done(url)))

        zygote.start("tests.process.victims:migrate", url=url).finish()
        check(url, [])
        server.drop(url)
    return killed_at


@pytest.mark.soak
def test_a_creation_on_a_server_that_is_killed_at_any_statement_is_absent_or_whole(
    zygote: Zygote, server: Server, soaking: Figures
) -> None:
    """For every statement of it; and whoever comes next completes it."""
    killed_at = kill_at_each_statement("create_and_die", server.empty_database, zygote, server, soaking)

    assert len([statement for statement in killed_at if statement.startswith("CREATE TABLE")]) >= 12
    assert "COMMIT" in killed_at
    assert 12 < soaking["absent"] < soaking["kills"]


@pytest.mark.soak
def test_a_migration_on_a_server_that_is_killed_at_any_statement_is_absent_or_whole(
    zygote: Zygote, server: Server, soaking: Figures
) -> None:
    """For every statement of it; and the next one does all of it."""

    def older() -> str:
        return of_the_first_schema(server.empty_database())

    killed_at = kill_at_each_statement("migrate_and_die", older, zygote, server, soaking)

    assert any(statement.startswith("ALTER TABLE") for statement in killed_at)
    assert "COMMIT" in killed_at
    assert len(killed_at) == soaking["absent"], "the commit is the last of it"
