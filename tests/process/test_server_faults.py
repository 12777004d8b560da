"""A PostgreSQL server that is stopped, cut off, or replaced by its standby under load: nothing acknowledged is lost."""

import random

import pytest

from tests import postgres
from tests.postgres import Server
from tests.process.crowd import Crowd
from tests.process.proxy import Proxy
from tests.process.soaking import Figures
from tests.process.test_histories import one_history
from tests.process.test_kills import kill_over_and_over
from tests.process.zygote import Zygote

#: How long clients work between two faults, at the most.
BETWEEN_S = 1.0


def through(proxy: Proxy, server: Server, url: str) -> str:
    """Give the URL by which a database is reached through a proxy."""
    return url.replace(str(server.folder).replace("/", "%2F"), str(proxy.folder).replace("/", "%2F")).replace(
        str(server.folder), str(proxy.folder)
    )


def stop_and_start(crowd: Crowd, server: Server, chance: random.Random, stops: int, soaking: Figures) -> None:
    """Stop a server under load without letting it write anything, over and over."""
    for _ in range(stops):
        crowd.go_on(chance.uniform(0.05, BETWEEN_S))
        server.restart("immediate")
        soaking.count(stops=1)
    crowd.answered()
    soaking.count(**crowd.check())


def test_a_server_that_stops_at_once_loses_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """Clients of several processes wait for it and go on; what each was told holds, and nothing stands twice."""
    crowd = Crowd(zygote, server.new_database(), chance)
    crowd.join(2)
    stop_and_start(crowd, server, chance, 2, soaking)


@pytest.mark.soak
def test_a_server_that_stops_a_hundred_times_loses_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The same, a hundred times, on ten ledgers one after the other."""
    for done in range(1, 11):
        crowd = Crowd(zygote, server.new_database(), chance, clients=4)
        crowd.join(3)
        stop_and_start(crowd, server, chance, 10, soaking)
        soaking.progress(done, 10)


def cut_replies(crowd: Crowd, proxy: Proxy, cuts: int, soaking: Figures) -> None:
    """Cut connections between a COMMIT and its reply, over and over."""
    before = proxy.cut
    while proxy.cut - before < cuts:
        proxy.cut_next()
        crowd.go_on(0.05)
        soaking.progress(proxy.cut - before, cuts)
    proxy.cut_no_more()
    crowd.answered()
    soaking.count(cuts=proxy.cut - before, **crowd.check())


def test_a_reply_that_is_lost_makes_no_save_twice(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The connection ends when the server has stored a transaction and before its client hears so: each save is there,
    and is there once.
    """
    url = server.new_database()
    with Proxy(server.folder) as proxy:
        crowd = Crowd(zygote, through(proxy, server, url), chance)
        crowd.join(2)
        cut_replies(crowd, proxy, 20, soaking)


