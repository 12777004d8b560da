"""Bugs, each of which would lose, double or tear something: planted in a worker, below or beside the ledger's code.

`BUGS` names them. Some change the tables before the work begins, some lie in the driver, some change a rule.
"""

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from typing_extensions import override

from ledger import Ledger, Message, Receipt, Session
from ledger.store.log import Log
from ledger.store.sqlite import driver
from tests.process.bare import Bare
from tests.process.lying import Lie, lie
from tests.process.work import Say

__all__ = ["BUGS", "Bug", "work", "work_with"]

#: One in so many times a bug shows.
NOW_AND_THEN = 4
#: A bug that shows when a process dies has it die at this commit.
DIES_AT = 6


@dataclass(frozen=True)
class Bug:
    """What is wrong, and what has to be done for it to be so."""

    #: What changes the tables, before anyone works.
    prepare: Callable[[Bare], None] | None = None
    #: What changes the process that works.
    plant: Callable[[], None] | None = None
    #: Which work brings it to light.
    target: str = "tests.process.clients:in_threads"


def work(report: Say, bug: str, **arguments: Any) -> None:
    """Do the work that brings a bug to light, with the bug in this process."""
    work_with(BUGS[bug], report, **arguments)


def work_with(planted: Bug, report: Say, *, instead: str | None = None, **arguments: Any) -> None:
    """Plant a bug, and do the work that brings it to light, unless other work is to be done."""
    if planted.plant is not None:
        planted.plant()
    module, _, function = (instead or planted.target).partition(":")
    getattr(importlib.import_module(module), function)(report, **arguments)


class CommitsLater(Lie):
    """Acknowledged before commit: the commit waits for the next transaction, and the process dies before that."""

    pending: Callable[[], Any] | None = None

    @override
    def begin(self, connection: Any, statement: str) -> None:
        if self.pending is not None:
            if self.commits >= DIES_AT:
                self.die()
            self.pending()
            self.pending = None

    @override
    def commit(self, connection: Any, commit: Callable[[], Any]) -> None:
        self.pending = commit


class RollsBack(Lie):
    """Acknowledged, though the transaction was rolled back: now and then, a whole batch is dropped."""

    @override
    def commit(self, connection: Any, commit: Callable[[], Any]) -> None:
        if self.commits % NOW_AND_THEN == 0:
            connection.really("ROLLBACK")
        else:
            commit()


