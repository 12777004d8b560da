"""For all queues: positions are dense, each session's events in order, and nothing is skipped that comes late."""

from collections.abc import Sequence
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.chain import NO_LEAF, feed_digest
from ledger.domain.sequencing import Placed, Queued, awaited, in_order, placed

HISTORIES = st.dictionaries(
    st.sampled_from([b"a" * 16, b"b" * 16, b"c" * 16, b"d" * 16]), st.integers(1, 8), min_size=1
)


def events_of(histories: dict[bytes, int]) -> list[Queued]:
    """Give every event of sessions of these lengths."""
    return [
        Queued(uid, version, sha256(uid + bytes([version])).digest())
        for uid, length in histories.items()
        for version in range(1, length + 1)
    ]


def names(rows: Sequence[Queued] | Sequence[Placed]) -> list[tuple[bytes, int]]:
    """Give which events they are."""
    return [(row.session_uid, row.version) for row in rows]


@given(st.data())
def test_an_event_gets_its_position_only_behind_its_predecessor(data: st.DataObject) -> None:
    """Whatever has been fed of each session, and whatever is seen of the rest, in whatever order."""
    histories = data.draw(HISTORIES)
    fed = {uid: data.draw(st.integers(0, length)) for uid, length in histories.items()}
    rest = [row for row in events_of(histories) if row.version > fed[row.session_uid]]
    seen = data.draw(st.permutations(rest).flatmap(lambda rows: st.integers(0, len(rows)).map(lambda n: rows[:n])))
    known = {(uid, version) for uid, length in fed.items() for version in range(1, length + 1)}

    ordered = in_order(seen, known & awaited(seen))

    for row in ordered:
        assert fed[row.session_uid] + 1 == row.version
        fed[row.session_uid] = row.version
    # And no more than has to wait does: what is left over has no predecessor anywhere.
    left = set(names(seen)) - set(names(ordered))
    assert {(uid, fed[uid] + 1) for uid in fed}.isdisjoint(left)


@given(st.data())
def test_nothing_is_skipped_that_comes_late(data: st.DataObject) -> None:
    """Events turn up in any order, some long after later ones; look by look all of them get positions, each once."""
    events = events_of(data.draw(HISTORIES))
    coming = data.draw(st.permutations(events))
    queue: list[Queued] = []
    feed: list[Placed] = []
    while coming or queue:
        arriving = data.draw(st.integers(0 if queue else 1, max(len(coming), 1)))
        queue, coming = queue + coming[:arriving], coming[arriving:]
        size = data.draw(st.integers(1, len(queue) + 1)) if coming else len(queue)
        fed = set(names(feed))
        ordered = in_order(queue[:size], fed & awaited(queue[:size]))
        feed += placed(ordered, len(feed), feed[-1].digest if feed else NO_LEAF)
        queue = [row for row in queue if row not in ordered]
        if not coming and not ordered:
            break

    assert [] == queue
    assert set(names(events)) == set(names(feed))
    assert list(range(1, len(events) + 1)) == [row.position for row in feed]
    leaves = {(row.session_uid, row.version): row.leaf for row in events}
    digest = NO_LEAF
    for row in feed:
        leaf = leaves[row.session_uid, row.version]
        digest = feed_digest(digest, row.position, row.session_uid, row.version, leaf)
        assert digest == row.digest


@given(HISTORIES.flatmap(lambda histories: st.permutations(events_of(histories))))
def test_where_nobody_came_early_the_order_is_that_of_the_queue(queued: list[Queued]) -> None:
    """Only those are moved that came before their predecessor."""
    last: dict[bytes, int] = {}
    on_time = []
    for row in queued:
        if row.version == last.get(row.session_uid, 0) + 1:
            on_time.append(row)
            last[row.session_uid] = row.version

    assert on_time == in_order(on_time, ())


@given(HISTORIES.flatmap(lambda histories: st.permutations(events_of(histories))))
def test_a_predecessor_that_is_queued_too_is_not_asked_for(queued: list[Queued]) -> None:
    """The feed is asked only for what cannot be known from the queue: for a whole history, for nothing."""
    assert set() == awaited(queued)
    assert len(queued) == len(in_order(queued, ()))