@pytest.mark.soak
def test_five_hundred_replies_that_are_lost_make_no_save_twice(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The same, five hundred times, on five ledgers one after the other."""
    with Proxy(server.folder) as proxy:
        for _ in range(5):
            crowd = Crowd(zygote, through(proxy, server, server.new_database()), chance, clients=4)
            crowd.join(3)
            cut_replies(crowd, proxy, 100, soaking)


def terminate(crowd: Crowd, server: Server, chance: random.Random, times: int, soaking: Figures) -> None:
    """Terminate every session of the ledger on the server, at moments of chance."""
    for _ in range(times):
        crowd.go_on(chance.uniform(0, 0.2))
        rows = server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sessionledger'"
        )
        soaking.count(terminated=len(rows))
    crowd.answered()
    soaking.count(**crowd.check())


def test_a_session_that_is_terminated_loses_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """Whatever it was doing, its client goes on with another one."""
    crowd = Crowd(zygote, server.new_database(), chance)
    crowd.join(2)
    terminate(crowd, server, chance, 5, soaking)


@pytest.mark.soak
def test_sessions_that_are_terminated_all_the_time_lose_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The same, a hundred times."""
    crowd = Crowd(zygote, server.new_database(), chance)
    crowd.join(3)
    terminate(crowd, server, chance, 100, soaking)


def test_clients_of_a_server_that_are_killed_lose_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """Writers by every face, a projector and a sequencer are killed: what they leave behind is whole."""
    kill_over_and_over(zygote, server.new_database(), chance, 10, soaking)


@pytest.mark.soak
def test_five_hundred_clients_of_a_server_that_are_killed_lose_nothing(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The same, five hundred times."""
    kill_over_and_over(zygote, server.new_database(), chance, 500, soaking)


def test_what_clients_of_a_server_do_at_once_is_one_story(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The rules of histories hold where many write at once, too."""
    one_history(zygote, server.new_database(), chance, soaking)


@pytest.mark.soak
def test_two_hundred_histories_of_a_server_are_one_story_each(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The same, two hundred times, with 8 to 16 clients."""
    for number in range(200):
        url = server.new_database()
        one_history(zygote, url, chance, soaking, kills=chance.randint(0, 4), processes=chance.randint(2, 4))
        server.drop(url)
        soaking.progress(number + 1, 200)


def disappear(zygote: Zygote, server: Server, chance: random.Random, seconds: float, soaking: Figures) -> None:
    """Take the server away in the middle of saves, for so long."""
    crowd = Crowd(zygote, server.new_database(), chance)
    crowd.join(2)
    crowd.go_on(0.5)
    server.stop("immediate")
    crowd.go_on(seconds)
    server.start()
    crowd.answered()
    soaking.count(seconds_away=int(seconds), **crowd.check())


def test_a_server_that_disappears_for_a_while_is_waited_for(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """Saves fail with one clear error while it is away; the same sessions go through when it is back."""
    disappear(zygote, server, chance, 2, soaking)


@pytest.mark.soak
def test_a_server_that_disappears_for_a_minute_is_waited_for(
    zygote: Zygote, server: Server, chance: random.Random, soaking: Figures
) -> None:
    """The same, for a minute."""
    disappear(zygote, server, chance, 60, soaking)


def promote_over_and_over(zygote: Zygote, chance: random.Random, promotions: int, soaking: Figures) -> None:
    """Kill a server whose commits wait for its standby, promote that, let it have a standby of its own; and again."""
    primary = Server()
    primary.start()
    try:
        url = primary.new_database()
        with Proxy(primary.folder) as proxy:
            crowd = Crowd(zygote, through(proxy, primary, url), chance)
            crowd.join(2)
            for done in range(promotions):
                standby = primary.standby("standby")
                standby.start()
                make_synchronous(primary)
                crowd.answered()
                crowd.go_on(chance.uniform(0.1, BETWEEN_S))
                primary.stop(chance.choice(["immediate", "kill"]))
                proxy.disconnect()
                standby.promote()
                primary.remove()
                primary = standby
                proxy.target = primary.folder
                crowd.answered()
                soaking.count(promotions=1)
                soaking.progress(done + 1, promotions)
            soaking.count(**crowd.check())
    finally:
        primary.remove()


def make_synchronous(primary: Server) -> None:
    """Let every commit wait for the standby, from now on."""
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = '\"standby\"'")
    primary.execute("ALTER SYSTEM SET synchronous_commit = 'on'")
    primary.execute("SELECT pg_reload_conf()")
    for _ in range(600):
        if primary.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"):
            return
        primary.execute("SELECT pg_sleep(0.05)")
    raise AssertionError("the standby does not follow")


def test_a_standby_that_is_promoted_has_all_that_was_acknowledged(
    zygote: Zygote, chance: random.Random, soaking: Figures
) -> None:
    """Commits wait for the standby; when the server is lost, the standby takes its place, and nothing is missing."""
    missing = postgres.why_not()
    if missing is not None:
        pytest.skip(f"{missing}; its standby was NOT tested")
    promote_over_and_over(zygote, chance, 1, soaking)


@pytest.mark.soak
def test_twenty_standbys_that_are_promoted_have_all_that_was_acknowledged(
    zygote: Zygote, chance: random.Random, soaking: Figures
) -> None:
    """The same, twenty times, each standby of the one that was promoted before."""
    missing = postgres.why_not()
    if missing is not None:
        pytest.skip(f"{missing}; its standby was NOT tested")
    promote_over_and_over(zygote, chance, 20, soaking)
