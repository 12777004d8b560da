"""The cache holds what was used last, within its bounds, and only gets better."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger import Message, Session, SessionCache


def session(session_id: str = "s1", *, version: int = 0, messages: int = 0) -> Session:
    """Make a session as if it had been loaded at a version."""
    made = Session(id=session_id, model="gpt-5", version=version)
    for number in range(messages):
        made.add_message(Message.user(str(number), id=f"m{number}"))
    return made


def held(cache: SessionCache, *names: str) -> list[str]:
    """Give those of the names that the cache holds."""
    return [name for name in names if name in cache]


def test_it_gives_what_was_put() -> None:
    """And `None` for what was not, or was discarded."""
    cache = SessionCache()
    cache.put(session())

    assert "gpt-5" == getattr(cache.get("s1"), "model", None)
    assert cache.get("s2") is None

    cache.discard("s1")
    cache.discard("s1")

    assert cache.get("s1") is None
    assert 0 == len(cache)


def test_what_it_hands_out_is_the_callers_own() -> None:
    """Whatever anyone does to a copy, before or after, nobody else sees it."""
    cache = SessionCache()
    given = session(version=1, messages=1)
    given.metadata["tags"] = ["a"]
    cache.put(given)
    given.add_message(Message.user("mine"))
    given.metadata["tags"].append("mine")
    first = cache.get("s1")
    assert first is not None
    first.messages.clear()
    first.metadata["tags"].append("also mine")
    first.ask("call_1", "Which?")

    second = cache.get("s1")

    assert second is not None
    assert (1, ["a"], {}) == (len(second.messages), second.metadata["tags"], second.questions)


def test_an_older_copy_is_ignored() -> None:
    """The same version again is taken: it may have got a question back."""
    cache = SessionCache()
    cache.put(session(version=3, messages=3))
    cache.put(session(version=2, messages=2))

    assert 3 == getattr(cache.get("s1"), "version", None)

    cache.put(session(version=3, messages=4))

    assert 4 == len(getattr(cache.get("s1"), "messages", ()))


def test_the_one_that_was_used_longest_ago_goes_first() -> None:
    """Getting and putting are both using."""
    cache = SessionCache(max_sessions=2)
    cache.put(session("a"))
    cache.put(session("b"))
    cache.get("a")
    cache.put(session("c"))

    assert ["a", "c"] == held(cache, "a", "b", "c")

    cache.put(session("a"))
    cache.put(session("d"))

    assert ["a", "d"] == held(cache, "a", "b", "c", "d")
    assert 2 == len(cache)


def large(session_id: str, *, version: int = 0, parts: int = 1) -> Session:
    """Make a session of so many messages of 100 kB."""
    made = session(session_id, version=version)
    for number in range(parts):
        made.add_message(Message.user("x" * 100_000, id=f"m{number}"))
    return made


def test_bytes_are_bounded_also_where_a_session_grows() -> None:
    """A session that grows pushes out others; one that is too large alone is not kept."""
    cache = SessionCache(max_bytes=500_000)
    cache.put(large("a"))
    cache.put(large("b"))
    assert ["a", "b"] == held(cache, "a", "b")

    cache.put(large("a", version=1, parts=3))
    assert ["a", "b"] == held(cache, "a", "b")
    cache.put(large("a", version=2, parts=4))
    assert ["a"] == held(cache, "a", "b")
    cache.put(large("a", version=3, parts=6))

    assert 0 == len(cache)
    cache.put(large("b"))
    assert ["b"] == held(cache, "b")


@pytest.mark.parametrize("field", ["metadata", "state", "summary"])
def test_bytes_are_bounded_wherever_they_are(field: str) -> None:
    """What frameworks keep in a session weighs as messages do."""
    cache = SessionCache(max_bytes=500_000)
    for name in ("a", "b"):
        cache.put(Session.new(name, "gpt-5").model_copy(update={field: {"text": ["x" * 300_000]}}))

    assert ["b"] == held(cache, "a", "b")


def test_threads_share_a_cache() -> None:
    """Whatever they put and get at once, the newest of each session is there, within the bounds."""
    cache = SessionCache(max_sessions=4)

    def work(turn: int) -> None:
        for version in range(1, 30):
            cache.put(session(f"s{(turn + version) % 3}", version=version))
            cache.get(f"s{version % 3}")
            cache.discard("s5")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    assert ["s0", "s1", "s2"] == held(cache, "s0", "s1", "s2", "s5")
    assert {29} == {getattr(cache.get(f"s{number}"), "version", None) for number in range(3)}


@pytest.mark.parametrize("bounds", [{"max_sessions": 0}, {"max_bytes": 0}, {"max_sessions": -1}])
def test_a_cache_that_holds_nothing_is_a_mistake(bounds: dict[str, int]) -> None:
    """It is refused where it is made."""
    with pytest.raises(ValueError, match="a cache holds"):
        SessionCache(**bounds)
