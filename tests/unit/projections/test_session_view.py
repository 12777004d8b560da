"""Which snapshots are kept, and what is never trusted."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.messages import Messages
from ledger.domain.parts import Message
from ledger.domain.view import View
from projections.session_view import THINNING, too_close
from projections.snapshot_body import encode_view, estimate_size


@given(st.sets(st.integers(1, 100_000), min_size=1, max_size=60))
def test_the_newest_snapshot_is_always_kept(versions: set[int]) -> None:
    """Thinning never takes the snapshot that the next load begins from."""
    ordered = sorted(versions, reverse=True)

    assert ordered[0] not in too_close(ordered)


@given(st.sets(st.integers(1, 100_000), min_size=1, max_size=60))
def test_kept_snapshots_thin_out_geometrically(versions: set[int]) -> None:
    """All kept snapshots of a session together cost at most a constant times the newest."""
    ordered = sorted(versions, reverse=True)
    kept = [version for version in ordered if version not in too_close(ordered)]

    assert all(older <= newer * THINNING for newer, older in pairwise(kept))


def test_the_size_of_a_snapshot_is_estimated_from_some_of_its_messages() -> None:
    """The estimate that decides about a snapshot is near what encoding it gives, also where long and short messages
    alternate, and it is the same each time.
    """
    messages = Messages(
        Message.user("x" * (2000 if number % 4 == 0 else 50), id=f"{number:05}") for number in range(2000)
    )
    view = View("s1", messages=messages, state={"notes": ["y" * 500] * 40})
    _, size = encode_view(view)

    assert size * 0.6 < estimate_size(view) < size * 1.6
    assert estimate_size(view) == estimate_size(view)
    few = replace(view, messages=Messages(messages[:10]))
    assert abs(estimate_size(few) - encode_view(few)[1]) < 50
    assert abs(estimate_size(View("s1")) - encode_view(View("s1"))[1]) < 50