class InTwoTransactions(Lie):
    """One of the rows follows in a transaction of its own, and the process dies between the two."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self._insert = f"insert into {table} "
        self._held: list[tuple[str, Any]] = []

    @override
    def statement(self, connection: Any, statement: str, values: Any) -> tuple[str, Any] | None:
        if connection.writes and statement.lower().startswith(self._insert):
            self._held.append((statement, values))
            return None
        return statement, values

    @override
    def commit(self, connection: Any, commit: Callable[[], Any]) -> None:
        commit()
        if self._held and self.commits >= DIES_AT:
            self.die()
        while self._held:
            connection.really(*self._held.pop(0))


class Forgets(Lie):
    """A row that is not inserted, now and then."""

    def __init__(self, table: str) -> None:
        super().__init__()
        self._insert = f"insert into {table} "
        self._count = 0

    @override
    def statement(self, connection: Any, statement: str, values: Any) -> tuple[str, Any] | None:
        if statement.lower().startswith(self._insert):
            self._count += 1
            if self._count % NOW_AND_THEN == 0:
                return None
        return statement, values


class ComparesNothing(Lie):
    """The head moves whatever it was before, as if it had been read outside the transaction and not compared."""

    @override
    def statement(self, connection: Any, statement: str, values: Any) -> tuple[str, Any] | None:
        if statement.lower().startswith("update heads"):
            for column in ("version", "leaf"):
                before, where, after = statement.partition("WHERE")
                statement = before + where + re.sub(rf"(heads\.)?\b{column} = \?", "? IS NOT NULL", after)
        return statement, values


class LosesReplies(Lie):
    """Not a bug, but a bad network: it commits, and says that it did not, now and then."""

    @override
    def commit(self, connection: Any, commit: Callable[[], Any]) -> None:
        commit()
        if self.commits % NOW_AND_THEN == 0:
            connection.writes = False
            raise driver().OperationalError("interrupted")


def without_triggers(tables: Bare) -> list[str]:
    """Take all triggers away, and give what makes them again."""
    triggers = tables.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    for name, _ in triggers:
        tables.run(f"DROP TRIGGER {name}")
    return [made for _, made in triggers]


def drop_the_primary_key(tables: Bare) -> None:
    """Keep events in a table that has the same columns, and no key; nor what else would refuse a second one."""
    views = tables.rows("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
    for name, _ in views:
        tables.run(f"DROP VIEW {name}")
    triggers = without_triggers(tables)
    indexes = tables.rows("SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'events' AND sql NOTNULL")
    tables.run("ALTER TABLE events RENAME TO keyed_events")
    tables.run("CREATE TABLE events AS SELECT * FROM keyed_events")
    tables.run("DROP TABLE keyed_events")
    for made in [index for (index,) in indexes] + triggers + [view for _, view in views]:
        if "BEFORE INSERT ON events" not in made:
            tables.run(made)


def feed_with_a_gap(tables: Bare) -> None:
    """Take a position as if one before it had been taken in a transaction that was rolled back."""
    tables.run(
        "CREATE TRIGGER plant AFTER INSERT ON feed WHEN NEW.position % 5 = 0 BEGIN "
        "UPDATE feed SET position = position + 1 WHERE position = NEW.position; END"
    )


def feed_out_of_order(tables: Bare) -> None:
    """Swap an entry of the feed with the one before it."""
    tables.run(
        "CREATE TRIGGER plant AFTER INSERT ON feed WHEN NEW.position % 5 = 0 BEGIN "
        "UPDATE feed SET position = -1 WHERE position = NEW.position - 1; "
        "UPDATE feed SET position = NEW.position - 1 WHERE position = NEW.position; "
        "UPDATE feed SET position = NEW.position WHERE position = -1; END"
    )


def payload_of_another(tables: Bare) -> None:
    """Write an event with the payload of the one before it, now and then."""
    without_triggers(tables)
    tables.run(
        "CREATE TRIGGER plant AFTER INSERT ON payloads WHEN NEW.version % 4 = 0 BEGIN "
        "UPDATE payloads SET body = (SELECT body FROM payloads AS before WHERE before.session_uid = NEW.session_uid "
        "AND before.version = NEW.version - 1) WHERE session_uid = NEW.session_uid AND version = NEW.version; END"
    )


def drop_an_append_only_trigger(tables: Bare) -> None:
    """Let an event be changed."""
    without_triggers(tables)


def replace(owner: Any, name: str, method: Callable[..., Any]) -> None:
    """Put another method, or function, in the place of one that is there."""
    assert hasattr(owner, name), f"{owner.__name__} has no {name} any more"
    setattr(owner, name, method)


def look_up_no_key() -> None:
    """Append under a key without asking whether it was used."""
    append = Ledger.append

    def careless(self: Ledger, session_id: str, *messages: Message, key: str, **keywords: Any) -> Receipt:
        return append(self, session_id, *messages, key=f"{key}, used by {messages[0].id}", **keywords)

    replace(Ledger, "append", careless)


def search_no_event() -> None:
    """Rebase a save whose reply was lost, without asking whether it is in the log."""
    lie(LosesReplies())
    replace(Log, "version_of_event", lambda *_, **__: None)


def drop_a_member() -> None:
    """Acknowledge every session of a batch, and save all but the last."""
    save_all = Ledger.save_all

    def dropping(self: Ledger, sessions: Sequence[Session], **keywords: Any) -> list[Receipt]:
        if len(sessions) == 1:
            return save_all(self, sessions, **keywords)
        *receipts, last = save_all(self, sessions[:-1], **keywords)
        told = {"session_id": sessions[-1].id, "version": sessions[-1].version + 1}
        return [*receipts, last, last.model_copy(update=told)]

    replace(Ledger, "save_all", dropping)


def expect_nothing() -> None:
    """Rebase a save that allowed one version only."""
    save_all = Ledger.save_all

    def forgiving(self: Ledger, sessions: Sequence[Session], **keywords: Any) -> list[Receipt]:
        return save_all(self, sessions, **keywords | {"expected_version": None})

    replace(Ledger, "save_all", forgiving)


def read_behind() -> None:
    """Read what was the head a moment ago."""
    load_or_create = Ledger.load_or_create

    def behind(self: Ledger, session_id: str, *, model: str) -> Session:
        session = load_or_create(self, session_id, model=model)
        return self.load(session_id, session.version - 1) if session.version > 1 else session

    replace(Ledger, "load_or_create", behind)


def _lying(make: Callable[[], Lie]) -> Callable[[], None]:
    return lambda: lie(make())


TURNS = "tests.process.work:save_turns"
BUGS = {
    "nothing is wrong": Bug(),
    "nothing is wrong, but replies are lost": Bug(plant=_lying(LosesReplies)),
    "no primary key on events": Bug(prepare=drop_the_primary_key),
    "no primary key, and a head that is not compared": Bug(drop_the_primary_key, _lying(ComparesNothing)),
    "acknowledged before commit": Bug(plant=_lying(CommitsLater), target=TURNS),
    "acknowledged, and rolled back": Bug(plant=_lying(RollsBack)),
    "the payload in a second transaction": Bug(plant=_lying(lambda: InTwoTransactions("payloads")), target=TURNS),
    "the place in the feed in a second transaction": Bug(plant=_lying(lambda: InTwoTransactions("feed")), target=TURNS),
    "a place in the feed is forgotten": Bug(plant=_lying(lambda: Forgets("feed"))),
    "an event is forgotten": Bug(plant=_lying(lambda: Forgets("events"))),
    "a position taken by what was rolled back": Bug(prepare=feed_with_a_gap),
    "the feed in another order": Bug(prepare=feed_out_of_order),
    "the payload of another event": Bug(prepare=payload_of_another),
    "a log that can be changed": Bug(prepare=drop_an_append_only_trigger),
    "a key that is not looked up": Bug(plant=look_up_no_key),
    "an event that is not searched after a lost reply": Bug(plant=search_no_event),
    "a member of a batch is dropped": Bug(plant=drop_a_member),
    "an expected version that is not compared": Bug(plant=expect_nothing),
    "a read of the past": Bug(plant=read_behind),
}
